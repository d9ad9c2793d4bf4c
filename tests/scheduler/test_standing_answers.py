"""Answers that stand from one pod to the next: who is asked again, and when everybody is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubekit.scheduler import Plugin, Status, unschedulable
from kubekit.scheduler.algorithm import Algorithm, AttemptFailed
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.cache import Cache
from kubekit.scheduler.config import SchedulerConfig
from kubekit.scheduler.framework import standing_answers
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.standing_answers import may_stand
from kubekit.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kubekit.scheduler.snapshot import Snapshot
from kubekit.scheduler.what_if import Bystander
from kubekit.sim import Rng
from tests.scheduler.world import node, pod

Obj = dict[str, Any]
HANDLE: Any = None
SOFT = {"key": "k", "effect": "PreferNoSchedule"}


class Room:
    """Some nodes, and one decision after the other, each in both ways."""

    def __init__(self, size: int = 20) -> None:
        self.cache, self.snapshot = Cache(), Snapshot()
        for number in range(size):
            self.cache.add_node(node(f"n{number:02}"))
        self.framework = SchedulerConfig().build(Bystander(self.snapshot))["default-scheduler"]
        self.pods = 0

    def decide(self, **more: Any) -> tuple[Attempt, CycleState]:
        """One pod, placed; what arrays said is what one node after the other says."""
        self.cache.update_snapshot(self.snapshot)
        self.pods += 1
        info = PodInfo(pod(f"p{self.pods}", **more))
        attempts: list[tuple[Attempt, CycleState]] = []
        for arrays in (False, True):
            attempt, state = Attempt(info, self.framework), CycleState()
            algorithm = Algorithm(self.snapshot, Rng(0), 0, arrays)
            algorithm.schedule(self.framework, state, info, attempt)
            attempts.append((attempt, state))
        (slow, _), (fast, state) = attempts
        assert (fast.node, fast.totals, fast.steps()) == (slow.node, slow.totals, slow.steps())
        self.cache.assume(info.on_node(fast.node))
        return fast, state


class Watchful(Plugin):
    """Keeps count of whom it was asked about."""

    name = "Watchful"
    asked: list[str]

    def besides(self, pod: PodInfo, table: Any) -> tuple[()]:
        return ()

    def filter(self, state: Any, pod: PodInfo, node: Any) -> Status | None:
        self.asked.append(node.name)
        return unschedulable("has pods") if node.pods else None

    def score(self, state: Any, pod: PodInfo, node: Any) -> int:
        return 50 - len(node.pods)


def watched(room: Room) -> list[str]:
    plugin = Watchful(HANDLE, {})
    plugin.asked = []
    room.framework.add(plugin, 2)
    return plugin.asked


def test_after_one_pod_one_node_is_asked() -> None:
    room = Room()
    asked = watched(room)
    for _ in range(3):  # the second pod of a kind makes them stand
        room.decide()
    asked.clear()
    last = room.decide()[0].node
    assert len(asked) == 20 + 1 and asked[-1] != last, "twenty by node, one by arrays"
    assert asked[-1] in {known.node_name for known in room.cache.pods.values()}


def test_other_demands_are_another_kind() -> None:
    room = Room()
    room.decide(cpu="2")
    more: Obj
    for more in ({"cpu": "1"}, {"tolerations": [{"operator": "Exists"}]}, {"memory": "1Gi"}):
        assert room.decide(cpu="2")[1].standing is not None
        assert room.decide(**more)[1].standing is None
    assert len({PodInfo(pod("p", cpu=cpu)).demands for cpu in ("1", "1000m", "2")}) == 2


def test_a_soft_taint_that_comes_and_goes() -> None:
    room = Room()
    for taints in ([], [], [], [SOFT], [SOFT], [], []):
        room.cache.update_node(room.cache.nodes["n05"].node, node("n05", taints=taints))
        attempt, state = room.decide()
        row = next(row for row in attempt.scores if row.plugin == "TaintToleration")
        assert set(row.normalized) == ({0, 100} if taints else {100})
    assert state.standing is not None


def test_a_node_that_comes_makes_everything_new() -> None:
    room = Room()
    room.decide()
    assert room.decide()[1].standing is not None
    room.cache.add_node(node("n99"))
    assert room.decide()[1].standing is None and room.decide()[1].standing is not None


def test_another_weight_or_plugin_makes_everything_new() -> None:
    room = Room()
    change: Callable[[], Any]
    for change in (lambda: room.framework.weigh("NodeResourcesFit", 7), lambda: watched(room)):
        room.decide()
        assert room.decide()[1].standing is not None
        change()
        assert room.decide()[1].standing is None and room.decide()[1].standing is not None


def test_an_image_ends_what_stood_about_images() -> None:
    room = Room()
    for _ in range(3):
        room.decide(image="big")
    images = [{"names": ["big:latest"], "sizeBytes": 900 * 1024 * 1024}]
    for name in ("n03", "n04"):
        room.cache.update_node(room.cache.nodes[name].node, node(name, images=images))
        attempt, _ = room.decide(image="big")
    row = next(row for row in attempt.scores if row.plugin == "ImageLocality")
    assert len(set(row.raw)) == 2


def test_pods_that_come_seldom_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_answers, "KEPT_KINDS", 2)
    room = Room()
    room.decide(cpu="1")
    assert room.decide(cpu="1")[1].standing is not None
    for cpu in ("2", "3", "4"):
        room.decide(cpu=cpu)
    assert room.decide(cpu="1")[1].standing is None


def test_a_kind_that_comes_often_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_answers, "KEPT_KINDS", 3)
    room = Room()
    room.decide(cpu="1")
    for number in range(8):
        assert room.decide(cpu="1")[1].standing is not None
        room.decide(cpu=f"{number}m")


class Fickle(Watchful):
    """Overrides an answer without saying what it depends on."""

    def score(self, state: Any, pod: PodInfo, node: Any) -> int:
        return 1


class Broken(Watchful):
    """Fails for one node, once pods are on it."""

    name = "Broken"

    def score(self, state: Any, pod: PodInfo, node: Any) -> int:
        return 1 // (0 if len(node.pods) else 1)


def test_who_may_stand() -> None:
    assert may_stand(Watchful(HANDLE, {})) and not may_stand(Fickle(HANDLE, {}))
    assert may_stand(NodeResourcesFit(HANDLE, {}))
    own = type("OwnFit", (NodeResourcesFit,), {"filter": lambda *args: None})
    assert not may_stand(own(HANDLE, {}))


def test_what_fails_is_asked_and_tells() -> None:
    room = Room(3)
    broken = Broken(HANDLE, {})
    broken.asked = []
    broken.filter = lambda state, pod, node: None  # type: ignore[method-assign]  # only its scores matter
    room.framework.add(broken, 1)
    room.decide()
    texts = []
    for _ in range(3):
        with pytest.raises(AttemptFailed) as failed:
            room.decide()
        texts.append(failed.value.status.message)
        room.cache.update_snapshot(room.snapshot)
        info = PodInfo(pod("again"))
        with pytest.raises(AttemptFailed) as by_arrays:
            Algorithm(room.snapshot, Rng(0), 0, True).schedule(
                room.framework, CycleState(), info, Attempt(info, room.framework)
            )
        assert by_arrays.value.status.message == texts[-1]
    assert 'plugin "Broken" failed' in texts[0]
