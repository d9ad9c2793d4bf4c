"""The queue's history: which event moved a pod, which plugin's hint said so, and where it waited."""

from __future__ import annotations

from tests.scheduler.world import World, node, pod


def test_a_pod_that_is_refused_and_comes_back() -> None:
    world = World(node("n1", cpu="1"))
    world.put(pod("web", cpu="2"))
    world.put(node("n2", cpu="4"))
    world.loop.run_until_quiet()
    assert world.node_of("web") == "n2"
    moves = world.scheduler.queue.history.of("shop/web")
    assert [(move.to, move.event) for move in moves] == [
        ("active", "UnschedulablePodAdd"),
        ("in flight", "Pop"),
        ("unschedulable", "ScheduleAttemptFailure"),
        ("backoff", "NodeAdd"),
        ("in flight", "Pop"),
    ]
    pool, back = moves[2], moves[3]
    assert pool.refused_by == ("NodeResourcesFit",) and pool.plugin == ""
    assert back.plugin == "NodeResourcesFit" and back.until == world.loop.clock.now() + 1
    assert back.why.startswith("Worth a try when the pod would fit the empty node")


def test_an_attempt_s_record_has_the_moves_that_led_to_it() -> None:
    world = World(node("n1", cpu="1"))
    world.put(pod("web", cpu="2"))
    world.put(node("n2", cpu="4"))
    world.loop.run_until_quiet()
    first, second = (
        record.came_in["moves"] for record in world.loop.trace.of("pod/shop/web") if record.kind == "schedule"
    )
    assert [move["to"] for move in first] == ["active", "in flight"]
    assert [move["to"] for move in second] == ["unschedulable", "backoff", "in flight"]
    assert second[1]["plugin"] == "NodeResourcesFit"


def test_a_gate_keeps_a_pod_in_the_pool_until_it_is_gone() -> None:
    world = World(node("n1"))
    world.put(pod("web", schedulingGates=[{"name": "example.com/quota"}]))
    assert [move.to for move in world.scheduler.queue.history] == ["unschedulable"]
    world.put(pod("web"))
    assert [move.to for move in world.scheduler.queue.history] == ["unschedulable", "active", "in flight"]


def test_an_event_that_helps_nobody_moves_nobody() -> None:
    world = World(node("n1", cpu="1"))
    world.put(pod("web", cpu="2"))
    before = len(world.scheduler.queue.history.moves)
    world.put(node("n1", cpu="1", labels={"a": "b"}))
    assert len(world.scheduler.queue.history.moves) == before
