"""Defaults of Job and CronJob.

Called through `apply_defaults`; each function completes one kind in place.
Source: pkg/apis/batch/v1/defaults.go.
"""

from __future__ import annotations

from kubekit.api.defaults.pod_spec import template
from kubekit.api.meta import Obj


def job(obj: Obj) -> None:
    """One pod, six retries, not indexed; labels from the template."""
    spec = obj.setdefault("spec", {})
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    replacement = "TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed"
    spec.setdefault("podReplacementPolicy", replacement)
    spec.setdefault("manualSelector", False)
    _job_spec(spec)


def _job_spec(spec: Obj) -> None:
    """What a job and the template of a cron job share."""
    template(spec.get("template"))
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"


def cron_job(obj: Obj) -> None:
    """Runs may overlap; three successful and one failed job are kept."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _job_spec((spec.get("jobTemplate") or {}).get("spec") or {})


DEFAULTS = {"Job": job, "CronJob": cron_job}
