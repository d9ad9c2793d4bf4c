"""Carrying a preemption out: the victims are told, deleted, and lesser nominations to the node are ended.

A victim that only waits to be bound is refused in memory. A running one gets the condition
`DisruptionTarget`, so that everybody can see why it went, and is deleted as by anybody else: with its grace
period.

Source: pkg/scheduler/framework/preemption/executor.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.status_error import StatusError
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.scheduler.scheduler import Scheduler

Obj = dict[str, Any]


def carry_out(scheduler: Scheduler, pod: PodInfo, node: str, victims: list[PodInfo]) -> bool:
    """Delete the victims; False when the API server would not, so that the pod must try again."""
    leaving = [victim for victim in victims if victim.pod["metadata"].get("deletionTimestamp") is None]
    if leaving:
        _end_lesser_nominations(scheduler, pod, node)
    for victim in leaving:
        try:
            in_memory = _refuse_in_memory(scheduler, victim)
            if not in_memory:
                _mark(scheduler, pod, victim)
                scheduler.client.delete("pods", victim.name, victim.namespace)
        except StatusError as error:
            if error.code == 404:
                continue  # gone already
            return False
        except OSError:
            return False
        text = f"Preempted by pod {pod.uid} on node {node}"
        if in_memory:
            text += " (in kube-scheduler memory)."
        recorder = scheduler.recorder(pod)
        recorder.event(victim.pod, "Normal", "Preempted", text, related=pod.pod, action="Preempting")
    return True


def _refuse_in_memory(scheduler: Scheduler, victim: PodInfo) -> bool:
    waiting = scheduler.waiting_pods.get(victim.uid)
    if waiting is not None:
        return waiting.reject("DefaultPreemption", "preempted")
    binding = scheduler.pods_in_pre_bind.get(victim.uid)
    if binding is not None:
        binding.cancel("preempted by DefaultPreemption")
        return True
    return False


def _mark(scheduler: Scheduler, pod: PodInfo, victim: PodInfo) -> None:
    """Write the condition that says why the pod is about to go."""
    condition: Obj = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(scheduler.now()),
        "reason": "PreemptionByScheduler",
        "message": f"{pod.scheduler_name}: preempting to accommodate a higher priority pod",
    }
    generation = victim.pod["metadata"].get("generation")
    if generation:
        condition["observedGeneration"] = generation
    patch = {"status": {"conditions": [condition]}}
    scheduler.client.patch("pods", victim.name, patch, victim.namespace, subresource="status")


def _end_lesser_nominations(scheduler: Scheduler, pod: PodInfo, node: str) -> None:
    """Less important pods that hoped for this node hope no longer: another one may suit them at once."""
    for other in scheduler.queue.nominator.on_node(node).copy():
        if other.priority < pod.priority and other.nominated_node:
            patch = {"status": {"nominatedNodeName": None}}
            try:
                scheduler.client.patch("pods", other.name, patch, other.namespace, subresource="status")
            except (StatusError, OSError):
                continue
