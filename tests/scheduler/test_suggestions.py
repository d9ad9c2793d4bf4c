"""What would make this node win: the nearest single change, and it really does."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.scheduler.changes import (
    AddToleration,
    RemoveTaint,
    SetCapacity,
    SetCordon,
    SetNodeLabel,
    SetPodRequest,
    SetWeight,
)
from kubekit.scheduler.hypothesis import Impossible
from kubekit.scheduler.suggestions import explain, what_would_make
from kubekit.scheduler.what_if import Situation
from tests.scheduler.world import node, pod

Obj = dict[str, Any]
TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}


def situation(*nodes: Obj, pods: tuple[Obj, ...] = ()) -> Situation:
    return Situation.of_objects({"nodes": list(nodes), "pods": list(pods)})


@pytest.mark.parametrize(
    ("n2", "more", "expected"),
    [
        (node("n2", cpu="64", memory="64Gi", taints=[TAINT]), {}, RemoveTaint("n2", "k", "NoSchedule")),
        (node("n2", cpu="64", memory="64Gi", taints=[TAINT]), {}, AddToleration("k", "v", "NoSchedule")),
        (node("n2", cpu="64", memory="64Gi", unschedulable=True), {}, SetCordon("n2", False)),
        (node("n2"), {"nodeSelector": {"disk": "ssd"}}, SetNodeLabel("n2", "disk", "ssd")),
        (node("n2", cpu="1500m"), {}, SetPodRequest("cpu", "1500m")),
        (node("n2", cpu="1500m"), {}, SetCapacity("n2", "cpu", "2")),
    ],
    ids=["taint", "toleration", "cordon", "label", "request", "capacity"],
)
def test_a_refused_node(n2: Obj, more: Obj, expected: Any) -> None:
    labels = {"disk": "ssd"} if more else {}
    # n1 is full, so that the second node need only be possible.
    before = situation(node("n1", cpu="2", labels=labels), n2, pods=(pod("old", cpu="1", on="n1"),))
    found = what_would_make(before, pod("web", cpu="2", memory="1Gi", **more), "n2", most=20)
    assert expected in [one.change for one in found]
    for one in found:
        again = before.decide(pod("web", cpu="2", memory="1Gi", **more), [one.change])
        assert "n2" in again.attempt.tied and one.alone == (again.attempt.tied == ["n2"])


def test_the_nearest_comes_first() -> None:
    before = situation(node("n1", cpu="8"), node("n2", cpu="1900m"), pods=())
    found = what_would_make(before, pod("web", cpu="2"), "n2", most=20)
    distances = [one.distance for one in found if one.alone]
    assert distances == sorted(distances) and distances


PREFERS = {
    "nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
        ]
    }
}


def test_weights_are_solved_from_the_score_table() -> None:
    before = situation(
        node("n1", labels={"disk": "ssd"}), node("n2"), pods=(pod("old", cpu="1", memory="2Gi", on="n1"),)
    )
    web = pod("web", cpu="1", memory="2Gi", affinity=PREFERS)
    base = before.decide(web)
    assert base.node == "n1"
    arithmetic = explain(base.attempt, "n2")
    assert arithmetic["plugins"]["NodeAffinity"] == [0, 200] and arithmetic["rival"] == "n1"
    found = {type(one.change): one for one in what_would_make(before, web, "n2", most=50)}
    weight = found[SetWeight].change
    assert isinstance(weight, SetWeight)
    lost = [
        one.change for one in what_would_make(before, web, "n2", most=50) if isinstance(one.change, SetWeight)
    ]
    for change in lost:
        nearer = SetWeight(
            change.plugin, change.weight + (1 if change.weight < _weight(base, change) else -1)
        )
        if nearer.weight != _weight(base, change):
            assert before.decide(web, [nearer]).attempt.tied != ["n2"], "one step nearer does not do"
    assert "n2 has" in found[SetWeight].sentence and ":" in found[SetWeight].sentence


def _weight(base: Any, change: SetWeight) -> int:
    return int(next(row.weight for row in base.attempt.scores if row.plugin == change.plugin))


def test_a_winner_needs_nothing_and_nobody_else_can_win() -> None:
    before = situation(node("n1"), node("n2", cpu="1"))
    assert what_would_make(before, pod("web", cpu="2"), "n1") == []
    with pytest.raises(Impossible):
        what_would_make(before, pod("web"), "n9")
