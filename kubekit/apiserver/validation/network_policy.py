"""Validation of NetworkPolicies.

Called through the registry. Source: pkg/apis/networking/validation (ValidateNetworkPolicy).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.object_meta import (
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import legacy_cidr, parse_cidr
from kubekit.apiserver.validation.selectors import label_selector

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")


def _port(port: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(not_supported(path.child("protocol"), protocol, _PROTOCOLS))
    at = path.child("endPort")
    if number is None:
        if end is not None:
            errors.append(invalid(at, end, "may not be specified when `port` is not specified"))
    elif isinstance(number, int):
        errors += [invalid(path.child("port"), number, text) for text in formats.port_number(number)]
        if end is not None:
            if end < number:
                errors.append(invalid(at, number, "must be greater than or equal to `port`"))
            errors += [invalid(at, end, text) for text in formats.port_number(end)]
    else:
        if end is not None:
            errors.append(invalid(at, end, "may not be specified when `port` is non-numeric"))
        errors += [invalid(path.child("port"), number, text) for text in formats.port_name(number)]
    return errors


def _ip_block(block: Obj, path: Path) -> list[FieldError]:
    cidr = block.get("cidr", "")
    if not cidr:
        return [required(path.child("cidr"))]
    errors = legacy_cidr(cidr, path.child("cidr"))
    whole = parse_cidr(cidr)
    if whole is None:
        return errors
    for position, text in enumerate(block.get("except") or ()):
        at = path.child("except").index(position)
        errors += legacy_cidr(text, at)
        part = parse_cidr(text)
        if part is None:
            continue
        outer, inner = whole[1], part[1]
        inside = outer.version == inner.version and inner.network_address in outer
        if not inside or outer.prefixlen >= inner.prefixlen:
            errors.append(invalid(at, text, "must be a strict subset of `cidr`"))
    return errors


def _peer(peer: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    count = 0
    for field in ("podSelector", "namespaceSelector"):
        if peer.get(field) is not None:
            count += 1
            errors += label_selector(peer[field], path.child(field))
    block = peer.get("ipBlock")
    if block is not None:
        count += 1
        errors += _ip_block(block, path.child("ipBlock"))
    if not count:
        errors.append(required(path, "must specify a peer"))
    elif count > 1 and block is not None:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _spec(spec: Obj) -> list[FieldError]:
    path = Path("spec")
    errors = label_selector(spec.get("podSelector"), path.child("podSelector"))
    for field, peers in (("ingress", "from"), ("egress", "to")):
        for position, rule in enumerate(spec.get(field) or ()):
            at = path.child(field).index(position)
            for number, port in enumerate(rule.get("ports") or ()):
                errors += _port(port, at.child("ports").index(number))
            for number, peer in enumerate(rule.get(peers) or ()):
                errors += _peer(peer, at.child(peers).index(number))
    types, at = spec.get("policyTypes") or [], path.child("policyTypes")
    if len(types) > 2:
        return [*errors, invalid(at, types, "may not specify more than two policyTypes")]
    for position, one in enumerate(types):
        if one not in _TYPES:
            errors.append(not_supported(at.index(position), one, _TYPES))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new NetworkPolicy."""
    return validate_object_meta(obj["metadata"], True, subdomain_name) + _spec(obj.get("spec") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed NetworkPolicy."""
    return validate_object_meta_update(obj["metadata"], old["metadata"]) + _spec(obj.get("spec") or {})
