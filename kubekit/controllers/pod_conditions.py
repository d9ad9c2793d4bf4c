"""Conditions that controllers, not the kubelet, put on pods (DisruptionTarget, Ready=False of a lost node).

Source: pkg/api/v1/pod (UpdatePodCondition).
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.sim import rfc3339


def with_condition(pod: Obj, kind: str, value: str, reason: str, message: str, now: float) -> Obj | None:
    """What to patch into `status` so that the pod has the condition, or None when it has it already."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    known = next((c for c in conditions if c["type"] == kind), None)
    condition: Obj = {
        "type": kind,
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
        "observedGeneration": pod["metadata"].get("generation", 1),
    }
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    if known is not None:
        if known.get("status") == value:
            condition["lastTransitionTime"] = known.get("lastTransitionTime")
        compared = ("status", "reason", "message", "observedGeneration")
        if all(known.get(field) == condition.get(field) for field in compared):
            return None
    return {"conditions": [condition]}
