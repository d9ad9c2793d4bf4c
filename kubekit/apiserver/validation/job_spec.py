"""Validation of a job's spec, be it of a job or of the template of a cron job.

Called by `job` and `cron_job`.
Source: pkg/apis/batch/validation (validateJobSpec).
"""

from __future__ import annotations

from itertools import pairwise

from kubekit.api import formats
from kubekit.api.field_path import (
    OMIT,
    FieldError,
    Path,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.job_indexes import IndexesError, parse_indexes
from kubekit.apiserver.validation.numbers import nonnegative, qualified_name
from kubekit.apiserver.validation.pod_template import validate_template
from kubekit.apiserver.validation.workload import nonnegative_fields

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_LIMIT = 100_000


def domain_path(text: str, path: Path) -> list[FieldError]:
    """`example.com/foo`."""
    if not text:
        return [required(path)]
    host, slash, rest = text.partition("/")
    if not slash or not host or not rest:
        return [invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = [invalid(path, host, one) for one in formats.dns1123_subdomain(host)]
    return errors + [invalid(path, rest, one) for one in formats.http_path(rest)]


def _indexed(spec: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    completions, parallelism = spec.get("completions"), spec.get("parallelism")
    failed, per_index = spec.get("maxFailedIndexes"), spec.get("backoffLimitPerIndex")
    if completions is None:
        errors.append(required(path.child("completions"), "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _LIMIT:
        text = f"must be less than or equal to {_LIMIT} when completion mode is Indexed"
        errors.append(invalid(path.child("parallelism"), parallelism, text))
    at = path.child("maxFailedIndexes")
    if completions is not None and failed is not None and failed > completions:
        errors.append(invalid(at, failed, "must be less than or equal to completions"))
    if failed is not None and failed > _LIMIT:
        errors.append(invalid(at, failed, f"must be less than or equal to {_LIMIT}"))
    if completions is not None and completions > _LIMIT and per_index is not None:
        if failed is None:
            errors.append(required(at, f"must be specified when completions is above {_LIMIT}"))
        text = (
            "must be less than or equal to 10000 when completions are above 100000 and used "
            "with backoff limit per index"
        )
        if parallelism is not None and parallelism > 10_000:
            errors.append(invalid(path.child("parallelism"), parallelism, text))
        if failed is not None and failed > 10_000:
            errors.append(invalid(at, failed, text))
    return errors


def _exit_codes(found: Obj, names: list[str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values = found.get("operator", ""), found.get("values") or []
    if not operator:
        errors.append(required(path.child("operator"), 'valid values: ["In" "NotIn"]'))
    elif operator not in ("In", "NotIn"):
        errors.append(not_supported(path.child("operator"), operator, ("In", "NotIn")))
    container = found.get("containerName")
    if container is not None and container not in names:
        text = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(path.child("containerName"), container, text))
    at = path.child("values")
    if not values:
        errors.append(invalid(at, found.get("values"), "at least one value is required"))
    elif len(values) > 255:
        errors.append(too_many(at, len(values), 255))
    for position, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid(at.index(position), value, "must not be 0 for the In operator"))
        if value in values[:position]:
            errors.append(duplicate(at.index(position), value))
    if any(one > other for one, other in pairwise(values)):
        errors.append(invalid(at, values, "must be ordered"))
    return errors


def _failure_policy(spec: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    rules = spec["podFailurePolicy"].get("rules") or []
    pod = (spec.get("template") or {}).get("spec") or {}
    names = [
        one.get("name", "") for group in ("containers", "initContainers") for one in pod.get(group) or ()
    ]
    if len(rules) > 20:
        errors.append(too_many(path.child("rules"), len(rules), 20))
    for position, rule in enumerate(rules):
        at = path.child("rules").index(position)
        action, codes, conditions = (
            rule.get("action", ""),
            rule.get("onExitCodes"),
            rule.get("onPodConditions") or [],
        )
        if not action:
            errors.append(
                required(at.child("action"), 'valid values: ["Count" "FailIndex" "FailJob" "Ignore"]')
            )
        elif action == "FailIndex":
            if spec.get("backoffLimitPerIndex") is None:
                text = "requires the backoffLimitPerIndex to be set"
                errors.append(invalid(at.child("action"), action, text))
        elif action not in _ACTIONS:
            errors.append(not_supported(at.child("action"), action, _ACTIONS))
        if codes is not None:
            errors += _exit_codes(codes, names, at.child("onExitCodes"))
        if len(conditions) > 20:
            errors.append(too_many(at.child("onPodConditions"), len(conditions), 20))
        for number, one in enumerate(conditions):
            place = at.child("onPodConditions").index(number)
            errors += qualified_name(one.get("type", ""), place.child("type"))
            status, values = one.get("status", ""), ("False", "True", "Unknown")
            if not status:
                errors.append(required(place.child("status"), 'valid values: ["False" "True" "Unknown"]'))
            elif status not in values:
                errors.append(not_supported(place.child("status"), status, values))
        if codes is not None and conditions:
            text = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(invalid(at, OMIT, text))
        if codes is None and not conditions:
            text = "specifying one of OnExitCodes and OnPodConditions is required"
            errors.append(invalid(at, OMIT, text))
    return errors


def _success_policy(spec: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    rules, completions = spec["successPolicy"].get("rules") or [], spec.get("completions") or 0
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(path.child("rules"), text))
    if len(rules) > 20:
        errors.append(too_many(path.child("rules"), len(rules), 20))
    for position, rule in enumerate(rules):
        at = path.child("rules").index(position)
        count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
        if count is None and indexes is None:
            text = "at least one of succeededCount or succeededIndexes must be specified"
            errors.append(required(at, text))
        total = 0
        if indexes is not None:
            if len(indexes) > 65536:
                errors.append(too_long(at.child("succeededIndexes"), 65536))
            try:
                total = parse_indexes(indexes, completions)
            except IndexesError as error:
                text = f"error parsing succeededIndexes: {error}"
                errors.append(invalid(at.child("succeededIndexes"), indexes, text))
        if count is not None:
            place = at.child("succeededCount")
            errors += nonnegative(count, place)
            text = "must be less than or equal to {} (the number of {})"
            if count > completions:
                errors.append(invalid(place, count, text.format(completions, "specified completions")))
            if indexes is not None and count > total:
                words = "indexes in the specified succeededIndexes field"
                errors.append(invalid(place, count, text.format(total, words)))
    return errors


def _restart_policy(spec: Obj, path: Path) -> list[FieldError]:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "")
    at = path.child("template", "spec", "restartPolicy")
    if policy in ("Always", ""):
        return [required(at, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(at, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def validate_job_spec(spec: Obj, path: Path) -> list[FieldError]:
    """Everything but the selector."""
    errors = nonnegative_fields(
        spec,
        (
            "parallelism",
            "completions",
            "activeDeadlineSeconds",
            "backoffLimit",
            "ttlSecondsAfterFinished",
            "backoffLimitPerIndex",
            "maxFailedIndexes",
        ),
        path,
    )
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
    manager = spec.get("managedBy")
    if manager is not None:
        errors += domain_path(manager, path.child("managedBy"))
        if len(manager) > 63:
            errors.append(too_long(path.child("managedBy"), 63))
    mode = spec.get("completionMode")
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        errors.append(not_supported(path.child("completionMode"), mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed":
        errors += _indexed(spec, path)
    if mode in (None, "NonIndexed"):
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(field) is not None:
                errors.append(invalid(path.child(field), spec[field], "requires indexed completion mode"))
    if spec.get("podFailurePolicy") is not None:
        errors += _failure_policy(spec, path.child("podFailurePolicy"))
    if spec.get("successPolicy") is not None:
        at = path.child("successPolicy")
        if mode != "Indexed":
            shown = internal("batch.SuccessPolicy", spec["successPolicy"])
            errors.append(invalid(at, shown, "requires indexed completion mode"))
        else:
            errors += _success_policy(spec, at)
    replacement = spec.get("podReplacementPolicy")
    if replacement is not None:
        values = (
            ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
        )
        if replacement not in values:
            errors.append(not_supported(path.child("podReplacementPolicy"), replacement, values))
    errors += validate_template(spec.get("template") or {}, path.child("template"))
    return errors + _restart_policy(spec, path)
