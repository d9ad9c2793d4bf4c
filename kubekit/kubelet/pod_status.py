"""The status of a pod as its kubelet sees it, made from scratch at each sync.

`generate` puts together phase, conditions, container statuses, addresses and resources from the spec, the
runtime's report and the status before. It decides nothing about what to do next and sends nothing.
Source: `generateAPIPodStatus` in `pkg/kubelet/kubelet_pods.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.meta import Obj
from kubekit.kubelet import conditions as cond
from kubekit.kubelet.container_status import Reasons, container_statuses
from kubekit.kubelet.phase import phase_of
from kubekit.kubelet.resources import as_texts, has_any, qos_class, totals
from kubekit.kubelet.runtime import EXITED, READY, RUNNING, PodStatus

TERMINAL = ("Succeeded", "Failed")

SetReadiness = Callable[[Obj, Obj], None]
"""Fills `ready` and `started` into a status being made: (pod, status)."""


def generate(
    pod: Obj,
    runtime: PodStatus,
    before: Obj,
    reasons: Reasons,
    set_readiness: SetReadiness,
    host_ip: str,
    *,
    ended: bool = False,
    verdict: tuple[str, str] | None = None,
) -> Obj:
    """A new status object for `pod`.

    `before` is the status last set; `ended` means that all containers were stopped for good; `verdict` is a
    (reason, message) that fails the pod whatever its containers do (deadline, eviction).
    """
    spec = pod["spec"]
    known = pod.get("status") or {}
    status: Obj = {"qosClass": qos_class(pod)}
    for field, list_name in (
        ("containerStatuses", "containers"),
        ("initContainerStatuses", "initContainers"),
        ("ephemeralContainerStatuses", "ephemeralContainers"),
    ):
        containers = spec.get(list_name)
        if containers:
            status[field] = container_statuses(
                pod,
                runtime,
                before.get(field) or (),
                containers,
                reasons,
                init=list_name == "initContainers",
                ephemeral=list_name == "ephemeralContainers",
            )
    entries = {
        entry["name"]: entry
        for field in ("initContainerStatuses", "containerStatuses")
        for entry in status.get(field) or ()
    }
    started = any(
        run is not None and run.state in (RUNNING, EXITED)
        for run in (runtime.find(container["name"]) for container in spec["containers"])
    )
    phase = phase_of(pod, entries, ended, started)
    if phase not in TERMINAL:
        for earlier in (before.get("phase"), known.get("phase")):
            if earlier in TERMINAL:
                phase = earlier
                break
    if phase == before.get("phase"):
        for field in ("reason", "message"):
            text = before.get(field) or known.get(field)
            if text:
                status[field] = text
    if verdict is not None:
        phase, status["reason"], status["message"] = "Failed", *verdict
    if known.get("phase") in TERMINAL:
        phase = known["phase"]
    status["phase"] = phase
    set_readiness(pod, status)
    _conditions(pod, runtime, before, status, entries)
    _addresses(pod, runtime, status, host_ip)
    _resources(pod, status)
    return status


def sandbox_ready(pod: Obj, runtime: PodStatus) -> bool:
    """Whether the pod has a sandbox, with its network, in which containers can be started."""
    if not runtime.sandboxes:
        return False
    newest = runtime.sandboxes[0]
    if newest.state != READY or sum(sandbox.state == READY for sandbox in runtime.sandboxes) > 1:
        return False
    return bool(newest.ip) or bool(pod["spec"].get("hostNetwork"))


def _conditions(pod: Obj, runtime: PodStatus, before: Obj, status: Obj, entries: dict[str, Obj]) -> None:
    known = pod.get("status") or {}
    made = [entry for entry in known.get("conditions") or () if not cond.by_kubelet(entry["type"])]
    for entry in before.get("conditions") or ():
        if entry["type"] == cond.SHARED and all(other["type"] != cond.SHARED for other in made):
            made.append(entry)
    phase = status["phase"]
    made.append(cond.condition(pod, "PodReadyToStartContainers", sandbox_ready(pod, runtime)))
    made.append(cond.initialized(pod, entries, phase))
    made.append(cond.pod_ready(pod, entries, phase, made))
    made.append(cond.containers_ready(pod, entries, phase))
    made.append(cond.condition(pod, "PodScheduled", True))
    status["conditions"] = made


def _addresses(pod: Obj, runtime: PodStatus, status: Obj, host_ip: str) -> None:
    status["hostIP"] = host_ip
    status["hostIPs"] = [{"ip": host_ip}]
    ip = runtime.ips[0] if runtime.ips else ""
    if pod["spec"].get("hostNetwork"):
        ip = host_ip
    if ip:
        status["podIP"] = ip
        status["podIPs"] = [{"ip": ip}]


def _resources(pod: Obj, status: Obj) -> None:
    resources: dict[str, Any] = {}
    if has_any(pod):
        for field in ("limits", "requests"):
            amounts = as_texts(totals(pod, field))
            if amounts:
                resources[field] = amounts
        if "requests" in resources:
            status["allocatedResources"] = resources["requests"]
    status["resources"] = resources
