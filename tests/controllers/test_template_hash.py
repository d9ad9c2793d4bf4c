"""pod-template-hash is the real one, and ports are in the order of theirs."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from kubekit.api.schema import struct_of
from kubekit.controllers import go_print
from kubekit.controllers.template_hash import fnv128a, port_hash, template_hash
from tests.conformance.outcome import GOLDEN, read_jsonl


def test_worked_examples() -> None:
    assert doctest.testmod(go_print).failed == 0


def test_a_port_as_go_prints_it() -> None:
    port = {"name": "http", "port": 80, "protocol": "TCP"}
    assert go_print.go_print(struct_of("discovery.v1.EndpointPort"), port) == (
        "(v1.EndpointPort){Name:(*string)http Protocol:(*v1.Protocol)TCP Port:(*int32)80"
        " AppProtocol:(*string)<nil>}"
    )
    assert port_hash(port) != port_hash({**port, "port": 81})
    assert fnv128a(b"a") == 0xD228CB696F1A8CAF78912B704E4A8964


@pytest.mark.parametrize(
    ("quantity", "value", "scale", "text", "form"),
    [
        ("0", 0, 0, "0", "DecimalSI"),
        ("100m", 100, -3, "100m", "DecimalSI"),
        ("1", 1, 0, "1", "DecimalSI"),
        ("2k", 2, 3, "2k", "DecimalSI"),
        ("65Mi", 65 << 20, 0, "65Mi", "BinarySI"),
        ("64Mi", 64 << 20, 0, "", "BinarySI"),
        ("1e3", 1, 3, "1e3", "DecimalExponent"),
    ],
)
def test_quantities(quantity: str, value: int, scale: int, text: str, form: str) -> None:
    assert go_print._quantity(quantity) == (
        f"{{i:(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}}"
        f" d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){text} Format:(resource.Format){form}}}"
    )


def recorded_sets(value: Any) -> list[dict[str, Any]]:
    """Every ReplicaSet with a hash that some JSON contains."""
    if isinstance(value, list):
        return [found for item in value for found in recorded_sets(item)]
    if not isinstance(value, dict):
        return []
    found = [item for child in value.values() for item in recorded_sets(child)]
    if value.get("kind") == "ReplicaSet" and "spec" in value:
        found.append(value)
    return found


def test_every_recorded_hash_is_ours() -> None:
    compared = 0
    for case in read_jsonl(GOLDEN / "controllers", "cases.jsonl"):
        for replica_set in recorded_sets(case):
            template = replica_set["spec"]["template"]
            labels = dict(template["metadata"].get("labels") or {})
            recorded = labels.pop("pod-template-hash", None)
            if recorded is None or recorded.startswith("<"):
                continue
            compared += 1
            bare = {**template, "metadata": {**template["metadata"], "labels": labels}}
            assert template_hash(bare) == recorded, case["name"]
    assert compared > 10
