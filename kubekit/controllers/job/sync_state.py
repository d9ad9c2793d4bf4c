"""What one reconcile of one Job has found out so far; `creation` and `tracking` go on from it.

The Job here is a working copy: its status may be changed. Source: syncJobCtx in pkg/controller/job.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.controllers.job.backoff import Backoff
from kubekit.controllers.job.indexes import index_of
from kubekit.controllers.job.policies import is_failed, is_indexed
from kubekit.controllers.pods import is_active, is_ready, is_terminating, phase_of
from kubekit.sim import rfc3339

FINALIZER = "batch.kubernetes.io/job-tracking"


def has_finalizer(pod: Obj) -> bool:
    """Whether the pod still waits to be counted."""
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def condition(kind: str, value: str, reason: str, message: str, now: float) -> Obj:
    """A Job condition as of now."""
    at = rfc3339(now)
    return {
        "type": kind,
        "status": value,
        "lastProbeTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


def find_condition(job: Obj, kind: str) -> Obj | None:
    """The condition of that type."""
    return next((c for c in (job.get("status") or {}).get("conditions") or () if c["type"] == kind), None)


def is_finished(job: Obj) -> bool:
    """Whether it is Complete or Failed."""
    return any((find_condition(job, kind) or {}).get("status") == "True" for kind in ("Complete", "Failed"))


class SyncState:
    """A Job, its pods, and what they add up to."""

    def __init__(self, job: Obj, pods: list[Obj], removing: set[str]) -> None:
        status = dict(job.get("status") or {})
        uncounted = status.get("uncountedTerminatedPods") or {}
        status["uncountedTerminatedPods"] = {name: list(uids) for name, uids in uncounted.items()}
        status["conditions"] = list(status.get("conditions") or ())
        self.job: Obj = {**job, "status": status}
        self.pods = pods
        self.removing = removing
        """Uids of pods whose finalizer is being removed: the cache may still show it."""
        self.active = [pod for pod in pods if is_active(pod)]
        self.ready = sum(1 for pod in self.active if is_ready(pod))
        self.terminating = sum(1 for pod in pods if is_terminating(pod))
        self.succeeded = 0
        self.failed = 0
        self.finished: Obj | None = None
        self.backoff = Backoff()
        self.succeeded_before: set[int] = set()
        self.succeeded_indexes: set[int] = set()
        self.failed_indexes: set[int] | None = None
        self.delayed: dict[int, Obj] = {}
        """Failed pods, by index, that are kept until their successor is made."""

    @property
    def status(self) -> Obj:
        """The working copy's status."""
        status: Obj = self.job["status"]
        return status

    @property
    def spec(self) -> Obj:
        """The Job's spec."""
        spec: Obj = self.job["spec"]
        return spec

    def uncounted(self, kind: str) -> list[str]:
        """The uids under `uncountedTerminatedPods`, "succeeded" or "failed"."""
        found: list[str] = self.status["uncountedTerminatedPods"].get(kind) or []
        return found

    def countable(self, pod: Obj, uncounted: list[str]) -> bool:
        """Whether the pod has not been taken into account yet."""
        uid = pod["metadata"]["uid"]
        if not has_finalizer(pod) or uid in uncounted or uid in self.removing:
            return False
        if is_indexed(self.job):
            index = index_of(pod)
            return index is not None and index < self.spec["completions"]
        return True

    def newly_finished(self) -> tuple[list[Obj], list[Obj]]:
        """(pods that have succeeded, pods that have failed) since the last time."""
        done, lost = self.uncounted("succeeded"), self.uncounted("failed")
        succeeded = [p for p in self.pods if phase_of(p) == "Succeeded" and self.countable(p, done)]
        failed = [p for p in self.pods if is_failed(p, self.job) and self.countable(p, lost)]
        return succeeded, failed
