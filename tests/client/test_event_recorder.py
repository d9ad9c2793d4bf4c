"""Events: counted, combined, cut off; written again when the server was away."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from kubekit.apiserver.server import APIServer
from kubekit.client import Client, EventRecorder, event_recorder
from kubekit.etcd import KVStore
from kubekit.sim import Loop
from tests.controllers.world import ADMIN

POD: dict[str, Any] = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "web", "namespace": "default", "uid": "u1", "resourceVersion": "7"},
}


class Desk:
    """An API server and a recorder."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.api = APIServer(self.loop, KVStore(self.loop.clock))
        self.api.start()
        self.client = Client(self.api, user=ADMIN)
        self.recorder = EventRecorder(self.client, self.loop, "demo", "node01")
        self.loop.run_ready()

    def events(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.client.list("events", "default")["items"]
        return items


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_worked_example() -> None:
    assert doctest.testmod(event_recorder).failed == 0


def test_the_same_again_only_counts(desk: Desk) -> None:
    for _ in range(3):
        desk.recorder.event(POD, "Normal", "Pulled", "Image is there", "spec.containers{c}")
        desk.loop.advance(2.0)
    (event,) = desk.events()
    assert event["count"] == 3
    assert event["involvedObject"]["fieldPath"] == "spec.containers{c}"
    assert event["source"] == {"component": "demo", "host": "node01"}
    assert event["lastTimestamp"] > event["firstTimestamp"]


def test_many_alike_are_combined(desk: Desk) -> None:
    for number in range(15):
        desk.recorder.event(POD, "Normal", "Tick", f"tick {number}")
    desk.loop.run_ready()
    events = desk.events()
    assert len(events) == 10
    (combined,) = [e for e in events if e["message"].startswith("(combined from similar events): ")]
    assert combined["count"] == 6 and combined["message"].endswith("tick 14")


def test_a_source_that_says_too_much_is_cut_off(desk: Desk) -> None:
    for number in range(40):
        desk.recorder.event(POD, "Warning", f"Reason{number}", "no end")
    desk.loop.run_ready()
    assert len(desk.events()) == 25
    desk.loop.advance(301.0)
    desk.recorder.event(POD, "Warning", "Later", "one more")
    desk.recorder.event(POD, "Warning", "TooMuch", "not this")
    desk.loop.run_ready()
    assert len(desk.events()) == 26


def test_the_newer_form_makes_a_series(desk: Desk) -> None:
    for _ in range(4):
        desk.recorder.event(POD, "Warning", "FailedScheduling", "no room", action="Scheduling")
        desk.loop.advance(1.0)
    events = desk.client.list("events.events.k8s.io", "default")["items"]
    assert len(events) == 1
    assert events[0]["series"]["count"] == 2, "the first repetition is written, the others only counted"
    assert events[0]["note"] == "no room" and events[0]["action"] == "Scheduling"


def test_an_event_waits_for_a_server_that_is_away(desk: Desk) -> None:
    desk.api.stop()
    desk.recorder.event(POD, "Normal", "Late", "but not lost")
    desk.loop.run_until_quiet()
    desk.api.start()
    desk.loop.advance(30.0)
    assert [e["reason"] for e in desk.events()] == ["Late"]


def test_about_something_in_no_namespace(desk: Desk) -> None:
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "node01", "uid": "node01"}}
    desk.recorder.event(node, "Normal", "NodeReady", "Node node01 status is now: NodeReady")
    desk.loop.run_ready()
    assert desk.events()[0]["metadata"]["namespace"] == "default"
