"""Validation of Leases.

Called through the registry. Source: pkg/apis/coordination/validation.
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)

_STRATEGIES = ("OldestEmulationVersion",)


def _spec(spec: Obj) -> list[FieldError]:
    path = Path("spec")
    errors: list[FieldError] = []
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        errors.append(invalid(path.child("leaseDurationSeconds"), duration, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        text = "must be greater than or equal to 0"
        errors.append(invalid(path.child("leaseTransitions"), transitions, text))
    strategy = spec.get("strategy")
    if strategy is not None:
        at = path.child("strategy", "strategy")
        if "/" in strategy:
            errors += [invalid(at, strategy, text) for text in formats.label_key(strategy)]
        elif strategy not in _STRATEGIES:
            errors.append(not_supported(at, strategy, _STRATEGIES))
    if spec.get("preferredHolder") and not strategy:
        text = "may only be specified if `strategy` is defined"
        errors.append(forbidden(path.child("preferredHolder"), text))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new Lease."""
    return validate_object_meta(obj["metadata"], True, subdomain_name, kube_finalizers=False) + _spec(
        obj.get("spec") or {}
    )


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed Lease."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"], kube_finalizers=False)
    return errors + _spec(obj.get("spec") or {})
