"""The queue over time: every move is the history's own, with the event, the hint and the gate behind it."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.scheduler.queue_history import Move
from kubekit.views.queue_over_time import QueueOverTime, happenings
from tests.views.conftest import pod

META = [["cluster", "x"], ["seed", "7"]]


def sized(name: str, cpu: str, **spec: Any) -> dict[str, Any]:
    made = pod(name, **spec)
    made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
    return made


@pytest.fixture(scope="module")
def busy() -> Any:
    cluster = kubekit.up(workers=1, seed=7, name="busy")
    cluster.create(sized("first", "3"))
    cluster.settle()
    cluster.create(sized("second", "3"))
    cluster.create(sized("held", "1", schedulingGates=[{"name": "example.com/wait"}]))
    cluster.settle()
    cluster.delete("pods", "first", "default")
    cluster.settle()
    return cluster


def told(view: QueueOverTime, name: str) -> list[tuple[str, str]]:
    row = [one["name"] for one in view.scene["pods"]].index(f"default/{name}")
    return [(stop["to"], stop["sentence"]) for stop in view.scene["records"] if stop["row"] == row]


def test_a_pod_s_way_through_the_queue(busy: Any) -> None:
    view = busy.view.queue()
    way = told(view, "second")
    places = [place for place, _ in way]
    assert places[:3] == ["active", "in flight", "unschedulable"] and places[-2:] == ["in flight", "bound"]
    back = next(text for _, text in way[3:])
    assert "moves from unschedulable to" in back and "AssignedPodDelete" in back
    assert "NodeResourcesFit: worth a try when a pod with a node went" in back
    assert way[-1][1] == "`default/second` is bound to node01 and leaves the queue."
    times = [stop["t"] for stop in view.scene["records"]]
    assert times == sorted(times)


def test_a_gate_is_a_place_of_its_own(busy: Any) -> None:
    view = busy.view.queue()
    assert told(view, "held") == [
        ("gated", "`default/held` comes to gated: SchedulingGates does not let it in.")
    ]
    assert view.scene["title"] == "1 pod waits: 1 gated"
    assert view.scene["records"][-1]["homes"]["gated"] == ["default/held"]
    assert "default/held  gated  UnschedulablePodAdd (SchedulingGates)" in repr(view)
    assert '<th scope="col">moved by</th>' in view.table.html()


def test_a_deleted_pod_is_gone(busy: Any) -> None:
    cluster = kubekit.up(workers=1, seed=8, name="brief")
    cluster.create(sized("huge", "90"))
    cluster.settle()
    cluster.delete("pods", "huge", "default")
    cluster.settle()
    view = cluster.view.queue()
    assert told(view, "huge")[-1] == ("", "`default/huge` was deleted while it was unschedulable.")
    assert view.scene["title"] == "No pod waits: the queue is empty"


class NoRecords:
    def of(self, subject: str) -> list[Any]:
        return []


def test_a_back_off_says_how_long() -> None:
    moves = [
        Move(10.0, "a/b", "unschedulable", "ScheduleAttemptFailure", refused_by=("NodePorts",)),
        Move(10.2, "a/b", "backoff", "NodeAdd", "NodePorts", "Worth a try.", ("NodePorts",), 11.0),
    ]
    view = QueueOverTime(moves, NoRecords(), 10.0, META)
    first, last = view.scene["records"]
    assert first["sentence"].endswith("Only an event that interests NodePorts brings it back.")
    assert last["t"] == 0.2 and last["sentence"].endswith("It backs off for 0.8 s more.")
    assert view.scene["title"] == "1 pod waits: 1 in backoffQ"


def test_a_long_history_is_a_window_and_counted() -> None:
    moves = [Move(float(i), f"shop/p{i % 40}", "active", "UnschedulablePodAdd") for i in range(400)]
    assert len(happenings(moves, NoRecords(), 0.0)) == 400
    view = QueueOverTime(moves, NoRecords(), 0.0, META)
    assert len(view.scene["pods"]) == 14
    assert view.scene["fold"]["text"] == "Folded away: 280 earlier moves and 26 pods."
    assert all(one["before"] == "active" for one in view.scene["pods"])
    assert view.scene["records"][-1]["counts"]["active"] == 40


def test_an_empty_queue_says_what_would_fill_it() -> None:
    view = QueueOverTime([], NoRecords(), 0.0, META)
    assert "Create one" in view.scene["empty"] and repr(view) == "No pod has come into the queue yet"
