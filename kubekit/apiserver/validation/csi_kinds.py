"""Validation of what CSI drivers tell: the driver itself, those of a node, and how much storage is left.

Called through the registry for CSIDriver, CSINode and CSIStorageCapacity.
Source: pkg/apis/storage/validation (ValidateCSIDriver, ValidateCSINode, ValidateCSIStorageCapacity).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, duplicate, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import nonnegative, nonnegative_quantity, qualified_name
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.selectors import label_selector
from kubekit.apiserver.validation.volume_sources import csi_driver_name

SPEC = Path("spec")
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")
_NODE_ID = 256


def _token_requests(requests: list[Obj], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, one in enumerate(requests):
        at, audience, seconds = path.index(position), one.get("audience", ""), one.get("expirationSeconds")
        if audience in seen:
            errors.append(duplicate(at.child("audience"), audience))
            continue
        seen.add(audience)
        if seconds is not None and seconds < 600:
            text = "may not specify a duration less than 10 minutes"
            errors.append(invalid(at.child("expirationSeconds"), seconds, text))
        if seconds is not None and seconds > 1 << 32:
            text = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid(at.child("expirationSeconds"), seconds, text))
    return errors


def _driver(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    # The original calls the first field so in its texts.
    for field, shown in (
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ):
        if spec.get(field) is None:
            errors.append(required(SPEC.child(shown)))
    policy, requests = spec.get("fsGroupPolicy"), spec.get("tokenRequests") or []
    if policy is not None and policy not in _GROUP_POLICIES:
        errors.append(not_supported(SPEC.child("fsGroupPolicy"), policy, _GROUP_POLICIES))
    errors += _token_requests(requests, SPEC.child("tokenRequests"))
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in _LIFECYCLES:
            errors.append(not_supported(SPEC.child("volumeLifecycleModes"), mode, _LIFECYCLES))
    if spec.get("seLinuxMount") is None:
        errors.append(required(SPEC.child("seLinuxMount")))
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < 10:
        text = "must be greater than or equal to 10 seconds"
        errors.append(invalid(SPEC.child("nodeAllocatableUpdatePeriodSeconds"), period, text))
    secret = spec.get("serviceAccountTokenInSecrets")
    if secret is not None and not requests:
        text = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.append(invalid(SPEC.child("serviceAccountTokenInSecrets"), secret, text))
    return errors


def _node_drivers(drivers: list[Obj], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for position, one in enumerate(drivers):
        at, name, node = path.index(position), one.get("name", ""), one.get("nodeID", "")
        errors += csi_driver_name(name, at.child("name"))
        if not node:
            errors.append(required(at.child("nodeID")))
        if len(node) > _NODE_ID:
            errors.append(invalid(at.child("nodeID"), node, f"must be {_NODE_ID} characters or less"))
        errors += nonnegative((one.get("allocatable") or {}).get("count"), at.child("allocatable", "count"))
        if name in names:
            errors.append(duplicate(at.child("name"), name))
        names.add(name)
        keys: set[str] = set()
        for key in one.get("topologyKeys") or ():
            if not key:
                errors.append(required(at))
            if key in keys:
                errors.append(duplicate(at, key))
            keys.add(key)
            errors += qualified_name(key, at)
    return errors


def _changed_drivers(new: list[Obj], old: list[Obj]) -> list[FieldError]:
    """Of a driver that was there, only how many volumes fit may change."""
    errors: list[FieldError] = []
    for was in old:
        for now in new:
            if now.get("name") != was.get("name"):
                continue
            kept = {key: value for key, value in now.items() if key != "allocatable"}
            if kept != {key: value for key, value in was.items() if key != "allocatable"}:
                shown = internal("storage.CSINodeDriver", kept)
                errors += immutable(shown, None, SPEC.child("drivers"))
    return errors


def _capacity(obj: Obj) -> list[FieldError]:
    errors = label_selector(obj.get("nodeTopology"), Path("nodeTopology"))
    name = obj.get("storageClassName", "")
    errors += [invalid("storageClassName", name, text) for text in subdomain_name(name)]
    if obj.get("capacity") is not None:
        errors += nonnegative_quantity(parse(obj["capacity"]), Path("capacity"))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new object of these kinds."""
    kind, spec = obj["kind"], obj.get("spec") or {}
    errors = validate_object_meta(obj["metadata"], kind == "CSIStorageCapacity", subdomain_name)
    if kind == "CSIDriver":
        return errors + _driver(spec)
    if kind == "CSINode":
        return errors + _node_drivers(spec.get("drivers") or [], SPEC.child("drivers"))
    return errors + _capacity(obj)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a change."""
    kind, spec, before = obj["kind"], obj.get("spec") or {}, old.get("spec") or {}
    if kind == "CSINode":
        return validate_create(obj) + _changed_drivers(spec.get("drivers") or [], before.get("drivers") or [])
    if kind == "CSIDriver":
        errors = validate_object_meta_update(obj["metadata"], old["metadata"]) + _driver(spec)
        for field, shown in (
            ("attachRequired", "attachedRequired"),
            ("volumeLifecycleModes", "volumeLifecycleModes"),
        ):
            errors += immutable(spec.get(field), before.get(field), SPEC.child(shown))
        return errors
    errors = validate_create(obj) + validate_object_meta_update(obj["metadata"], old["metadata"])
    errors += immutable(obj.get("nodeTopology"), old.get("nodeTopology"), Path("nodeTopology"))
    name, was = obj.get("storageClassName", ""), old.get("storageClassName", "")
    return errors + immutable(name, was, Path("storageClassName"))
