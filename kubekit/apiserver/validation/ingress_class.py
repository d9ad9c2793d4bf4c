"""Validation of IngressClasses.

Called through the registry. Source: pkg/apis/networking/validation (ValidateIngressClass).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, not_supported, required, too_long
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.ingress import reference
from kubekit.apiserver.validation.job_spec import domain_path
from kubekit.apiserver.validation.numbers import dns1123_label
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)

SPEC = Path("spec")


def _parameters(found: Obj, path: Path) -> list[FieldError]:
    errors = reference(found, path)
    scope, namespace = found.get("scope"), found.get("namespace")
    at = path.child("namespace")
    if scope is None:
        return [*errors, required(path.child("scope"))]
    if scope not in ("Cluster", "Namespace"):
        errors.append(not_supported(path.child("scope"), scope, ("Cluster", "Namespace")))
    elif scope == "Namespace":
        if namespace is None:
            errors.append(required(at, "`parameters.scope` is set to 'Namespace'"))
        else:
            errors += dns1123_label(namespace, at)
    elif namespace is not None:
        errors.append(forbidden(at, "`parameters.scope` is set to 'Cluster'"))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new IngressClass."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    spec = obj.get("spec") or {}
    controller = spec.get("controller", "")
    if len(controller) > 250:
        errors.append(too_long(SPEC.child("controller"), 250))
    errors += domain_path(controller, SPEC.child("controller"))
    if spec.get("parameters") is not None:
        errors += _parameters(spec["parameters"], SPEC.child("parameters"))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed IngressClass: its controller stays."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    new, before = (one.get("spec") or {} for one in (obj, old))
    errors += immutable(new.get("controller", ""), before.get("controller", ""), SPEC.child("controller"))
    return errors + validate_create(obj)
