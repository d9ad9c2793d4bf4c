"""Validation of a pod's volumes: exactly one source each, and what each source needs.

Called by `pod`; returns the volumes whose names may be mounted beside the errors.
Source: pkg/apis/core/validation (ValidateVolumes, validateVolumeSource, validateProjectionSources).
"""

from __future__ import annotations

from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.claim_spec import validate_claim_template
from kubekit.apiserver.validation.numbers import dns1123_label
from kubekit.apiserver.validation.object_meta import subdomain_name
from kubekit.apiserver.validation.paths import local_not_reserved
from kubekit.apiserver.validation.pod_env import VOLUME_FIELDS, field_selector, resource_selector
from kubekit.apiserver.validation.selectors import label_selector
from kubekit.apiserver.validation.volume_sources import (
    MISNAMED,
    MORE_THAN_ONE,
    common,
    csi_driver_name,
    too_long_target,
)

FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_ORDER = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI",
    "fc",
    "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
    "azureDisk",
    "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip
_MISNAMED = {**MISNAMED, "downwardAPI": "downwarAPI"}
_KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
_CONFLICT = "conflicting duplicate paths"


def _mode(value: Any, path: Path) -> list[FieldError]:
    return [invalid(path, value, FILE_MODE)] if value is not None and not 0 <= value <= 0o777 else []


def _items(items: list[Obj] | None, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for position, item in enumerate(items or ()):
        errors += _key_to_path(item, path.index(position))
    return errors


def _key_to_path(item: Obj, path: Path) -> list[FieldError]:
    errors = [required(path.child(field)) for field in ("key", "path") if not item.get(field)]
    errors += local_not_reserved(item.get("path", ""), path.child("path"))
    return errors + _mode(item.get("mode"), path.child("mode"))


def _downward_file(file: Obj, path: Path) -> list[FieldError]:
    errors = [] if file.get("path") else [required(path.child("path"))]
    errors += local_not_reserved(file.get("path", ""), path.child("path"))
    if (reference := file.get("fieldRef")) is not None:
        errors += field_selector(reference, VOLUME_FIELDS, path.child("fieldRef"))
        if file.get("resourceFieldRef") is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", text))
    elif (reference := file.get("resourceFieldRef")) is not None:
        errors += resource_selector(reference, path.child("resourceFieldRef"), True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(file.get("mode"), path.child("mode"))


def _token(source: Obj, at: Path, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seconds = source.get("expirationSeconds", 0)
    if seconds < 600:
        errors.append(
            invalid(at.child("expirationSeconds"), seconds, "may not specify a duration less than 10 minutes")
        )
    if seconds > 1 << 32:
        text = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid(at.child("expirationSeconds"), seconds, text))
    if not source.get("path"):
        return [*errors, required(path.child("path"))]
    return errors + local_not_reserved(source["path"], path.child("path"))


def _trust_bundle(source: Obj, at: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name, signer = source.get("name"), source.get("signerName")
    if name is not None and signer is not None:
        errors.append(invalid(at, source, "only one of name and signerName may be used"))
    elif name is not None:
        if not name:
            errors.append(required(at.child("name"), "must be a valid object name"))
        for text in subdomain_name(name.replace(":", ".")):
            errors.append(invalid(at.child("name"), name, f"not a valid clustertrustbundlename: {text}"))
        if source.get("labelSelector") is not None:
            text = "labelSelector must be unset if name is specified"
            errors.append(invalid(at.child("labelSelector"), source["labelSelector"], text))
    elif signer is not None:
        if not signer:
            errors.append(required(at.child("signerName"), "must be a valid signer name"))
        errors += label_selector(source.get("labelSelector"), at.child("labelSelector"))
    else:
        errors.append(required(at, "either name or signerName must be specified"))
    if not source.get("path"):
        errors.append(required(at.child("path")))
    return errors + local_not_reserved(source.get("path", ""), at.child("path"))


def _pod_certificate(source: Obj, at: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = source.get("keyType", "")
    if kind not in _KEY_TYPES:
        errors.append(not_supported(at.child("keyType"), kind, _KEY_TYPES))
    seconds = source.get("maxExpirationSeconds")
    if seconds is not None and seconds < 3600:
        text = "if provided, maxExpirationSeconds must be >= 3600"
        errors.append(invalid(at.child("maxExpirationSeconds"), seconds, text))
    for field in ("credentialBundlePath", "keyPath", "certificateChainPath"):
        if source.get(field):
            errors += local_not_reserved(source[field], at.child(field))
    return errors


def _projected(projected: Obj, path: Path) -> list[FieldError]:
    errors = _mode(projected.get("defaultMode"), path.child("defaultMode"))
    taken: set[str] = set()

    def claim(target: str, shown: str) -> None:
        if target in taken:
            errors.append(invalid(path, shown, _CONFLICT))
        elif target:
            taken.add(target)

    for position, source in enumerate(projected.get("sources") or ()):
        place = path.child("sources").index(position)
        count = 0
        for kind in ("secret", "configMap"):
            if (found := source.get(kind)) is not None:
                count += 1
                at = place.child(kind)
                if not found.get("name"):
                    errors.append(required(at.child("name")))
                for number, item in enumerate(found.get("items") or ()):
                    errors += _key_to_path(item, at.child("items").index(number))
                    claim(item.get("path", ""), found.get("name", ""))
        if (found := source.get("downwardAPI")) is not None:
            count += 1
            for file in found.get("items") or ():
                errors += _downward_file(file, place.child("downwardAPI"))
                claim(file.get("path", ""), file.get("path", ""))
        if (found := source.get("serviceAccountToken")) is not None:
            count += 1
            errors += _token(found, place.child("serviceAccountToken"), path)
        if (found := source.get("clusterTrustBundle")) is not None:
            count += 1
            errors += _trust_bundle(found, place.child("clusterTrustBundle"))
            claim(found.get("path", ""), found.get("path", ""))
        if (found := source.get("podCertificate")) is not None:
            count += 1
            errors += _pod_certificate(found, place.child("podCertificate"))
        if count > 1:
            errors.append(forbidden(place, f"{MORE_THAN_ONE} per source"))
    return errors


def _csi(source: Obj, path: Path) -> list[FieldError]:
    errors = csi_driver_name(source.get("driver", ""), path.child("driver"))
    secret = source.get("nodePublishSecretRef")
    if secret is not None:
        name = secret.get("name", "")
        if not name:
            errors.append(required(path.child("nodePublishSecretRef", "name")))
        else:
            errors += [invalid(path.child("name"), name, text) for text in subdomain_name(name)]
    return errors


def _source(kind: str, volume: Obj, path: Path, pod_name: str, is_pod: bool) -> list[FieldError]:
    source: Obj = volume[kind]
    at = path.child("persistentDisk" if kind == "gcePersistentDisk" else kind)
    if kind == "emptyDir":
        limit = source.get("sizeLimit")
        if limit is not None and parse(limit).nanos < 0:
            return [forbidden(at.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]
        return []
    if kind in ("secret", "configMap"):
        name = "secretName" if kind == "secret" else "name"
        errors = [] if source.get(name) else [required(at.child(name))]
        errors += _mode(source.get("defaultMode"), at.child("defaultMode"))
        return errors + _items(source.get("items"), at.child("items"))
    if kind == "persistentVolumeClaim":
        return [] if source.get("claimName") else [required(at.child("claimName"))]
    if kind == "downwardAPI":
        errors = _mode(source.get("defaultMode"), at.child("defaultMode"))
        return errors + [error for file in source.get("items") or () for error in _downward_file(file, at)]
    if kind == "projected":
        return _projected(source, at)
    if kind == "csi":
        return _csi(source, at)
    if kind == "image":
        errors = [required(at.child("reference"))] if is_pod and not source.get("reference") else []
        policy = source.get("pullPolicy", "")
        if policy not in ("Always", "IfNotPresent", "Never"):
            values = ("Always", "IfNotPresent", "Never")
            errors.append(not_supported(at.child("pullPolicy"), policy, values))
        return errors
    if kind == "ephemeral":
        claim = source.get("volumeClaimTemplate")
        if claim is None:
            return [required(at.child("volumeClaimTemplate"))]
        errors = validate_claim_template(claim, at.child("volumeClaimTemplate"))
        if pod_name and volume.get("name"):
            name = f"{pod_name}-{volume['name']}"
            for text in formats.dns1123_subdomain(name):
                errors.append(invalid(path.child("name"), volume["name"], f'PVC name "{name}": {text}'))
        return errors
    errors = common(kind, source, at, False)
    if kind == "iscsi" and (text := too_long_target(source, volume.get("name", ""))):
        errors.append(invalid(path.child("name"), volume.get("name", ""), text))
    return errors


def validate_volumes(
    volumes: list[Obj], pod_name: str, path: Path, is_pod: bool
) -> tuple[dict[str, Obj], list[FieldError]]:
    """The volumes that may be mounted, by name, and the errors of all."""
    errors: list[FieldError] = []
    known: dict[str, Obj] = {}
    made = {
        f"{pod_name}-{one.get('name', '')}"
        for one in volumes
        if pod_name and one.get("ephemeral") is not None
    }
    for position, volume in enumerate(volumes):
        at = path.index(position)
        own: list[FieldError] = []
        kinds = [kind for kind in _ORDER if volume.get(kind) is not None]
        for number, kind in enumerate(kinds):
            if number:
                own.append(forbidden(at.child(_MISNAMED.get(kind, kind)), MORE_THAN_ONE))
            else:
                own += _source(kind, volume, at, pod_name, is_pod)
        if not kinds:
            own.append(required(at, "must specify a volume type"))
        name = volume.get("name", "")
        if not name:
            own.append(required(at.child("name")))
        elif not formats.label_match(name) or len(name) > 63:
            own += dns1123_label(name, at.child("name"))
        if name in known:
            own.append(duplicate(at.child("name"), name))
        if own:
            errors += own
        else:
            known[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim and claim in made:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(at.child("persistentVolumeClaim", "claimName"), claim, text))
    return known, errors
