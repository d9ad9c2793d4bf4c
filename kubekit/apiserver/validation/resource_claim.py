"""Validation of ResourceClaims, with what is allocated to them, of their templates, and of device classes.

Called through the registry for ResourceClaim, ResourceClaimTemplate and DeviceClass.
Source: pkg/apis/resource/validation.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import (
    FieldError,
    Path,
    Raw,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.conditions import validate_conditions
from kubekit.apiserver.validation.device_claim import (
    MOST_REQUESTS,
    MOST_SETTINGS,
    RequestNames,
    device_claim,
    references,
    request_names,
    request_reference,
)
from kubekit.apiserver.validation.device_rules import (
    LONGEST_PARAMETERS,
    binding_conditions,
    configuration,
    distinct,
    driver_name,
    limited,
    pool_name,
    raw_object,
    text_itself,
    uuid,
)
from kubekit.apiserver.validation.device_selector import cel_selectors
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import dns1123_label
from kubekit.apiserver.validation.object_meta import (
    immutable,
    subdomain_name,
    validate_annotations,
    validate_labels,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import interface_address
from kubekit.apiserver.validation.pod_amounts import is_extended
from kubekit.apiserver.validation.selectors import node_selector

SPEC, STATUS = Path("spec"), Path("status")
MOST_CONSUMERS = 256
MOST_CONDITIONS = 8
MOST_ADDRESSES = 16
LONGEST_INTERFACE, LONGEST_HARDWARE_ADDRESS = 256, 128
SOURCES = ("FromClaim", "FromClass")


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new object of these kinds."""
    kind, spec = obj["kind"], obj.get("spec") or {}
    errors = validate_object_meta(obj["metadata"], kind != "DeviceClass", subdomain_name)
    if kind == "DeviceClass":
        return errors + _class(spec, None)
    if kind == "ResourceClaim":
        return errors + device_claim(spec.get("devices") or {}, SPEC.child("devices"))
    return errors + _template(spec)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a change."""
    kind, meta, before = obj["kind"], obj["metadata"], old["metadata"]
    changed = validate_object_meta_update(meta, before)
    if subresource == "status":
        return changed + _status(obj, old)
    spec, was = obj.get("spec") or {}, old.get("spec") or {}
    general = validate_object_meta(meta, kind != "DeviceClass", subdomain_name)
    if kind == "DeviceClass":
        return general + changed + _class(spec, was)
    name = "ResourceClaimSpec" if kind == "ResourceClaim" else "ResourceClaimTemplateSpec"
    fixed = immutable(spec, was, SPEC, internal(f"resource.{name}", spec))
    if kind == "ResourceClaim":
        return general + changed + fixed
    return general + _template(spec) + changed + fixed


def _template(spec: Obj) -> list[FieldError]:
    meta, at = spec.get("metadata") or {}, SPEC.child("metadata")
    errors = validate_annotations(meta.get("annotations"), at.child("annotations"))
    errors += validate_labels(meta.get("labels"), at.child("labels"))
    inner = (spec.get("spec") or {}).get("devices") or {}
    return errors + device_claim(inner, SPEC.child("spec", "devices"))


# -- device classes ------------------------------------------------------------------------------------


def _class(spec: Obj, before: Obj | None) -> list[FieldError]:
    errors = cel_selectors(spec.get("selectors") or [], SPEC.child("selectors"))
    settings = spec.get("config") or []
    stored = before is not None and settings == (before.get("config") or [])
    errors += limited(
        settings, MOST_SETTINGS, lambda one, at: configuration(one, at, stored), SPEC.child("config")
    )
    name = spec.get("extendedResourceName")
    if name is not None and not is_extended(name):
        at = SPEC.child("extendedResourceName")
        errors.append(invalid(at, name, "must be a valid extended resource name"))
    return errors


# -- what is allocated ---------------------------------------------------------------------------------


def _device(item: Obj) -> Raw:
    """Which device an entry means, as texts name it."""
    parts = [item.get("driver", ""), item.get("pool", ""), item.get("device", "")]
    return Raw("/".join([*parts, item["shareID"]] if item.get("shareID") else parts))


def _status(obj: Obj, old: Obj) -> list[FieldError]:
    status, before = obj.get("status") or {}, old.get("status") or {}
    names = request_names((obj.get("spec") or {}).get("devices") or {})
    consumers, allocation = status.get("reservedFor") or [], status.get("allocation")
    at = STATUS.child("reservedFor")
    errors = distinct(consumers, MOST_CONSUMERS, _consumer, at, lambda one: one.get("uid", ""))
    results = ((allocation or {}).get("devices") or {}).get("results") or []
    allocated = {_device(one) for one in results}
    errors += distinct(
        status.get("devices") or [],
        -1,
        lambda one, path: _device_status(one, path, allocated),
        STATUS.child("devices"),
        _device,
    )
    if consumers and allocation is None:
        errors.append(forbidden(at, "may not be specified when `allocated` is not set"))
    elif consumers and obj["metadata"].get("deletionTimestamp"):
        known = before.get("reservedFor") or []
        if any(one not in known for one in consumers):
            text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
            errors.append(forbidden(at, text))
    path = STATUS.child("allocation")
    if allocation is None:
        return errors
    if before.get("allocation") is not None:
        shown = internal("resource.AllocationResult", allocation)
        return errors + immutable(allocation, before["allocation"], path, shown)
    return errors + _allocation(allocation, path, names)


def _consumer(item: Obj, path: Path) -> list[FieldError]:
    return [required(path.child(field)) for field in ("resource", "name", "uid") if not item.get(field)]


def _allocation(allocation: Obj, path: Path, names: RequestNames) -> list[FieldError]:
    devices, at = allocation.get("devices") or {}, path.child("devices")
    errors = limited(
        devices.get("results") or [],
        MOST_REQUESTS,
        lambda one, place: _result(one, place, names),
        at.child("results"),
    )
    errors += limited(
        devices.get("config") or [],
        2 * MOST_SETTINGS,
        lambda one, place: _allocated_settings(one, place, names),
        at.child("config"),
    )
    if allocation.get("nodeSelector") is not None:
        errors += node_selector(allocation["nodeSelector"], path.child("nodeSelector"))
    return errors


def _result(result: Obj, path: Path, names: RequestNames) -> list[FieldError]:
    errors = request_reference(result.get("request", ""), path.child("request"), names)
    errors += _place(result, path)
    errors += binding_conditions(result, path)
    if result.get("shareID") is not None:
        errors += uuid(result["shareID"], path.child("shareID"))
    return errors


def _place(item: Obj, path: Path) -> list[FieldError]:
    """Driver, pool and device."""
    errors = driver_name(item.get("driver", ""), path.child("driver"))
    errors += pool_name(item.get("pool", ""), path.child("pool"))
    return errors + dns1123_label(item.get("device", ""), path.child("device"))


def _allocated_settings(entry: Obj, path: Path, names: RequestNames) -> list[FieldError]:
    source, at = entry.get("source", ""), path.child("source")
    errors: list[FieldError] = []
    if not source:
        errors.append(required(at))
    elif source not in SOURCES:
        errors.append(not_supported(at, source, SOURCES))
    errors += references(entry.get("requests") or [], path.child("requests"), names)
    return errors + configuration(entry, path)


def _device_status(device: Obj, path: Path, allocated: set[Raw]) -> list[FieldError]:
    errors = _place(device, path)
    if device.get("shareID") is not None:
        errors += uuid(device["shareID"], path.child("shareID"))
    if (which := _device(device)) not in allocated:
        errors.append(invalid(path, which, "must be an allocated device in the claim"))
    conditions, at = device.get("conditions") or [], path.child("conditions")
    if len(conditions) > MOST_CONDITIONS:
        errors.append(too_many(at, len(conditions), MOST_CONDITIONS))
    errors += validate_conditions(conditions, at)
    if device.get("data") is not None:
        errors += raw_object(device["data"], path.child("data"), LONGEST_PARAMETERS)
    return errors + _network(device.get("networkData") or {}, path.child("networkData"))


def _network(data: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, longest in (
        ("interfaceName", LONGEST_INTERFACE),
        ("hardwareAddress", LONGEST_HARDWARE_ADDRESS),
    ):
        if len(data.get(field, "").encode()) > longest:
            errors.append(too_long(path.child(field), longest))
    addresses: list[Any] = data.get("ips") or []
    return errors + distinct(addresses, MOST_ADDRESSES, interface_address, path.child("ips"), text_itself)
