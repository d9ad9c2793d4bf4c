"""Validation of RuntimeClasses.

Called through the registry. Source: pkg/apis/node/validation.
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import DUPLICATE, FieldError, Path, invalid, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_labels,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_affinity import validate_tolerations
from kubekit.apiserver.validation.pod_amounts import requirements

_HANDLER = Path("handler")


def _scheduling(found: Obj) -> list[FieldError]:
    path = Path("scheduling")
    errors = validate_labels(found.get("nodeSelector"), path.child("nodeSelector"))
    tolerations, at = found.get("tolerations") or [], path.child("tolerations")
    errors += validate_tolerations(tolerations, at)
    seen = set()
    for position, one in enumerate(tolerations):
        key = tuple(one.get(field, "") for field in ("key", "operator", "value", "effect"))
        if key in seen:
            errors.append(FieldError(DUPLICATE, str(at.index(position)), internal("core.Toleration", one)))
        seen.add(key)
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new RuntimeClass."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    handler = obj.get("handler", "")
    if not handler:
        errors.append(required(_HANDLER))
    else:
        errors += [invalid(_HANDLER, handler, text) for text in formats.dns1123_label(handler)]
    if obj.get("overhead") is not None:
        errors += requirements({"limits": obj["overhead"].get("podFixed")}, Path("overhead"))
    if obj.get("scheduling") is not None:
        errors += _scheduling(obj["scheduling"])
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed RuntimeClass: its handler stays."""
    errors = validate_create(obj) + validate_object_meta_update(obj["metadata"], old["metadata"])
    return errors + immutable(obj.get("handler", ""), old.get("handler", ""), _HANDLER)
