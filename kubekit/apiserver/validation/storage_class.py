"""Validation of StorageClasses.

Called through the registry. Source: pkg/apis/storage/validation (ValidateStorageClass).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required, too_long
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.selectors import topology_selector_terms

_MAX_PARAMETERS, _MAX_SIZE = 512, 256 * 1024


def validate_parameters(parameters: dict[str, str], path: Path) -> list[FieldError]:
    """What a driver is told: not too much, and nothing under an empty name."""
    if len(parameters) > _MAX_PARAMETERS:
        return [too_long(path, _MAX_PARAMETERS)]
    errors = [invalid(path, key, "field can not be empty.") for key in parameters if not key]
    if sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items()) > _MAX_SIZE:
        errors.append(too_long(path, _MAX_SIZE))
    return errors


def validate_provisioner(name: str, path: Path) -> list[FieldError]:
    """The name of who makes the volumes."""
    return qualified_name(name.lower(), path) if name else [required(path)]


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new StorageClass."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    errors += validate_provisioner(obj.get("provisioner", ""), Path("provisioner"))
    errors += validate_parameters(obj.get("parameters") or {}, Path("parameters"))
    policy, mode = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if policy and policy not in ("Delete", "Retain"):
        errors.append(not_supported("reclaimPolicy", policy, ("Delete", "Retain")))
    if mode is None:
        errors.append(required("volumeBindingMode"))
    elif mode not in ("Immediate", "WaitForFirstConsumer"):
        errors.append(not_supported("volumeBindingMode", mode, ("Immediate", "WaitForFirstConsumer")))
    return errors + topology_selector_terms(obj.get("allowedTopologies") or [], Path("allowedTopologies"))


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed StorageClass: almost nothing may change."""
    errors = validate_create(obj) + validate_object_meta_update(obj["metadata"], old["metadata"])
    for field in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        errors += immutable(obj.get(field), old.get(field), Path(field))
    return errors
