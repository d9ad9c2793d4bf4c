"""Help pages: their sections, and how flags and their defaults are shown."""

from __future__ import annotations

import pytest

from kubekit.cluster.cluster import up
from kubekit.terminal.kubectl import Kubectl
from kubekit.terminal.kubectl.create import COMMAND as CREATE
from kubekit.terminal.kubectl.examples import EXAMPLES


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    return Kubectl(up(workers=0).apiserver)


@pytest.mark.parametrize("path", ["create secret tls", "config use-context", "rollout undo", "set image"])
def test_help_has_its_sections_in_order(kubectl: Kubectl, path: str) -> None:
    text = kubectl.line(f"{path} --help").stdout
    sections = [line for line in text.splitlines() if line.endswith(":") and not line.startswith((" ", "\t"))]
    wanted = ["Aliases:", "Examples:", "Options:", "Usage:"]
    assert sections == [one for one in wanted if one in sections] and "Examples:" in sections
    assert f"\nExamples:\n  kubectl {path} " in text


def test_help_shows_defaults_as_the_flags_print_them(kubectl: Kubectl) -> None:
    assert "\n    --timeout=30s:\n" in kubectl.line("wait --help").stdout
    assert "\n    --pod-running-timeout=1m0s:\n" in kubectl.line("attach --help").stdout
    assert "\n    --aggregation-rule=:\n" in kubectl.line("create clusterrole --help").stdout
    assert "\n    --vmodule=:\n" in kubectl.line("options").stdout
    assert "--field-manager" not in kubectl.line("rollout status --help").stdout


def test_every_example_belongs_to_a_command_and_every_generator_has_one(kubectl: Kubectl) -> None:
    for path, lines in EXAMPLES.items():
        assert f"Examples:\n  {lines.splitlines()[0]}" in kubectl.line(f"{path} --help").stdout
    leaves = [(one, *one.commands) for one in CREATE.commands]
    assert all(
        leaf.example for group in leaves for leaf in group if leaf.run is not None and not leaf.commands
    )
