"""Validation of PersistentVolumeClaims.

Called through the registry; the spec is checked in `claim_spec`.
Source: pkg/apis/core/validation (ValidatePersistentVolumeClaimUpdate).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.claim_spec import validate_claim_spec
from kubekit.apiserver.validation.object_meta import (
    METADATA,
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.pod_amounts import is_native
from kubekit.apiserver.validation.pod_update import difference

SPEC = Path("spec")
_CLASS = "volume.beta.kubernetes.io/storage-class"
_FIXED = (
    "spec is immutable after creation except resources.requests and "
    "volumeAttributesClassName for bound claims"
)
_RESIZE = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)  # fmt: skip


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new claim."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    return errors + validate_claim_spec(obj.get("spec") or {}, SPEC)


def _resource_key(name: str, path: Path) -> list[FieldError]:
    if wrong := formats.label_key(name):
        return [invalid(path, name, text) for text in wrong]
    return [not_supported(path, name, ("storage",))] if is_native(name) and name != "storage" else []


def _status(obj: Obj) -> list[FieldError]:
    status, path = obj.get("status") or {}, Path("status")
    errors: list[FieldError] = []
    if not (obj.get("spec") or {}).get("accessModes"):
        errors.append(required(Path("Spec").child("accessModes")))
    for name, text in (status.get("capacity") or {}).items():
        if (value := parse(text).value()) < 0:
            errors.append(
                invalid(path.child("capacity").key(name), value, "must be a valid resource quantity")
            )
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        at = path.child("allocatedResourceStatuses")
        errors += _resource_key(name, at)
        if state not in _RESIZE:
            errors.append(not_supported(at, name, _RESIZE))
    for name, text in (status.get("allocatedResources") or {}).items():
        at = path.child("allocatedResources")
        wrong = _resource_key(name, at)
        if not wrong and (value := parse(text).value()) < 0:
            wrong = [invalid(at.key(name), value, "must be a valid resource quantity")]
        errors += wrong
    return errors


def _class_upgrade(obj: Obj, old: Obj, spec: Obj, before: Obj) -> tuple[Obj, list[FieldError]]:
    """The class may move from the old annotation into the field, or be filled in where there was none."""
    new, was = (one["metadata"].get("annotations") or {} for one in (obj, old))
    name, name_before = spec.get("storageClassName"), before.get("storageClassName")
    filled_in = name_before is None and name is not None
    if filled_in and _CLASS in was and was[_CLASS] == name and new.get(_CLASS, name) == name:
        return {key: value for key, value in spec.items() if key != "storageClassName"}, []
    errors = []
    if new.get(_CLASS, "") != was.get(_CLASS, ""):
        errors.append(
            invalid(METADATA.child("annotations", _CLASS), new.get(_CLASS, ""), "field is immutable")
        )
    if filled_in and was.get(_CLASS, name) == name:
        spec = {key: value for key, value in spec.items() if key != "storageClassName"}
    return spec, errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed claim: a bound one may ask for more, and nothing else."""
    errors = validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        return errors + _status(obj)
    errors += validate_create(obj)
    spec, before = dict(obj.get("spec") or {}), dict(old.get("spec") or {})
    if not before.get("volumeName") and "volumeName" in spec:
        before["volumeName"] = spec["volumeName"]
    munged, found = _class_upgrade(obj, old, spec, before)
    errors += found
    amounts = (spec.get("resources") or {}).get("requests") or {}
    amounts_before = (before.get("resources") or {}).get("requests") or {}
    bound = (obj.get("status") or {}).get("phase") == "Bound"
    if bound:
        requests = {**amounts, "storage": amounts_before.get("storage", "0")}
        munged = {**munged, "resources": {**(munged.get("resources") or {}), "requests": requests}}
        munged.pop("volumeAttributesClassName", None)
        if "volumeAttributesClassName" in before:
            munged["volumeAttributesClassName"] = before["volumeAttributesClassName"]
    if munged != before:
        shown = difference("core.PersistentVolumeClaimSpec", before, munged)
        errors.append(forbidden(SPEC, f"{_FIXED}\n{shown}"))
    size, size_before = parse(amounts.get("storage")), parse(amounts_before.get("storage"))
    if size < size_before and size <= parse(((old.get("status") or {}).get("capacity") or {}).get("storage")):
        at = SPEC.child("resources", "requests", "storage")
        errors.append(forbidden(at, "field can not be less than status.capacity"))
    errors += immutable(spec.get("volumeMode"), before.get("volumeMode"), Path("volumeMode"))
    attributes = spec.get("volumeAttributesClassName")
    current = (old.get("status") or {}).get("currentVolumeAttributesClassName")
    if attributes != before.get("volumeAttributesClassName") and current is not None and not attributes:
        word = "nil" if attributes is None else "empty string"
        text = f"update to {word} is forbidden when status.currentVolumeAttributesClassName is not nil"
        errors.append(forbidden(SPEC.child("volumeAttributesClassName"), text))
    return errors
