"""The Job controller: what wakes it and the order of one reconcile.

Pods' changes are collected for a second, changes of the Job itself are acted on at once. One reconcile counts
the pods, decides whether the Job has ended (and why), otherwise makes or deletes pods, and lastly brings the
status up to date. Source: pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, controller_of, key_of, split_key
from kubekit.api.selectors import from_object
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.claims import claim
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.expectations import Expectations
from kubekit.controllers.job.backoff import Backoff, finished_at
from kubekit.controllers.job.creation import manage
from kubekit.controllers.job.indexes import failures_of, index_of, indexes_of, parse
from kubekit.controllers.job.policies import (
    is_failed,
    is_indexed,
    is_suspended,
    match_failure,
    match_success,
    past_backoff_limit_on_failure,
)
from kubekit.controllers.job.sync_state import (
    FINALIZER,
    SyncState,
    condition,
    find_condition,
    has_finalizer,
    is_finished,
)
from kubekit.controllers.job.tracking import track
from kubekit.controllers.pod_control import delete_pod
from kubekit.controllers.pods import controlled_by, index_by_controller, is_ready, orphans_in
from kubekit.sim import parse_rfc3339, rfc3339

BATCH = 1.0
ORPHAN = "orphan:"


class JobController(Controller):
    """Runs Jobs to their end."""

    name: ClassVar[str] = "job-controller"
    kind: ClassVar[str] = "Job"
    resource: ClassVar[str] = "jobs.batch"
    base_delay: ClassVar[float] = 1.0
    max_delay: ClassVar[float] = 60.0

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.expectations = Expectations(self.clock)
        self.backoffs: dict[str, Backoff] = {}
        self.finished: set[str] = set()
        self.jobs: Informer
        self.pods: Informer
        self._removing: dict[str, set[str]] = {}

    def set_up(self) -> None:
        self.expectations.clear()
        self.backoffs.clear()
        self.finished.clear()
        self._removing.clear()
        self.jobs = self.informer(self.resource)
        self.pods = self.informer("pods")
        index_by_controller(self.pods)
        self.watch(
            self.jobs,
            lambda job: self.enqueue(key_of(job), "ADDED", job),
            self._job_updated,
            self._job_deleted,
        )
        self.watch(self.pods, self._pod_added, self._pod_updated, self._pod_deleted)

    # -- what it hears ----------------------------------------------------------------------------------

    def _soon(self, key: str, event: str, about: Obj) -> None:
        self.note(key, event, about)
        self.queue.add_after(key, BATCH)

    def _job_updated(self, old: Obj, new: Obj) -> None:
        if is_finished(new):
            self._release_pods(new, "MODIFIED")
        if old["metadata"].get("generation") == new["metadata"].get("generation"):
            self._soon(key_of(new), "MODIFIED", new)
        else:
            self.enqueue(key_of(new), "MODIFIED", new)

    def _job_deleted(self, job: Obj) -> None:
        self.enqueue(key_of(job), "DELETED", job)
        self._release_pods(job, "DELETED")

    def _release_pods(self, job: Obj, event: str) -> None:
        """No pod of a Job that is over need be counted any more."""
        for pod in controlled_by(self.pods, job):
            if has_finalizer(pod):
                self.enqueue(f"{ORPHAN}{key_of(pod)}", event, job)

    def _pod_added(self, pod: Obj) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            self._pod_gone(pod, "ADDED", False)
            return
        if controller_of(pod) is None:
            self._orphan_heard(pod, "ADDED", True)
            return
        job = self.resolve_controller(self.jobs, pod, "Job")
        if job is not None:
            self.expectations.creation_observed(key_of(job))
            self._soon(key_of(job), "ADDED", pod)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        if new["metadata"].get("deletionTimestamp"):
            self._pod_gone(new, "MODIFIED", False)
            return
        before, reference = controller_of(old), controller_of(new)
        if before is not None and before != reference:
            self._owned_heard(self.resolve_controller(self.jobs, old, "Job"), new)
        if reference is not None:
            self._owned_heard(self.resolve_controller(self.jobs, new, "Job"), new)
            return
        relabelled = old["metadata"].get("labels") != new["metadata"].get("labels")
        self._orphan_heard(new, "MODIFIED", relabelled or before is not None)

    def _owned_heard(self, job: Obj | None, pod: Obj) -> None:
        if job is None:
            return
        if not has_finalizer(pod):
            self._removing.get(key_of(job), set()).discard(pod["metadata"]["uid"])
        self._soon(key_of(job), "MODIFIED", pod)

    def _orphan_heard(self, pod: Obj, event: str, adoptable: bool) -> None:
        """Nobody counts an orphan; a Job that selects it may want to adopt it."""
        if has_finalizer(pod):
            self.enqueue(f"{ORPHAN}{key_of(pod)}", event, pod)
        labels = pod["metadata"].get("labels")
        if not labels or not adoptable:
            return
        for job in self.jobs.list(pod["metadata"].get("namespace", "")):
            selector = from_object(job["spec"].get("selector"))
            if not selector.empty and selector.matches(labels):
                self._soon(key_of(job), event, pod)

    def _pod_deleted(self, pod: Obj) -> None:
        self._pod_gone(pod, "DELETED", True)

    def _pod_gone(self, pod: Obj, event: str, final: bool) -> None:
        job = self.resolve_controller(self.jobs, pod, "Job")
        uid = pod["metadata"]["uid"]
        if job is None or is_finished(job):
            if not final and has_finalizer(pod):
                self.enqueue(f"{ORPHAN}{key_of(pod)}", event, pod)
            return
        key = key_of(job)
        self.expectations.deletion_observed(key, uid)
        if final or not has_finalizer(pod):
            self._removing.get(key, set()).discard(uid)
        self._soon(key, event, pod)

    # -- what it does -----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        if key.startswith(ORPHAN):
            self._release_orphan(key.removeprefix(ORPHAN))
            return
        job = self.jobs.get(key)
        if job is None:
            self.expectations.forget(key)
            self._removing.pop(key, None)
            return
        uid = job["metadata"]["uid"]
        if is_finished(job):
            self.finished.discard(uid)
            self.backoffs.pop(uid, None)
            return
        if uid in self.finished or _is_foreign(job):
            return
        self._sync(key, job)

    def _sync(self, key: str, job: Obj) -> None:
        satisfied = self.expectations.satisfied(key)
        selector = from_object(job["spec"].get("selector"))
        candidates = controlled_by(self.pods, job) + orphans_in(self.pods, job["metadata"]["namespace"])
        pods = claim(self, job, self.resource, candidates, selector.matches, finalizers=[FINALIZER])
        state = SyncState(job, pods, self._removing.setdefault(key, set()))
        now = self.clock.now()
        succeeded, failed = state.newly_finished()
        status = state.status
        state.succeeded = status.get("succeeded", 0) + len(succeeded) + len(state.uncounted("succeeded"))
        counted = [pod for pod in failed if match_failure(job, pod)[1]]
        state.failed = status.get("failed", 0) + len(counted) + len(state.uncounted("failed"))
        if not status.get("startTime") and not is_suspended(job):
            status["startTime"] = rfc3339(now)
        state.backoff = self.backoffs.get(job["metadata"]["uid"], Backoff()).after(succeeded, failed)
        state.finished = self._reason_to_end(key, state, now)
        if is_indexed(job):
            self._look_at_indexes(state, succeeded, now)
        active, failure, changed = self._act(state, satisfied, now)
        self.round.expectations = self.expectations.outstanding(key)
        changed |= active != status.get("active", 0) or state.ready != status.get("ready")
        changed |= state.terminating != status.get("terminating")
        if active:
            status["active"] = active
        else:
            status.pop("active", None)
        status["ready"] = state.ready
        status["terminating"] = state.terminating
        track(self, state, changed)
        if failure is not None:
            raise failure

    def _reason_to_end(self, key: str, state: SyncState, now: float) -> Obj | None:
        job = state.job
        met = find_condition(job, "SuccessCriteriaMet")
        if met is not None and met["status"] == "True":
            return met
        target = find_condition(job, "FailureTarget")
        if target is not None and target["status"] == "True":
            return condition("Failed", "True", target["reason"], target["message"], now)
        for pod in state.pods if job["spec"].get("podFailurePolicy") else ():
            message = match_failure(job, pod)[0] if is_failed(pod, job) else None
            if message is not None:
                return condition("FailureTarget", "True", "PodFailurePolicy", message, now)
        limit = job["spec"].get("backoffLimit", 6)
        if state.failed > limit or past_backoff_limit_on_failure(job, state.pods):
            text = "Job has reached the specified backoff limit"
            return condition("FailureTarget", "True", "BackoffLimitExceeded", text, now)
        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is not None and not is_suspended(job) and state.status.get("startTime"):
            left = parse_rfc3339(state.status["startTime"]) + deadline - now
            if left <= 0:
                text = "Job was active longer than specified deadline"
                return condition("FailureTarget", "True", "DeadlineExceeded", text, now)
            self.queue.add_after(key, left)
        return None

    def _look_at_indexes(self, state: SyncState, succeeded: list[Obj], now: float) -> None:
        job, completions = state.job, state.spec["completions"]
        state.succeeded_before = parse(state.status.get("completedIndexes", ""), completions)
        state.succeeded_indexes = state.succeeded_before | indexes_of(succeeded)
        state.succeeded = len(state.succeeded_indexes)
        limit = job["spec"].get("backoffLimitPerIndex")
        if limit is not None:
            self._look_at_failed_indexes(state, limit, now)
        if state.finished is None and (message := match_success(job, state.succeeded_indexes)) is not None:
            state.finished = condition("SuccessCriteriaMet", "True", "SuccessPolicy", message, now)

    def _look_at_failed_indexes(self, state: SyncState, limit: int, now: float) -> None:
        job, completions = state.job, state.spec["completions"]
        lost = parse(state.status.get("failedIndexes", ""), completions)
        failed = [pod for pod in state.pods if is_failed(pod, job) and state.countable(pod, [])]
        for pod in failed:
            index, (_, counts, action) = index_of(pod), match_failure(job, pod)
            if index is None or index in state.succeeded_indexes:
                continue
            if action == "FailIndex" or (counts and failures_of(pod) >= limit):
                lost.add(index)
        state.failed_indexes = lost
        if state.finished is None:
            most = job["spec"].get("maxFailedIndexes")
            if most is not None and len(lost) > most:
                text = "Job has exceeded the specified maximal number of failed indexes"
                state.finished = condition("FailureTarget", "True", "MaxFailedIndexesExceeded", text, now)
            elif lost and len(lost) + len(state.succeeded_indexes) >= completions:
                text = "Job has failed indexes"
                state.finished = condition("FailureTarget", "True", "FailedIndexes", text, now)
        running = indexes_of(state.active)
        for pod in failed:
            index = index_of(pod)
            if index is None or index in lost or index in running or index in state.succeeded_indexes:
                continue
            before = state.delayed.get(index)
            if before is None or (
                failures_of(before, True) <= failures_of(pod, True)
                and finished_at(pod) >= finished_at(before)
            ):
                state.delayed[index] = pod

    def _act(self, state: SyncState, satisfied: bool, now: float) -> tuple[int, Exception | None, bool]:
        """(active pods, first refusal, whether the Suspended condition changed)."""
        active = len(state.active)
        if state.finished is not None:
            deleted, failure = self._delete_all(state)
            if deleted != active or not satisfied:
                state.finished = None
            state.terminating += deleted
            return active - deleted, failure, False
        failure = None
        managed = satisfied and not state.job["metadata"].get("deletionTimestamp")
        if managed:
            active, failure = manage(self, state)
        completions = state.spec.get("completions")
        if completions is None:
            complete = state.succeeded > 0 and active == 0
        else:
            complete = state.succeeded >= completions and active == 0
        if complete:
            text = "Reached expected number of succeeded pods"
            state.finished = condition("SuccessCriteriaMet", "True", "CompletionsReached", text, now)
            return active, failure, False
        return active, failure, managed and self._note_suspension(state, now)

    def _note_suspension(self, state: SyncState, now: float) -> bool:
        suspended = is_suspended(state.job)
        known = find_condition(state.job, "Suspended")
        if suspended is (known is not None and known["status"] == "True"):
            return False
        if suspended:
            new = condition("Suspended", "True", "JobSuspended", "Job suspended", now)
            self.event(state.job, "Normal", "Suspended", "Job suspended")
            state.status.pop("startTime", None)
        else:
            new = condition("Suspended", "False", "JobResumed", "Job resumed", now)
            self.event(state.job, "Normal", "Resumed", "Job resumed")
            state.status["startTime"] = rfc3339(now)
        conditions = state.status["conditions"]
        if known is None:
            conditions.append(new)
        else:
            conditions[conditions.index(known)] = new
        return True

    def _delete_all(self, state: SyncState) -> tuple[int, Exception | None]:
        """The Job has ended: its active pods go, and are counted when their deletion is seen."""
        deleted, failure = 0, None
        for pod in state.active:
            meta = pod["metadata"]
            try:
                delete_pod(self, meta["namespace"], meta["name"], state.job)
            except (StatusError, OSError) as error:
                if not (isinstance(error, StatusError) and error.code == 404):
                    failure = failure or error
                    continue
            deleted += 1
            state.ready -= 1 if is_ready(pod) else 0
        return deleted, failure

    # -- finalizers -------------------------------------------------------------------------------------

    def remove_finalizer(self, pod: Obj) -> None:
        """Take the tracking finalizer off a pod (404 is fine)."""
        meta = pod["metadata"]
        reference = controller_of(pod)
        if reference is not None:
            key = f"{meta['namespace']}/{reference['name']}"
            self._removing.setdefault(key, set()).add(meta["uid"])
        patch = {"metadata": {"uid": meta["uid"], "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
        try:
            self.client.patch("pods", meta["name"], patch, meta["namespace"])
        except StatusError as error:
            if reference is not None:
                self._removing[f"{meta['namespace']}/{reference['name']}"].discard(meta["uid"])
            if error.code not in (404, 409):
                raise

    def _release_orphan(self, key: str) -> None:
        pod = self.pods.get(key)
        if pod is None or not has_finalizer(pod):
            return
        reference = controller_of(pod)
        if reference is not None and (reference["kind"], reference["apiVersion"]) != ("Job", "batch/v1"):
            return
        job = self.resolve_controller(self.jobs, pod, "Job")
        if job is not None and (not is_finished(job) or _is_foreign(job)):
            return
        if job is None and reference is not None:
            namespace, _ = split_key(key)
            fresh = self.client.find(self.resource, reference["name"], namespace)
            if fresh is not None and fresh["metadata"]["uid"] == reference["uid"]:
                return
        self.remove_finalizer(pod)


def _is_foreign(job: Obj) -> bool:
    """Whether another controller looks after it."""
    return job["spec"].get("managedBy") not in (None, "kubernetes.io/job-controller")
