"""The conditions a kubelet sets on its pods, with the real reasons and messages.

Each function answers for one condition from the pod's spec and its container statuses; `lastTransitionTime`
is set later, when the status is compared with the one before. Source: `pkg/kubelet/status/generate.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubekit.api.meta import Obj
from kubekit.kubelet.restart_policy import is_sidecar

OWNED = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
OWNED_TOO = ("PodResizePending", "PodResizeInProgress", "AllContainersRestarting")
SHARED = "DisruptionTarget"
_OURS = frozenset({*OWNED, *OWNED_TOO})

Statuses = Mapping[str, Obj]


def by_kubelet(type: str) -> bool:
    """Whether the kubelet alone writes conditions of this type."""
    return type in _OURS


def condition(pod: Obj, type: str, true: bool, reason: str = "", message: str = "") -> Obj:
    """A condition of the pod's present generation."""
    out: Obj = {"type": type}
    generation = pod["metadata"].get("generation")
    if generation:
        out["observedGeneration"] = generation
    out["status"] = "True" if true else "False"
    out["lastProbeTime"] = None
    if reason:
        out["reason"] = reason
    if message:
        out["message"] = message
    return out


def containers_ready(pod: Obj, statuses: Statuses, phase: str, type: str = "ContainersReady") -> Obj:
    """True when every container (and sidecar) is ready."""
    unknown, unready = [], []
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if is_sidecar(c)]
    for container in [*sidecars, *spec["containers"]]:
        entry = statuses.get(container["name"])
        if entry is None:
            unknown.append(container["name"])
        elif not entry["ready"]:
            unready.append(container["name"])
    if phase == "Succeeded" and not unknown:
        return condition(pod, type, False, "PodCompleted")
    if phase == "Failed":
        return condition(pod, type, False, "PodFailed")
    message = _join(("unknown", unknown), ("unready", unready))
    if message:
        return condition(pod, type, False, "ContainersNotReady", message)
    return condition(pod, type, True)


def pod_ready(pod: Obj, statuses: Statuses, phase: str, others: Sequence[Obj]) -> Obj:
    """True when the containers are ready and so says every readiness gate."""
    ready = containers_ready(pod, statuses, phase, "Ready")
    if ready["status"] != "True":
        return ready
    messages = []
    known = {other["type"]: other["status"] for other in others}
    for gate in pod["spec"].get("readinessGates") or ():
        type = gate["conditionType"]
        if type not in known:
            messages.append(f'corresponding condition of pod readiness gate "{type}" does not exist.')
        elif known[type] != "True":
            messages.append(f'the status of pod readiness gate "{type}" is not "True", but {known[type]}')
    if messages:
        return condition(pod, "Ready", False, "ReadinessGatesNotReady", ", ".join(messages))
    return ready


def initialized(pod: Obj, statuses: Statuses, phase: str) -> Obj:
    """True when all init containers are through."""
    unknown, incomplete = [], []
    spec = pod["spec"]
    for container in spec.get("initContainers") or ():
        entry = statuses.get(container["name"])
        if entry is None:
            unknown.append(container["name"])
        elif not (entry.get("started") if is_sidecar(container) else entry["ready"]):
            incomplete.append(container["name"])
    if phase == "Succeeded" and not unknown:
        return condition(pod, "Initialized", True, "PodCompleted")
    if (unknown or incomplete) and not any(
        _has_started(statuses.get(container["name"])) for container in spec["containers"]
    ):
        message = _join(("unknown", unknown), ("incomplete", incomplete))
        return condition(pod, "Initialized", False, "ContainersNotInitialized", message)
    return condition(pod, "Initialized", True)


def _has_started(entry: Obj | None) -> bool:
    if entry is None:
        return False
    state = entry["state"]
    if "running" in state or "terminated" in state:
        return True
    return bool((entry.get("lastState") or {}).get("terminated"))


def _join(*groups: tuple[str, list[str]]) -> str:
    return ", ".join(f"containers with {what} status: [{' '.join(names)}]" for what, names in groups if names)
