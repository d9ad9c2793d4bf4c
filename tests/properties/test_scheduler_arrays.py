"""The array path says what the readable path says: verdicts, reasons, scores and the node that is picked.

Random clusters in which nodes and pods come, go and change between attempts, so that columns are brought up
to date rather than made anew. 1,200 attempts on each run, 20,000 with KUBEKIT_NIGHTLY=1; a failure prints the
seed of its world, which `KUBEKIT_SEED=<seed>` repeats alone.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from kubekit.scheduler import Plugin, Status, unschedulable
from kubekit.scheduler.algorithm import Algorithm, AttemptFailed
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.cache import Cache
from kubekit.scheduler.config import SchedulerConfig
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.fit_error import FitError, NoNodesAvailable
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.snapshot import Snapshot
from kubekit.sim import Rng
from tests.properties.scheduler_worlds import FakeHandle, Randomness

Obj = dict[str, Any]

NIGHTLY = bool(os.environ.get("KUBEKIT_NIGHTLY"))
ATTEMPTS_A_WORLD = 20
WORLDS = 1000 if NIGHTLY else 60
CHUNK = 10


def seeds() -> list[int]:
    """The first seed of each chunk of worlds."""
    chosen = os.environ.get("KUBEKIT_SEED")
    return [int(chosen)] if chosen else list(range(0, WORLDS, CHUNK))


class Picky(Plugin):
    """A plugin without array form, in the middle of those that have one."""

    name = "Picky"

    def filter(self, state: Any, pod: Any, node: Any) -> Status | None:
        return unschedulable(f"node {node.name} is odd") if len(node.pods) % 5 == 3 else None

    def score(self, state: Any, pod: Any, node: Any) -> int:
        return min(100, len(node.pods))


PROFILES: list[Obj] = [
    {},
    {
        "plugins": {
            "multiPoint": {"disabled": [{"name": "NodeAffinity"}], "enabled": [{"name": "Picky"}]},
            "filter": {"enabled": [{"name": "Picky"}]},
            "score": {"enabled": [{"name": "Picky", "weight": 4}, {"name": "NodeResourcesFit", "weight": 3}]},
        },
        "pluginConfig": [
            {
                "name": "NodeResourcesFit",
                "args": {
                    "scoringStrategy": {
                        "type": "MostAllocated",
                        "resources": [
                            {"name": "cpu", "weight": 3},
                            {"name": "memory", "weight": 1},
                            {"name": "example.com/gpu", "weight": 5},
                        ],
                    }
                },
            },
            {"name": "InterPodAffinity", "args": {"hardPodAffinityWeight": 17}},
        ],
    },
    {
        "pluginConfig": [
            {
                "name": "NodeResourcesFit",
                "args": {
                    "ignoredResourceGroups": ["example.com"],
                    "scoringStrategy": {
                        "type": "RequestedToCapacityRatio",
                        "resources": [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 2}],
                        "requestedToCapacityRatio": {
                            "shape": [{"utilization": 0, "score": 0}, {"utilization": 70, "score": 10}]
                        },
                    },
                },
            },
            {
                "name": "NodeAffinity",
                "args": {
                    "addedAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": "gen", "operator": "NotIn", "values": ["9"]}]}
                            ]
                        },
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {
                                "weight": 5,
                                "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]},
                            }
                        ],
                    }
                },
            },
            {
                "name": "PodTopologySpread",
                "args": {
                    "defaultingType": "List",
                    "defaultConstraints": [
                        {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway"},
                        {"maxSkew": 4, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
                    ],
                },
            },
        ]
    },
]


def decide(algorithm: Algorithm, framework: Any, pod: PodInfo) -> tuple[Obj, Attempt]:
    """Everything an attempt found out, in comparable form."""
    attempt, state = Attempt(pod, framework), CycleState()
    seen: Obj = {}
    try:
        seen["node"] = algorithm.schedule(framework, state, pod, attempt)
    except FitError as error:
        seen["fit error"] = error.text
    except NoNodesAvailable:
        return {"no nodes": True}, attempt
    except AttemptFailed as failed:
        seen["failed"] = (failed.status.message, attempt.failed_on)
        return seen, attempt
    seen["skipped"] = (state.skip_filter, state.skip_score)
    seen["looked at"] = [node.name for node in attempt.nodes]
    seen["feasible"] = [node.name for node in attempt.feasible]
    seen["refused"] = {
        n: (s.code, s.reasons, s.plugin) for n, s in attempt.diagnosis.statuses.by_node.items()
    }
    seen["count"] = len(attempt.diagnosis.statuses)
    seen["refusing"] = attempt.diagnosis.unschedulable_plugins
    seen["next"] = algorithm.next_start
    seen["totals"] = attempt.totals
    seen["tied"] = attempt.tied
    for row in attempt.scores:
        seen[f"score {row.plugin}"] = (row.raw, row.normalized, row.weighted)
    return seen, attempt


def run_world(seed: int) -> None:
    """One world: attempts in both ways, with changes in between."""
    chance = Randomness(seed)
    cache, snapshot = Cache(), Snapshot()
    handle = FakeHandle(snapshot, chance)
    config = SchedulerConfig({"profiles": [PROFILES[seed % len(PROFILES)]]})
    config.registry["Picky"] = Picky
    framework = config.build(handle)["default-scheduler"]
    chance.populate(cache)
    percentage = 60 if seed % 7 == 0 else 0
    slow = Algorithm(snapshot, Rng(seed), percentage, arrays=False)
    fast = Algorithm(snapshot, Rng(seed), percentage, arrays=True)
    for number in range(ATTEMPTS_A_WORLD):
        cache.update_snapshot(snapshot)
        pod = PodInfo(chance.pod(f"new{number}"))
        handle.nominate(chance, pod)
        expected, _ = decide(slow, framework, pod)
        found, _ = decide(fast, framework, pod)
        wrong = {key for key in {*expected, *found} if expected.get(key) != found.get(key)}
        assert not wrong, f"KUBEKIT_SEED={seed} attempt {number}: {sorted(wrong)}\n" + "\n".join(
            f"{key}: {expected.get(key)} by node\n   {found.get(key)} by arrays" for key in wrong
        )
        if "node" in found:
            cache.assume(pod.on_node(found["node"]))
        chance.change(cache)


@pytest.mark.parametrize("first", seeds())
def test_arrays_and_nodes_agree(first: int) -> None:
    for seed in [first] if os.environ.get("KUBEKIT_SEED") else range(first, min(first + CHUNK, WORLDS)):
        run_world(seed)
