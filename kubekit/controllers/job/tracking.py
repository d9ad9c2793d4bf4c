"""Counting the pods that have ended, exactly once, and ending the Job.

The order is what matters: uid into the status, finalizer off the pod, uid out of the status and one more on
the counter. Whatever is interrupted in between is found and finished by the next reconcile. Source:
trackJobStatusAndRemoveFinalizers in pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.controllers.job.indexes import index_of, write
from kubekit.controllers.job.policies import is_failed, is_indexed, match_failure
from kubekit.controllers.job.sync_state import SyncState, condition, find_condition, has_finalizer
from kubekit.controllers.pods import phase_of

if TYPE_CHECKING:
    from kubekit.controllers.job.controller import JobController

MOST_UNCOUNTED = 500


def track(controller: JobController, state: SyncState, flush: bool) -> None:
    """Bring the status up to date; `flush` when something else in it has changed already."""
    with_finalizer = {
        pod["metadata"]["uid"]
        for pod in state.pods
        if has_finalizer(pod) and pod["metadata"]["uid"] not in state.removing
    }
    flush |= _count_off(state, with_finalizer)
    to_release, more, full = _collect(state)
    flush |= more
    if is_indexed(state.job):
        flush |= _write_indexes(state)
    flush |= _announce_end(controller, state)
    if flush:
        _write(controller, state)
        controller.backoffs[state.job["metadata"]["uid"]] = state.backoff
    failure: Exception | None = None
    for pod in to_release:
        try:
            controller.remove_finalizer(pod)
            with_finalizer.discard(pod["metadata"]["uid"])
        except (StatusError, OSError) as error:
            failure = failure or error
    flush = _count_off(state, with_finalizer)
    if failure is not None:
        if flush:
            _write(controller, state)
        raise failure
    ended = not full and _end(controller, state)
    if flush or ended:
        _write(controller, state)
    if ended:
        _say_end(controller, state)


def _collect(state: SyncState) -> tuple[list[Obj], bool, bool]:
    """(pods whose finalizer can go, whether the status changed, whether more is left for another time)."""
    job, spec = state.job, state.spec
    indexed = is_indexed(job)
    release: list[Obj] = []
    changed = False
    known_done, known_lost = set(state.uncounted("succeeded")), set(state.uncounted("failed"))
    fresh: set[int] = set()
    uncounted = state.status["uncountedTerminatedPods"]
    pods = sorted(state.pods, key=lambda pod: index_of(pod) or 0) if indexed else state.pods
    for pod in pods:
        uid = pod["metadata"]["uid"]
        if not has_finalizer(pod) or uid in state.removing:
            continue
        failed = is_failed(pod, job)
        if not _may_release(state, pod, failed):
            continue
        release.append(pod)
        index = index_of(pod)
        in_range = index is not None and index < (spec.get("completions") or 0)
        if phase_of(pod) == "Succeeded" and uid not in known_lost:
            if indexed:
                if in_range and index not in state.succeeded_before and index is not None:
                    fresh.add(index)
                    changed = True
            elif uid not in known_done:
                uncounted.setdefault("succeeded", []).append(uid)
                changed = True
        elif _counts_as_failed(state, failed, uid not in known_lost and (not indexed or in_range), pod):
            uncounted.setdefault("failed", []).append(uid)
            changed = True
        if len(fresh) + len(state.uncounted("succeeded")) + len(state.uncounted("failed")) >= MOST_UNCOUNTED:
            state.succeeded_indexes |= fresh
            return release, changed, True
    state.succeeded_indexes |= fresh
    return release, changed, False


def _counts_as_failed(state: SyncState, failed: bool, new: bool, pod: Obj) -> bool:
    ending = state.finished is not None and state.finished["type"] != "SuccessCriteriaMet"
    return bool((failed or ending) and new and match_failure(state.job, pod)[1])


def _may_release(state: SyncState, pod: Obj, failed: bool) -> bool:
    if state.job["metadata"].get("deletionTimestamp") or state.finished is not None:
        return True
    if phase_of(pod) == "Succeeded":
        return True
    if not failed:
        return False
    index = index_of(pod)
    kept = state.delayed.get(index) if index is not None else None
    return kept is None or kept["metadata"]["uid"] != pod["metadata"]["uid"]


def _count_off(state: SyncState, with_finalizer: set[str]) -> bool:
    """Uncounted pods without finalizer become counts; whether there were any."""
    uncounted, status = state.status["uncountedTerminatedPods"], state.status
    changed = False
    for kind in ("succeeded", "failed"):
        uids = uncounted.get(kind) or []
        left = [uid for uid in uids if uid in with_finalizer]
        if len(left) != len(uids):
            changed = True
            status[kind] = status.get(kind, 0) + len(uids) - len(left)
        if left:
            uncounted[kind] = left
        else:
            uncounted.pop(kind, None)
    return changed


def _write_indexes(state: SyncState) -> bool:
    status = state.status
    text = write(state.succeeded_indexes)
    changed: bool = text != status.get("completedIndexes", "")
    _set(status, "succeeded", len(state.succeeded_indexes))
    _set(status, "completedIndexes", text)
    if state.failed_indexes is not None:
        failed = write(state.failed_indexes)
        changed |= failed != status.get("failedIndexes")
        status["failedIndexes"] = failed
    return changed


def _set(status: Obj, field: str, value: int | str) -> None:
    """Zero and empty are not shown."""
    if value:
        status[field] = value
    else:
        status.pop(field, None)


def _announce_end(controller: JobController, state: SyncState) -> bool:
    """First it is said that the Job will end (and why); it has ended when nothing is left to count."""
    finished = state.finished
    if finished is None:
        return False
    now = controller.clock.now()
    if finished["type"] == "FailureTarget":
        state.status["conditions"].append(finished)
        state.finished = condition("Failed", "True", finished["reason"], finished["message"], now)
        return True
    if finished["type"] == "SuccessCriteriaMet":
        state.finished = condition("Complete", "True", finished["reason"], finished["message"], now)
        if find_condition(state.job, "SuccessCriteriaMet") is None:
            state.status["conditions"].append(finished)
            return True
    return False


def _end(controller: JobController, state: SyncState) -> bool:
    finished = state.finished
    if finished is None or state.uncounted("succeeded") or state.uncounted("failed") or state.terminating > 0:
        return False
    if find_condition(state.job, finished["type"]) is None:
        state.status["conditions"].append(finished)
    if finished["type"] == "Complete":
        state.status["completionTime"] = finished["lastTransitionTime"]
    return True


def _say_end(controller: JobController, state: SyncState) -> None:
    job, finished = state.job, state.finished
    if finished is None:
        return
    controller.finished.add(job["metadata"]["uid"])
    if finished["type"] != "Complete":
        controller.event(job, "Warning", finished["reason"], finished["message"])
        return
    completions = state.spec.get("completions")
    if completions is not None and state.status.get("succeeded", 0) > completions:
        text = "Too many succeeded pods running after completion count reached"
        controller.event(job, "Warning", "TooManySucceededPods", text)
    controller.event(job, "Normal", "Completed", "Job completed")


def _write(controller: JobController, state: SyncState) -> None:
    status = {key: value for key, value in state.status.items() if key != "conditions" or value}
    written = controller.client.update("jobs.batch", {**state.job, "status": status}, subresource="status")
    fresh = dict(written.get("status") or {})
    fresh["uncountedTerminatedPods"] = {
        name: list(uids) for name, uids in (fresh.get("uncountedTerminatedPods") or {}).items()
    }
    fresh["conditions"] = list(fresh.get("conditions") or ())
    state.job = {**written, "status": fresh}
