"""Validation of Endpoints, the older form of endpoint slices.

Called through the registry.
Source: pkg/apis/core/validation (ValidateEndpoints).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.endpoint_address import endpoint_ip
from kubekit.apiserver.validation.numbers import dns1123_label, port_number, qualified_name
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import legacy_ip


def _address(address: Obj, path: Path) -> list[FieldError]:
    ip = address.get("ip", "")
    errors = legacy_ip(ip, path.child("ip"))
    if address.get("hostname"):
        errors += dns1123_label(address["hostname"], path.child("hostname"))
    node = address.get("nodeName")
    if node is not None:
        errors += [invalid(path.child("nodeName"), node, text) for text in subdomain_name(node)]
    return errors + endpoint_ip(ip, path.child("ip"))


def _port(port: Obj, need_name: bool, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    name, protocol = port.get("name", ""), port.get("protocol", "")
    if name:
        errors += dns1123_label(name, path.child("name"))
    elif need_name:
        errors.append(required(path.child("name")))
    errors += port_number(port.get("port", 0), path.child("port"))
    if not protocol:
        errors.append(required(path.child("protocol")))
    elif protocol not in ("SCTP", "TCP", "UDP"):
        errors.append(not_supported(path.child("protocol"), protocol, ("SCTP", "TCP", "UDP")))
    if port.get("appProtocol") is not None:
        errors += qualified_name(port["appProtocol"], path.child("appProtocol"))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of new endpoints."""
    errors = validate_object_meta(obj["metadata"], True, subdomain_name)
    for position, subset in enumerate(obj.get("subsets") or ()):
        at = Path("subsets").index(position)
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for field in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(field) or ()):
                errors += _address(address, at.child(field).index(number))
        ports = subset.get("ports") or []
        for number, port in enumerate(ports):
            errors += _port(port, len(ports) > 1, at.child("ports").index(number))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of changed endpoints."""
    return validate_object_meta_update(obj["metadata"], old["metadata"]) + validate_create(obj)
