"""The small worked examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    "kubekit.network.address",
    "kubekit.network.outcomes",
    "kubekit.network.rule",
    "kubekit.proxy.addresses",
    "kubekit.proxy.nat_rules",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed
