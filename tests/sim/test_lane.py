"""A lane's events can be run ahead of everybody else's, once, in their order."""

from __future__ import annotations

import pytest

from kubekit.sim import Loop, VirtualClock, WallClock


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_only_the_lanes_owners_run_and_only_until_the_answer_is_there(loop: Loop) -> None:
    lane = loop.lane(["a", "b"])
    seen: list[str] = []
    for owner in ("x", "a", "y", "b", "a"):
        loop.call_soon(owner, seen.append, owner)
    assert loop.run_lane(lane, lambda: len(seen) == 2)
    assert seen == ["a", "b"]
    loop.run_ready()
    assert seen == ["a", "b", "x", "y", "a"]


def test_within_an_event_nobody_else_gets_a_turn(loop: Loop) -> None:
    lane = loop.lane(["etcd"])
    seen: list[str] = []

    def ask() -> None:
        assert loop.running
        loop.call_soon("etcd", seen.append, "etcd answers")
        seen.append(f"answered {loop.run_lane(lane, lambda: 'etcd answers' in seen)}")

    loop.call_soon("apiserver", ask)
    loop.call_soon("scheduler", seen.append, "scheduler")
    loop.run_ready()
    assert seen == ["etcd answers", "answered True", "scheduler"]
    assert not loop.running


def test_what_the_loop_has_run_is_not_run_again(loop: Loop) -> None:
    lane = loop.lane(["a"])
    seen: list[int] = []
    for number in range(5):
        loop.call_soon("a", seen.append, number)
    loop.run_ready()
    assert not loop.run_lane(lane, lambda: False)
    assert seen == [0, 1, 2, 3, 4]
    loop.call_soon("a", seen.append, 5)
    assert len(lane.ready) == 1


def test_a_message_under_way_is_waited_for_and_a_heartbeat_is_not(loop: Loop) -> None:
    lane = loop.lane(["a"])
    seen: list[str] = []
    loop.call_later(1.0, "a", seen.append, "heartbeat", background=True)
    loop.call_later(3.0, "a", seen.append, "late")
    loop.call_later(2.0, "a", seen.append, "soon")
    assert loop.run_lane(lane, lambda: "soon" in seen)
    assert seen == ["soon"] and loop.clock.elapsed() == 2.0
    assert not loop.run_lane(lane, lambda: "heartbeat" in seen)
    assert seen == ["soon", "late"] and loop.clock.elapsed() == 3.0
    loop.run_ready()
    assert seen == ["soon", "late", "heartbeat"]


def test_a_paused_owner_stays_paused_and_goes_on_in_the_lane_when_resumed(loop: Loop) -> None:
    lane = loop.lane(["a", "b"])
    seen: list[str] = []
    loop.pause("a")
    loop.call_soon("a", seen.append, "a")
    loop.call_soon("b", seen.append, "b")
    assert not loop.run_lane(lane, lambda: "a" in seen)
    loop.run_ready()
    assert seen == ["b"]
    loop.resume("a")
    assert loop.run_lane(lane, lambda: "a" in seen)
    loop.run_ready()
    assert seen == ["b", "a"]


def test_what_a_crashed_owner_held_back_never_runs(loop: Loop) -> None:
    lane = loop.lane(["a"])
    seen: list[str] = []
    loop.pause("a")
    loop.call_soon("a", seen.append, "a")
    loop.run_ready()
    loop.drop("a")
    assert not loop.run_lane(lane, lambda: bool(seen))
    loop.run_ready()
    assert seen == []


def test_causes_are_handed_on(loop: Loop) -> None:
    lane = loop.lane(["a"])
    causes: list[int | None] = []
    with loop.trace.under(7):
        loop.call_soon("a", lambda: causes.append(loop.trace.cause))
    loop.run_lane(lane, lambda: bool(causes))
    assert causes == [7] and loop.trace.cause is None


def test_on_the_wall_clock_nothing_is_slept_for() -> None:
    loop = Loop(WallClock())
    lane = loop.lane(["a"])
    seen: list[str] = []
    loop.call_later(3600.0, "a", seen.append, "arrived")
    assert loop.run_lane(lane, lambda: bool(seen))
    assert loop.clock.elapsed() < 60


def test_time_never_goes_back(loop: Loop) -> None:
    lane = loop.lane(["a"])
    loop.call_later(1.0, "a", lambda: None)
    loop.advance(5.0)
    loop.call_soon("a", lambda: None)
    loop.run_lane(lane, lambda: False)
    assert isinstance(loop.clock, VirtualClock) and loop.clock.elapsed() == 5.0
