"""What happens to a pod that found no place: back to the queue, with the reasons where people look for them.

The reasons become a FailedScheduling event and the pod's PodScheduled condition; the plugins that refused it
are noted, so that only events which interest them bring it back.

Source: pkg/scheduler/schedule_one.go (handleSchedulingFailure, updatePod).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.status_error import StatusError
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.framework.fit_error import Diagnosis, FitError
from kubekit.scheduler.framework.pod_info import PodInfo, QueuedPodInfo
from kubekit.scheduler.framework.status import Status
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.scheduler.scheduler import Scheduler

Obj = dict[str, Any]

NOTE_LIMIT = 1024
"""The longest text an event may have."""


def as_fit_error(refusal: Status, node: str) -> Status:
    """A refusal after the choice, worded as if only the chosen node had been there."""
    if not refusal.rejected:
        return refusal
    diagnosis = Diagnosis()
    diagnosis.statuses.by_node[node] = refusal
    diagnosis.add(refusal)
    error = FitError(1, diagnosis)
    return Status(refusal.code, error.text, error=error)


def handle_failure(
    scheduler: Scheduler, queued: QueuedPodInfo, status: Status, nominated: str | None, attempt: Attempt
) -> None:
    """Back to the queue, with an event and a condition that say why.

    `nominated` is the node that preemption chose, "" to take a nomination back, None to leave it.
    """
    pod = queued.info
    text = status.message
    attempt.message = text
    attempt.error = not status.rejected
    attempt.node = "" if attempt.bind in ("", "waiting") else attempt.node
    queued.forget_rejectors()
    if isinstance(status.error, FitError):
        queued.unschedulable_plugins = set(status.error.diagnosis.unschedulable_plugins)
        queued.pending_plugins = set(status.error.diagnosis.pending_plugins)
    known = scheduler.find_pod(pod.key)
    same = known is not None and (known["metadata"].get("uid") or pod.key) == pod.uid
    if known is None or not same or (known.get("spec") or {}).get("nodeName"):
        scheduler.queue.done(pod.uid)  # deleted, made anew, or bound by somebody else
        if known is not None:
            return
    else:
        if known is not pod.pod:
            queued.info = pod = PodInfo(known)
        attempt.where_next = scheduler.queue.add_unschedulable(queued)
    scheduler.queue.nominator.add(pod, nominated)
    note = text if len(text) <= NOTE_LIMIT else text[: NOTE_LIMIT - 4] + " ..."
    scheduler.recorder(pod).event(pod.pod, "Warning", "FailedScheduling", note, action="Scheduling")
    if known is not None:
        reason = "Unschedulable" if status.rejected else "SchedulerError"
        patch_status(scheduler, pod, reason, text, nominated)


def patch_status(
    scheduler: Scheduler, pod: PodInfo, reason: str = "", message: str = "", nominated: str | None = None
) -> None:
    """Write the PodScheduled condition (with a reason) and the nomination, where they changed."""
    old: Obj = pod.pod.get("status") or {}
    patch: Obj = {}
    if reason:
        condition: Obj = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": rfc3339(scheduler.now()),
            "reason": reason,
            "message": message,
        }
        generation = pod.pod["metadata"].get("generation")
        if generation:
            condition["observedGeneration"] = generation
        before = next((c for c in old.get("conditions") or () if c.get("type") == "PodScheduled"), None)
        if before is not None and before.get("status") == "False":
            condition["lastTransitionTime"] = before.get("lastTransitionTime")
        if before is None or any(
            before.get(field) != condition[field] for field in ("status", "reason", "message")
        ):
            patch["conditions"] = [condition]
    if nominated is not None and nominated != (old.get("nominatedNodeName") or ""):
        patch["nominatedNodeName"] = nominated or None
    if not patch:
        return
    try:
        scheduler.client.patch("pods", pod.name, {"status": patch}, pod.namespace, subresource="status")
    except (StatusError, OSError):
        return  # the next attempt writes it again; the queue does not depend on it
