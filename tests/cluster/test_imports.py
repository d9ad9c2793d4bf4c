"""Importing kubekit costs nothing; what it offers is loaded when it is used."""

from __future__ import annotations

import subprocess
import sys

import kubekit


def test_the_package_alone_loads_no_room() -> None:
    program = "import sys, kubekit; print([m for m in sys.modules if m.startswith('kubekit.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_everything_public_is_there() -> None:
    for name in kubekit.__all__:
        if name != "connect":
            assert getattr(kubekit, name) is not None
    assert "up" in dir(kubekit)


def test_a_cluster_draws_nothing_and_serves_nothing_by_itself() -> None:
    program = (
        "import sys, kubekit; kubekit.up(workers=1); "
        "print([m for m in sys.modules if m.startswith(('kubekit.views', 'kubekit.serving'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
