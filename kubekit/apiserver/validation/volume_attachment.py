"""Validation of VolumeAttachments: who attaches which volume to which node, and how it went.

Called through the registry. Volumes given inline, which only migrated plugins use, are not looked into.
Source: pkg/apis/storage/validation (ValidateVolumeAttachment).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, required, too_long
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.object_meta import IMMUTABLE, subdomain_name, validate_object_meta
from kubekit.apiserver.validation.volume_sources import csi_driver_name

SPEC = Path("spec")
STATUS = Path("status")
_ONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
_METADATA_SIZE, _MESSAGE_SIZE = 256 * 1024, 1024


def _source(source: Obj, path: Path) -> list[FieldError]:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and name is None:
        return [required(path, _ONE)]
    if inline is not None and name is not None:
        return [forbidden(path, _ONE)]
    if name == "":
        return [required(path.child("persistentVolumeName"), "must specify non empty persistentVolumeName")]
    return []


def _error(error: Obj | None, path: Path) -> list[FieldError]:
    if error is None:
        return []
    errors: list[FieldError] = []
    if len(error.get("message", "").encode()) > _MESSAGE_SIZE:
        # The original tells the limit of another field here.
        errors.append(too_long(path.child("message"), _METADATA_SIZE))
    code = error.get("errorCode")
    if code is not None and code < 0:
        errors.append(invalid(path.child("errorCode"), code, "must be between 0 and 2147483647, inclusive"))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new attachment."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    source = spec.get("source") or {}
    errors += csi_driver_name(spec.get("attacher", ""), SPEC.child("attacher"))
    errors += _source(source, SPEC.child("source"))
    node = spec.get("nodeName", "")
    errors += [invalid(SPEC.child("nodeName"), node, text) for text in subdomain_name(node)]
    metadata = status.get("attachmentMetadata") or {}
    if sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items()) > _METADATA_SIZE:
        errors.append(too_long(STATUS.child("attachmentMetadata"), _METADATA_SIZE))
    for field in ("attachError", "detachError"):
        errors += _error(status.get(field), STATUS.child(field))
    name = source.get("persistentVolumeName")
    if name is not None:
        at = SPEC.child("source", "persistentVolumeName")
        errors += [invalid(at, name, text) for text in subdomain_name(name)]
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed attachment: only its status changes."""
    errors = validate_create(obj)
    if obj.get("spec") != old.get("spec"):
        errors.append(invalid(SPEC, internal("storage.VolumeAttachmentSpec", obj.get("spec")), IMMUTABLE))
    return errors
