"""Asking for all nodes at once: same answers as recorded, only where it pays, and kept up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kubekit.scheduler import Plugin, unschedulable
from kubekit.scheduler.algorithm import ARRAYS_FROM, Algorithm
from kubekit.scheduler.cache import Cache
from kubekit.scheduler.framework.array_runtime import array_form
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kubekit.scheduler.snapshot import Snapshot
from tests.conformance.outcome import GOLDEN
from tests.conformance.scheduler import run
from tests.scheduler.world import World, node, pod

Obj = dict[str, Any]
HANDLE: Any = None


def test_the_recordings_with_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Algorithm, "uses_arrays", lambda self: True)
    outcome = run(GOLDEN / "scheduler")
    assert outcome.passed > 1000 and outcome.misses == []


def test_a_small_cluster_never_imports_numpy() -> None:
    program = """
import sys
from tests.scheduler.world import World, node, pod
World(*(node(f"n{i}") for i in range(8))).put(pod("web"))
print("numpy" in sys.modules)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "False"


def test_the_size_decides_unless_somebody_did() -> None:
    few, many = World(node("n1")), World(*(node(f"n{i}") for i in range(ARRAYS_FROM)))
    assert [world.scheduler.algorithm.uses_arrays() for world in (few, many)] == [False, False]
    for world in (few, many):
        world.put(pod("web"))
    assert [world.scheduler.algorithm.uses_arrays() for world in (few, many)] == [False, True]
    few.scheduler.algorithm.arrays, many.scheduler.algorithm.arrays = True, False
    assert [world.scheduler.algorithm.uses_arrays() for world in (few, many)] == [True, False]


class OwnFit(NodeResourcesFit):
    """Overrides what is asked node by node, and nothing else."""

    def filter(self, state: Any, pod: Any, node: Any) -> Any:
        return unschedulable("no")


def test_an_overridden_method_counts() -> None:
    assert array_form(NodeResourcesFit(HANDLE, {}), "filter") is not None
    assert array_form(OwnFit(HANDLE, {}), "filter") is None
    assert array_form(OwnFit(HANDLE, {}), "score") is not None


def test_one_more_pod_computes_one_row() -> None:
    cache, snapshot = Cache(), Snapshot()
    for number in range(50):
        cache.add_node(node(f"n{number}"))
    cache.update_snapshot(snapshot)
    asked: list[str] = []

    def pods(info: Any) -> int:
        asked.append(info.name)
        return len(info.pods)

    assert snapshot.table.column("test", pods).sum() == 0 and len(asked) == 50
    asked.clear()
    cache.assume(PodInfo(pod("p", on="n7")))
    cache.update_snapshot(snapshot)
    assert snapshot.table.column("test", pods)[7] == 1 and asked == ["n7"]
    counted: list[str] = []

    def means(info: PodInfo) -> bool:
        counted.append(info.name)
        return True

    assert snapshot.table.count("all", means).rows[7] == 1 and counted == ["p"]
    cache.assume(PodInfo(pod("q", on="n7")))
    cache.assume(PodInfo(pod("r", on="n8", labels={"app": "web"})))
    cache.update_snapshot(snapshot)
    known = snapshot.table.count("all", means)
    assert known.rows.sum() == 3 and counted == ["p", "r"], "pods alike are asked about once"
    assert known.sums("kubernetes.io/hostname").tolist() == known.rows.tolist()
    cache.remove_pod("uid-p")
    cache.update_snapshot(snapshot)
    known = snapshot.table.count("all", means)
    assert known.rows[7] == known.sums("kubernetes.io/hostname")[7] == 1


class NoFives(Plugin):
    """A learner's plugin among arrays."""

    name = "NoFives"

    def filter(self, state: Any, pod: Any, node: Any) -> Any:
        return unschedulable(f"{node.name} ends in five") if node.name.endswith("5") else None


def test_a_learner_s_plugin_among_many_nodes() -> None:
    taint = {"key": "k", "effect": "NoSchedule"}
    world = World(*(node(f"n{i:03}", taints=[taint] if i % 2 else []) for i in range(80)))
    world.scheduler.register(NoFives)
    world.put(pod("web"), pod("easy", tolerations=[{"operator": "Exists"}]))
    first, second = world.scheduler.attempts
    assert len(first.feasible) == 40 and len(second.feasible) == 72
    refused = second.diagnosis.statuses.by_node
    assert refused["n005"].reasons == ("n005 ends in five",)
    steps = {step.asked: step for step in first.steps()}
    assert len(steps["Filter TaintToleration"].figures["refused"]) == 40


def test_the_record_of_many_nodes_is_complete_and_plain() -> None:
    world = World(*(node(f"n{i:03}", cpu="1" if i % 3 else "8") for i in range(90)))
    world.put(pod("web", cpu="2"))
    record = world.loop.trace.of("pod/shop/web")[0].to_json()
    steps = {step["asked"]: step for step in record["steps"]}
    assert len(steps["Filter NodeResourcesFit"]["figures"]["refused"]) == 60
    scores = steps["Score NodeResourcesFit"]["figures"]
    assert set(map(type, scores["raw"].values())) == {int} and len(scores["weighted"]) == 30
    assert len(record["came_in"]["nodes"]) == 90
    world.put(pod("huge", cpu="20"))
    assert "90 Insufficient cpu" in world.condition("huge")["message"]


def test_the_detail_of_many_nodes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubekit.scheduler.scheduler.DETAILED_NODES", 250)
    world = World(*(node(f"n{i:03}") for i in range(100)))
    world.put(*(pod(f"p{i}") for i in range(5)))
    attempts = list(world.scheduler.attempts)
    assert [attempt.trimmed for attempt in attempts] == [True, True, True, False, False]
    assert len(attempts[0].totals) == 10 and len(attempts[4].totals) == 100
    assert attempts[0].node in attempts[0].steps()[-2].asked
