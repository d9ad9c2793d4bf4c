"""Replays recorded operations on the scheduling queue (see `tests/conformance/scheduler.py`)."""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.events import WILDCARD
from kubekit.scheduler.framework.pod_info import PodInfo, QueuedPodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.plugins.priority_sort import PrioritySort
from kubekit.scheduler.scheduling_queue import SchedulingQueue
from kubekit.sim import VirtualClock

Obj = dict[str, Any]


def replay_queue(case: Obj) -> list[str]:
    """What differs, operation by operation."""
    clock = VirtualClock()
    start = clock.now()
    framework = Framework("default-scheduler", None, {"QueueSort": [PrioritySort(None, {})]}, {})  # type: ignore[arg-type]
    queue = SchedulingQueue(
        {"default-scheduler": framework},
        clock.now,
        initial_backoff=case["podInitialBackoffMs"] / 1000,
        max_backoff=case["podMaxBackoffMs"] / 1000,
    )
    pods: dict[str, PodInfo] = {}
    popped: dict[str, QueuedPodInfo] = {}
    elapsed = 0
    wrong: list[str] = []
    for number, op in enumerate(case["ops"]):
        kind, name = op["op"], op.get("pod", "")
        if kind == "advance":
            elapsed += op["ms"]
            clock.advance_to(start + elapsed / 1000)
        elif kind == "add":
            spec = {"priority": op["priority"]} if "priority" in op else {}
            metadata = {"name": name, "namespace": "default", "uid": f"{name}-{number}"}
            pods[name] = PodInfo({"metadata": metadata, "spec": spec})
            queue.add(pods[name])
        elif kind == "pop":
            queued = queue.pop()
            found = queued.info.name if queued is not None else ""
            if queued is not None:
                popped[found] = queued
            if found != op["popped"]:
                wrong.append(f"op {number}: popped {found} != {op['popped']}")
        elif kind in ("fail", "error"):
            queued = popped[name]
            queued.forget_rejectors()
            queued.unschedulable_plugins = set(op.get("plugins") or ())
            queue.add_unschedulable(queued)
        elif kind == "moveAll":
            queue.move_all(WILDCARD, None, None)
        elif kind == "activate":
            queue.activate([pods[name]])
        elif kind == "flushBackoff":
            queue.flush_backoff()
        elif kind == "flushUnschedulable":
            queue.flush_unschedulable()
        else:
            wrong.append(f"op {number}: unknown operation {kind}")
        if "active" in op:
            wrong += _compare(number, op, queue, start)
        if wrong:
            break
    return wrong


def _compare(number: int, op: Obj, queue: SchedulingQueue, start: float) -> list[str]:
    waiting = queue.backoff.ordered()
    found: Obj = {
        "active": sorted(queued.info.name for queued in queue.active.ordered()),
        "backoff": sorted(queued.info.name for queued in waiting),
        "unschedulable": sorted(queued.info.name for queued in queue.unschedulable.values()),
        "backoffExpiryMs": {q.info.name: round((queue.backoff.until(q) - start) * 1000) for q in waiting},
    }
    return [
        f"op {number} {op['op']}: {field} {found[field]} != {op.get(field)}"
        for field in found
        if found[field] != (op.get(field) or type(found[field])())
    ]
