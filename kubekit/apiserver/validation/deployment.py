"""Validation of Deployments.

Called through the registry.
Source: pkg/apis/apps/validation (ValidateDeployment).
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
from kubekit.apiserver.validation.replica_set import validate_set_template
from kubekit.apiserver.validation.workload import (
    SPEC,
    STATUS,
    collision_count,
    nonnegative_fields,
    not_above_replicas,
    validate_selector,
)

_COUNTS = (
    "observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
    "unavailableReplicas", "terminatingReplicas", "collisionCount",
)  # fmt: skip


def _strategy(strategy: Obj, path: Path) -> list[FieldError]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = path.child("rollingUpdate")
    if kind == "Recreate":
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden(at, text)]
    if kind != "RollingUpdate":
        return [
            not_supported(path, internal("apps.DeploymentStrategy", strategy), ("Recreate", "RollingUpdate"))
        ]
    if rolling is None:
        return [required(at, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = positive_int_or_percent(unavailable, at.child("maxUnavailable"))
    errors += positive_int_or_percent(surge, at.child("maxSurge"))
    if int_or_percent_value(unavailable) == 0 and int_or_percent_value(surge) == 0:
        errors.append(invalid(at.child("maxUnavailable"), unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + not_more_than_100_percent(unavailable, at.child("maxUnavailable"))


def _spec(spec: Obj) -> list[FieldError]:
    errors = nonnegative_fields(spec, ("replicas",), SPEC)
    selector, found = validate_selector(spec, "deployment")
    errors += found
    if selector is not None:
        errors += validate_set_template(spec.get("template") or {}, selector, SPEC.child("template"))
    errors += _strategy(spec.get("strategy") or {}, SPEC.child("strategy"))
    errors += nonnegative_fields(
        spec, ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), SPEC
    )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        text = "must be greater than minReadySeconds"
        errors.append(invalid(SPEC.child("progressDeadlineSeconds"), deadline, text))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new Deployment."""
    return validate_object_meta(obj["metadata"], True, subdomain_name) + _spec(obj.get("spec") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed Deployment: its selector stays."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        status = obj.get("status") or {}
        errors += nonnegative_fields(status, _COUNTS, STATUS)
        errors += not_above_replicas(status, ("updatedReplicas", "readyReplicas", "availableReplicas"))
        if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
            text = "cannot be greater than readyReplicas"
            errors.append(invalid(STATUS.child("availableReplicas"), status["availableReplicas"], text))
        return errors + collision_count(status, old.get("status") or {})
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    return (
        errors + _spec(spec) + immutable(spec.get("selector"), before.get("selector"), SPEC.child("selector"))
    )
