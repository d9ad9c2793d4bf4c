"""Validation of ReplicaSets, and of the template rules Deployments share with them.

Called through the registry.
Source: pkg/apis/apps/validation (ValidateReplicaSet).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported
from kubekit.api.meta import Obj
from kubekit.api.selectors import Selector
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_template import selector_mismatch, validate_template
from kubekit.apiserver.validation.workload import (
    SPEC,
    STATUS,
    nonnegative_fields,
    not_above_replicas,
    validate_selector,
)

_COUNTS = (
    "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration",
    "terminatingReplicas",
)  # fmt: skip


def validate_set_template(template: Obj, selector: Selector, path: Path) -> list[FieldError]:
    """A template whose pods run for ever."""
    errors = selector_mismatch(selector, template, path) + validate_template(template, path)
    spec = template.get("spec") or {}
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        errors.append(not_supported(path.child("spec", "restartPolicy"), policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in ReplicaSet is not Supported"
        errors.append(forbidden(path.child("spec", "activeDeadlineSeconds"), text))
    return errors


def _spec(spec: Obj) -> list[FieldError]:
    errors = nonnegative_fields(spec, ("replicas", "minReadySeconds"), SPEC)
    selector, found = validate_selector(spec, "deployment")
    errors += found
    if selector is not None:
        errors += validate_set_template(spec.get("template") or {}, selector, SPEC.child("template"))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new ReplicaSet."""
    return validate_object_meta(obj["metadata"], True, subdomain_name) + _spec(obj.get("spec") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed ReplicaSet: its selector stays."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        status = obj.get("status") or {}
        errors += nonnegative_fields(status, _COUNTS, STATUS)
        errors += not_above_replicas(status, ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"))
        if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
            text = "cannot be greater than readyReplicas"
            errors.append(invalid(STATUS.child("availableReplicas"), status["availableReplicas"], text))
        return errors
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    return (
        errors + _spec(spec) + immutable(spec.get("selector"), before.get("selector"), SPEC.child("selector"))
    )
