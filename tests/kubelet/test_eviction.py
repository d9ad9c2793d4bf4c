"""A node under pressure: its condition, whom it sheds, whom it does not take."""

from __future__ import annotations

import pytest

from kubekit.cluster import Cluster
from tests.kubelet.conftest import conditions, pod


def test_the_least_important_pod_goes_first(cluster: Cluster) -> None:
    cluster.create(pod("besteffort"))
    cluster.create(pod("burstable", {"image": "nginx:1.28", "resources": {"requests": {"memory": "1Gi"}}}))
    cluster.settle()
    eviction = cluster.node("node01").kubelet.eviction
    eviction.pretend(memory="50Mi")
    cluster.advance("5s")
    node = cluster.get("node", "node01")
    assert conditions(node)["MemoryPressure"] == "True/KubeletHasInsufficientMemory"
    shed = cluster.get("pod", "besteffort")["status"]
    text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
    assert (shed["phase"], shed["reason"], shed["message"]) == ("Failed", "Evicted", text)
    target = next(c for c in shed["conditions"] if c["type"] == "DisruptionTarget")
    assert (target["status"], target["reason"]) == ("True", "TerminationByKubelet")
    assert cluster.get("pod", "burstable")["status"]["phase"] == "Running"
    eviction.pretend(memory=None)
    cluster.advance("6m")
    assert conditions(cluster.get("node", "node01"))["MemoryPressure"] == "False/KubeletHasSufficientMemory"
    assert cluster.get("pod", "burstable")["status"]["phase"] == "Running"


def test_no_best_effort_pod_is_taken_under_memory_pressure(cluster: Cluster) -> None:
    cluster.node("node01").kubelet.eviction.pretend(memory="50Mi")
    cluster.create(pod("p", nodeName="node01"))
    cluster.advance("1s")
    status = cluster.get("pod", "p")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "


def test_what_cannot_run_short(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="cannot run short of 'patience'"):
        cluster.node("node01").kubelet.eviction.pretend(patience="1")


def test_a_deleted_node_comes_back_with_its_kubelet(cluster: Cluster) -> None:
    cluster.delete("node", "node01")
    cluster.advance("1m")
    assert [n["metadata"]["name"] for n in cluster.list("nodes")] == ["controlplane"]
    cluster.node("node01").kubelet.stop()
    cluster.node("node01").kubelet.start()
    cluster.run_until("node/node01 is Ready", timeout="1m")
