"""Replays scheduling problems against the scheduler's framework and queue, without a cluster.

`cases-*`: one unit a case, compared in everything the recording has: PreEnqueue, PreFilter, each node's
refusal, every plugin alone, scores before and after normalising, totals, best nodes, the event's text, and
what preemption considered. `queue-*`: one unit a sequence of operations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubekit.scheduler.algorithm import Algorithm, AttemptFailed
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.cache import Cache
from kubekit.scheduler.config import SchedulerConfig
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.fit_error import FitError, NoNodesAvailable
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.framework.status import Code, NodeStatuses, Status
from kubekit.scheduler.plugins.default_preemption import DefaultPreemption
from kubekit.scheduler.preemption import best_nodes, why_not_eligible
from kubekit.scheduler.snapshot import Snapshot
from kubekit.sim import Rng
from tests.conformance.outcome import Outcome, read_jsonl, stems

Obj = dict[str, Any]

RESOURCES = {
    "namespaces": "namespaces",
    "services": "services",
    "replicasets.apps": "replicaSets",
    "persistentvolumeclaims": "pvcs",
    "persistentvolumes": "pvs",
    "storageclasses.storage.k8s.io": "storageClasses",
    "csinodes.storage.k8s.io": "csiNodes",
    "poddisruptionbudgets.policy": "pdbs",
}
"""Where a recording keeps the objects of each resource that plugins read."""

NOW = 1_900_000_000.0
"""Later than every time in the recordings."""


class RecordedLister:
    """The objects of one resource, as they are in the recording."""

    def __init__(self, objects: list[Obj]) -> None:
        self._by_key = {_key(obj): obj for obj in objects}

    def get(self, key: str) -> Obj | None:
        return self._by_key.get(key)

    def list(self) -> list[Obj]:
        return list(self._by_key.values())

    def by_index(self, name: str, value: str) -> list[Obj]:
        assert name == "namespace"
        return [obj for obj in self._by_key.values() if obj["metadata"].get("namespace", "") == value]


class RecordedHandle:
    """What plugins see of a recorded cluster."""

    client = None

    def __init__(self, case: Obj) -> None:
        self._listers = {
            resource: RecordedLister(case.get(field) or []) for resource, field in RESOURCES.items()
        }
        self.snapshot = Snapshot()
        cache = Cache()
        for node in case["nodes"]:
            cache.add_node(node)
        for pod in case["existingPods"]:
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                cache.add_pod(pod)
        cache.update_snapshot(self.snapshot)
        self._nominated: dict[str, list[PodInfo]] = {}
        for pod in [*(case.get("pendingPods") or ()), case["pod"]]:
            info = PodInfo(pod)
            if info.nominated_node:
                self._nominated.setdefault(info.nominated_node, []).append(info)
        self.victims: tuple[str, list[str]] | None = None

    def lister(self, resource: str) -> RecordedLister:
        return self._listers.get(resource) or RecordedLister([])

    def now(self) -> float:
        return NOW

    def choose(self, items: list[str]) -> str:
        return items[0]

    def nominated_pods(self, node: str) -> list[PodInfo]:
        return self._nominated.get(node, [])

    def nominated_nodes(self) -> list[str]:
        return list(self._nominated)

    def preempt(self, pod: PodInfo, node: str, victims: list[PodInfo], framework: Framework) -> None:
        self.victims = (node, [victim.name for victim in victims])

    def preempting(self, pod: PodInfo) -> bool:
        return False


def _key(obj: Obj) -> str:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def _status(status: Status) -> Obj:
    shown: Obj = {"code": status.code.text, "reasons": sorted(status.reasons)}
    if status.plugin:
        shown["plugin"] = status.plugin
    return shown


def decide(case: Obj) -> Obj:
    """What this scheduler answers to a recorded case, in the form of the recording's `expect`."""
    handle = RecordedHandle(case)
    framework = SchedulerConfig({"percentageOfNodesToScore": 100}).build(handle)["default-scheduler"]
    pod = PodInfo(case["pod"])
    direct = bool(pod.node_name)
    result: Obj = {"direct": True} if direct else {}
    gate = None if direct else framework.run_pre_enqueue(pod)
    if gate is not None:
        refusals = [
            _status(status.by(plugin.name))
            for plugin in framework.points["PreEnqueue"]
            if (status := plugin.pre_enqueue(pod)) is not None  # type: ignore[attr-defined]
        ]
        return {"gated": {"plugin": gate.plugin, "preEnqueue": refusals}}
    _observe_filters(case, handle, framework, pod, result)
    _observe_cycle(handle, framework, pod, result, direct)
    return result


def _observe_filters(
    case: Obj, handle: RecordedHandle, framework: Framework, pod: PodInfo, result: Obj
) -> None:
    """Run each extension point on its own, over all nodes."""
    state = CycleState()
    narrowed, refusal, _ = framework.run_pre_filter(state, pod)
    result["preFilter"] = pre = _status(refusal) if refusal is not None else {"code": "Success"}
    if narrowed is not None and refusal is None:
        pre["nodeNames"] = sorted(narrowed)
    if refusal is not None:
        return
    pre["skip"] = sorted(state.skip_filter)
    filters = framework.filters(state)
    refused: Obj = {}
    alone: Obj = {}
    feasible = []
    for node in sorted(handle.snapshot.nodes, key=lambda node: node.name):
        if narrowed is not None and node.name not in narrowed:
            continue
        status = framework.run_filters_with_nominated(filters, state, pod, node)
        if status is None:
            feasible.append(node)
        else:
            refused[node.name] = _status(status)
        each = [_status(s.by(name)) for name, check in filters if (s := check(state, pod, node)) is not None]
        if each:
            alone[node.name] = each
    result.update(filter=refused, filterEach=alone, feasible=[node.name for node in feasible])
    if not feasible:
        return
    attempt = Attempt(pod, framework)
    attempt.feasible = feasible
    Algorithm(handle.snapshot, Rng(0), 100).prioritize(framework, state, pod, feasible, attempt)
    result["preScoreSkip"] = sorted(attempt.skip_score)
    result["scores"] = {
        row.plugin: {"raw": row.raw, "norm": row.normalized, "weighted": row.weighted}
        for row in attempt.scores
    }
    result["totals"] = attempt.totals
    result["best"] = sorted(attempt.best())


def _observe_cycle(
    handle: RecordedHandle, framework: Framework, pod: PodInfo, result: Obj, direct: bool
) -> None:
    """Run the whole algorithm, and preemption if nothing fits."""
    state = CycleState()
    attempt = Attempt(pod, framework)
    try:
        chosen = Algorithm(handle.snapshot, Rng(0), 100).schedule(framework, state, pod, attempt)
    except NoNodesAvailable as error:
        result["error"] = result["event"] = str(error)
        return
    except AttemptFailed as failed:
        result["error"] = failed.status.message
        return
    except FitError as error:
        result["fitError"] = error.text
        result["feasible"] = []
        result["unschedulablePlugins"] = sorted(error.diagnosis.unschedulable_plugins)
        statuses = error.diagnosis.statuses
        absent = {
            name: _status(statuses.absent) for name in handle.snapshot.by_name if name not in statuses.by_node
        }
        if absent:
            result["absent"] = absent
        if not direct:
            _observe_preemption(handle, framework, pod, state, statuses, result)
            nominated, status = framework.run_post_filter(state, pod, statuses)
            error.diagnosis.post_filter_message = status.message
            result["event"] = error.text
            result["preemption"]["nominating"] = (
                "keep" if nominated is None else "set" if nominated else "clear"
            )
        return
    if attempt.via_nominated_node:
        result["viaNominatedNode"] = True
        result["best"] = [chosen]
    result["chosen"] = chosen
    result["evaluatedNodes"] = len(attempt.feasible) + len(attempt.diagnosis.statuses)
    result["feasibleNodes"] = len(attempt.feasible)


def _observe_preemption(
    handle: RecordedHandle,
    framework: Framework,
    pod: PodInfo,
    state: CycleState,
    statuses: NodeStatuses,
    result: Obj,
) -> None:
    result["preemption"] = seen = {}
    seen["potentialNodes"] = []
    if "DynamicResources" not in state.data:
        return  # its PostFilter fails before preemption is asked
    ineligible = why_not_eligible(pod, statuses.get(pod.nominated_node), handle)  # type: ignore[arg-type]
    if ineligible:
        result["preemption"] = {"ineligible": ineligible}
        return
    plugin = next(p for p in framework.points["PostFilter"] if isinstance(p, DefaultPreemption))
    seen["potentialNodes"] = sorted(statuses.with_code(Code.UNSCHEDULABLE, handle.snapshot.by_name))
    candidates, refusals = plugin.candidates(state, pod, statuses)
    if not seen["potentialNodes"]:
        return
    seen["candidates"] = {
        c.node: {"victims": [victim.key for victim in c.victims], "pdbViolations": c.violations}
        for c in candidates
    }
    seen["rejected"] = {name: _status(status) for name, status in refusals.items()}
    if candidates:
        seen["best"] = sorted(best_nodes(candidates, NOW))


def differences(expected: Obj, found: Obj) -> list[str]:
    """What differs, field by field."""
    found = dict(found)
    chosen = found.pop("chosen", None)
    wrong = []
    for field in sorted({*expected, *found}):
        mine, theirs = found.get(field), expected.get(field)
        if field == "preemption" and mine is not None and theirs is not None:
            keys = sorted({*mine, *theirs})
            wrong += [
                f"preemption.{k}: {mine.get(k)} != {theirs.get(k)}"
                for k in keys
                if mine.get(k) != theirs.get(k)
            ]
        elif mine != theirs:
            wrong.append(f"{field}: {mine} != {theirs}")
    if chosen is not None and chosen not in expected.get("best", ()):
        wrong.append(f"chosen: {chosen} not in {expected.get('best')}")
    return wrong


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay a folder of recordings; `category` limits it to one file or to names that contain it."""
    outcome = Outcome()
    for name in stems(folder, "cases-*") + stems(folder, "queue-*"):
        for case in read_jsonl(folder, name):
            if (
                category
                and category not in (case["category"], name.removesuffix(".jsonl"))
                and category not in case["name"]
            ):
                continue
            if name.startswith("queue-"):
                from tests.conformance.scheduler_queue import replay_queue

                wrong = replay_queue(case)
            else:
                wrong = differences(case["expect"], decide(case))
            outcome.count(not wrong, case["name"], "; ".join(wrong)[:2000])
    return outcome
