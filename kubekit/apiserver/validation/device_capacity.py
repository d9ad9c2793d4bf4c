"""What a device is and how much of it there is: attributes, amounts, and how amounts may be shared.

Called for the devices of ResourceSlices.
Source: pkg/apis/resource/validation (validateDeviceAttribute, validateRequestPolicy).
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, required, too_long
from kubekit.api.meta import Obj
from kubekit.api.quantity import Quantity, parse
from kubekit.apiserver.validation.device_rules import distinct
from kubekit.apiserver.validation.go_value import internal

LONGEST_VALUE = 64
MOST_OPTIONS = 10
LISTS = ("bools", "ints", "strings", "versions")
"""Fields of an attribute that hold several values."""

_NUMBER = r"(0|[1-9]\d*)"
_BEFORE = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = r"[0-9a-zA-Z-]+"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_BEFORE}(\.{_BEFORE})*)?(\+{_BUILD}(\.{_BUILD})*)?", re.ASCII
)


def attribute(item: Obj, path: Path) -> list[FieldError]:
    """One value, of one of the types."""
    errors: list[FieldError] = []
    if item.get("string") is not None:
        errors += _text(item["string"], path.child("string"))
    if item.get("version") is not None:
        errors += _version(item["version"], path.child("version"))
    for field in LISTS:
        values = item.get(field)
        if values is not None and not values:
            errors.append(invalid(path.child(field), values, "must not be empty if specified"))
    for field, rule in (("strings", _text), ("versions", _version)):
        for place, value in enumerate(item.get(field) or ()):
            errors += rule(value, path.child(field).index(place))
    given = sum(item.get(field) is not None for field in ("bool", "int", "string", "version", *LISTS))
    if given != 1:
        shown = internal("resource.DeviceAttribute", item) if given else ""
        errors.append(invalid(path, shown, "exactly one value must be specified"))
    return errors


def values_of(attributes: Obj) -> int:
    """How many values there are in all; each item of a list counts."""
    return sum(sum(len(one.get(field) or ()) for field in LISTS) or 1 for one in attributes.values())


def _text(value: str, path: Path) -> list[FieldError]:
    return [too_long(path, LONGEST_VALUE)] if len(value.encode()) > LONGEST_VALUE else []


def _version(value: str, path: Path) -> list[FieldError]:
    text = "must be a string compatible with semver.org spec 2.0.0"
    errors = [] if _SEMVER.fullmatch(value) else [invalid(path, value, text)]
    return errors + _text(value, path)


# -- amounts -------------------------------------------------------------------------------------------


def whole_capacity(item: Obj, path: Path) -> list[FieldError]:
    """An amount of a device that one claim gets as a whole."""
    if item.get("requestPolicy") is not None:
        return [forbidden(path.child("requestPolicy"), "allowMultipleAllocations must be true")]
    return []


def shared_capacity(item: Obj, path: Path) -> list[FieldError]:
    """An amount of a device that several claims may share."""
    policy, at = item.get("requestPolicy"), path.child("requestPolicy")
    if policy is None:
        return []
    values, span, most = policy.get("validValues") or [], policy.get("validRange"), parse(item.get("value"))
    if values and span is not None:
        text = (
            'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the '
            "same time"
        )
        return [forbidden(at, text)]
    field = "validValues" if values else "validRange" if span is not None else ""
    if not field:
        return []
    if policy.get("default") is None:
        return [required(at.child("default"), f"required when {field} is defined")]
    usual = parse(policy["default"])
    if values:
        return _options(usual, most, [parse(value) for value in values], at.child(field))
    return _range(usual, most, span, at.child(field))


def _options(usual: Quantity, most: Quantity, values: list[Quantity], path: Path) -> list[FieldError]:
    errors = [
        invalid(path.index(place + 1), str(after), "values must be sorted in ascending order")
        for place, (before, after) in enumerate(itertools.pairwise(values))
        if before > after
    ]

    def option(value: Quantity, at: Path) -> list[FieldError]:
        text = f"option is larger than capacity value: {most}"
        return [invalid(at, str(value), text)] if value > most else []

    errors += distinct(values, MOST_OPTIONS, option, path, lambda value: str(value.value()))
    if len(values) > MOST_OPTIONS or usual not in values:
        text = "default value is not valid according to the requestPolicy"
        errors.append(invalid(path, str(usual), text))
    return errors


def _range(usual: Quantity, most: Quantity, span: dict[str, Any], path: Path) -> list[FieldError]:
    if span.get("min") is None:
        return [required(path.child("min"), "required when validRange is defined")]
    errors: list[FieldError] = []

    def wrong(field: str, value: Quantity, text: str) -> None:
        errors.append(invalid(path.child(field), str(value), text))

    low = parse(span["min"])
    high = parse(span["max"]) if span.get("max") is not None else None
    step = parse(span["step"]) if span.get("step") is not None else None
    if low > most:
        wrong("min", low, f"min is larger than capacity value: {most}")
    if usual < low:
        wrong("min", usual, f"default is less than min: {low}")
    if high is not None:
        if low > high:
            wrong("max", low, f"min is larger than max: {high}")
        if high > most:
            wrong("max", high, f"max is larger than capacity value: {most}")
        if usual > high:
            wrong("max", usual, f"default is more than max: {high}")
    if step is not None:
        if low + step > most:
            wrong("step", step, f"one step {low + step} is larger than capacity value: {most}")
        for value in (usual, high):
            if value is not None and step.value() and (value.value() - low.value()) % step.value():
                wrong("step", value, f"value is not a multiple of a given step ({step}) from ({low})")
    return errors
