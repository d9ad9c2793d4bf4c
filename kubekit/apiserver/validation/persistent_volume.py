"""Validation of PersistentVolumes.

Called through the registry. Source: pkg/apis/core/validation (ValidatePersistentVolumeSpec).
"""

from __future__ import annotations

import posixpath

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.claim_spec import VOLUME_MODES, access_modes
from kubekit.apiserver.validation.go_value import internal
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
from kubekit.apiserver.validation.volume_sources import (
    MISNAMED,
    MORE_THAN_ONE,
    common,
    csi_driver_name,
    too_long_target,
)

SPEC = Path("spec")
_SOURCES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte",
    "cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk",
    "portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
_RECLAIM = ("Delete", "Recycle", "Retain")
_BETA_TO_GA = "field is immutable, except for updating from beta label to GA"
BETA_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


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


def _sources(spec: Obj, name: str) -> list[FieldError]:
    errors: list[FieldError] = []
    kinds = [kind for kind in _SOURCES if spec.get(kind) is not None]
    for number, kind in enumerate(kinds):
        at = SPEC.child("persistentDisk" if kind == "gcePersistentDisk" else kind)
        if number and kind != "flexVolume":
            errors.append(forbidden(SPEC.child(MISNAMED.get(kind, kind)), MORE_THAN_ONE))
        elif kind == "csi":
            errors += _csi(spec[kind], at)
        elif kind == "local":
            place = spec[kind].get("path", "")
            errors += no_backsteps(place, at.child("path")) if place else [required(at.child("path"))]
            if spec.get("nodeAffinity") is None:
                errors.append(required(SPEC.child("nodeAffinity"), "Local volume requires node affinity"))
        else:
            errors += common(kind, spec[kind], at, True)
            if kind == "iscsi" and (text := too_long_target(spec[kind], name)):
                place = at.child("targetportal")
                errors.append(invalid(place, spec[kind].get("targetPortal", ""), text))
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


def _spec(spec: Obj, name: str) -> list[FieldError]:
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
    errors += _sources(spec, name)
    host = spec.get("hostPath")
    if host is not None and posixpath.normpath(host.get("path") or ".") == "/" and policy == "Recycle":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden(SPEC.child("persistentVolumeReclaimPolicy"), text))
    if chosen := spec.get("storageClassName"):
        errors += dns1123_subdomain(chosen, SPEC.child("storageClassName"))
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


def _same_affinity(new: Obj | None, old: Obj) -> bool:
    """Whether nothing changed but old names of labels that became their newer ones."""
    if new == old:
        return True
    terms, was = (((one or {}).get("required") or {}).get("nodeSelectorTerms") or [] for one in (new, old))
    if new is None or len(terms) != len(was):
        return False
    for term, term_before in zip(terms, was):
        for field in ("matchExpressions", "matchFields"):
            needs, needs_before = term.get(field) or [], term_before.get(field) or []
            if len(needs) != len(needs_before):
                return False
            for one, other in zip(needs, needs_before):
                key, key_before = one.get("key"), other.get("key")
                if key != key_before and BETA_LABELS.get(key_before) == key:
                    other = {**other, "key": key}
                if one != other:
                    return False
    return True


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new PersistentVolume."""
    meta = obj["metadata"]
    errors = validate_object_meta(meta, False, subdomain_name)
    return errors + _spec(obj.get("spec") or {}, meta.get("name", ""))


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed PersistentVolume: its source stays."""
    if subresource == "status":
        return validate_object_meta_update(obj["metadata"], old["metadata"])
    # The original looks twice at all of it: once by itself and once as a part of the change.
    errors = validate_create(obj) * 2
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
    if affinity is not None and not _same_affinity(spec.get("nodeAffinity"), affinity):
        shown = internal("core.VolumeNodeAffinity", spec.get("nodeAffinity"))
        errors.append(invalid("nodeAffinity", shown if spec.get("nodeAffinity") else None, _BETA_TO_GA))
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        text = "update from non-nil value to nil is forbidden"
        errors.append(forbidden(SPEC.child("volumeAttributesClassName"), text))
    return errors
