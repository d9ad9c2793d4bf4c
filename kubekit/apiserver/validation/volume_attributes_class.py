"""Validation of VolumeAttributesClasses.

Called through the registry. Source: pkg/apis/storage/validation (ValidateVolumeAttributesClass).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.storage_class import validate_parameters, validate_provisioner

_PARAMETERS = Path("parameters")


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new class."""
    parameters = obj.get("parameters") or {}
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    errors += validate_provisioner(obj.get("driverName", ""), Path("driverName"))
    errors += validate_parameters(parameters, _PARAMETERS)
    if not parameters:
        errors.append(required(_PARAMETERS, "must contain at least one key/value pair"))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed class: driver and parameters stay."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if obj.get("driverName", "") != old.get("driverName", ""):
        errors.append(forbidden("driverName", "updates to driverName are forbidden."))
    if obj.get("parameters") != old.get("parameters"):
        errors.append(forbidden(_PARAMETERS, "updates to parameters are forbidden."))
    return errors + validate_create(obj)
