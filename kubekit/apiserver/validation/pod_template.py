"""Validation of pod templates, and of how a workload's selector fits its template.

Called by Deployment, ReplicaSet, DaemonSet, StatefulSet, Job, CronJob, ReplicationController, PodTemplate.
Source: pkg/apis/core/validation (ValidatePodTemplateSpec), pkg/apis/apps/validation.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, invalid
from kubekit.api.meta import Obj
from kubekit.api.selectors import Selector, SelectorError, from_object
from kubekit.apiserver.validation.object_meta import validate_annotations, validate_labels
from kubekit.apiserver.validation.pod_annotations import validate_pod_annotations, validate_profiles_match
from kubekit.apiserver.validation.pod_spec import validate_pod_spec

MISMATCH = "`selector` does not match template `labels`"


def validate_template(template: Obj, path: Path) -> list[FieldError]:
    """Labels, annotations and spec of a template."""
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    errors: list[FieldError] = []
    if meta.get("labels"):
        errors += validate_labels(meta["labels"], path.child("labels"))
    annotations = meta.get("annotations") or {}
    if annotations:
        errors += validate_annotations(annotations, path.child("annotations"))
        errors += validate_pod_annotations(annotations, spec, path.child("annotations"))
    errors += validate_pod_spec(spec, None, path.child("spec"), False)
    if annotations:
        errors += validate_profiles_match(annotations, spec, path.child("spec"))
    if spec.get("ephemeralContainers"):
        text = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(path.child("spec", "ephemeralContainers"), text))
    return errors


def template_labels(template: Obj) -> dict[str, str]:
    """The labels of a template."""
    return (template.get("metadata") or {}).get("labels") or {}


def selector_of(selector: Obj | None, path: Path) -> tuple[Selector | None, list[FieldError]]:
    """The selector of a workload; errors if it cannot be understood."""
    try:
        return from_object(selector), []
    except SelectorError:
        return None, [invalid(path, selector, "invalid label selector")]


def selector_mismatch(selector: Selector, template: Obj, path: Path) -> list[FieldError]:
    """One error when a workload would not select the pods it makes."""
    labels = template_labels(template)
    if selector.empty or selector.matches(labels):
        return []
    return [invalid(path.child("metadata", "labels"), labels or None, MISMATCH)]
