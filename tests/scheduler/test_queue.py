"""The scheduling queue: order, back-off, events that move pods, gates, nominations."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubekit.scheduler.framework import events as ev
from kubekit.scheduler.framework.events import ClusterEvent, EventWithHint
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo, QueuedPodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.framework.status import Status, unresolvable
from kubekit.scheduler.nominator import Nominator
from kubekit.scheduler.plugins.priority_sort import PrioritySort
from kubekit.scheduler.pod_heap import PodHeap, order_of
from kubekit.scheduler.scheduling_queue import SchedulingQueue
from kubekit.sim import VirtualClock
from tests.scheduler.world import node, pod

HANDLE: Any = None


class Picky(Plugin):
    """Refuses; only nodes whose name it likes change its mind."""

    name = "Picky"

    def events(self) -> list[EventWithHint]:
        return [
            EventWithHint(
                ClusterEvent(ev.NODE, ev.ADD), lambda pod, old, new: new["metadata"]["name"] == "good"
            )
        ]

    def filter(self, state: Any, pod: Any, node: Any) -> Status | None:
        return None


class Gate(Plugin):
    """Keeps out pods that are labelled as gated."""

    name = "Gate"

    def events(self) -> list[EventWithHint]:
        return [EventWithHint(ClusterEvent(ev.POD, ev.UPDATE_POD_LABEL))]

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        return unresolvable("gated") if "gated" in pod.labels else None


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        plugins: list[Plugin] = [Picky(HANDLE, {}), Gate(HANDLE, {}), PrioritySort(HANDLE, {})]
        points = {
            point: [p for p in plugins if point in p.points()]
            for point in ("QueueSort", "PreEnqueue", "Filter")
        }
        framework = Framework("default-scheduler", HANDLE, points, {})  # type: ignore[arg-type]
        self.queue = SchedulingQueue({"default-scheduler": framework}, self.clock.now)

    def wait(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now() + seconds)

    def refuse(self, queued: QueuedPodInfo, *plugins: str) -> str:
        queued.forget_rejectors()
        queued.unschedulable_plugins = set(plugins)
        return self.queue.add_unschedulable(queued)

    def pop(self) -> QueuedPodInfo:
        queued = self.queue.pop()
        assert queued is not None
        return queued


def test_priority_then_order_of_arrival() -> None:
    bench = Bench()
    for name, priority in (("a", 0), ("b", 10), ("c", 0), ("d", 10)):
        bench.queue.add(PodInfo(pod(name, priority=priority)))
    assert [bench.pop().info.name for _ in range(4)] == ["b", "d", "a", "c"]
    assert bench.queue.pop() is None


def test_a_refused_pod_waits_for_an_event_that_its_refuser_cares_about() -> None:
    bench = Bench()
    bench.queue.add(PodInfo(pod("a")))
    assert bench.refuse(bench.pop(), "Picky") == "unschedulable"
    bench.queue.move_all(ClusterEvent(ev.NODE, ev.ADD), None, node("bad"))
    assert bench.queue.place_of("shop/a") == "unschedulable"
    bench.queue.move_all(ClusterEvent(ev.NODE, ev.UPDATE_NODE_LABEL), node("good"), node("good"))
    assert bench.queue.place_of("shop/a") == "unschedulable"
    bench.queue.move_all(ClusterEvent(ev.NODE, ev.ADD), None, node("good"))
    assert bench.queue.place_of("shop/a") == "backoff"


def test_events_during_the_attempt_are_not_missed() -> None:
    bench = Bench()
    bench.queue.add(PodInfo(pod("a")))
    queued = bench.pop()
    bench.queue.move_all(ClusterEvent(ev.NODE, ev.ADD), None, node("good"))
    assert bench.refuse(queued, "Picky") == "backoff"


def test_a_refused_pod_need_not_sit_its_backoff_out_when_nobody_else_waits() -> None:
    bench = Bench()
    bench.queue.add(PodInfo(pod("a")))
    bench.refuse(bench.pop(), "Picky")
    bench.queue.move_all(ev.WILDCARD, None, None)
    assert bench.pop().info.name == "a"


def test_errors_wait_longer_each_time() -> None:
    bench = Bench()
    bench.queue.add(PodInfo(pod("a")))
    start, waits = bench.clock.now(), []
    for _ in range(6):
        queued = bench.pop()
        bench.refuse(queued)
        assert bench.queue.pop() is None
        waits.append(bench.queue.backoff.until(queued) - bench.clock.now())
        bench.wait(waits[-1] + 1)
        bench.queue.flush_backoff()
    assert waits == [1, 2, 4, 8, 10, 10]
    assert bench.clock.now() - start == sum(waits) + 6


def test_the_pool_is_flushed_after_five_minutes() -> None:
    bench = Bench()
    bench.queue.add(PodInfo(pod("a")))
    bench.refuse(bench.pop(), "Picky")
    moment = bench.queue.next_flush_unschedulable()
    assert moment is not None and moment - bench.clock.now() == 330
    bench.wait(300)
    bench.queue.flush_unschedulable()
    assert bench.queue.place_of("shop/a") == "unschedulable"
    bench.wait(30)
    bench.queue.flush_unschedulable()
    assert bench.queue.place_of("shop/a") == "active"


def test_a_gated_pod_waits_only_for_its_gate() -> None:
    bench = Bench()
    gated = pod("a", labels={"gated": "yes"})
    bench.queue.add(PodInfo(gated))
    assert bench.queue.place_of("shop/a") == "unschedulable"
    bench.queue.move_all(ClusterEvent(ev.NODE, ev.ADD), None, node("good"))
    assert bench.queue.place_of("shop/a") == "unschedulable"
    bench.queue.update(gated, PodInfo(pod("a", labels={})))
    assert bench.pop().info.name == "a"


def test_an_update_that_changes_nothing_for_the_refuser_moves_nothing() -> None:
    bench = Bench()
    old = pod("a")
    bench.queue.add(PodInfo(old))
    bench.refuse(bench.pop(), "Picky")
    bench.queue.update(old, PodInfo({**old, "status": {"phase": "Pending", "x": 1}}))
    assert bench.queue.place_of("shop/a") == "unschedulable"


def test_delete_takes_a_pod_out_of_every_place() -> None:
    bench = Bench()
    info = PodInfo(pod("a"))
    bench.queue.add(info)
    bench.queue.delete(info)
    assert bench.queue.pop() is None
    bench.queue.add(info)
    bench.refuse(bench.pop(), "Picky")
    bench.queue.delete(info)
    assert not bench.queue.unschedulable


def test_a_hint_that_fails_lets_the_pod_try() -> None:
    bench = Bench()
    bench.queue.add(PodInfo(pod("a")))
    bench.refuse(bench.pop(), "Picky")
    bench.queue.move_all(ClusterEvent(ev.NODE, ev.ADD), None, {})
    assert bench.queue.place_of("shop/a") == "backoff"


def test_nominations() -> None:
    known = {"shop/a": pod("a"), "shop/b": pod("b", on="n2")}
    nominator = Nominator(known.get)
    first = PodInfo(pod("a"))
    nominator.add(first, "n1")
    assert [p.name for p in nominator.on_node("n1")] == ["a"]
    nominator.update(first, PodInfo(pod("a", cpu="1")))
    assert nominator.node_of(first) == "n1", "a nomination that only we know of survives an update"
    nominator.add(PodInfo(pod("b")), "n1")
    nominator.add(PodInfo(pod("deleted")), "n1")
    assert [p.name for p in nominator.on_node("n1")] == ["a"]
    nominator.add(first, "")
    assert nominator.on_node("n1") == []


class LastFirst(PrioritySort):
    """Has a newer `less` than the `sort_key` that it inherits."""

    def less(self, first: QueuedPodInfo, second: QueuedPodInfo) -> bool:
        return first.added > second.added


def test_a_sort_key_counts_only_if_it_is_as_new_as_less() -> None:
    assert order_of(PrioritySort(HANDLE, {}))[1] is not None
    less, sort_key = order_of(LastFirst(HANDLE, {}))
    assert sort_key is None
    heap = PodHeap(less, sort_key)
    for number in range(5):
        heap.put(QueuedPodInfo(PodInfo(pod(f"p{number}")), float(number)))
    assert [queued.info.name for queued in heap.ordered()] == ["p4", "p3", "p2", "p1", "p0"]
    assert [queued.info.name for queued in heap.top(3).first(3)] == ["p4", "p3", "p2"]
    heap.reorder(*order_of(PrioritySort(HANDLE, {})))
    assert [queued.info.name for queued in heap.first(2)] == ["p0", "p1"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "pop", "remove"]), st.integers(0, 9), st.integers(0, 3)),
        max_size=60,
    ),
    st.booleans(),
)
def test_the_heap_pops_in_order_whatever_happened_before(
    operations: list[tuple[str, int, int]], by_key: bool
) -> None:
    sort = PrioritySort(HANDLE, {})
    heap, model = PodHeap(sort.less, sort.sort_key if by_key else None), {}
    for number, (what, name, priority) in enumerate(operations):
        if what == "put":
            queued = QueuedPodInfo(PodInfo(pod(f"p{name}", priority=priority)), float(number))
            heap.put(queued)
            model[queued.key] = queued
        elif what == "remove":
            removed, expected = heap.remove(f"shop/p{name}"), model.pop(f"shop/p{name}", None)
            assert removed is expected
        else:
            best = min(model.values(), key=lambda q: (-q.info.priority, q.added), default=None)
            assert heap.pop() is best
            if best is not None:
                del model[best.key]
        assert len(heap) == len(model)
