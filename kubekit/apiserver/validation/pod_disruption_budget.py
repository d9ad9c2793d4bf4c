"""Validation of PodDisruptionBudgets.

Called through the registry. Source: pkg/apis/policy/validation.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, not_supported
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.conditions import validate_conditions
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import not_more_than_100_percent, positive_int_or_percent
from kubekit.apiserver.validation.object_meta import path_segment_name, validate_object_meta
from kubekit.apiserver.validation.selectors import label_selector
from kubekit.apiserver.validation.workload import STATUS, nonnegative_fields

SPEC = Path("spec")
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def _spec(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = internal("policy.PodDisruptionBudgetSpec", spec)
        errors.append(invalid(SPEC, shown, "minAvailable and maxUnavailable cannot be both set"))
    for field in ("minAvailable", "maxUnavailable"):
        value = spec.get(field)
        if value is not None:
            errors += positive_int_or_percent(value, SPEC.child(field))
            errors += not_more_than_100_percent(value, SPEC.child(field))
    errors += label_selector(spec.get("selector"), SPEC.child("selector"))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported(SPEC.child("unhealthyPodEvictionPolicy"), policy, _POLICIES))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new PodDisruptionBudget; its metadata is looked at last, and for the general only."""
    found = _spec(obj.get("spec") or {})
    return found or validate_object_meta(obj["metadata"], True, path_segment_name, kube_finalizers=False)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed PodDisruptionBudget."""
    if subresource == "status":
        status = obj.get("status") or {}
        found = validate_conditions(status.get("conditions") or [], STATUS.child("conditions"))
        fields = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
        return found + nonnegative_fields(status, fields, STATUS)
    return _spec(obj.get("spec") or {})
