"""Validation of PriorityLevelConfigurations: shares, and how requests wait for a seat.

Called through the registry.
Source: pkg/apis/flowcontrol/validation (ValidatePriorityLevelConfiguration),
apiserver/pkg/util/shufflesharding (RequiredEntropyBits).
"""

from __future__ import annotations

import math

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.flow_schema import validate_conditions
from kubekit.apiserver.validation.object_meta import METADATA, subdomain_name, validate_object_meta

SPEC = Path("spec")
_EXEMPT = "exempt"
_PRESERVE = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"
_MOST_QUEUES = 10_000_000
_HASH_BITS = 60
_NOT_NEGATIVE = "must be a non-negative integer"


def _queuing(queuing: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    length, queues, hand = (queuing.get(field, 0) for field in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        errors.append(invalid(path.child("queueLengthLimit"), length, "must be positive"))
    if queues <= 0:
        errors.append(invalid(path.child("queues"), queues, "must be positive"))
    elif queues > _MOST_QUEUES:
        errors.append(invalid(path.child("queues"), queues, f"must not be greater than {_MOST_QUEUES}"))
    at = path.child("handSize")
    if hand <= 0:
        errors.append(invalid(at, hand, "must be positive"))
    elif hand > queues:
        errors.append(invalid(at, hand, f"should not be greater than queues ({queues})"))
    elif _entropy(queues, hand) > _HASH_BITS:
        text = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater "
            f"than {_HASH_BITS}"
        )
        errors.append(invalid(at, hand, text))
    return errors


def _entropy(deck: int, hand: int) -> int:
    """How many bits of a hash it takes to deal a hand."""
    return math.ceil(math.log2(deck) * hand)


def _response(response: Obj, path: Path) -> list[FieldError]:
    kind, queuing, at = response.get("type", ""), response.get("queuing"), path.child("queuing")
    if kind == "Reject":
        text = "must be nil if limited.limitResponse.type is not Limited"
        return [] if queuing is None else [forbidden(at, text)]
    if kind != "Queue":
        return [not_supported(path.child("type"), kind, ("Queue", "Reject"))]
    if queuing is None:
        return [required(at, "must not be empty if limited.limitResponse.type is Limited")]
    return _queuing(queuing, at)


def _percent(percent: int | None, path: Path) -> list[FieldError]:
    if percent is None or 0 <= percent <= 100:
        return []
    return [invalid(path, percent, "must be between 0 and 100, inclusive")]


def _shares(level: Obj, path: Path) -> list[FieldError]:
    shares = level.get("nominalConcurrencyShares")
    return [invalid(path, shares, _NOT_NEGATIVE)] if shares is not None and shares < 0 else []


def _limited(limited: Obj, path: Path) -> list[FieldError]:
    errors = _shares(limited, path.child("nominalConcurrencyShares"))
    errors += _response(limited.get("limitResponse") or {}, path.child("limitResponse"))
    errors += _percent(limited.get("lendablePercent"), path.child("lendablePercent"))
    borrowed = limited.get("borrowingLimitPercent")
    if borrowed is not None and borrowed < 0:
        text = f"if specified, {_NOT_NEGATIVE}"
        errors.append(invalid(path.child("borrowingLimitPercent"), borrowed, text))
    return errors


def _spec(name: str, spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, limited, exempt = spec.get("type", ""), spec.get("limited"), spec.get("exempt")
    if (name == _EXEMPT) != (kind == "Exempt"):
        text = "must be 'Exempt' if and only if `name` is 'exempt'"
        errors.append(invalid(SPEC.child("type"), kind, text))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden(SPEC.child("limited"), "must be nil if the type is not Limited"))
        if exempt is not None:
            at = SPEC.child("exempt")
            errors += _shares(exempt, at.child("nominalConcurrencyShares"))
            errors += _percent(exempt.get("lendablePercent"), at.child("lendablePercent"))
    elif kind == "Limited":
        if exempt is not None:
            errors.append(forbidden(SPEC.child("exempt"), "must be nil if the type is Limited"))
        if limited is None:
            errors.append(required(SPEC.child("limited"), "must not be empty when type is Limited"))
        else:
            errors += _limited(limited, SPEC.child("limited"))
    else:
        errors.append(not_supported(SPEC.child("type"), kind, ("Exempt", "Limited")))
    return errors


def validate_create(obj: Obj) -> list[FieldError]:
    """Every error of a new priority level."""
    meta = obj["metadata"]
    errors = validate_object_meta(meta, False, subdomain_name)
    if _PRESERVE in (meta.get("annotations") or {}):
        errors.append(forbidden(METADATA.child("annotations"), f"annotation '{_PRESERVE}' is forbidden"))
    errors += _spec(meta.get("name", ""), obj.get("spec") or {})
    return errors + validate_conditions(obj.get("status") or {})


def validate_update(obj: Obj, old: Obj, subresource: str = "") -> list[FieldError]:
    """Every error of a changed priority level."""
    return validate_conditions(obj.get("status") or {}) if subresource == "status" else validate_create(obj)
