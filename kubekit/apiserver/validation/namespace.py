"""Validation of namespaces.

Called through the registry, also for the subresources status and finalize.
Source: pkg/apis/core/validation (ValidateNamespace and neighbours).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    kube_finalizer,
    label_name,
    validate_object_meta,
    validate_object_meta_update,
)

_FINALIZERS = Path("spec").child("finalizers")


def _finalizer(name: str, path: Path) -> list[FieldError]:
    return [invalid(path, name, text) for text in formats.label_key(name)] + kube_finalizer(name, path)


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new namespace."""
    errors = validate_object_meta(obj["metadata"], False, label_name)
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        errors += _finalizer(name, _FINALIZERS)
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed namespace."""
    errors = [] if subresource else validate_create(obj)
    errors += validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "finalize":
        for position, name in enumerate((obj.get("spec") or {}).get("finalizers") or ()):
            errors += _finalizer(name, _FINALIZERS.index(position))
    if subresource == "status":
        phase, at = (obj.get("status") or {}).get("phase", ""), Path("status").child("Phase")
        if not obj["metadata"].get("deletionTimestamp"):
            if phase != "Active":
                errors.append(invalid(at, phase, "may only be 'Active' if `deletionTimestamp` is empty"))
        elif phase != "Terminating":
            errors.append(invalid(at, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty"))
    return errors
