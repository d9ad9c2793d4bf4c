"""Validation of the spec of a volume claim: for claims, claim templates of sets, and ephemeral volumes.

Called by `persistent_volume_claim`, `stateful_set` and `pod_volumes`.
Source: pkg/apis/core/validation (ValidatePersistentVolumeClaimSpec).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.numbers import positive_quantity
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_annotations,
    validate_labels,
)
from kubekit.apiserver.validation.selectors import label_selector

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_PATH: Obj = {}
"""The original gives the path of the field as the wrong value, and a path shows nothing of itself as JSON."""


_NOT_IN_TEMPLATES = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip


def access_modes(modes: list[str], path: Path) -> list[FieldError]:
    """Known modes, and ReadWriteOncePod only alone."""
    errors = [not_supported(path, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    known = {mode for mode in modes if mode in ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        text = "may not use ReadWriteOncePod with other access modes"
        errors.append(forbidden(path, text))
    return errors


def _data_source(source: Obj, path: Path, with_namespace: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("name", "kind"):
        if not source.get(field):
            errors.append(required(path.child(field)))
    group = source.get("apiGroup") or ""
    if not group and source.get("kind") != "PersistentVolumeClaim":
        text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(path, source.get("kind", ""), text))
    if group:
        errors += [invalid(path.child("apiGroup"), group, text) for text in formats.dns1123_subdomain(group)]
    if with_namespace and source.get("namespace"):
        space = source["namespace"]
        errors += [invalid(path.child("namespace"), space, text) for text in formats.dns1123_label(space)]
    return errors


def validate_claim_spec(spec: Obj, path: Path) -> list[FieldError]:
    """Access modes, selector, the storage asked for, class, mode and data source."""
    errors: list[FieldError] = []
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required(path.child("accessModes"), "at least 1 access mode is required"))
    errors += label_selector(spec.get("selector"), path.child("selector"))
    errors += access_modes(modes, path.child("accessModes"))
    at = path.child("resources").key("storage")
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        errors.append(required(at))
    else:
        errors += positive_quantity(parse(storage), at)
    name = spec.get("storageClassName")
    if name:
        errors += [invalid(path.child("storageClassName"), name, text) for text in subdomain_name(name)]
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported(path.child("volumeMode"), mode, VOLUME_MODES))
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None:
        errors += _data_source(source, path.child("dataSource"), False)
    if reference is not None:
        errors += _data_source(reference, path.child("dataSourceRef"), True)
    if reference is not None and reference.get("namespace"):
        if source is not None:
            text = "may not be specified when dataSourceRef.namespace is specified"
            errors.append(invalid(path, _PATH, text))
    elif source is not None and reference is not None:
        keys = ("apiGroup", "kind", "name")
        if any(source.get(key) != reference.get(key) for key in keys):
            errors.append(invalid(path, _PATH, "must match dataSourceRef"))
    attributes = spec.get("volumeAttributesClassName")
    if attributes:
        at = path.child("volumeAttributesClassName")
        errors += [invalid(at, attributes, text) for text in subdomain_name(attributes)]
    return errors


def validate_claim_template(template: Obj, path: Path) -> list[FieldError]:
    """The template of an ephemeral volume: labels, annotations and a spec, nothing else in the metadata."""
    meta = template.get("metadata") or {}
    at = path.child("metadata")
    errors = validate_annotations(meta.get("annotations"), at.child("annotations"))
    errors += validate_labels(meta.get("labels"), at.child("labels"))
    for field in _NOT_IN_TEMPLATES:
        if meta.get(field):
            errors.append(forbidden(at.child("uID" if field == "uid" else field), "cannot be set"))
    return errors + validate_claim_spec(template.get("spec") or {}, path.child("spec"))
