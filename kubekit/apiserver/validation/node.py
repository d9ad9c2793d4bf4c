"""Validation of nodes: taints, amounts, pod networks.

Called through the registry.
Source: pkg/apis/core/validation (ValidateNode, ValidateNodeUpdate).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import DUPLICATE, FieldError, Path, duplicate, forbidden, invalid
from kubekit.api.meta import Obj
from kubekit.api.quantity import parse
from kubekit.apiserver.validation.go_value import internal
from kubekit.apiserver.validation.numbers import qualified_name
from kubekit.apiserver.validation.object_meta import (
    METADATA,
    subdomain_name,
    validate_object_meta,
    validate_object_meta_update,
)
from kubekit.apiserver.validation.paths import legacy_cidr, parse_cidr
from kubekit.apiserver.validation.pod_affinity import taint_effect
from kubekit.apiserver.validation.pod_amounts import quantity_value

_POD_CIDR = 'node updates may not change podCIDR except from "" to valid'


def _taints(taints: list[Obj]) -> list[FieldError]:
    """The original puts these under metadata.taints."""
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for position, taint in enumerate(taints):
        at = METADATA.child("taints").index(position)
        key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
        errors += qualified_name(key, at.child("key"))
        if wrong := formats.label_value(value):
            errors.append(invalid(at.child("value"), value, ";".join(wrong)))
        errors += taint_effect(effect, False, at.child("effect"))
        if (effect, key) in seen:
            text = "taints must be unique by key and effect pair"
            errors.append(FieldError(DUPLICATE, str(at), internal("core.Taint", taint), text))
        seen.add((effect, key))
    return errors


def _amounts(obj: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("capacity", "allocatable"):
        for name, text in ((obj.get("status") or {}).get(field) or {}).items():
            errors += quantity_value(name, parse(text), Path("status").child(field, name))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new node."""
    errors = validate_object_meta(obj["metadata"], False, subdomain_name)
    spec = obj.get("spec") or {}
    errors += _taints(spec.get("taints") or []) + _amounts(obj)
    swap = ((obj.get("status") or {}).get("nodeInfo") or {}).get("swap") or {}
    if (size := swap.get("capacity")) is not None and size <= 0:
        at = METADATA.child("nodeSwapStatus", "capacity")
        errors.append(invalid(at, size, "must be greater than zero"))
    networks, at = spec.get("podCIDRs") or [], Path("spec").child("podCIDRs")
    for position, text in enumerate(networks):
        errors += legacy_cidr(text, at.index(position))
    if len(networks) > 1:
        families = {found[0].version for text in networks if (found := parse_cidr(text)) is not None}
        if len(families) < 2 or len(networks) > 2:
            errors.append(invalid(at, networks, "may specify no more than one CIDR for each IP family"))
    return errors


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed node, also through its status."""
    errors = [] if subresource else validate_create(obj)
    errors += validate_object_meta_update(obj["metadata"], old["metadata"]) + _amounts(obj)
    seen: list[Obj] = []
    for position, address in enumerate((obj.get("status") or {}).get("addresses") or ()):
        if address in seen:
            at = Path("status").child("addresses").index(position)
            errors.append(duplicate(at, internal("core.NodeAddress", address)))
        seen.append(address)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    networks, was = spec.get("podCIDRs") or [], before.get("podCIDRs") or []
    if was and networks != was:
        changed = (
            1 if len(networks) != len(was) else sum(1 for one, other in zip(networks, was) if one != other)
        )
        errors += [forbidden(Path("spec").child("podCIDRs"), _POD_CIDR)] * changed
    if before.get("providerID") and before["providerID"] != spec.get("providerID", ""):
        text = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden(Path("spec").child("providerID"), text))
    errors += _taints(spec.get("taints") or [])
    if spec.get("externalID", "") != before.get("externalID", ""):
        errors.append(forbidden(Path("spec").child("externalID"), "may not be updated"))
    return errors
