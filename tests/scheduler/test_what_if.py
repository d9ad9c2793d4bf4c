"""What-ifs: the answer is that of the scheduler, and nothing happens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubekit.scheduler import Plugin
from kubekit.scheduler.changes import (
    AddNode,
    AddTaint,
    AddToleration,
    Change,
    RemoveNode,
    RemovePod,
    RemoveTaint,
    SetCapacity,
    SetCordon,
    SetNodeLabel,
    SetPodField,
    SetPodLabel,
    SetPodPriority,
    SetPodRequest,
    SetWeight,
)
from kubekit.scheduler.hypothesis import Impossible
from kubekit.scheduler.what_if import Situation, UnknownPod
from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]
TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}
WANTS_SSD = {
    "nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 10,
                "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
            }
        ]
    }
}


def world() -> World:
    return World(
        node("n1", cpu="4"),
        node("n2", cpu="8", taints=[TAINT]),
        node("n3", cpu="2", labels={"disk": "ssd"}),
        pod("old", cpu="1", on="n1"),
        pod(
            "web",
            cpu="1500m",
            memory="1Gi",
            affinity=WANTS_SSD,
            labels={"app": "web"},
            schedulerName="nobody",
        ),
    )


def test_without_changes_it_is_what_would_be_decided_now() -> None:
    answer = Situation.of(world().scheduler).decide("shop/web")
    assert answer.node == "n3" and answer.sentence == "shop/web would go to n3."
    record = answer.record()
    steps = {step["asked"]: step for step in record["steps"]}
    assert steps["Filter TaintToleration"]["figures"]["refused"] == {
        "n2": ["node(s) had untolerated taint(s)"]
    }
    assert set(steps["Score NodeAffinity"]["figures"]["weighted"].values()) == {0, 200}
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("changes", "node", "sentence"),
    [
        ([SetPodRequest("cpu", "3")], "n1", "If the pod requests cpu 3: shop/web would go to n1."),
        ([SetPodRequest("cpu", "")], "n3", "If the pod requests no cpu: shop/web would go to n3."),
        ([AddToleration("k", "v"), SetNodeLabel("n2", "disk", "ssd")], "n2", ""),
        ([RemoveTaint("n2", "k"), SetNodeLabel("n3", "disk", None)], "n2", ""),
        ([AddTaint("n3", "x")], "n1", "If n3 has the taint x:NoSchedule: shop/web would go to n1."),
        ([SetCordon("n3", True)], "n1", "If n3 is cordoned: shop/web would go to n1."),
        ([SetCapacity("n3", "cpu", "1")], "n1", "If n3 has cpu 1 to give: shop/web would go to n1."),
        ([SetWeight("NodeAffinity", 0)], "n1", "If NodeAffinity has weight 0: shop/web would go to n1."),
        (
            [SetPodField("affinity", None)],
            "n1",
            "If the pod's affinity is not there: shop/web would go to n1.",
        ),
        ([RemoveNode("n3")], "n1", "If there is no n3: shop/web would go to n1."),
        ([AddNode(node("n4", cpu="64", memory="64Gi", labels={"disk": "ssd"}))], "n4", ""),
        ([RemovePod("n1", "shop/old"), SetCordon("n3", True)], "n1", ""),
        ([SetPodLabel("app", None)], "n3", "If the pod has no label app: shop/web would go to n3."),
        ([SetPodRequest("cpu", "20")], "", ""),
    ],
)
def test_with_changes(changes: list[Change], node: str, sentence: str) -> None:
    answer = Situation.of(world().scheduler).decide("shop/web", changes)
    assert answer.node == node
    if sentence:
        assert answer.sentence == sentence
    if not node:
        assert "would find no node: 0/3 nodes are available" in answer.sentence


def test_nothing_happens() -> None:
    one = world()
    scheduler = one.scheduler
    before = (
        one.server.version,
        list(one.server.requests),
        [
            (info.name, info.generation, info.labels, info.hard_taints)
            for info in scheduler.cache.nodes.values()
        ],
        scheduler.loop.rng.random(),
    )
    situation = Situation.of(scheduler)
    changes = [
        AddTaint("n1", "a"),
        RemoveNode("n3"),
        SetPodRequest("cpu", "9"),
        SetWeight("ImageLocality", 50),
    ]
    for change in changes:
        situation.decide("shop/web", [change])
    situation.decide("shop/web", changes)
    one.settle()
    assert (one.server.version, list(one.server.requests)) == before[:2]
    now = [
        (info.name, info.generation, info.labels, info.hard_taints) for info in scheduler.cache.nodes.values()
    ]
    assert now == before[2] and not scheduler.attempts
    assert situation.decide("shop/web").node == "n3", "one what-if leaves nothing for the next"
    assert scheduler.frameworks["default-scheduler"].weights["ImageLocality"] == 1


def test_a_pod_with_a_node_is_thought_away_from_it_first() -> None:
    one = World(node("n1", cpu="2"), node("n2", cpu="1"), pod("web", cpu="2", on="n1"))
    situation = Situation.of(one.scheduler)
    assert situation.decide("shop/web").node == "n1"
    assert situation.decide("shop/web", [SetPodRequest("cpu", "1"), SetCordon("n1", True)]).node == "n2"
    assert one.scheduler.cache.nodes["n1"].requested.milli_cpu == 2000


def test_who_would_be_preempted_is_said_and_nobody_is() -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep", "namespace": "shop", "uid": "pdb"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}},
        "status": {"disruptionsAllowed": 0},
    }
    one = World(
        node("n1", cpu="2"),
        node("n2", cpu="2"),
        budget,
        pod("cheap", cpu="2", on="n1", priority=1, labels={"app": "db"}),
        pod("dear", cpu="2", on="n2", priority=5),
        pod("web", cpu="2", priority=0, schedulerName="nobody"),
    )
    answer = Situation.of(one.scheduler).decide("shop/web", [SetPodPriority(100)])
    assert answer.attempt.nominated == "n2" and answer.attempt.victims == ["shop/dear"]
    assert answer.sentence.endswith("On n2 it would preempt shop/dear.")
    found = answer.record()["steps"][-1]["figures"]["preemption"]
    assert [one["node"] for one in found["candidates"]] == ["n2", "n1"]
    assert found["candidates"][1]["victims"][0]["violates"] == ["keep"]
    assert found["rounds"][0] == {
        "rule": "fewest budgets violated",
        "values": {"n1": -1, "n2": 0},
        "left": ["n2"],
    }
    one.settle()
    assert {"shop/cheap", "shop/dear"} <= set(one.server.objects["pods"])


class OnlyEven(Plugin):
    """A registered plugin counts in what-ifs too."""

    name = "OnlyEven"

    def score(self, state: Any, pod: Any, node: Any) -> int:
        return 100 if node.name == "n1" else 0


def test_plugins_of_the_notebook_take_part() -> None:
    one = world()
    one.scheduler.register(OnlyEven, weight=9)
    situation = Situation.of(one.scheduler)
    assert situation.decide("shop/web").node == "n1"
    assert situation.decide("shop/web", [SetWeight("OnlyEven", 0)]).node == "n3"


def test_a_notebook_asks_the_scheduler_itself() -> None:
    one = world()
    assert one.scheduler.what_if("shop/web", SetCordon("n3", True)).node == "n1"
    suggestions = one.scheduler.what_would_make("shop/web", "n1", most=9)
    assert suggestions and all("n1" in suggestion.answer.attempt.tied for suggestion in suggestions)


def test_what_cannot_be() -> None:
    situation = Situation.of(world().scheduler)
    with pytest.raises(UnknownPod, match='pods "shop/nobody" not found'):
        situation.decide("shop/nobody")
    with pytest.raises(Impossible, match='nodes "n9" not found'):
        situation.decide("shop/web", [AddTaint("n9", "x")])
    with pytest.raises(Impossible, match="already exists"):
        situation.decide("shop/web", [AddNode(node("n1"))])
    with pytest.raises(Impossible, match="not on n1"):
        situation.decide("shop/web", [RemovePod("n1", "shop/web")])
    with pytest.raises(Impossible):
        situation.decide("shop/web", [SetPodRequest("cpu", "a lot")])


def test_from_plain_objects_and_pods_that_do_not_exist_yet() -> None:
    objects = {"nodes": [node("n1", cpu="2"), node("n2", cpu="4")], "pods": [pod("old", cpu="1", on="n2")]}
    situation = Situation.of_objects(objects)
    first = situation.decide(pod("new", cpu="2"))
    assert first.node == "n2"
    after = situation.with_pod_on(situation.pod(pod("new", cpu="2")), "n2")
    assert after.decide(pod("next", cpu="2")).node == "n1"
    assert situation.snapshot.by_name["n2"].requested.milli_cpu == 1000
