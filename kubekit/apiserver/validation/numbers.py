"""Validation of numbers, amounts, and the few formats that many kinds share.

Called by the kinds' modules. A function takes the value and its path and returns a list of errors.
Source: pkg/apis/core/validation, apimachinery/pkg/api/validation/generic.go, util/validation.
"""

from __future__ import annotations

from typing import Any

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, invalid, required
from kubekit.api.quantity import Quantity, parse

AT_LEAST_0 = "must be greater than or equal to 0"
ABOVE_0 = "must be greater than 0"


def nonnegative(value: int | None, path: Path) -> list[FieldError]:
    """0 or more; unset is fine."""
    return [invalid(path, value, AT_LEAST_0)] if value is not None and value < 0 else []


def nonnegative_quantity(value: Quantity, path: Path) -> list[FieldError]:
    """An amount of 0 or more."""
    return [invalid(path, str(value), AT_LEAST_0)] if value.nanos < 0 else []


def positive_quantity(value: Quantity, path: Path) -> list[FieldError]:
    """An amount above 0."""
    return [invalid(path, str(value), "must be greater than zero")] if value.nanos <= 0 else []


def port_number(value: int, path: Path) -> list[FieldError]:
    """1 to 65535."""
    return [] if 0 < value < 65536 else [invalid(path, value, "must be between 1 and 65535, inclusive")]


def port_number_or_name(value: int | str, path: Path) -> list[FieldError]:
    """A port by number or by name."""
    if isinstance(value, str):
        return [invalid(path, value, text) for text in formats.port_name(value)]
    return port_number(value, path)


def positive_int_or_percent(value: int | str, path: Path) -> list[FieldError]:
    """A number of 0 or more, or a percentage."""
    if isinstance(value, str):
        return [invalid(path, value, text) for text in formats.percent(value)]
    return nonnegative(value, path)


def percent_of(value: Any) -> int | None:
    """The number of a percentage, None for anything else."""
    return int(value[:-1]) if isinstance(value, str) and not formats.percent(value) else None


def not_more_than_100_percent(value: int | str, path: Path) -> list[FieldError]:
    """A percentage of at most 100."""
    number = percent_of(value)
    return (
        [invalid(path, value, "must not be greater than 100%")] if number is not None and number > 100 else []
    )


def int_or_percent_value(value: int | str | None) -> int:
    """The number, or the number of percents."""
    if isinstance(value, str):
        return percent_of(value) or 0
    return value or 0


def dns1123_label(value: str, path: Path) -> list[FieldError]:
    """A DNS label."""
    return [invalid(path, value, text) for text in formats.dns1123_label(value)]


def dns1123_subdomain(value: str, path: Path) -> list[FieldError]:
    """A DNS subdomain."""
    return [invalid(path, value, text) for text in formats.dns1123_subdomain(value)]


def qualified_name(value: str, path: Path) -> list[FieldError]:
    """A label key."""
    return [invalid(path, value, text) for text in formats.label_key(value)]


def needed(value: Any, path: Path, detail: str = "") -> list[FieldError]:
    """A value that must not be empty."""
    return [] if value else [required(path, detail)]


def quantity(value: str | None) -> Quantity:
    """The quantity of a decoded field."""
    return parse(value)
