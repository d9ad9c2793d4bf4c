"""The worked examples in docstrings are tests."""

from __future__ import annotations

import doctest
import importlib

import pytest

WITH_EXAMPLES = [
    "alarms",
    "auto_compaction",
    "bcrypt",
    "crc32c",
    "hashing",
    "key_index",
    "key_value",
    "membership",
    "protobuf",
    "quota",
    "raft_codec",
    "revision",
    "snap_file",
    "sorted_keys",
    "wal",
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_worked_examples_hold(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(f"kubekit.etcd.{name}"))
    assert tried and not failed
