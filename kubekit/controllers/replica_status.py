"""The status of a ReplicaSet or ReplicationController, computed from its pods.

Called by `replicaset` after it has created or deleted what it could. The counts are those of the cache as the
reconcile saw it, not of what it has just asked for. Source: pkg/controller/replicaset/replica_set_utils.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.api.meta import Obj
from kubekit.controllers.pods import is_available, is_ready
from kubekit.sim import rfc3339


def without_zeros(counts: Obj) -> Obj:
    """Counts as the API shows them: those that are zero are left out."""
    return {name: count for name, count in counts.items() if count}


def condition_of(conditions: Sequence[Obj], kind: str) -> Obj | None:
    """The condition of that type."""
    return next((c for c in conditions if c["type"] == kind), None)


def status_of(
    owner: Obj,
    active: Sequence[Obj],
    terminating: int | None,
    failure: str | None,
    now: float,
) -> Obj:
    """The new `status`; `failure` is the refusal that kept the pods from being created or deleted.

    `terminating` is None for a ReplicationController, which does not count them.
    """
    spec, old = owner["spec"], owner.get("status") or {}
    wanted = spec.get("replicas", 1)
    template_labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    needed = template_labels.items()
    minimum = spec.get("minReadySeconds", 0)
    labeled = ready = available = 0
    for pod in active:
        if needed <= (pod["metadata"].get("labels") or {}).items():
            labeled += 1
        if is_ready(pod):
            ready += 1
            if not minimum or is_available(pod, minimum, now):
                available += 1
    conditions = list(old.get("conditions") or ())
    known = condition_of(conditions, "ReplicaFailure")
    if failure is not None and known is None:
        reason = ""
        if len(active) < wanted:
            reason = "FailedCreate"
        elif len(active) > wanted:
            reason = "FailedDelete"
        conditions.append(
            {
                "type": "ReplicaFailure",
                "status": "True",
                "lastTransitionTime": rfc3339(now),
                "reason": reason,
                "message": failure,
            }
        )
    elif failure is None and known is not None:
        conditions.remove(known)
    status: Obj = {"replicas": len(active)}
    status.update(
        without_zeros(
            {"fullyLabeledReplicas": labeled, "readyReplicas": ready, "availableReplicas": available}
        )
    )
    if terminating is not None:
        status["terminatingReplicas"] = terminating
    if old.get("observedGeneration"):
        status["observedGeneration"] = old["observedGeneration"]
    if conditions:
        status["conditions"] = conditions
    return status
