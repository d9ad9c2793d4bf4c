"""Validation of ConfigMaps.

Called through the registry. Source: pkg/apis/core/validation (ValidateConfigMap).
"""

from __future__ import annotations

import base64

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, too_long
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)

MAX_SIZE = 1024 * 1024
FROZEN = "field is immutable when `immutable` is set"


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new ConfigMap."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    size = 0
    for key, value in data.items():
        at = Path("data").key(key)
        errors += [invalid(at, key, text) for text in formats.config_key(key)]
        if key in binary:
            errors.append(invalid(at, key, "duplicate of key present in binaryData"))
        size += len(value.encode())
    for key, value in binary.items():
        errors += [invalid(Path("binaryData").key(key), key, text) for text in formats.config_key(key)]
        size += len(base64.b64decode(value or ""))
    if size > MAX_SIZE:
        errors.append(too_long("", MAX_SIZE))
    return errors


def frozen(obj: Obj, old: Obj, *fields: str) -> list[FieldError]:
    """What an immutable object refuses."""
    if not old.get("immutable"):
        return []
    errors = [] if obj.get("immutable") else [forbidden("immutable", FROZEN)]
    return errors + [
        forbidden(field, FROZEN) for field in fields if (obj.get(field) or {}) != (old.get(field) or {})
    ]


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed ConfigMap."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    return errors + frozen(obj, old, "data", "binaryData") + validate_create(obj)
