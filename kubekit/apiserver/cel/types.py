"""Types: what an expression may be known to be before it runs.

`Type("list", (STRING,))` and so on; a type without parameters is a constant below. Objects with a schema are
`ObjectType`s: they know their fields. A parameter of a function is a one-letter type ("A"), found out call by
call. Everything may be `DYN`: then the values decide. Source: cel-go (checker/types.go, common/types).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Type:
    """One type; `params` are the element type of a list, key and value types of a map."""

    name: str
    params: tuple[Type, ...] = ()

    def __str__(self) -> str:
        shown = _SHOWN.get(self.name, self.name)
        if not self.params:
            return shown
        return f"{shown}({', '.join(str(one) for one in self.params)})"


@dataclass(frozen=True, slots=True)
class ObjectType(Type):
    """An object with known fields; `fields` is empty for one whose name alone is known."""

    fields: Mapping[str, Type] = field(default_factory=dict, compare=False, hash=False)


_SHOWN = {"null_type": "null", "optional_type": "optional_type"}

BOOL, INT, UINT, DOUBLE = Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL, DYN = Type("string"), Type("bytes"), Type("null_type"), Type("dyn")
TIMESTAMP, DURATION = Type("timestamp"), Type("duration")
A, B = Type("A"), Type("B")
"""Type parameters."""

QUANTITY, SEMVER = Type("kubernetes.Quantity"), Type("kubernetes.Semver")
URL, IP, CIDR = Type("kubernetes.URL"), Type("net.IP"), Type("net.CIDR")
FORMAT = Type("kubernetes.NamedFormat")


def list_of(item: Type) -> Type:
    """The type of lists of `item`."""
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    """The type of maps."""
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    """The type of a value that may be absent."""
    return Type("optional_type", (value,))


def type_of_type(of: Type) -> Type:
    """The type of a type's name used as a value."""
    return Type("type", (of,))


PARAMETERS = ("A", "B")
_NULLABLE = ("kubernetes.", "timestamp", "duration", "optional_type")


class Bindings(dict[str, Type]):
    """What the type parameters of one call were found to be."""


def assignable(wanted: Type, given: Type, bound: Bindings) -> bool:
    """Whether a value of `given` may stand where `wanted` is asked for; learns type parameters."""
    if wanted.name in PARAMETERS and not wanted.params:
        known = bound.get(wanted.name)
        if known is None or known == DYN:
            bound[wanted.name] = given if known is None else known
            return True
        if assignable(known, given, bound):
            return True
        if assignable(given, known, bound):
            bound[wanted.name] = given
            return True
        return False
    if wanted == DYN or given == DYN or wanted.name == "error" or given.name == "error":
        return True
    if given == NULL and (isinstance(wanted, ObjectType) or wanted.name.startswith(_NULLABLE)):
        return True
    if wanted.name != given.name:
        return False
    if wanted.name == "type":
        return True
    if len(wanted.params) != len(given.params):
        return not wanted.params or not given.params
    return all(assignable(one, other, bound) for one, other in zip(wanted.params, given.params, strict=True))


def resolved(type: Type, bound: Bindings) -> Type:
    """A type with its parameters filled in; what was never found out is anything."""
    if type.name in PARAMETERS and not type.params:
        return bound.get(type.name, DYN)
    if not type.params or isinstance(type, ObjectType):
        return type
    return Type(type.name, tuple(resolved(one, bound) for one in type.params))


def joined(one: Type, other: Type) -> Type:
    """The type of something that is either of two."""
    if one == other:
        return one
    if assignable(one, other, Bindings()):
        return one if other != DYN else DYN
    if assignable(other, one, Bindings()):
        return other if one != DYN else DYN
    return DYN
