"""Validation of ReplicationControllers, the elders of ReplicaSets.

Called through the registry.
Source: pkg/apis/core/validation (ValidateReplicationController).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_template import template_labels, validate_template
from kubekit.apiserver.validation.workload import SPEC, STATUS, nonnegative_fields, not_above_replicas

_COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")


def _template(template: Obj | None, selector: dict[str, str]) -> list[FieldError]:
    path = SPEC.child("template")
    if template is None:
        return [required(path)]
    errors: list[FieldError] = []
    labels = template_labels(template)
    if any(labels.get(key) != value for key, value in selector.items()):
        text = "`selector` does not match template `labels`"
        errors.append(invalid(path.child("metadata", "labels"), labels or None, text))
    errors += validate_template(template, path)
    spec = template.get("spec") or {}
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        errors.append(not_supported(path.child("spec", "restartPolicy"), policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in ReplicationController is not Supported"
        errors.append(forbidden(path.child("spec", "activeDeadlineSeconds"), text))
    return errors


def _spec(spec: Obj) -> list[FieldError]:
    errors = nonnegative_fields(spec, ("minReadySeconds",), SPEC)
    if not spec.get("selector"):
        errors.append(required(SPEC.child("selector")))
    if spec.get("replicas") is None:
        errors.append(required(SPEC.child("replicas")))
    errors += nonnegative_fields(spec, ("replicas",), SPEC)
    return errors + _template(spec.get("template"), spec.get("selector") or {})


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new ReplicationController."""
    return validate_object_meta(obj["metadata"], True, subdomain_name) + _spec(obj.get("spec") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed ReplicationController; its selector may change."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource != "status":
        return errors + _spec(obj.get("spec") or {})
    status = obj.get("status") or {}
    errors += nonnegative_fields(status, _COUNTS, STATUS)
    errors += not_above_replicas(status, ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"))
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        text = "cannot be greater than readyReplicas"
        errors.append(invalid(STATUS.child("availableReplicas"), status["availableReplicas"], text))
    return errors
