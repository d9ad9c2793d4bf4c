"""The compact summaries in which the recordings tell an object's history, state by state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Obj = dict[str, Any]


def conditions_of(status: Obj) -> dict[str, str]:
    """Each condition as "True" or "False/Reason"."""
    found = {}
    for condition in status.get("conditions") or ():
        reason = condition.get("reason")
        found[condition["type"]] = f"{condition['status']}/{reason}" if reason else condition["status"]
    return found


def plain_counts(status: Obj) -> Obj:
    """The numbers in a status but for the observed generation."""
    return {
        key: value
        for key, value in status.items()
        if isinstance(value, int)
        and not isinstance(value, bool)
        and key not in ("observedGeneration", "collisionCount")
    }


def _workload(obj: Obj) -> Obj:
    meta, status = obj["metadata"], obj.get("status") or {}
    state: Obj = {
        "generation": meta.get("generation"),
        "observedGeneration": status.get("observedGeneration"),
        "status": plain_counts(status),
    }
    if "replicas" in obj["spec"] and obj["kind"] != "DaemonSet":
        state["spec.replicas"] = obj["spec"]["replicas"]
    revision = (meta.get("annotations") or {}).get("deployment.kubernetes.io/revision")
    if revision:
        state["revision"] = revision
    if obj["spec"].get("paused"):
        state["paused"] = True
    conditions = conditions_of(status)
    if conditions:
        state["conditions"] = conditions
    return state


def _pod(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    meta = obj["metadata"]
    state: Obj = {
        "phase": status.get("phase"),
        "scheduled": bool(obj["spec"].get("nodeName")),
        "images": [c.get("image") for c in obj["spec"].get("containers") or ()],
        "conditions": conditions_of(status),
    }
    owners = [f"{ref['kind']}/{ref['name']}" for ref in meta.get("ownerReferences") or ()]
    if owners:
        state["owner"] = owners
    containers = []
    fields = ("initContainerStatuses", "containerStatuses")
    for one in [one for field in fields for one in status.get(field) or ()]:
        kind = next(iter(one.get("state") or {}), "")
        reason = ((one.get("state") or {}).get(kind) or {}).get("reason")
        text = f"{one['name']}:{kind}" + (f"/{reason}" if reason else "")
        text += "" if one.get("ready") else " not-ready"
        text += f" restarts={one['restartCount']}" if one.get("restartCount") else ""
        containers.append(text)
    if containers:
        state["containers"] = containers
    if status.get("podIP"):
        state["podIP"] = True
    return state


def _slice(obj: Obj) -> Obj:
    rows = []
    for endpoint in obj.get("endpoints") or ():
        conditions = endpoint.get("conditions") or {}
        target = (endpoint.get("targetRef") or {}).get("kind")
        rows.append([*(conditions.get(f) for f in ("ready", "serving", "terminating")), target])
    return {"endpoints": sorted(rows, key=str), "ports": obj.get("ports") or None}


def _job(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    counts = plain_counts(status)
    for field in ("completedIndexes", "failedIndexes"):
        if field in status:
            counts[field] = status[field]
    if "uncountedTerminatedPods" in status:
        uncounted = status["uncountedTerminatedPods"]
        counts["uncountedTerminatedPods"] = {kind: len(uids) for kind, uids in uncounted.items()}
    state: Obj = {
        "status": counts,
        "started": bool(status.get("startTime")),
        "completed": bool(status.get("completionTime")),
    }
    if obj["spec"].get("suspend"):
        state["suspend"] = True
    if conditions := conditions_of(status):
        state["conditions"] = conditions
    return state


def _cron(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    return {
        "active": [one["name"] for one in status.get("active") or ()],
        "lastSchedule": bool(status.get("lastScheduleTime")),
        "lastSuccessful": bool(status.get("lastSuccessfulTime")),
    }


def _hpa(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    counts = {
        k: v for k, v in status.items() if k in ("currentMetrics", "currentReplicas", "desiredReplicas")
    }
    state: Obj = {"status": {"currentMetrics": None, **counts}}
    if conditions := conditions_of(status):
        state["conditions"] = conditions
    return state


def _budget(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    counts = plain_counts(status)
    if "observedGeneration" in status:
        counts["observedGeneration"] = status["observedGeneration"]
    if status.get("disruptedPods"):
        counts["disruptedPods"] = status["disruptedPods"]
    state: Obj = {"status": counts}
    if conditions := conditions_of(status):
        state["conditions"] = conditions
    return state


def _claim(obj: Obj) -> Obj:
    return {
        "phase": (obj.get("status") or {}).get("phase"),
        "volume": obj["spec"].get("volumeName"),
        "storageClass": obj["spec"].get("storageClassName"),
    }


SUMMARIES: dict[str, Callable[[Obj], Obj]] = {
    "deployments": _workload,
    "replicasets": _workload,
    "replicationcontrollers": _workload,
    "statefulsets": _workload,
    "daemonsets": _workload,
    "pods": _pod,
    "endpointslices": _slice,
    "jobs": _job,
    "cronjobs": _cron,
    "horizontalpodautoscalers": _hpa,
    "poddisruptionbudgets": _budget,
    "persistentvolumeclaims": _claim,
    "resourcequotas": lambda obj: {"used": (obj.get("status") or {}).get("used")},
}


def state_of(resource: str, event: str, obj: Obj) -> Obj:
    """One state of an object's history."""
    if event == "DELETED":
        return {"event": "DELETED"}
    state = {"event": event, **SUMMARIES[resource](obj)}
    if obj["metadata"].get("deletionTimestamp"):
        state["deleting"] = True
    if obj["metadata"].get("finalizers"):
        state["finalizers"] = obj["metadata"]["finalizers"]
    return state


def _is_subsequence(short: list[Obj], long: list[Obj]) -> bool:
    rest = iter(long)
    return all(any(state == other for other in rest) for state in short)


def same_history(recorded: list[Obj], ours: list[Obj]) -> bool:
    """Whether both begin and end alike and one only skips states of the other.

    Where several changes fall into one moment, one of the two runs shows fewer states.
    """
    if not recorded or not ours or recorded[-1] != ours[-1] or recorded[0] != ours[0]:
        return False
    return _is_subsequence(ours, recorded) or _is_subsequence(recorded, ours)
