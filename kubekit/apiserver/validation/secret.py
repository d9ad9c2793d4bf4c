"""Validation of Secrets: keys, size, and what each type must hold.

Called through the registry. Source: pkg/apis/core/validation (ValidateSecret).
"""

from __future__ import annotations

import base64

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid, required, too_long
from kubekit.api.json_text import JSONTextError, parse
from kubekit.api.meta import Obj
from kubekit.api.scalars import json_kind
from kubekit.apiserver.validation.config_map import MAX_SIZE, frozen
from kubekit.apiserver.validation.object_meta import (
    METADATA,
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)

_DATA = Path("data")
_DOCKER = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}


def _docker_config(data: Obj, key: str) -> list[FieldError]:
    if key not in data:
        return [required(_DATA.key(key))]
    problem = ""
    try:
        value = parse(base64.b64decode(data[key] or ""))
        if value is not None and not isinstance(value, dict):
            problem = (
                f"json: cannot unmarshal {json_kind(value)} into Go value of type map[string]interface {{}}"
            )
    except JSONTextError as error:
        problem = str(error)
    return [invalid(_DATA.key(key), "<secret contents redacted>", problem)] if problem else []


def _by_type(obj: Obj, data: Obj) -> list[FieldError]:
    kind = obj.get("type", "")
    if kind == "kubernetes.io/service-account-token":
        name = "kubernetes.io/service-account.name"
        given = (obj["metadata"].get("annotations") or {}).get(name)
        return [] if given else [required(METADATA.child("annotations").key(name))]
    if kind in _DOCKER:
        return _docker_config(data, _DOCKER[kind])
    if kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            return [required(_DATA.key("username")), required(_DATA.key("password"))]
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            return [required(_DATA.key("ssh-privatekey"))]
    elif kind == "kubernetes.io/tls":
        return [required(_DATA.key(key)) for key in ("tls.crt", "tls.key") if key not in data]
    return []


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new Secret."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    data = obj.get("data") or {}
    size = 0
    for key, value in data.items():
        errors += [invalid(_DATA.key(key), key, text) for text in formats.config_key(key)]
        size += len(base64.b64decode(value or ""))
    if size > MAX_SIZE:
        errors.append(too_long(_DATA, MAX_SIZE))
    return errors + _by_type(obj, data)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed Secret: its type stays."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    errors += immutable(obj.get("type", ""), old.get("type", ""), Path("type"))
    return errors + frozen(obj, old, "data") + validate_create(obj)
