"""Validation of DaemonSets.

Called through the registry. The template generation, which only internal callers ever set, is not checked.
Source: pkg/apis/apps/validation (ValidateDaemonSet).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import (
    int_or_percent_value,
    not_more_than_100_percent,
    positive_int_or_percent,
)
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_template import (
    MISMATCH,
    selector_of,
    template_labels,
    validate_template,
)
from kubekit.apiserver.validation.selectors import label_selector
from kubekit.apiserver.validation.workload import SPEC, STATUS, collision_count, nonnegative_fields

_COUNTS = (
    "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
    "observedGeneration",
    "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
)  # fmt: skip


def _strategy(strategy: Obj, path: Path) -> list[FieldError]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        shown = internal("apps.DaemonSetUpdateStrategy", strategy)
        return [not_supported(path, shown, ("RollingUpdate", "OnDelete"))]
    at = path.child("rollingUpdate")
    if rolling is None:
        return [required(at)]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = positive_int_or_percent(unavailable, at.child("maxUnavailable"))
    errors += positive_int_or_percent(surge, at.child("maxSurge"))
    errors += not_more_than_100_percent(unavailable, at.child("maxUnavailable"))
    errors += not_more_than_100_percent(surge, at.child("maxSurge"))
    some, more = int_or_percent_value(unavailable) != 0, int_or_percent_value(surge) != 0
    if some and more:
        errors.append(invalid(at.child("maxSurge"), surge, "may not be set when maxUnavailable is non-zero"))
    elif not some and not more:
        errors.append(required(at.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"))
    return errors


def _spec(spec: Obj) -> list[FieldError]:
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors = label_selector(selector, SPEC.child("selector"))
    found, _ = selector_of(selector, SPEC)
    if found is not None and not found.matches(template_labels(template)):
        at = SPEC.child("template", "metadata", "labels")
        errors.append(invalid(at, template_labels(template) or None, MISMATCH))
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(invalid(SPEC.child("selector"), {}, "empty selector is invalid for daemonset"))
    errors += validate_template(template, SPEC.child("template"))
    pod, at = template.get("spec") or {}, SPEC.child("template", "spec")
    if pod.get("restartPolicy") != "Always":
        errors.append(not_supported(at.child("restartPolicy"), pod.get("restartPolicy", ""), ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in DaemonSet is not Supported"
        errors.append(forbidden(at.child("activeDeadlineSeconds"), text))
    errors += nonnegative_fields(spec, ("minReadySeconds",), SPEC)
    errors += _strategy(spec.get("updateStrategy") or {}, SPEC.child("updateStrategy"))
    return errors + nonnegative_fields(spec, ("revisionHistoryLimit",), SPEC)


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new DaemonSet."""
    return validate_object_meta(obj["metadata"], True, subdomain_name) + _spec(obj.get("spec") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed DaemonSet: its selector stays."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        status = obj.get("status") or {}
        return (
            errors
            + nonnegative_fields(status, _COUNTS, STATUS)
            + collision_count(status, old.get("status") or {})
        )
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors += immutable(spec.get("selector"), before.get("selector"), SPEC.child("selector"))
    return errors + _spec(spec)
