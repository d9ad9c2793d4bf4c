"""One scheduling cycle, top to bottom: pop a pod, find it a node, assume it there, hand it to binding.

    pop -> snapshot -> [PreFilter Filter (PostFilter)] -> [PreScore Score] -> pick -> assume
        -> Reserve -> Permit -> binding cycle (binding.py)

When no node fits, preemption may make room for later; the pod goes back to the queue with the reasons as an
event and a condition (failure.py). Called by `Scheduler` for one pod at a time, each a turn of its own.

Source: pkg/scheduler/schedule_one.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.scheduler.algorithm import AttemptFailed
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.binding import BindingCycle
from kubekit.scheduler.cache import CacheError
from kubekit.scheduler.failure import as_fit_error, handle_failure
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.fit_error import FitError, NoNodesAvailable
from kubekit.scheduler.framework.pod_info import PodInfo, QueuedPodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.framework.status import Code, Status, error_status
from kubekit.scheduler.preemption import leave_findings
from kubekit.scheduler.queue_glance import Glance

if TYPE_CHECKING:
    from kubekit.scheduler.scheduler import Scheduler

Obj = dict[str, Any]


def schedule_one(scheduler: Scheduler) -> None:
    """Take the next pod from the queue and do all that can be done for it now."""
    queued = scheduler.queue.pop()
    if queued is None:
        return
    pod = queued.info
    framework = scheduler.frameworks.get(pod.scheduler_name)
    if framework is None or not _wants_scheduling(scheduler, pod):
        scheduler.queue.done(pod.uid)
        return
    attempt = Attempt(pod, framework, queued, scheduler.now())
    attempt.queue = Glance(scheduler)
    record = scheduler.loop.trace.reserve()
    with scheduler.loop.trace.under(record):
        waits = schedule_pod(scheduler, framework, queued, attempt, record)
    if not waits:
        scheduler.emit(attempt, record)


def _wants_scheduling(scheduler: Scheduler, pod: PodInfo) -> bool:
    """Neither being deleted nor placed already."""
    if pod.terminating:
        text = f"skip schedule deleting pod: {pod.key}"
        scheduler.recorder(pod).event(pod.pod, "Warning", "FailedScheduling", text, action="Scheduling")
        return False
    return not scheduler.cache.is_assumed(pod)


def schedule_pod(
    scheduler: Scheduler, framework: Framework, queued: QueuedPodInfo, attempt: Attempt, record: int
) -> bool:
    """The cycle itself; True when binding has to wait for something and will emit the record later."""
    pod = queued.info
    state = CycleState()
    scheduler.cache.update_snapshot(scheduler.snapshot)
    try:
        node = scheduler.algorithm.schedule(framework, state, pod, attempt)
    except FitError as nothing_fits:
        nominated, said = framework.run_post_filter(state, pod, attempt.diagnosis.statuses)
        attempt.diagnosis.post_filter_message = said.message
        attempt.post_filter, attempt.nominated = said, nominated
        leave_findings(state, attempt)
        handle_failure(
            scheduler,
            queued,
            Status(Code.UNSCHEDULABLE, nothing_fits.text, error=nothing_fits),
            nominated,
            attempt,
        )
        return False
    except NoNodesAvailable as nobody:
        status = Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, str(nobody), error=nobody)
        handle_failure(scheduler, queued, status, "", attempt)
        return False
    except AttemptFailed as failed:
        handle_failure(scheduler, queued, failed.status, "", attempt)
        return False
    return assume_and_bind(scheduler, framework, state, queued, node, attempt, record)


def assume_and_bind(
    scheduler: Scheduler,
    framework: Framework,
    state: CycleState,
    queued: QueuedPodInfo,
    node: str,
    attempt: Attempt,
    record: int,
) -> bool:
    """Count the pod on its node at once, let plugins reserve and permit, and begin to bind."""
    assumed = queued.info.on_node(node)
    try:
        scheduler.cache.assume(assumed)
    except CacheError as error:
        handle_failure(scheduler, queued, error_status(error), "", attempt)
        return False
    scheduler.queue.nominator.remove(assumed)
    binding = BindingCycle(scheduler, framework, state, queued, assumed, node, attempt, record)
    refusal = framework.run_reserve(state, assumed, node) or binding.ask_permission()
    if refusal is not None:
        framework.run_unreserve(state, assumed, node)
        scheduler.cache.forget(assumed)
        handle_failure(scheduler, queued, as_fit_error(refusal, node), "", attempt)
        return False
    return binding.run()
