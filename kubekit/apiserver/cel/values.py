"""Values: what an expression works with while it runs, and how two of them compare.

JSON values are themselves (whole numbers are ints, others doubles). Moments and durations are `Timestamp` and
`Duration`, exact to the nanosecond; an `Optional` may be empty; quantities, addresses and the like are
`Opaque` objects of the library. Source: cel-go (common/types), the CEL specification (Equality, Ordering).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.syntax import Uint
from kubekit.apiserver.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
)

NANOS = 1_000_000_000


class Timestamp(NamedTuple):
    """A moment, in nanoseconds since 1970."""

    nanos: int

    def moment(self) -> datetime:
        """As a datetime in UTC, cut to microseconds."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.nanos // 1000)


class Duration(NamedTuple):
    """A length of time in nanoseconds."""

    nanos: int


class Optional(NamedTuple):
    """A value that may be absent."""

    present: bool
    value: Any = None


EMPTY = Optional(False)


class Opaque:
    """A value that only the library's functions understand; subclasses set `type`."""

    type: Type = DYN


class TypeName(NamedTuple):
    """A type as a value, e.g. what `type(1)` gives."""

    name: str


def type_of(value: Any) -> Type:
    """The type of a value."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, Uint):
        return UINT
    found = _TYPES.get(type(value))
    if found is not None:
        return found
    if isinstance(value, Opaque):
        return value.type
    if isinstance(value, dict):
        return map_of(DYN, DYN)
    return list_of(DYN) if isinstance(value, list) else DYN


_TYPES: dict[type, Type] = {
    int: INT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
    Timestamp: TIMESTAMP,
    Duration: DURATION,
    Optional: optional_of(DYN),
    TypeName: Type("type"),
    list: list_of(DYN),
    dict: map_of(DYN, DYN),
}


def is_number(value: Any) -> bool:
    """Whether it is an int, a uint or a double."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(one: Any, other: Any) -> bool:
    """Equality: numbers by value whatever their types, everything else only within its type."""
    if is_number(one) and is_number(other):
        return bool(one == other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(
            (found := lookup(other, key)).present and equal(value, found.value) for key, value in one.items()
        )
    if isinstance(one, Optional) and isinstance(other, Optional):
        return one.present == other.present and (not one.present or equal(one.value, other.value))
    return type(one) is type(other) and bool(one == other)


def order(one: Any, other: Any) -> int:
    """-1, 0 or 1; raises EvaluationError for what has no order."""
    comparable = is_number(one) and is_number(other)
    comparable = comparable or (
        type(one) is type(other) and isinstance(one, bool | str | bytes | Timestamp | Duration)
    )
    if not comparable:
        raise EvaluationError("no such overload")
    if (isinstance(one, float) and one != one) or (isinstance(other, float) and other != other):
        raise EvaluationError("NaN values cannot be ordered")
    return int(one > other) - int(one < other)


def lookup(mapping: dict[Any, Any], key: Any) -> Optional:
    """A map's value under a key; whole numbers find each other across types, true is not 1."""
    if isinstance(key, float):
        if not key.is_integer():
            return EMPTY
        key = int(key)
    if isinstance(key, bool) or not isinstance(key, int):
        found = mapping.get(key, _NOTHING) if isinstance(key, str | bool | bytes | int) else _NOTHING
        if isinstance(key, bool) and found is not _NOTHING and not any(one is key for one in mapping):
            found = _NOTHING
        return EMPTY if found is _NOTHING else Optional(True, found)
    for one, value in mapping.items():
        if not isinstance(one, bool) and one == key:
            return Optional(True, value)
    return EMPTY


_NOTHING = object()


def is_zero(value: Any) -> bool:
    """Whether it is its type's zero: false, 0, "", an empty list or map, null."""
    if isinstance(value, Timestamp | Duration):
        return value.nanos == 0
    if isinstance(value, Optional):
        return not value.present
    return value is None or (not isinstance(value, Opaque) and not value)
