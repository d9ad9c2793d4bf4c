"""Validation of PriorityClasses.

Called through the registry. Source: pkg/apis/scheduling/validation.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    METADATA,
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)

_HIGHEST = 1_000_000_000
_SYSTEM = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def _system_problem(name: str, obj: Obj) -> str:
    if name not in _SYSTEM:
        return f"{name} is not a known system priority class"
    if obj.get("value", 0) != _SYSTEM[name]:
        return f"value of {name} PriorityClass must be {_SYSTEM[name]}"
    return (
        "globalDefault of system-cluster-critical PriorityClass must be false"
        if obj.get("globalDefault")
        else ""
    )


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new PriorityClass."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    name = obj["metadata"].get("name", "")
    if name.startswith("system-"):
        if problem := _system_problem(name, obj):
            text = (
                "priority class names with 'system-' prefix are reserved for system use only. error: "
                + problem
            )
            errors.append(forbidden(METADATA.child("name"), text))
    elif obj.get("value", 0) > _HIGHEST:
        text = f"maximum allowed value of a user defined priority is {_HIGHEST}"
        errors.append(forbidden("value", text))
    policy = obj.get("preemptionPolicy")
    if policy == "":
        errors.append(required("preemptionPolicy"))
    elif policy is not None and policy not in ("PreemptLowerPriority", "Never"):
        errors.append(not_supported("preemptionPolicy", policy, ("PreemptLowerPriority", "Never")))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed PriorityClass: value and preemption policy stay."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if obj.get("value", 0) != old.get("value", 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    return errors + immutable(
        obj.get("preemptionPolicy"), old.get("preemptionPolicy"), Path("preemptionPolicy")
    )
