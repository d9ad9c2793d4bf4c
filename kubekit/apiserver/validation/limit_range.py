"""Validation of LimitRanges.

Called through the registry. Source: pkg/apis/core/validation (ValidateLimitRange).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, forbidden, invalid, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import Quantity, parse
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
)
from kubekit.apiserver.validation.pod_amounts import (
    container_resource_name,
    overcommit_allowed,
    resource_name,
)

Amounts = dict[str, Quantity]
_MAX_MILLI = (2**63 - 1) // 1000


def _type(kind: str, path: Path) -> list[FieldError]:
    if wrong := formats.label_key(kind):
        return [invalid(path, kind, text) for text in wrong]
    if "/" not in kind and kind not in ("Pod", "Container", "PersistentVolumeClaim"):
        return [invalid(path, kind, "must be a standard limit type or fully qualified")]
    return []


def _relations(name: str, item: dict[str, Amounts], path: Path) -> list[FieldError]:
    """How the amounts of one resource must stand to each other."""
    errors: list[FieldError] = []
    low, high, default, request, ratio = (
        item[field].get(name) for field in ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")
    )

    def refuse(field: str, value: Quantity, text: str) -> None:
        errors.append(invalid(path.child(field).key(name), str(value), text))

    if low is not None and high is not None and low > high:
        refuse("min", low, f"min value {low} is greater than max value {high}")
    if request is not None and low is not None and low > request:
        refuse("defaultRequest", request, f"min value {low} is greater than default request value {request}")
    if request is not None and high is not None and request > high:
        refuse("defaultRequest", request, f"default request value {request} is greater than max value {high}")
    if request is not None and default is not None and request > default:
        text = f"default request value {request} is greater than default limit value {default}"
        refuse("defaultRequest", request, text)
    if default is not None and low is not None and low > default:
        refuse("default", low, f"min value {low} is greater than default value {default}")
    if default is not None and high is not None and default > high:
        refuse("default", high, f"default value {default} is greater than max value {high}")
    if ratio is not None and ratio.nanos < 10**9:
        refuse("maxLimitRequestRatio", ratio, f"ratio {ratio} is less than 1")
    if ratio is not None and low is not None and high is not None:
        fine = max(ratio.value(), low.value(), high.value()) < _MAX_MILLI
        factor = ratio.milli_value() / 1000 if fine else float(ratio.value())
        bottom = low.milli_value() if fine else low.value()
        top = high.milli_value() if fine else high.value()
        limit = top / bottom if bottom else float("inf")
        if factor > limit:
            refuse("maxLimitRequestRatio", ratio, f"ratio {ratio} is greater than max/min = {limit:f}")
    if not overcommit_allowed(name) and default is not None and request is not None and default != request:
        text = f"default value {default} must equal to defaultRequest value {request} in {name}"
        refuse("defaultRequest", request, text)
    return errors


def _item(item: Obj, path: Path) -> list[FieldError]:
    kind = item.get("type", "")
    check = container_resource_name if kind in ("Pod", "Container") else resource_name
    errors: list[FieldError] = []
    amounts: dict[str, Amounts] = {}
    names: list[str] = []
    for field in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        listed = item.get(field) or {}
        amounts[field] = {}
        bounded = any("storage" in amounts.get(one, ()) for one in ("min", "max"))
        if field == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim" and not bounded:
            text = "either minimum or maximum storage value is required, but neither was provided"
            errors.append(required(path.child("limits"), text))
        if kind == "Pod" and field in ("default", "defaultRequest"):
            if listed:
                errors.append(forbidden(path.child(field), "may not be specified when `type` is 'Pod'"))
            continue
        for name, text in listed.items():
            errors += check(name, path.child(field).key(name))
            amounts[field][name] = parse(text)
            if name not in names:
                names.append(name)
    for name in names:
        errors += _relations(name, amounts, path)
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new LimitRange."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    seen: set[str] = set()
    for position, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        at = Path("spec").child("limits").index(position)
        kind = item.get("type", "")
        errors += _type(kind, at.child("type"))
        if kind in seen:
            errors.append(duplicate(at.child("type"), kind))
        seen.add(kind)
        errors += _item(item, at)
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed LimitRange."""
    return validate_create(obj)
