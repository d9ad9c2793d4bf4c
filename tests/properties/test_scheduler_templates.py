"""Answers that stand from one pod of a template to the next are those that would be given anew.

As `test_scheduler_arrays`, with pods of few templates one after the other, so that most attempts ask hardly
anybody; in between nodes come, go and change labels and taints, pods come, leave and change, others are
promised nodes, services appear and disappear. `KUBEKIT_NIGHTLY=1` makes it 20,000 attempts; a failure prints
the seed of its world, which `KUBEKIT_SEED=<seed>` repeats alone.
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Any

import pytest

from kubekit.scheduler import Plugin, Status, unschedulable
from kubekit.scheduler.algorithm import Algorithm
from kubekit.scheduler.cache import Cache
from kubekit.scheduler.config import SchedulerConfig
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.snapshot import Snapshot
from kubekit.sim import Rng
from tests.properties.scheduler_worlds import FakeHandle, Randomness
from tests.properties.test_scheduler_arrays import CHUNK, NIGHTLY, PROFILES, Picky, decide, seeds

Obj = dict[str, Any]

ATTEMPTS_A_WORLD = 20
WORLDS = 1000 if NIGHTLY else 60


class Steady(Plugin):
    """A plugin from outside that says what its answers depend on; it has no array form."""

    name = "Steady"

    def besides(self, pod: PodInfo, table: Any) -> Hashable | None:
        return (pod.labels.get("app"), len(pod.labels)) if pod.namespace == "shop" else None

    def pre_filter(self, state: Any, pod: PodInfo, nodes: Any) -> Status | None:
        state.write("steady", 3 if pod.labels.get("app") == "web" else 5)
        return None

    def filter(self, state: Any, pod: PodInfo, node: Any) -> Status | None:
        every = state.read("steady")
        return unschedulable(f"node {node.name} is full") if len(node.pods) % every == 2 else None

    def pre_score(self, state: Any, pod: PodInfo, nodes: Any) -> None:
        state.write("steadier", len(pod.labels))

    def score(self, state: Any, pod: PodInfo, node: Any) -> int:
        return len(node.pods) // 2 * int(state.read("steadier"))

    def normalize_score(self, state: Any, pod: PodInfo, nodes: Any, scores: list[int]) -> list[int]:
        return [min(100, 7 * score) for score in scores]


WITH_STEADY: Obj = {
    "plugins": {
        "multiPoint": {"enabled": [{"name": "Steady"}]},
        "score": {"enabled": [{"name": "Steady", "weight": 3}]},
    }
}


def framework_of(seed: int, handle: FakeHandle) -> Framework:
    profiles = [*PROFILES, WITH_STEADY, {}]
    config = SchedulerConfig({"profiles": [profiles[seed % len(profiles)]]})
    config.registry.update(Picky=Picky, Steady=Steady)
    framework: Framework = config.build(handle)["default-scheduler"]
    return framework


def run_world(seed: int) -> int:
    """One world, both ways; how many attempts could rely on answers from before."""
    chance = Randomness(seed)
    # Worlds in which somebody is the first to have affinity, a taint or an image.
    chance.rich *= chance.one([0.0, 0.1, 0.5])
    chance.pictures = chance.one([0.0, 0.1, 1.0])
    cache, snapshot = Cache(), Snapshot()
    handle = FakeHandle(snapshot, chance)
    framework = framework_of(seed, handle)
    chance.populate(cache)
    templates = chance.templates()
    chance.rich, chance.pictures = chance.rich + 0.4, chance.pictures + 0.1
    percentage = 60 if seed % 7 == 0 else 0
    slow = Algorithm(snapshot, Rng(seed), percentage, arrays=False)
    fast = Algorithm(snapshot, Rng(seed), percentage, arrays=True)
    relied = 0
    for number in range(ATTEMPTS_A_WORLD):
        cache.update_snapshot(snapshot)
        template = chance.one(templates)
        metadata = {**template["metadata"], "name": f"new{number}", "uid": f"new{number}"}
        pod = PodInfo({**template, "metadata": metadata})
        handle.nominate(chance, pod)
        if chance.often(0.1):
            handle.serve(chance)
        expected, _ = decide(slow, framework, pod)
        found, _ = decide(fast, framework, pod)
        wrong = {key for key in {*expected, *found} if expected.get(key) != found.get(key)}
        assert not wrong, f"KUBEKIT_SEED={seed} attempt {number}: {sorted(wrong)}\n" + "\n".join(
            f"{key}: {expected.get(key)} by node\n   {found.get(key)} by arrays" for key in wrong
        )
        if snapshot.nodes:
            relied += framework.standing_answers(pod, snapshot.table) is not None
        if "node" in found:
            cache.assume(pod.on_node(found["node"]))
        if chance.often(0.6):
            chance.change(cache)
        if chance.often(0.05):
            framework.weigh("TaintToleration", chance.one([1, 3, 4]))
    return relied


@pytest.mark.parametrize("first", seeds())
def test_what_stands_is_what_would_be_said(first: int) -> None:
    if os.environ.get("KUBEKIT_SEED"):
        run_world(first)
        return
    worlds = range(first, min(first + CHUNK, WORLDS))
    relied = sum(run_world(seed) for seed in worlds)
    assert relied > 0.4 * ATTEMPTS_A_WORLD * len(worlds)
