"""Validation of metadata: names, labels, annotations, owners, finalizers, and what an update may not touch.

Called first by every kind's module. How a name must look differs by kind, so a function for it is passed in:
`subdomain_name` for most, `label_name` and `dns1035_name` for some, `path_segment_name` for RBAC.
Source: apimachinery/pkg/api/validation/objectmeta.go, pkg/apis/core/validation (ValidateObjectMeta).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, go_quote, invalid, required, too_long
from kubekit.api.meta import Obj

NameCheck = Callable[[str, bool], list[str]]
IMMUTABLE = "field is immutable"
_ANNOTATIONS_LIMIT = 256 * 1024
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
METADATA = Path("metadata")
LABELS = METADATA.child("labels")


def _masked(name: str, prefix: bool) -> str:
    """A prefix may end in a hyphen: the suffix follows."""
    return name[:-2] + "a" if prefix and len(name) > 1 and name.endswith("-") else name


def subdomain_name(name: str, prefix: bool = False) -> list[str]:
    """A DNS subdomain."""
    return formats.dns1123_subdomain(_masked(name, prefix) if prefix else name)


def label_name(name: str, prefix: bool = False) -> list[str]:
    """A DNS label."""
    return formats.dns1123_label(_masked(name, prefix))


def dns1035_name(name: str, prefix: bool = False) -> list[str]:
    """A DNS label that starts with a letter."""
    return formats.dns1035_label(_masked(name, prefix))


def path_segment_name(name: str, prefix: bool = False) -> list[str]:
    """Anything that can be one segment of a path."""
    if not prefix and name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in name]


def validate_labels(labels: Mapping[str, Any] | None, path: Path) -> list[FieldError]:
    """The keys and values of labels; errors stand at the map, not at the key."""
    errors: list[FieldError] = []
    for key, value in (labels or {}).items():
        for text in formats.label_key_problems(key):
            errors.append(invalid(path, key, text))
        for text in formats.label_value_problems(value):
            errors.append(invalid(path, value, text))
    return errors


def validate_annotations(annotations: Mapping[str, str] | None, path: Path) -> list[FieldError]:
    """The keys of annotations, and the size of all together."""
    if not annotations:
        return []
    errors = [
        invalid(path, key, text) for key in annotations for text in formats.label_key_problems(key.lower())
    ]
    if (
        sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        > _ANNOTATIONS_LIMIT
    ):
        errors.append(too_long(path, _ANNOTATIONS_LIMIT))
    return errors


def _owners(references: list[Obj], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    first = ""
    for reference in references:
        api_version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        if not api_version.rpartition("/")[2]:
            errors.append(invalid(path.child("apiVersion"), api_version, "version must not be empty"))
        for field in ("kind", "name", "uid"):
            if not reference.get(field):
                errors.append(invalid(path.child(field), "", "must not be empty"))
        if (api_version, kind) == ("v1", "Event"):
            text = "/v1, Kind=Event is disallowed from being an owner"
            errors.append(invalid(path, reference, text))
        if reference.get("controller"):
            current = f"{kind}/{reference.get('name', '')}"
            if first:
                text = (
                    'Only one reference can have Controller set to true. Found "true" in references '
                    f"for {first} and {current}"
                )
                errors.append(invalid(path, references, text))
            else:
                first = current
    return errors


def validate_finalizers(finalizers: list[str], path: Path) -> list[FieldError]:
    """Finalizers are qualified names, and orphaning excludes deletion in the foreground."""
    errors = [invalid(path, name, text) for name in finalizers for text in formats.label_key(name)]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid(path, finalizers, text))
    return errors


def kube_finalizer(name: str, path: Path) -> list[FieldError]:
    """A finalizer without a domain must be one of the standard ones."""
    if "/" not in name and name not in _STANDARD_FINALIZERS:
        return [invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")]
    return []


def validate_object_meta(
    meta: Obj, namespaced: bool, name_check: NameCheck, path: Path = METADATA, kube_finalizers: bool = True
) -> list[FieldError]:
    """Everything about the metadata of a new object."""
    errors: list[FieldError] = []
    prefix = meta.get("generateName")
    if prefix:
        for text in name_check(prefix, True):
            errors.append(invalid(path.child("generateName"), prefix, text))
    name = meta.get("name")
    if not name:
        errors.append(required(path.child("name"), "name or generateName is required"))
    elif name_check is not subdomain_name or len(name) > 253 or not formats.subdomain_match(name):
        for text in name_check(name, False):
            errors.append(invalid(path.child("name"), name, text))
    namespace = meta.get("namespace")
    if namespaced:
        if not namespace:
            errors.append(required(path.child("namespace")))
        elif len(namespace) > 63 or not formats.label_match(namespace):
            for text in formats.dns1123_label(namespace):
                errors.append(invalid(path.child("namespace"), namespace, text))
    elif namespace:
        errors.append(forbidden(path.child("namespace"), "not allowed on this type"))
    generation = meta.get("generation")
    if generation is not None and generation < 0:
        errors.append(invalid(path.child("generation"), generation, "must be greater than or equal to 0"))
    if meta.get("labels"):
        errors += validate_labels(meta["labels"], LABELS if path is METADATA else path.child("labels"))
    if meta.get("annotations"):
        errors += validate_annotations(meta["annotations"], path.child("annotations"))
    if meta.get("ownerReferences"):
        errors += _owners(meta["ownerReferences"], path.child("ownerReferences"))
    finalizers = meta.get("finalizers")
    if finalizers:
        errors += validate_finalizers(finalizers, path.child("finalizers"))
        if kube_finalizers:
            for position, one in enumerate(finalizers):
                errors += kube_finalizer(one, path.child("finalizers").index(position))
    return errors


def immutable(new: Any, old: Any, path: Path, shown: Any = None) -> list[FieldError]:
    """One error when a value differs from before; empty and missing count as equal."""
    if new == old or (
        not new and not old and new is not False and old is not False and new != 0 and old != 0
    ):
        return []
    return [invalid(path, new if shown is None else shown, IMMUTABLE)]


_GENERAL = ("labels", "annotations", "ownerReferences", "finalizers")


def validate_changed_metadata(
    meta: Obj, old: Obj, path: Path = METADATA
) -> tuple[list[FieldError], list[FieldError]]:
    """What every update says of labels, annotations, owners and finalizers, whatever the kind: first as of
    any object, then as of a change. What did not change was found in order before."""
    if all(meta.get(field) == old.get(field) for field in _GENERAL):
        return [], []
    changed = validate_labels(meta.get("labels"), path.child("labels"))
    changed += validate_annotations(meta.get("annotations"), path.child("annotations"))
    changed += _owners(meta.get("ownerReferences") or [], path.child("ownerReferences"))
    return changed + validate_finalizers(meta.get("finalizers") or [], path.child("finalizers")), changed


def validate_object_meta_update(
    meta: Obj, old: Obj, path: Path = METADATA, kube_finalizers: bool = True
) -> list[FieldError]:
    """Everything about the metadata of a changed object."""
    errors: list[FieldError] = []
    if old.get("deletionTimestamp"):
        before = old.get("finalizers") or ()
        added = sorted({one for one in meta.get("finalizers") or () if one not in before})
        if added:
            shown = "[]string{" + ", ".join(go_quote(one) for one in added) + "}"
            text = (
                "no new finalizers can be added if the object is being deleted, found new finalizers " + shown
            )
            errors.append(forbidden(path.child("finalizers"), text))
    if not meta.get("resourceVersion"):
        errors.append(invalid(path.child("resourceVersion"), "", "must be specified for an update"))
    if (meta.get("generation") or 0) < (old.get("generation") or 0):
        errors.append(
            invalid(path.child("generation"), meta.get("generation") or 0, "must not be decremented")
        )
    for field in ("name", "namespace", "uid"):
        if (meta.get(field) or "") != (old.get(field) or ""):
            errors.append(invalid(path.child(field), meta.get(field) or "", IMMUTABLE))
    for field in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if meta.get(field) != old.get(field):
            errors.append(invalid(path.child(field), meta.get(field), IMMUTABLE))
    if meta.get("labels"):
        errors += validate_labels(meta["labels"], path.child("labels"))
    if meta.get("annotations"):
        errors += validate_annotations(meta["annotations"], path.child("annotations"))
    if meta.get("ownerReferences"):
        errors += _owners(meta["ownerReferences"], path.child("ownerReferences"))
    if meta.get("finalizers") and kube_finalizers:
        for position, one in enumerate(meta["finalizers"]):
            errors += kube_finalizer(one, path.child("finalizers").index(position))
    return errors
