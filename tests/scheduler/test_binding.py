"""Binding, where plugins may wait; and preemption, which makes room."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.scheduler import Code, Plugin, Status
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.preemption import Candidate, best_nodes, split_by_budget
from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]


class Patience(Plugin):
    """Lets pods wait for a permission."""

    name = "Patience"

    def events(self) -> Any:
        return []

    def permit(self, state: Any, pod: Any, node_name: str) -> Any:
        return Status(Code.WAIT), 20.0


def waiting_world() -> World:
    world = World(node("n1", cpu="2"))
    world.scheduler.register(Patience)
    world.put(pod("web", cpu="1"))
    assert world.node_of("web") == "" and world.scheduler.cache.assumed == {"uid-web"}
    return world


def test_a_permission_that_comes() -> None:
    world = waiting_world()
    world.scheduler.waiting_pods["uid-web"].allow("Patience")
    world.settle()
    assert world.node_of("web") == "n1" and not world.scheduler.waiting_pods


def test_a_permission_that_is_refused() -> None:
    world = waiting_world()
    world.scheduler.waiting_pods["uid-web"].reject("Patience", "not today")
    world.settle()
    assert world.events("FailedScheduling") == ["0/1 nodes are available: 1 not today."]
    assert world.scheduler.cache.assumed == set()
    assert world.scheduler.queue.place_of("shop/web") == "unschedulable"


def test_a_permission_that_never_comes() -> None:
    world = waiting_world()
    world.loop.advance(20)
    text = "0/1 nodes are available: 1 rejected due to timeout after waiting 20s at plugin Patience."
    assert world.events("FailedScheduling") == [text]


def test_while_one_waits_others_are_scheduled_around_it() -> None:
    world = waiting_world()
    world.scheduler.unregister("Patience")
    world.put(pod("small", cpu="1"), pod("late", cpu="1"))
    assert world.node_of("small") == "n1" and world.node_of("late") == ""


def test_a_waiting_pod_that_is_deleted_gives_its_place_back() -> None:
    world = waiting_world()
    world.server.delete("pods", "shop/web")
    world.settle()
    assert world.scheduler.cache.nodes["n1"].requested.milli_cpu == 0


CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "late", "uid": "sc"},
    "provisioner": "csi.example.com",
    "volumeBindingMode": "WaitForFirstConsumer",
}
CLAIM: Obj = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "shop", "uid": "pvc"},
    "spec": {"storageClassName": "late", "resources": {"requests": {"storage": "1Gi"}}},
    "status": {"phase": "Pending"},
}


def test_a_claim_is_told_its_node_and_the_pod_waits_for_the_volume() -> None:
    world = World(node("n1"), CLASS, CLAIM)
    world.put(pod("db", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
    claim = world.server.objects["persistentvolumeclaims"]["shop/data"]
    assert claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "n1"
    assert world.node_of("db") == ""
    assert world.pod("db")["status"]["nominatedNodeName"] == "n1"
    bound = {**claim, "spec": {**claim["spec"], "volumeName": "pv-1"}, "status": {"phase": "Bound"}}
    annotations = {**claim["metadata"]["annotations"], "pv.kubernetes.io/bind-completed": "yes"}
    bound["metadata"] = {**claim["metadata"], "annotations": annotations}
    world.put(bound)
    world.loop.run_until_quiet()
    assert world.node_of("db") == "n1"
    assert world.loop.clock.elapsed() == 1


# -- preemption ------------------------------------------------------------------------------------


def test_an_important_pod_makes_room() -> None:
    world = World(
        node("n1", cpu="2"),
        node("n2", cpu="2"),
        pod("cheap", cpu="2", on="n1", priority=1),
        pod("dear", cpu="2", on="n2", priority=5),
    )
    world.put(pod("boss", cpu="1", priority=100))
    assert "shop/cheap" not in world.server.objects["pods"]
    assert "shop/dear" in world.server.objects["pods"]
    assert world.events("Preempted") == ["Preempted by pod uid-boss on node n1"]
    assert world.node_of("boss") == "n1"
    first, second = world.scheduler.attempts_of("shop/boss")
    assert first.nominated == "n1" and first.victims == ["shop/cheap"]
    assert second.via_nominated_node


def test_the_nominated_place_is_kept_until_the_victim_is_gone() -> None:
    slow = pod("cheap", cpu="2", on="n1", priority=1)
    world = World(node("n1", cpu="2"), slow)
    real_delete = world.server.delete

    def graceful(plural: str, key: str) -> Obj:
        old = world.server.objects[plural][key]
        return world.server.put(
            {**old, "metadata": {**old["metadata"], "deletionTimestamp": "2026-01-01T00:00:30Z"}}
        )

    world.server.delete = graceful  # type: ignore[method-assign]
    world.put(pod("boss", cpu="2", priority=100))
    assert world.pod("boss")["status"]["nominatedNodeName"] == "n1"
    conditions = world.pod("cheap")["status"]["conditions"]
    assert [c["reason"] for c in conditions] == ["PreemptionByScheduler"]
    world.put(pod("sneaky", cpu="1", priority=50))
    real_delete("pods", "shop/cheap")
    world.settle()
    assert world.node_of("boss") == "n1" and world.node_of("sneaky") == ""


def test_who_may_not_preempt_says_so() -> None:
    world = World(node("n1", cpu="2"), pod("cheap", cpu="2", on="n1", priority=1))
    world.put(pod("polite", cpu="1", priority=100, preemptionPolicy="Never"))
    assert world.condition("polite")["message"].endswith(
        "preemption: not eligible due to preemptionPolicy=Never."
    )
    assert "shop/cheap" in world.server.objects["pods"]


def victims(*priorities: int, start: str = "2026-01-01T00:00:00Z") -> list[PodInfo]:
    made = []
    for number, priority in enumerate(priorities):
        one = pod(f"v{number}", priority=priority)
        one["status"]["startTime"] = start
        made.append(PodInfo(one))
    return made


@pytest.mark.parametrize(
    ("candidates", "best"),
    [
        ([Candidate("a", victims(1), 1), Candidate("b", victims(9, 9), 0)], ["b"]),
        ([Candidate("a", victims(5), 0), Candidate("b", victims(3, 3), 0)], ["b"]),
        ([Candidate("a", victims(5, 5), 0), Candidate("b", victims(5, 1), 0)], ["b"]),
        ([Candidate("a", victims(5, -(2**31)), 0), Candidate("b", victims(5), 0)], ["b"]),
        ([Candidate("a", victims(5), 0), Candidate("b", victims(5, start="2026-01-02T00:00:00Z"), 0)], ["b"]),
        ([Candidate("a", victims(5), 0), Candidate("b", victims(5), 0)], ["a", "b"]),
    ],
    ids=["budgets", "highest victim", "sum", "number", "youngest", "tie"],
)
def test_where_it_hurts_least(candidates: list[Candidate], best: list[str]) -> None:
    assert best_nodes(candidates, 0.0) == best


def test_a_budget_protects_as_many_as_it_allows() -> None:
    budget: Obj = {
        "metadata": {"namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}},
        "status": {"disruptionsAllowed": 1, "disruptedPods": {"b": "2026-01-01T00:00:00Z"}},
    }
    pods = [PodInfo(pod(name, labels={"app": "db"})) for name in ("a", "b", "c")] + [PodInfo(pod("d"))]
    violating, others = split_by_budget(pods, [budget])
    assert [p.name for p in violating] == ["c"]
    assert [p.name for p in others] == ["a", "b", "d"]
