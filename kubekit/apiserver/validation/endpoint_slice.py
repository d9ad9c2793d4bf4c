"""Validation of endpoint slices.

Called through the registry.
Source: pkg/apis/discovery/validation.
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, duplicate, invalid, not_supported, required, too_many
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.endpoint_address import endpoint_ip
from kubekit.apiserver.validation.numbers import dns1123_label, qualified_name
from kubekit.apiserver.validation.object_meta import (
    IMMUTABLE,
    subdomain_name,
    validate_labels,
    validate_object_meta,
)
from kubekit.apiserver.validation.paths import canonical_ip, legacy_ip, parse_sloppy

_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_ENDPOINTS, _MAX_ADDRESSES, _MAX_PORTS, _MAX_LABELS, _MAX_HINTS = 1000, 100, 20000, 16, 8


def _ports(ports: list[Obj], path: Path) -> list[FieldError]:
    if len(ports) > _MAX_PORTS:
        return [too_many(path, len(ports), _MAX_PORTS)]
    errors: list[FieldError] = []
    names: list[str] = []
    for position, port in enumerate(ports):
        at = path.index(position)
        name, protocol = port.get("name") or "", port.get("protocol")
        if name:
            errors += dns1123_label(name, at.child("name"))
        if name in names:
            errors.append(duplicate(at.child("name"), name))
        names.append(name)
        if protocol is None:
            errors.append(required(at.child("protocol")))
        elif protocol not in ("SCTP", "TCP", "UDP"):
            errors.append(not_supported(at.child("protocol"), protocol, ("SCTP", "TCP", "UDP")))
        if port.get("appProtocol") is not None:
            errors += qualified_name(port["appProtocol"], at.child("appProtocol"))
    return errors


def _fqdn(text: str, path: Path) -> list[FieldError]:
    if not text:
        return [required(path)]
    name = text.removesuffix(".")
    if wrong := formats.dns1123_subdomain(name):
        return [invalid(path, name, ",".join(wrong))]
    parts = name.split(".")
    if len(parts) < 2:
        return [invalid(path, name, "should be a domain with at least two segments separated by dots")]
    for part in parts:
        if wrong := formats.dns1123_label(part):
            return [invalid(path, part, ",".join(wrong))]
    return []


def _address(text: str, kind: str, path: Path, position: int) -> list[FieldError]:
    at = path.index(position)
    if kind == "FQDN":
        return _fqdn(text, at)
    if kind not in ("IPv4", "IPv6"):
        return []
    errors = legacy_ip(text, at) if kind == "IPv4" else canonical_ip(text, at)
    if errors:
        return errors
    address = parse_sloppy(text)
    if address is not None and f"IPv{address.version}" != kind:
        errors.append(invalid(path, text, f"must be an {kind} address"))
    return errors + endpoint_ip(text, at)


def _hints(hints: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, check in (("forZones", formats.label_value), ("forNodes", subdomain_name)):
        listed = hints.get(field) or []
        if len(listed) > _MAX_HINTS:
            return [*errors, too_many(path.child(field), len(listed), _MAX_HINTS)]
        names: list[str] = []
        for position, one in enumerate(listed):
            at, name = path.child(field).index(position).child("name"), one.get("name", "")
            if name in names:
                errors.append(duplicate(at, name))
            names.append(name)
            errors += [invalid(at, name, text) for text in check(name)]
    return errors


def _endpoints(endpoints: list[Obj], kind: str, path: Path) -> list[FieldError]:
    if len(endpoints) > _MAX_ENDPOINTS:
        return [too_many(path, len(endpoints), _MAX_ENDPOINTS)]
    errors: list[FieldError] = []
    for position, endpoint in enumerate(endpoints):
        at = path.index(position)
        addresses = endpoint.get("addresses") or []
        if not addresses:
            errors.append(required(at.child("addresses"), "must contain at least 1 address"))
        elif len(addresses) > _MAX_ADDRESSES:
            errors.append(too_many(at.child("addresses"), len(addresses), _MAX_ADDRESSES))
        for number, text in enumerate(addresses):
            errors += _address(text, kind, at.child("addresses"), number)
        node = endpoint.get("nodeName")
        if node is not None:
            errors += [invalid(at.child("nodeName"), node, text) for text in subdomain_name(node)]
        topology = endpoint.get("deprecatedTopology") or {}
        if len(topology) > _MAX_LABELS:
            errors.append(too_many(at.child("deprecatedTopology"), len(topology), _MAX_LABELS))
        errors += validate_labels(topology, at.child("deprecatedTopology"))
        if endpoint.get("hostname") is not None:
            errors += dns1123_label(endpoint["hostname"], at.child("hostname"))
        if endpoint.get("hints") is not None:
            errors += _hints(endpoint["hints"], at.child("hints"))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new slice."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    kind = obj.get("addressType", "")
    if not kind:
        errors.append(required("addressType"))
    elif kind not in _TYPES:
        errors.append(not_supported("addressType", kind, _TYPES))
    errors += _ports(obj.get("ports") or [], Path("ports"))
    return errors + _endpoints(obj.get("endpoints") or [], kind, Path("endpoints"))


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed slice: the address type stays."""
    errors = validate_create(obj)
    if obj.get("addressType") != old.get("addressType"):
        errors.append(invalid("addressType", obj.get("addressType"), IMMUTABLE))
    return errors
