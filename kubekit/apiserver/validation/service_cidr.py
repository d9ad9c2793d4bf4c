"""Validation of ServiceCIDRs and IPAddresses.

Called through the registry for both kinds. Source: pkg/apis/networking/validation.
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import dns1123_subdomain
from kubekit.apiserver.validation.object_meta import (
    IMMUTABLE,
    path_segment_name,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import canonical_cidr, canonical_ip, parse_cidr

_CIDRS = Path("spec").child("cidrs")


def _networks(spec: Obj) -> list[FieldError]:
    cidrs = spec.get("cidrs") or []
    if not cidrs:
        return [required(_CIDRS, "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid(_CIDRS, internal("networking.ServiceCIDRSpec", spec), "may only hold up to 2 values")]
    errors = [
        error for position, one in enumerate(cidrs) for error in canonical_cidr(one, _CIDRS.index(position))
    ]
    families = [found[0].version for one in cidrs if (found := parse_cidr(one)) is not None]
    if len(families) == 2 and families[0] == families[1]:
        text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(invalid(_CIDRS, cidrs, text))
    return errors


def _address_name(name: str, prefix: bool = False) -> list[str]:
    return [error.detail for error in canonical_ip(name, Path())]


def _parent(spec: Obj) -> list[FieldError]:
    parent, path = spec.get("parentRef"), Path("spec").child("parentRef")
    if parent is None:
        return [required(path)]
    errors: list[FieldError] = []
    if parent.get("group"):
        errors += dns1123_subdomain(parent["group"], path.child("group"))
    for field in ("resource", "name"):
        value = parent.get(field, "")
        if not value:
            errors.append(required(path.child(field)))
        else:
            errors += [invalid(path.child(field), value, text) for text in path_segment_name(value)]
    if space := parent.get("namespace"):
        errors += [invalid(path.child("namespace"), space, text) for text in path_segment_name(space)]
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new ServiceCIDR or IPAddress."""
    spec = obj.get("spec") or {}
    if obj.get("kind") == "IPAddress":
        return validate_object_meta(obj["metadata"], False, _address_name) + _parent(spec)
    return validate_object_meta(obj["metadata"], False, subdomain_name) + _networks(spec)


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a change: networks may only be added, parents never change."""
    errors = validate_create(obj) if obj.get("kind") == "IPAddress" else []
    errors += validate_object_meta_update(obj["metadata"], old["metadata"])
    if subresource == "status":
        return errors
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if obj.get("kind") == "IPAddress":
        if spec.get("parentRef") != before.get("parentRef"):
            shown = internal("networking.ParentReference", spec.get("parentRef"))
            errors.append(invalid(Path("spec").child("parentRef"), shown, IMMUTABLE))
        return errors
    new, was = spec.get("cidrs") or [], before.get("cidrs") or []
    if len(new) == len(was):
        pairs = enumerate(zip(new, was))
        return errors + [
            invalid(_CIDRS.index(at), one, IMMUTABLE) for at, (one, other) in pairs if one != other
        ]
    if len(was) == 1 and len(new) == 2:
        if new[0] != was[0]:
            errors.append(invalid(_CIDRS.index(0), new[0], IMMUTABLE))
        return errors + _networks(spec)
    return [*errors, invalid(_CIDRS, new or None, IMMUTABLE)]
