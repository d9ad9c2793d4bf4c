"""Preemption: the rules' rounds, the victims and their grace are the records' own."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.views.preemption import Preemption
from tests.scheduler.world import World, node
from tests.scheduler.world import pod as shop_pod
from tests.views.conftest import pod

Obj = dict[str, Any]
META = [["pod", "x"], ["seed", "7"]]
STUBBORN = ["sh", "-c", "trap '' TERM; sleep infinity"]


def put(
    cluster: Any, name: str, cpu: str, on: str = "", rank: str = "", app: str = "x", grace: int = 30
) -> None:
    made = pod(name, terminationGracePeriodSeconds=grace)
    made["metadata"]["labels"] = {"app": app}
    container = made["spec"]["containers"][0]
    container.update(image="busybox:1.36", command=STUBBORN, resources={"requests": {"cpu": cpu}})
    if on:
        made["spec"]["nodeSelector"] = {"kubernetes.io/hostname": on}
    if rank:
        made["spec"]["priorityClassName"] = rank
    cluster.create(made)


@pytest.fixture(scope="module")
def tight() -> Any:
    return crowded()


def crowded() -> Any:
    """Three full nodes, a budget, and a pod that is more important than what is there."""
    cluster = kubekit.up(workers=3, seed=7, name="tight")
    for name, value in (("low", 10), ("mid", 100), ("high", 1000)):
        made = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        cluster.create({**made, "value": value})
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}
    cluster.create({**budget, "metadata": {"name": "db", "namespace": "default"}, "spec": spec})
    put(cluster, "db-0", "2500m", "node01", "low", "db")
    put(cluster, "batch-1", "2500m", "node02", "low", grace=12)
    put(cluster, "batch-3", "2500m", "node03", "mid", grace=5)
    cluster.settle()
    put(cluster, "boss", "2", rank="high")
    cluster.advance("40s")
    return cluster


def test_round_by_round(tight: Any) -> None:
    scene = tight.view.preemption("boss").scene
    assert scene["title"] == "default/boss is to get node02: default/batch-1 must go"
    out = {one["name"]: one["out"] for one in scene["nodes"]}
    assert out == {"node01": 0, "node02": -1, "node03": 1}
    first, second = scene["rules"]
    told = {node["name"]: cell for node, cell in zip(scene["nodes"], first["cells"], strict=True)}
    assert told["node01"] == {"text": "1 violated", "verdict": "refuse"}
    cells = {node["name"]: cell for node, cell in zip(scene["nodes"], second["cells"], strict=True)}
    assert cells["node01"] is None and cells["node03"]["text"] == "priority 100"
    assert second["why"] == "node03 out, node02 left"
    db = next(one for one in scene["nodes"] if one["name"] == "node01")["victims"][0]
    assert db["pod"] == "default/db-0" and db["violates"] == ["db"]
    assert {"glyph": "warn", "text": "a disruption budget would be violated"} in scene["legend"]


def test_the_victim_s_grace_until_the_pod_is_bound(tight: Any) -> None:
    view = tight.view.preemption("pod/default/boss")
    kinds = [stop["kind"] for stop in view.scene["records"]]
    assert kinds == ["search", "rule", "rule", "pick", "delete", "gone", "bound"]
    assert view.cursor == kinds.index("pick")
    victim, mine = view.scene["times"]
    assert victim["grace"] == 12 and round(victim["to"] - victim["from"], 3) == 12.0
    assert (
        victim["since"] == view.scene["records"][4]["row"]
        and victim["over"] == view.scene["records"][5]["row"]
    )
    assert mine["to"] >= victim["to"] and mine["start"] == 0.0 and mine["end"] == 100.0
    assert "as nominated, 12.000 s after the choice" in view.scene["records"][-1]["sentence"]
    assert "default/batch-1  deleted at t = 2.110 s, grace 12 s, gone at t = 14.110 s" in repr(view)
    assert "<caption>default/boss is to get node02" in view.table.html()


def test_who_preempts_nobody_is_told_why(tight: Any) -> None:
    put(tight, "meek", "3")
    tight.settle()
    view = tight.view.preemption("meek")
    assert view.scene["title"] == "No node can be cleared for default/meek"
    assert "node02  no candidate  No preemption victims found for incoming pod" in repr(view)
    assert view.scene["records"][-1]["halt"] == "refused" and not view.scene["times"]
    calm = tight.view.preemption("batch-3")
    assert "found room on node03" in calm.sentence and not calm.scene["refused"]
    assert "has not tried" in tight.view.preemption("nobody").sentence


def test_many_candidates_are_folded() -> None:
    world = World(*(node(f"m{i:02}", cpu="2") for i in range(30)))
    world.put(*(shop_pod(f"v{i:02}", cpu="2", on=f"m{i:02}", priority=i % 5) for i in range(30)))
    world.put(shop_pod("boss", cpu="2", priority=9))
    view = Preemption("pod/shop/boss", world.loop.trace.of, META)
    assert len(view.scene["nodes"]) == 8
    assert view.scene["chosen"] in [one["name"] for one in view.scene["nodes"]]
    everyone = len(view.scene["nodes"]) + int(view.scene["fold"]["text"].split()[2])
    steps = next(r for r in world.loop.trace.of("pod/shop/boss") if r.kind == "schedule").steps
    found = next(step for step in steps if step.asked == "PostFilter").figures["preemption"]
    assert everyone == len({one["node"] for one in found["candidates"]} | set(found["rejected"]))
