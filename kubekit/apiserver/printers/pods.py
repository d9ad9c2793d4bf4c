"""Tables of pods and pod templates. The STATUS cell is the longest rule of all printers.

The status shown is no field: it is worked out of the phase, the reason, the init containers (the first one
that has not finished wins) and then the containers (the first one in the list wins, so they are walked
backwards). A deletion timestamp beats them all.
Source: pkg/printers/internalversion/printers.go, printPod.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.duration import since, unix_seconds
from kubekit.api.exchange import Obj
from kubekit.apiserver.printers.cells import age, condition_is, containers, format_labels, name, section
from kubekit.apiserver.printers.columns import AGE, NAME, Column, register

_COMPLETED = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}


def _row_conditions(pod: Obj) -> list[Obj]:
    phase = section(pod, "status").get("phase", "")
    if phase not in _COMPLETED:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _COMPLETED[phase]}]


class _Restarts:
    """Counts restarts and remembers when the last one was."""

    def __init__(self) -> None:
        self.count = 0
        self.last: str = ""

    def add(self, status: Obj) -> None:
        self.count += int(status.get("restartCount") or 0)
        finished = section(status, "lastState", "terminated").get("finishedAt") or ""
        if finished and (not self.last or unix_seconds(finished) > unix_seconds(self.last)):
            self.last = finished

    def text(self, now: float) -> str:
        return f"{self.count} ({since(self.last, now)} ago)" if self.count and self.last else str(self.count)


def _ended(terminated: Obj, prefix: str = "") -> str:
    if terminated.get("reason"):
        return prefix + str(terminated["reason"])
    if terminated.get("signal"):
        return f"{prefix}Signal:{terminated['signal']}"
    return f"{prefix}ExitCode:{terminated.get('exitCode', 0)}"


def pod_summary(pod: Obj, now: float) -> tuple[str, str, str]:
    """(ready `1/2`, status, restarts) of a pod, as `kubectl get pods` shows them."""
    spec, status = section(pod, "spec"), section(pod, "status")
    phase = status.get("phase", "")
    reason = status.get("reason") or phase
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    init_containers = spec.get("initContainers") or []
    sidecars = {c.get("name") for c in init_containers if c.get("restartPolicy") == "Always"}
    total = len(spec.get("containers") or []) + len(sidecars)
    ready = 0
    restarts, sidecar_restarts = _Restarts(), _Restarts()
    initializing = False
    for index, entry in enumerate(status.get("initContainerStatuses") or []):
        sidecar = entry.get("name") in sidecars
        restarts.add(entry)
        if sidecar:
            sidecar_restarts.add(entry)
        state = entry.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and entry.get("started"):
            ready += bool(entry.get("ready"))
            continue
        if terminated is not None:
            reason = _ended(terminated, "Init:")
        elif waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
            reason = f"Init:{waiting['reason']}"
        else:
            reason = f"Init:{index}/{len(init_containers)}"
        initializing = True
        break
    if not initializing or condition_is(pod, "Initialized"):
        restarts = sidecar_restarts
        reason, more_ready = _running_reason(pod, reason, restarts)
        ready += more_ready
    if section(pod, "metadata").get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            reason = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            reason = "Terminating"
    return f"{ready}/{total}", str(reason), restarts.text(now)


def _running_reason(pod: Obj, reason: str, restarts: _Restarts) -> tuple[str, int]:
    ready, running, error = 0, False, ""
    for entry in reversed(section(pod, "status").get("containerStatuses") or []):
        restarts.add(entry)
        state = entry.get("state") or {}
        terminated = state.get("terminated")
        if section(state, "waiting").get("reason"):
            reason = state["waiting"]["reason"]
        elif terminated is not None:
            reason = _ended(terminated)
            if terminated.get("exitCode"):
                error = reason
        elif entry.get("ready") and state.get("running") is not None:
            running = True
            ready += 1
    if reason == "Completed":
        if running and condition_is(pod, "Ready"):
            reason = "Running"
        elif error:
            reason = error
        elif running:
            reason = "NotReady"
    return reason, ready


def _gates(pod: Obj) -> str:
    gates = section(pod, "spec").get("readinessGates") or []
    if not gates:
        return "<none>"
    true = sum(condition_is(pod, gate.get("conditionType", "")) for gate in gates)
    return f"{true}/{len(gates)}"


@register(
    "",
    "Pod",
    NAME,
    Column("Ready", text="The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", text="The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        text="The number of times the containers in this pod have been restarted and when the last"
        " container in this pod has restarted.",
    ),
    AGE,
    Column("IP", doc="core_v1.PodStatus.podIP", wide=True),
    Column("Node", doc="core_v1.PodSpec.nodeName", wide=True),
    Column("Nominated Node", doc="core_v1.PodStatus.nominatedNodeName", wide=True),
    Column("Readiness Gates", doc="core_v1.PodSpec.readinessGates", wide=True),
    conditions=_row_conditions,
)
def pod(obj: Obj, now: float) -> list[Any]:
    """A pod's row."""
    status = section(obj, "status")
    addresses = status.get("podIPs") or []
    return [
        name(obj),
        *pod_summary(obj, now),
        age(obj, now),
        (addresses[0].get("ip") if addresses else "") or "<none>",
        section(obj, "spec").get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _gates(obj),
    ]


@register(
    "",
    "PodTemplate",
    NAME,
    Column("Containers", text="Names of each container in the template."),
    Column("Images", text="Images referenced by each container in the template."),
    Column("Pod Labels", text="The labels for the pod template."),
)
def pod_template(obj: Obj, now: float) -> list[Any]:
    """A pod template's row."""
    labels = section(obj, "template", "metadata").get("labels")
    return [name(obj), *containers(section(obj, "template", "spec")), format_labels(labels)]
