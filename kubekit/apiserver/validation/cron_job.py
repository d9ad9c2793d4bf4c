"""Validation of CronJobs.

Called through the registry. Source: pkg/apis/batch/validation (ValidateCronJobCreate).
"""

from __future__ import annotations

import re

from kubekit.api.cron_schedule import ScheduleError, parse
from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.time_zones import is_known_zone
from kubekit.apiserver.validation.job_spec import validate_job_spec
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.workload import SPEC, nonnegative_fields

_POLICIES = ("Allow", "Forbid", "Replace")


def _schedule(spec: Obj, allow_zone: bool) -> list[FieldError]:
    text, at = spec.get("schedule", ""), SPEC.child("schedule")
    if not text:
        return [required(at)]
    errors: list[FieldError] = []
    try:
        parse(text)
    except ScheduleError as error:
        errors.append(invalid(at, text, str(error)))
    if "TZ" in text:
        if not allow_zone:
            words = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(invalid(at, text, words))
        elif spec.get("timeZone") is not None:
            words = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            errors.append(invalid(at, text, words))
    return errors


def _time_zone(zone: str | None) -> list[FieldError]:
    if zone is None:
        return []
    at = SPEC.child("timeZone")
    if not zone:
        return [invalid(at, zone, "timeZone must be nil or non-empty string")]
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not re.fullmatch(r"[A-Za-z.\-_0-9+]{1,14}", part):
            return [invalid(at, zone, f"unknown time zone {zone}")]
    errors = []
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid(at, zone, text))
    if zone != "Local" and not is_known_zone(zone):
        errors.append(invalid(at, zone, f"unknown time zone {zone}"))
    return errors


def _spec(spec: Obj, before: Obj | None) -> list[FieldError]:
    errors = _schedule(spec, before is not None and "TZ" in before.get("schedule", ""))
    errors += nonnegative_fields(spec, ("startingDeadlineSeconds",), SPEC)
    if before is None or before.get("timeZone") != spec.get("timeZone"):
        errors += _time_zone(spec.get("timeZone"))
    policy, at = spec.get("concurrencyPolicy", ""), SPEC.child("concurrencyPolicy")
    if not policy:
        errors.append(required(at))
    elif policy not in _POLICIES:
        errors.append(not_supported(at, policy, _POLICIES))
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    path: Path = SPEC.child("jobTemplate", "spec")
    errors += validate_job_spec(job, path)
    if job.get("selector") is not None:
        errors.append(invalid(path.child("selector"), job["selector"], "`selector` will be auto-generated"))
    if job.get("manualSelector"):
        errors.append(not_supported(path.child("manualSelector"), True, ("nil", "false")))
    return errors + nonnegative_fields(spec, ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"), SPEC)


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new CronJob."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name) + _spec(obj.get("spec") or {}, None)
    name = obj["metadata"].get("name", "")
    if len(name) > 52:
        errors.append(invalid(Path("metadata").child("name"), name, "must be no more than 52 characters"))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed CronJob."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    return errors if subresource == "status" else errors + _spec(obj.get("spec") or {}, old.get("spec") or {})
