"""The TTL-after-finished controller: deletes Jobs a while after they have ended.

Source: pkg/controller/ttlafterfinished.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, is_deleting, key_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.sim import parse_rfc3339

SHORT = 60.0
"""A time to live up to this (seconds) is waited for; longer ones are background timers."""


def finished_at(job: Obj) -> float | None:
    """When the Job has ended (Unix seconds), or None."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return parse_rfc3339(condition["lastTransitionTime"])
    return None


class TtlAfterFinished(Controller):
    """Deletes finished Jobs with `ttlSecondsAfterFinished`."""

    name: ClassVar[str] = "ttl-after-finished-controller"
    kind: ClassVar[str] = "Job"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.jobs: Informer

    def set_up(self) -> None:
        self.jobs = self.informer("jobs.batch")
        self.watch(self.jobs, self._seen, lambda old, new: self._seen(new))

    def _seen(self, job: Obj) -> None:
        if job["spec"].get("ttlSecondsAfterFinished") is not None and finished_at(job) is not None:
            self.enqueue(key_of(job), "MODIFIED", job)

    def reconcile(self, key: str) -> None:
        job = self.jobs.get(key)
        if job is None or is_deleting(job):
            return
        ended, ttl = finished_at(job), job["spec"].get("ttlSecondsAfterFinished")
        if ended is None or ttl is None:
            return
        left = ended + ttl - self.clock.now()
        if left > 0:
            self.queue.add_after(key, left, background=left > SHORT)
            return
        meta = job["metadata"]
        try:
            self.client.delete(
                "jobs.batch", meta["name"], meta["namespace"], propagation="Foreground", uid=meta["uid"]
            )
        except StatusError as error:
            if error.code != 404:
                raise
