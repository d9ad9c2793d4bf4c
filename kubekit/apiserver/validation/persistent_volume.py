"""Validation of PersistentVolumes.

Called through the registry. Source: pkg/apis/core/validation (ValidatePersistentVolumeSpec).
"""

from __future__ import annotations

import posixpath

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.claim_spec import VOLUME_MODES, access_modes
from kubekit.apiserver.validation.numbers import dns1123_label, dns1123_subdomain, positive_quantity
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import no_backsteps
from kubekit.apiserver.validation.pod_update import difference
from kubekit.apiserver.validation.selectors import node_selector
from kubekit.apiserver.validation.volume_sources import MORE_THAN_ONE, common, csi_driver_name

SPEC = Path("spec")
_SOURCES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte",
    "cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk",
    "portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
_RECLAIM = ("Delete", "Recycle", "Retain")


def _secret_reference(secret: Obj, path: Path) -> list[FieldError]:
    name, space = secret.get("name", ""), secret.get("namespace", "")
    errors = dns1123_subdomain(name, path.child("name")) if name else [required(path.child("name"))]
    at = path.child("namespace")
    return errors + (dns1123_label(space, at) if space else [required(at)])


def _csi(source: Obj, path: Path) -> list[FieldError]:
    errors = csi_driver_name(source.get("driver", ""), path.child("driver"))
    if not source.get("volumeHandle"):
        errors.append(required(path.child("volumeHandle")))
    for field in (
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ):
        if source.get(field) is not None:
            errors += _secret_reference(source[field], path.child(field))
    return errors


def _sources(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    kinds = [kind for kind in _SOURCES if spec.get(kind) is not None]
    for number, kind in enumerate(kinds):
        at = SPEC.child("persistentDisk" if kind == "gcePersistentDisk" else kind)
        if number:
            errors.append(forbidden(SPEC.child(kind), MORE_THAN_ONE))
        elif kind == "csi":
            errors += _csi(spec[kind], at)
        elif kind == "local":
            place = spec[kind].get("path", "")
            errors += no_backsteps(place, at.child("path")) if place else [required(at.child("path"))]
            if spec.get("nodeAffinity") is None:
                errors.append(required(SPEC.child("nodeAffinity"), "Local volume requires node affinity"))
        else:
            errors += common(kind, spec[kind], at, True)
    if not kinds:
        errors.append(required(SPEC, "must specify a volume type"))
    return errors


def _capacity(capacity: dict[str, str], path: Path) -> list[FieldError]:
    errors = [] if capacity else [required(path)]
    if list(capacity) != ["storage"]:
        errors.append(not_supported(path, dict(sorted(capacity.items())) or None, ("storage",)))
    for name, text in capacity.items():
        value, at = parse(text), path.key(name)
        if value.value() < 0:
            errors.append(invalid(at, value.value(), "must be a valid resource quantity"))
        errors += positive_quantity(value, at)
    return errors


def _spec(spec: Obj) -> list[FieldError]:
    modes = spec.get("accessModes") or []
    errors = [] if modes else [required(SPEC.child("accessModes"))]
    errors += access_modes(modes, SPEC.child("accessModes"))
    errors += _capacity(spec.get("capacity") or {}, SPEC.child("capacity"))
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in _RECLAIM:
        errors.append(not_supported(SPEC.child("persistentVolumeReclaimPolicy"), policy, _RECLAIM))
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        at = SPEC.child("nodeAffinity", "required")
        needed = affinity.get("required")
        if needed is None:
            errors.append(required(at, "must specify required node constraints"))
        else:
            errors += node_selector(needed, at)
    errors += _sources(spec)
    host = spec.get("hostPath")
    if host is not None and posixpath.normpath(host.get("path") or ".") == "/" and policy == "Recycle":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden(SPEC.child("persistentVolumeReclaimPolicy"), text))
    if name := spec.get("storageClassName"):
        errors += [
            invalid(SPEC.child("storageClassName"), name, text) for text in formats.dns1123_subdomain(name)
        ]
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported(SPEC.child("volumeMode"), mode, VOLUME_MODES))
    attributes, at = spec.get("volumeAttributesClassName"), SPEC.child("volumeAttributesClassName")
    if attributes is not None:
        if not attributes:
            errors.append(required(at, "an empty string is disallowed"))
        else:
            errors += dns1123_subdomain(attributes, at)
        if spec.get("csi") is None:
            errors.append(
                required(SPEC.child("csi"), "has to be specified when using volumeAttributesClassName")
            )
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new PersistentVolume."""
    return validate_object_meta(obj["metadata"], False, subdomain_name) + _spec(obj.get("spec") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed PersistentVolume: its source stays."""
    if subresource == "status":
        return validate_object_meta_update(obj["metadata"], old["metadata"])
    errors = validate_create(obj)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    new = {kind: spec[kind] for kind in _SOURCES if kind in spec}
    was = {kind: before[kind] for kind in _SOURCES if kind in before}
    if "csi" in new and "csi" in was and "controllerExpandSecretRef" not in was["csi"]:
        new["csi"] = {key: value for key, value in new["csi"].items() if key != "controllerExpandSecretRef"}
    if new != was:
        shown = difference("core.PersistentVolumeSource", was, new)
        text = f"spec.persistentvolumesource is immutable after creation\n{shown}"
        errors.append(forbidden(SPEC.child("persistentvolumesource"), text))
    errors += immutable(spec.get("volumeMode"), before.get("volumeMode"), Path("volumeMode"))
    affinity = before.get("nodeAffinity")
    if affinity is not None:
        errors += immutable(spec.get("nodeAffinity"), affinity, Path("nodeAffinity"))
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        text = "update from non-nil value to nil is forbidden"
        errors.append(forbidden(SPEC.child("volumeAttributesClassName"), text))
    return errors
