"""The CronJob controller: makes a Job when its time has come.

A reconcile tidies up (finished Jobs beyond the history limits, the list of active ones), then looks whether a
scheduled time lies between the last one and now. Only the most recent missed time counts. Source:
pkg/controller/cronjob/cronjob_controllerv2.go.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from kubekit.api.meta import (
    Obj,
    annotations_of,
    controller_of,
    controller_reference,
    key_of,
    object_reference,
)
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.cron_schedule import Schedule, ScheduleError, zone
from kubekit.controllers.pods import controlled_by, index_by_controller
from kubekit.sim import parse_rfc3339, rfc3339

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
DELTA = 0.1
"""Seconds after the scheduled time at which it is looked at."""
MANY = 100


def outcome_of(job: Obj) -> str | None:
    """Complete or Failed, or None while it runs."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return None


class CronJobController(Controller):
    """Starts the Jobs of CronJobs."""

    name: ClassVar[str] = "cronjob-controller"
    kind: ClassVar[str] = "CronJob"
    resource: ClassVar[str] = "cronjobs.batch"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.crons: Informer
        self.jobs: Informer

    def set_up(self) -> None:
        self.crons = self.informer(self.resource)
        self.watch(
            self.crons,
            lambda cron: self.enqueue(key_of(cron), "ADDED", cron),
            self._cron_updated,
            lambda cron: self.enqueue(key_of(cron), "DELETED", cron),
        )
        self.jobs = self.informer("jobs.batch")
        index_by_controller(self.jobs)
        self.watch(
            self.jobs,
            lambda job: self._job_changed("ADDED", job),
            lambda old, new: self._job_changed("MODIFIED", new),
            lambda job: self._job_changed("DELETED", job),
        )

    def _cron_updated(self, old: Obj, new: Obj) -> None:
        """A new schedule counts from its next time on: what it would have started before is let be."""
        spec = new["spec"]
        if all(old["spec"].get(field) == spec.get(field) for field in ("schedule", "timeZone")):
            self.enqueue(key_of(new), "MODIFIED", new)
            return
        try:
            schedule = Schedule(spec["schedule"], spec.get("timeZone"))
        except ScheduleError:
            text = f"unparseable schedule for cronjob: {spec['schedule']}"
            self.event(new, "Warning", "UnParseableCronJobSchedule", text)
            return
        self.note(key_of(new), "MODIFIED", new)
        cron = {**new, "status": new.get("status") or {}}
        self.queue.add_after(key_of(new), self._wait(cron, schedule, self.clock.now()), background=True)

    def _job_changed(self, event: str, job: Obj) -> None:
        if controller_of(job) is None:
            return
        owner = self.resolve_controller(self.crons, job, self.kind)
        if owner is not None:
            self.enqueue(key_of(owner), event, job)

    # -- one reconcile ----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        cached = self.crons.get(key)
        if cached is None:
            return
        status = dict(cached.get("status") or {})
        status["active"] = list(status.get("active") or ())
        cron: Obj = {**cached, "status": status}
        before = {**status, "active": list(status["active"])}
        jobs = controlled_by(self.jobs, cron)
        failure: Exception | None = None
        again: float | None = None
        self._clean_up(cron, jobs)
        try:
            cron = self._match_active(cron, jobs)
            if not cron["metadata"].get("deletionTimestamp"):
                again = self._schedule(cron)
        except (StatusError, OSError) as error:
            failure = error
        status = cron["status"]
        if status != before:
            written = {name: value for name, value in status.items() if name != "active" or value}
            self.client.update(self.resource, {**cron, "status": written}, subresource="status")
        if failure is not None:
            raise failure
        if again is not None:
            self.queue.add_after(key, again, background=True)

    def _clean_up(self, cron: Obj, jobs: list[Obj]) -> None:
        for outcome, field in (
            ("Complete", "successfulJobsHistoryLimit"),
            ("Failed", "failedJobsHistoryLimit"),
        ):
            limit = cron["spec"].get(field)
            done = [job for job in jobs if outcome_of(job) == outcome]
            if limit is None or len(done) <= limit:
                continue
            done.sort(
                key=lambda job: ((job.get("status") or {}).get("startTime") or "~", job["metadata"]["name"])
            )
            for job in done[: len(done) - limit]:
                try:
                    self._delete(cron, job)
                except (StatusError, OSError):
                    continue  # said already; the next reconcile tries again

    def _match_active(self, cron: Obj, jobs: list[Obj]) -> Obj:
        """The list of active Jobs follows what there is."""
        status = cron["status"]
        children = set()
        for job in jobs:
            meta = job["metadata"]
            children.add(meta["uid"])
            listed = any(one.get("uid") == meta["uid"] for one in status["active"])
            outcome = outcome_of(job)
            if outcome is None and not listed:
                fresh = self.client.get(
                    self.resource, cron["metadata"]["name"], cron["metadata"]["namespace"]
                )
                active = list((fresh.get("status") or {}).get("active") or ())
                if any(one.get("uid") == meta["uid"] for one in active):
                    cron = {**fresh, "status": {**(fresh.get("status") or {}), "active": active}}
                    status = cron["status"]
                    continue
                text = f"Saw a job that the controller did not create or forgot: {meta['name']}"
                self.event(cron, "Warning", "UnexpectedJob", text)
            elif outcome is not None:
                if listed:
                    self._forget(cron, meta["uid"])
                    text = f"Saw completed job: {meta['name']}, condition: {outcome}"
                    self.event(cron, "Normal", "SawCompletedJob", text)
                at = (job.get("status") or {}).get("completionTime")
                if outcome == "Complete" and at and at > (status.get("lastSuccessfulTime") or ""):
                    status["lastSuccessfulTime"] = at
        for one in list(status["active"]):
            if one.get("uid") in children:
                continue
            if self.client.find("jobs.batch", one["name"], one["namespace"]) is None:
                self.event(cron, "Normal", "MissingJob", f"Active job went missing: {one['name']}")
                self._forget(cron, one.get("uid", ""))
        return cron

    def _schedule(self, cron: Obj) -> float | None:
        """Start what is due; seconds until the next look."""
        spec, status = cron["spec"], cron["status"]
        try:
            zone(spec.get("timeZone"))
        except ScheduleError as error:
            text = f'invalid timeZone: "{spec.get("timeZone")}": {error}'
            self.event(cron, "Warning", "UnknownTimeZone", text)
            return None
        if spec.get("suspend"):
            return None
        try:
            schedule = Schedule(spec["schedule"], spec.get("timeZone"))
        except ScheduleError as error:
            text = f'unparseable schedule: "{spec["schedule"]}" : {error}'
            self.event(cron, "Warning", "UnparseableSchedule", text)
            return None
        now = self.clock.now()
        due, many = most_recent(cron, schedule, now, True)
        if many and due is not None:
            text = (
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or "
                "check clock skew"
            )
            self.event(cron, "Warning", "TooManyMissedTimes", text)
        wait = self._wait(cron, schedule, now)
        if due is None:
            return wait
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and due + deadline < now:
            stamp = datetime.fromtimestamp(due, zone(None)).strftime("%a, %d %b %Y %H:%M:%S +0000")
            self.event(cron, "Warning", "MissSchedule", f"Missed scheduled time to start a job: {stamp}")
            return wait
        name = f"{cron['metadata']['name']}-{int(due) // 60}"
        if any(one["name"] == name for one in status["active"]) or status.get("lastScheduleTime") == rfc3339(
            due
        ):
            return wait
        if spec.get("concurrencyPolicy") == "Forbid" and status["active"]:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.event(cron, "Normal", "JobAlreadyActive", text)
            return wait
        if spec.get("concurrencyPolicy") == "Replace":
            for one in list(status["active"]):
                try:
                    job = self.client.get("jobs.batch", one["name"], one["namespace"])
                except StatusError as error:
                    self.event(cron, "Warning", "FailedGet", f"Get job: {error.message}")
                    raise
                self._delete(cron, job)
        return self._wait(cron, schedule, now) if self._start(cron, name, due) else None

    def _wait(self, cron: Obj, schedule: Schedule, now: float) -> float:
        last = cron["status"].get("lastScheduleTime")
        earliest = parse_rfc3339(last or cron["metadata"]["creationTimestamp"])
        due, _ = most_recent(cron, schedule, now, False)
        return schedule.next(due if due is not None else max(earliest, now)) + DELTA - now

    def _start(self, cron: Obj, name: str, due: float) -> bool:
        """Create the Job; False when a Job of that name is there and is somebody else's."""
        template, meta = cron["spec"]["jobTemplate"], cron["metadata"]
        source = template.get("metadata") or {}
        local = datetime.fromtimestamp(due, zone(cron["spec"].get("timeZone"))).isoformat()
        metadata: Obj = {
            "name": name,
            "namespace": meta["namespace"],
            "annotations": {**annotations_of(template), SCHEDULED: local.replace("+00:00", "Z")},
            "ownerReferences": [controller_reference(cron)],
        }
        if source.get("labels"):
            metadata["labels"] = dict(source["labels"])
        wanted = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
        try:
            job = self.client.create("jobs.batch", wanted)
            self.event(cron, "Normal", "SuccessfulCreate", f"Created job {name}")
        except StatusError as error:
            if error.reason != "AlreadyExists":
                if not any(c.get("reason") == "NamespaceTerminating" for c in error.causes):
                    self.event(cron, "Warning", "FailedCreate", f"Error creating job: {error.message}")
                raise
            job = self.client.get("jobs.batch", name, meta["namespace"])
            reference = controller_of(job)
            if reference is None or reference["uid"] != meta["uid"]:
                return False
        status = cron["status"]
        status["active"] = [
            *status["active"],
            object_reference({"kind": "Job", "apiVersion": "batch/v1", **job}),
        ]
        status["lastScheduleTime"] = rfc3339(due)
        return True

    def _delete(self, cron: Obj, job: Obj) -> None:
        meta = job["metadata"]
        try:
            self.client.delete("jobs.batch", meta["name"], meta["namespace"], propagation="Background")
        except StatusError as error:
            self.event(cron, "Warning", "FailedDelete", f"Deleted job: {error.message}")
            raise
        self._forget(cron, meta["uid"])
        self.event(cron, "Normal", "SuccessfulDelete", f"Deleted job {meta['name']}")

    def _forget(self, cron: Obj, uid: str) -> None:
        status = cron["status"]
        status["active"] = [one for one in status["active"] if one.get("uid") != uid]


def most_recent(cron: Obj, schedule: Schedule, now: float, with_deadline: bool) -> tuple[float | None, bool]:
    """(the latest scheduled time that has passed, whether very many were missed)."""
    status = cron.get("status") or {}
    earliest = parse_rfc3339(status.get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
    deadline = cron["spec"].get("startingDeadlineSeconds")
    if with_deadline and deadline is not None:
        earliest = max(earliest, now - deadline)
    first = schedule.next(earliest)
    if now < first:
        return None, False
    second = schedule.next(first)
    if now < second:
        return first, False
    between = max(1.0, second - first)
    missed = int((now - first) // between) + 1
    # Guessed from the first gap: with uneven gaps it may lie in the future, then nothing is due.
    latest: float | None = None
    moment = schedule.next(first + max(0.0, (missed - 2) * between))
    while moment <= now:
        latest = moment
        moment = schedule.next(moment)
    return latest, missed > MANY
