"""Validation of ServiceAccounts: metadata only.

Called through the registry. Source: pkg/apis/core/validation (ValidateServiceAccount).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new ServiceAccount."""
    return validate_object_meta(obj["metadata"], True, subdomain_name)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed ServiceAccount."""
    return validate_object_meta_update(obj["metadata"], old["metadata"]) + validate_create(obj)
