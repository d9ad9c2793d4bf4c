"""The examples in the docstrings hold."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["log", "membership", "progress", "quorum", "read_only"])
def test_the_examples_hold(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"kubekit.raft.{module}"))
    assert results.attempted > 0 and results.failed == 0
