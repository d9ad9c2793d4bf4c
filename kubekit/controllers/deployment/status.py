"""What a Deployment says about itself: counts, Available, Progressing, and the deadline for progress.

`rollout_status` is called at the end of each step of a rollout, `plain_status` when it is paused, scaled or
being deleted. Progress means: more updated, ready or available pods, or fewer old ones; when there was none
for `progressDeadlineSeconds`, Progressing turns False. Nothing is rolled back by that. Sources:
pkg/controller/deployment/sync.go (calculateStatus) and progress.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.api.meta import Obj
from kubekit.controllers.deployment.rollout import Rollout, total, total_size
from kubekit.controllers.replica_status import without_zeros
from kubekit.sim import parse_rfc3339, rfc3339


def find(status: Obj, kind: str) -> Obj | None:
    """The condition of that type."""
    return next((c for c in status.get("conditions") or () if c["type"] == kind), None)


def new_condition(rollout: Rollout, kind: str, value: str, reason: str, message: str) -> Obj:
    """A condition as of now."""
    now = rfc3339(rollout.controller.clock.now())
    return {
        "type": kind,
        "status": value,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def put(status: Obj, condition: Obj) -> None:
    """Put a condition in place, last; the same status and reason as before changes nothing."""
    conditions = status.get("conditions") or []
    known = next((c for c in conditions if c["type"] == condition["type"]), None)
    if known is not None and known["status"] == condition["status"]:
        if known.get("reason") == condition.get("reason"):
            return
        condition = {**condition, "lastTransitionTime": known["lastTransitionTime"]}
    status["conditions"] = [c for c in conditions if c["type"] != condition["type"]] + [condition]


def take_out(status: Obj, kind: str) -> None:
    """Remove a condition."""
    conditions = [c for c in status.get("conditions") or () if c["type"] != kind]
    if conditions:
        status["conditions"] = conditions
    else:
        status.pop("conditions", None)


def calculate(rollout: Rollout, sets: Sequence[Obj | None], new: Obj | None) -> Obj:
    """The status that the sets' status adds up to."""
    available = total(sets, "availableReplicas")
    terminating: int | None = 0
    for one in sets:
        counts = (one or {}).get("status") or {}
        if one is None or (not counts.get("observedGeneration") and "terminatingReplicas" not in counts):
            continue
        if "terminatingReplicas" not in counts:
            terminating = None
            break
        terminating = (terminating or 0) + counts["terminatingReplicas"]
    status = without_zeros(
        {
            "observedGeneration": rollout.deployment["metadata"].get("generation", 0),
            "replicas": total(sets, "replicas"),
            "updatedReplicas": total([new], "replicas"),
            "readyReplicas": total(sets, "readyReplicas"),
            "availableReplicas": available,
            "unavailableReplicas": max(0, total_size(sets) - available),
        }
    )
    if terminating is not None:
        status["terminatingReplicas"] = terminating
    if rollout.status.get("collisionCount") is not None:
        status["collisionCount"] = rollout.status["collisionCount"]
    if rollout.status.get("conditions"):
        status["conditions"] = list(rollout.status["conditions"])
    if available >= rollout.replicas - rollout.max_unavailable:
        reason, text = "MinimumReplicasAvailable", "Deployment has minimum availability."
        put(status, new_condition(rollout, "Available", "True", reason, text))
    else:
        reason, text = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
        put(status, new_condition(rollout, "Available", "False", reason, text))
    return status


def plain_status(rollout: Rollout, sets: Sequence[Obj | None], new: Obj | None) -> None:
    """Write the status if it changed, without judging progress."""
    _write(rollout, calculate(rollout, sets, new))


def rollout_status(rollout: Rollout, sets: Sequence[Obj | None], new: Obj | None) -> None:
    """Write the status if it changed, and judge the rollout's progress."""
    status = calculate(rollout, sets, new)
    if rollout.deadline is None:
        take_out(status, "Progressing")
    current = find(rollout.status, "Progressing")
    finished_before = (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current is not None
        and current.get("reason") == "NewReplicaSetAvailable"
    )
    if rollout.deadline is not None and not finished_before:
        _judge(rollout, status, current, new)
    failure = _failure_of(sets, new)
    if failure is not None:
        put(status, failure)
    else:
        take_out(status, "ReplicaFailure")
    if not _write(rollout, status):
        _look_again_at_deadline(rollout, status)


def _judge(rollout: Rollout, status: Obj, current: Obj | None, new: Obj | None) -> None:
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new is not None else f'Deployment "{rollout.name}"'
    if is_complete(rollout, status):
        text = f"{name} has successfully progressed."
        put(status, new_condition(rollout, "Progressing", "True", "NewReplicaSetAvailable", text))
    elif _has_progressed(rollout.status, status):
        text = f"{name} is progressing."
        condition = new_condition(rollout, "Progressing", "True", "ReplicaSetUpdated", text)
        if current is not None:
            if current["status"] == "True":
                condition["lastTransitionTime"] = current["lastTransitionTime"]
            take_out(status, "Progressing")
        put(status, condition)
    elif _has_timed_out(rollout, status):
        text = f"{name} has timed out progressing."
        put(status, new_condition(rollout, "Progressing", "False", "ProgressDeadlineExceeded", text))


def is_complete(rollout: Rollout, status: Obj) -> bool:
    """Whether all pods are updated and available and no old one is left."""
    wanted = rollout.replicas
    return bool(
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= rollout.deployment["metadata"].get("generation", 0)
    )


def _has_progressed(old: Obj, new: Obj) -> bool:
    def outdated(status: Obj) -> int:
        left: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return left

    return outdated(new) < outdated(old) or any(
        new.get(field, 0) > old.get(field, 0)
        for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _has_timed_out(rollout: Rollout, status: Obj) -> bool:
    condition = find(status, "Progressing")
    if condition is None or condition.get("reason") == "NewReplicaSetAvailable":
        return False
    if condition.get("reason") == "ProgressDeadlineExceeded":
        return True
    since = parse_rfc3339(condition["lastUpdateTime"])
    return since + (rollout.deadline or 0) < rollout.controller.clock.now()


def _failure_of(sets: Sequence[Obj | None], new: Obj | None) -> Obj | None:
    """The ReplicaFailure of the new set, or else of another."""
    for one in (new, *sets):
        for condition in ((one or {}).get("status") or {}).get("conditions") or ():
            if condition["type"] == "ReplicaFailure":
                return {**condition, "lastUpdateTime": condition["lastTransitionTime"]}
    return None


def _write(rollout: Rollout, status: Obj) -> bool:
    if status == rollout.status:
        return False
    rollout.deployment["status"] = status
    rollout.write_status()
    return True


def _look_again_at_deadline(rollout: Rollout, status: Obj) -> None:
    """Nothing changed: come back when the deadline has passed, unless the rollout is over."""
    current = find(rollout.status, "Progressing")
    if rollout.deadline is None or current is None:
        return
    if is_complete(rollout, status) or current.get("reason") == "ProgressDeadlineExceeded":
        return
    controller = rollout.controller
    key = f"{rollout.namespace}/{rollout.name}"
    after = parse_rfc3339(current["lastUpdateTime"]) + rollout.deadline - controller.clock.now()
    if after < 1.0:
        controller.queue.add_after(key, 1.0, background=True)
    else:
        controller.queue.add_after(key, after + 1.0, background=True)
