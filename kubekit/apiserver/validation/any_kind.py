"""Validation of kinds that have no rules of their own here: metadata only.

Called through the registry for every kind without a line in it.
Source: apiserver/pkg/registry/rest (the checks every strategy gets).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError
from kubekit.api.meta import Obj
from kubekit.api.resources import CATALOG
from kubekit.apiserver.validation.object_meta import (
    path_segment_name,
    validate_object_meta,
    validate_object_meta_update,
)


def validate_create(obj: Obj) -> list[FieldError]:
    """Names that can stand in a path, and the rest of the metadata."""
    resource = CATALOG.by_kind(obj.get("apiVersion", ""), obj.get("kind", ""))
    namespaced = resource.namespaced if resource else bool(obj["metadata"].get("namespace"))
    return validate_object_meta(obj["metadata"], namespaced, path_segment_name, kube_finalizers=False)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Metadata that must not change."""
    return validate_object_meta_update(obj["metadata"], old["metadata"], kube_finalizers=False)
