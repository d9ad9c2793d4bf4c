"""Validation of ResourceQuotas.

Called through the registry. Source: pkg/apis/core/validation (ValidateResourceQuota).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.object_meta import (
    IMMUTABLE,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_amounts import quantity_value, quota_resource_name

SPEC = Path("spec")
_SCOPES = (
    "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)  # fmt: skip
_POD_RESOURCES = frozenset(
    ("pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
)
_PAIRS = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_NO_RESOURCE = "unsupported scope applied to resource"


def _applies(scope: str, name: str) -> bool:
    """Whether a scope makes sense for a resource."""
    if scope in ("BestEffort",):
        return name == "pods"
    if scope == "VolumeAttributesClass":
        return name in ("persistentvolumeclaims", "requests.storage")
    if scope in _SCOPES:
        return name in _POD_RESOURCES
    return True


def _amounts(listed: dict[str, str] | None, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, text in (listed or {}).items():
        at = path.key(name)
        errors += quota_resource_name(name, at) + quantity_value(name, parse(text), at)
    return errors


def _is_standard(name: str) -> bool:
    return not quota_resource_name(name, SPEC) and "/" not in name


def _scopes(spec: Obj) -> list[FieldError]:
    scopes, at = spec.get("scopes") or [], SPEC.child("scopes")
    errors: list[FieldError] = []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid(at, scopes, "unsupported scope"))
        for name in sorted(spec.get("hard") or {}):
            if _is_standard(name) and not _applies(scope, name):
                errors.append(invalid(at, scopes, _NO_RESOURCE))
    for pair in _PAIRS:
        if all(one in scopes for one in pair):
            errors.append(invalid(at, scopes, "conflicting scopes"))
    return errors


def _scope_selector(spec: Obj) -> list[FieldError]:
    selector = spec.get("scopeSelector")
    if selector is None:
        return []
    at = SPEC.child("scopeSelector", "matchExpressions")
    errors: list[FieldError] = []
    needs = selector.get("matchExpressions") or []
    for need in needs:
        scope, operator, values = (
            need.get("scopeName", ""),
            need.get("operator", ""),
            need.get("values") or [],
        )
        if scope not in _SCOPES:
            errors.append(invalid(at.child("scopeName"), scope, "unsupported scope"))
        for name in sorted(spec.get("hard") or {}):
            if _is_standard(name) and not _applies(scope, name):
                errors.append(invalid(at, internal("core.ScopeSelector", selector), _NO_RESOURCE))
        if (
            scope in _SCOPES
            and scope not in ("PriorityClass", "VolumeAttributesClass")
            and operator != "Exists"
        ):
            text = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                "ResourceQuotaScopeNotBestEffort or "
                "ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(invalid(at.child("operator"), operator, text))
        if operator in ("In", "NotIn"):
            if not values:
                text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                errors.append(required(at.child("values"), text))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                errors.append(invalid(at.child("values"), values, text))
        else:
            errors.append(invalid(at.child("operator"), operator, "not a valid selector operator"))
    names = [need.get("scopeName", "") for need in needs]
    for pair in _PAIRS:
        if all(one in names for one in pair):
            errors.append(invalid(at, spec.get("scopes"), "conflicting scopes"))
    return errors


def _spec(spec: Obj) -> list[FieldError]:
    return _amounts(spec.get("hard"), SPEC.child("hard")) + _scopes(spec) + _scope_selector(spec)


def _status(status: Obj) -> list[FieldError]:
    path = Path("status")
    return _amounts(status.get("hard"), path.child("hard")) + _amounts(status.get("used"), path.child("used"))


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new ResourceQuota."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    return errors + _spec(obj.get("spec") or {}) + _status(obj.get("status") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed ResourceQuota: its scopes stay."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        return errors + _status(obj.get("status") or {})
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors += _spec(spec)
    if sorted(set(spec.get("scopes") or ())) != sorted(set(before.get("scopes") or ())):
        errors.append(invalid(SPEC.child("scopes"), spec.get("scopes"), IMMUTABLE))
    return errors
