"""How many pods a Job should have now, and making or deleting the difference.

Source: manageJob in pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.meta import Obj, controller_reference, key_of
from kubekit.api.status_error import StatusError
from kubekit.controllers.job.backoff import finished_at, remaining
from kubekit.controllers.job.indexes import FAILURES, IGNORED_FAILURES, INDEX, failures_of, indexes_of
from kubekit.controllers.job.policies import is_indexed, is_suspended, match_failure, replaces_only_failed
from kubekit.controllers.job.sync_state import FINALIZER, SyncState, has_finalizer
from kubekit.controllers.pod_control import (
    create_pod,
    delete_pod,
    namespace_is_terminating,
    pod_from_template,
)
from kubekit.controllers.pods import in_order_of_deletion, is_ready, is_terminating

if TYPE_CHECKING:
    from kubekit.controllers.job.controller import JobController

MOST_AT_ONCE = 500
ENVIRONMENT = "JOB_COMPLETION_INDEX"
SHORTEST_WAIT = 1.0
"""The least delay of a pod that replaces a failed one, however little of its back-off is left."""
LONGEST_PREFIX = 58
"""What a generated name keeps of its prefix: the index must not be cut off."""


def wanted_active(state: SyncState) -> int:
    """How many pods should run now."""
    completions, parallelism = state.spec.get("completions"), state.spec.get("parallelism", 1)
    if completions is None:
        return len(state.active) if state.succeeded > 0 else int(parallelism)
    return max(0, min(int(completions) - state.succeeded, int(parallelism)))


def manage(controller: JobController, state: SyncState) -> tuple[int, Exception | None]:
    """Make or delete pods: (how many are active afterwards, the first refusal)."""
    active = len(state.active)
    if is_suspended(state.job):
        return _remove(controller, state, state.active)
    wanted = wanted_active(state)
    controller.round.desired = wanted
    controller.round.observed = active
    controller.round.difference = wanted - active
    surplus = _surplus(state, max(0, active - wanted))[:MOST_AT_ONCE]
    if surplus:
        return _remove(controller, state, surplus)
    missing = wanted - active - (state.terminating if replaces_only_failed(state.job) else 0)
    if missing <= 0:
        return active, None
    now = controller.clock.now()
    per_index = state.spec.get("backoffLimitPerIndex") is not None
    if not per_index and (wait := state.backoff.remaining(now)) > 0:
        controller.queue.add_after(key_of(state.job), max(SHORTEST_WAIT, wait))
        return 0, None
    missing = min(missing, MOST_AT_ONCE)
    indexes: list[int | None] = [None] * missing
    if is_indexed(state.job):
        pending = _pending(state, missing)
        if per_index:
            waits = {index: _index_wait(state, index, now) for index in pending}
            ready = [index for index in pending if waits[index] <= 0]
            if not ready and pending:
                wait = max(SHORTEST_WAIT, min(waits.values()))
                controller.queue.add_after(key_of(state.job), wait)
                return 0, None
            pending = ready
        indexes = list(pending)
    return _create(controller, state, active, indexes)


def _surplus(state: SyncState, at_least: int) -> list[Obj]:
    """The active pods to remove: doubles of an index first."""
    doubles: list[Obj] = []
    left = state.active
    if is_indexed(state.job):
        left = []
        groups: dict[int, list[Obj]] = {}
        for pod in state.active:
            text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
            groups.setdefault(int(text) if text.isdigit() else -1, []).append(pod)
        for index, pods in sorted(groups.items()):
            if index < 0 or index >= state.spec["completions"]:
                doubles += pods
            else:
                ordered = in_order_of_deletion(pods)
                doubles += ordered[:-1]
                left.append(ordered[-1])
    if len(doubles) < at_least:
        doubles += in_order_of_deletion(left)[: at_least - len(doubles)]
    return doubles


def _pending(state: SyncState, count: int) -> list[int]:
    taken = state.succeeded_indexes | indexes_of(state.active) | (state.failed_indexes or set())
    if replaces_only_failed(state.job):
        taken |= indexes_of(pod for pod in state.pods if is_terminating(pod))
    return [index for index in range(state.spec["completions"]) if index not in taken][:count]


def _index_wait(state: SyncState, index: int, now: float) -> float:
    before = state.delayed.get(index)
    return 0.0 if before is None else remaining(failures_of(before, True) + 1, finished_at(before), now)


def _remove(controller: JobController, state: SyncState, pods: list[Obj]) -> tuple[int, Exception | None]:
    key = key_of(state.job)
    controller.expectations.expect_deletions(key, [pod["metadata"]["uid"] for pod in pods])
    active, failure = len(state.active), None
    for pod in pods:
        meta = pod["metadata"]
        try:
            if has_finalizer(pod):
                controller.remove_finalizer(pod)
            delete_pod(controller, meta["namespace"], meta["name"], state.job)
        except (StatusError, OSError) as error:
            controller.expectations.deletion_observed(key, meta["uid"])
            if not (isinstance(error, StatusError) and error.code == 404):
                failure = failure or error
                continue
        active -= 1
        state.terminating += 1
        state.ready -= 1 if is_ready(pod) else 0
    return active, failure


def _create(
    controller: JobController, state: SyncState, active: int, indexes: list[int | None]
) -> tuple[int, Exception | None]:
    key, job = key_of(state.job), state.job
    controller.expectations.expect_creations(key, len(indexes))
    left, batch, failure = list(indexes), 1, None
    while left and failure is None:
        now, left = left[:batch], left[batch:]
        for index in now:
            try:
                create_pod(controller, job["metadata"]["namespace"], _pod(state, index), job)
                active += 1
            except (StatusError, OSError) as error:
                if namespace_is_terminating(error):
                    continue
                controller.expectations.creation_observed(key)
                failure = failure or error
        batch *= 2
    if left:
        controller.expectations.creation_observed(key, len(left))
    return active, failure


def _pod(state: SyncState, index: int | None) -> Obj:
    job = state.job
    pod = pod_from_template(job["spec"]["template"], job, controller_reference(job))
    meta = pod["metadata"]
    finalizers = meta.get("finalizers") or []
    meta["finalizers"] = finalizers if FINALIZER in finalizers else [*finalizers, FINALIZER]
    if index is None:
        return pod
    name = job["metadata"]["name"]
    ending = f"-{index}-"
    meta["generateName"] = f"{name[: LONGEST_PREFIX - len(ending)]}{ending}"
    meta["annotations"] = {**(meta.get("annotations") or {}), INDEX: str(index)}
    meta["labels"] = {**(meta.get("labels") or {}), INDEX: str(index)}
    if state.spec.get("backoffLimitPerIndex") is not None:
        counted, ignored = _failure_counts(state, state.delayed.get(index))
        meta["annotations"][FAILURES] = str(counted)
        if ignored:
            meta["annotations"][IGNORED_FAILURES] = str(ignored)
    spec = {**pod["spec"], "hostname": f"{name}-{index}"}
    for field in ("initContainers", "containers"):
        if spec.get(field):
            spec[field] = [_with_index(container) for container in spec[field]]
    pod["spec"] = spec
    return pod


def _failure_counts(state: SyncState, before: Obj | None) -> tuple[int, int]:
    if before is None:
        return 0, 0
    counted = failures_of(before)
    ignored = failures_of(before, True) - counted
    if match_failure(state.job, before)[1]:
        return counted + 1, ignored
    return counted, ignored + 1


def _with_index(container: Obj) -> Obj:
    env = container.get("env") or []
    if any(one["name"] == ENVIRONMENT for one in env):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*env, {"name": ENVIRONMENT, "valueFrom": source}]}
