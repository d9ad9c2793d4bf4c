"""Validation of ControllerRevisions: a past state is never changed.

Called through the registry. Source: pkg/apis/apps/validation (ValidateControllerRevision).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import nonnegative
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)

_DATA = Path("data")


def _revision(obj: Obj) -> list[FieldError]:
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    return errors + nonnegative(obj.get("revision", 0), Path("revision"))


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new ControllerRevision."""
    errors = _revision(obj)
    if obj.get("data") is None:
        errors.append(required(_DATA, "data is mandatory"))
    elif not isinstance(obj["data"], dict):
        errors.append(required(_DATA, "data must be a valid JSON object"))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed ControllerRevision."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"]) + _revision(obj)
    return errors + immutable(obj.get("data"), old.get("data"), _DATA)
