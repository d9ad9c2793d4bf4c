"""Validation of PodTemplate objects.

Called through the registry. Source: pkg/apis/core/validation (ValidatePodTemplate).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_template import validate_template

_TEMPLATE = Path("template")


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new PodTemplate."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    return errors + validate_template(obj.get("template") or {}, _TEMPLATE)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed PodTemplate."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    return errors + validate_template(obj.get("template") or {}, _TEMPLATE)
