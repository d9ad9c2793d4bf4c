"""Pods bound to a node that cannot have them are refused by its kubelet, once and for all."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.kubelet.admission import admit, requests_of
from tests.kubelet.conftest import pod

NODE: dict[str, Any] = {
    "metadata": {"name": "node01", "labels": {"disk": "ssd"}},
    "spec": {},
    "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "3"}},
}


def wants(name: str, **resources: str) -> dict[str, Any]:
    made = pod(name, {"resources": {"requests": resources}})
    made["metadata"]["uid"] = name
    return made


REFUSED = {
    "cpu": (
        wants("p", cpu="2500m"),
        "OutOfcpu",
        "Node didn't have enough resource: cpu, requested: 2500, used: 2000, capacity: 4000",
    ),
    "memory": (
        wants("p", memory="9Gi"),
        "OutOfmemory",
        "Node didn't have enough resource: memory, requested: 9663676416, used: 0, capacity: 8589934592",
    ),
    "selector": (
        pod("p", nodeSelector={"disk": "hdd"}),
        "NodeAffinity",
        "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    ),
    "ports": (
        pod("p", {"ports": [{"containerPort": 80, "hostPort": 8080}]}),
        "NodePorts",
        "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    ),
    "operating system": (
        pod("p", os={"name": "windows"}),
        "PodOSNotSupported",
        "Failed to admit pod as the OS field doesn't match node OS",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    manifest, reason, message = REFUSED[name]
    other = wants("other", cpu="2")
    other["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8080}]
    assert admit(manifest, NODE, [other], {"other": requests_of(other)}) == (reason, message)


def test_what_fits_is_admitted() -> None:
    assert admit(wants("p", cpu="4", memory="8Gi"), NODE, [], {}) is None


def test_no_more_pods_than_the_node_takes() -> None:
    others = [wants(f"o{n}") for n in range(3)]
    found = admit(wants("p"), NODE, others, {})
    assert found is not None
    assert found.message == "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"


def test_no_execute_taints() -> None:
    tainted = {**NODE, "spec": {"taints": [{"key": "k", "value": "v", "effect": "NoExecute"}]}}
    found = admit(pod("p"), tainted, [], {})
    assert found is not None and found.reason == "TaintToleration"
    tolerant = pod("p", tolerations=[{"key": "k", "operator": "Exists"}])
    assert admit(tolerant, tainted, [], {}) is None


def test_a_refused_pod_fails_with_the_reason() -> None:
    cluster = kubekit.up(workers=1, images_present=True)
    cluster.create(pod("p", {"resources": {"requests": {"cpu": "99"}}}, nodeName="node01"))
    cluster.settle()
    status = cluster.get("pod", "p")["status"]
    text = "Node didn't have enough resource: cpu, requested: 99000, used: 0, capacity: 4000"
    assert (status["phase"], status["reason"], status["message"]) == (
        "Failed",
        "OutOfcpu",
        f"Pod was rejected: {text}",
    )
    assert [e["message"] for e in cluster.list("events") if e["reason"] == "OutOfcpu"] == [text]
    cluster.delete("pod", "p")
    cluster.settle()
    assert cluster.list("pods") == []
