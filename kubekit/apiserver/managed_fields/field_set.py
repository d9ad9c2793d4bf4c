"""Sets of fields in the form that managedFields has them (FieldsV1), and their arithmetic.

A set is a dict from path elements (``f:spec``, ``k:{"name":"c"}``, ``v:"x"``) to the set below. A place
belongs to the set itself when what is below is empty or has the key ``.``; an empty top-level dict is the
empty set. Sets are frozen: every function gives a new one, and parts are shared. Upstream:
structured-merge-diff (fieldpath/set.go).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

FieldSet = dict[str, Any]

MEMBER: FieldSet = {}
"""What stands below a place that belongs to the set and has nothing below."""


def is_member(below: FieldSet) -> bool:
    """Whether the place itself belongs to the set."""
    return not below or "." in below


def _joined(member: bool, below: FieldSet) -> FieldSet | None:
    if not member:
        return below or None
    return {".": MEMBER, **below} if below else MEMBER


def union(one: FieldSet, two: FieldSet) -> FieldSet:
    """Everything that is in either set."""
    found = dict(one)
    for element, below in two.items():
        mine = found.get(element)
        found[element] = below if mine is None else _union_below(mine, below)
    return found


def _union_below(one: FieldSet, two: FieldSet) -> FieldSet:
    if one == two:
        return one
    if not one or not two:
        return _joined(True, {k: v for k, v in (one or two).items() if k != "."}) or MEMBER
    return union(one, two)


def intersection(one: FieldSet, two: FieldSet) -> FieldSet:
    """What is in both sets."""
    found: FieldSet = {}
    for element, below in one.items():
        other = two.get(element)
        if other is None or element == ".":
            continue
        both = _joined(is_member(below) and is_member(other), intersection(below, other))
        if both is not None:
            found[element] = both
    return found


def difference(one: FieldSet, two: FieldSet) -> FieldSet:
    """What is in the first set and not in the second; what is below a removed place stays."""
    found: FieldSet = {}
    for element, below in one.items():
        if element == ".":
            continue
        other = two.get(element)
        if other is None:
            found[element] = below
            continue
        rest = _joined(is_member(below) and not is_member(other), difference(below, other))
        if rest is not None:
            found[element] = rest
    return found


def without(one: FieldSet, two: FieldSet) -> FieldSet:
    """As `difference`, with everything below the second set's places removed too."""
    found: FieldSet = {}
    for element, below in one.items():
        other = two.get(element)
        if other is None:
            found[element] = below
        elif (
            not is_member(other)
            and (rest := _joined("." in below, without(_below(below), other))) is not None
        ):
            found[element] = rest
    return found


def _below(one: FieldSet) -> FieldSet:
    return {element: below for element, below in one.items() if element != "."}


def has(one: FieldSet, path: tuple[str, ...]) -> bool:
    """Whether a place belongs to the set."""
    for element in path:
        found = one.get(element)
        if found is None:
            return False
        one = found
    return is_member(one)


def paths(one: FieldSet, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every place of the set: at each level first the places themselves, then what is below them."""
    elements = sorted(element for element in one if element != ".")
    for element in elements:
        if is_member(one[element]):
            yield (*before, element)
    for element in elements:
        yield from paths(one[element], (*before, element))


def shown(path: tuple[str, ...]) -> str:
    """A path as messages have it: ``.spec.ports[port=80,protocol="TCP"].name``."""
    return "".join(shown_element(element) for element in path)


def shown_element(element: str) -> str:
    """One element of a path as messages have it."""
    kind, _, rest = element.partition(":")
    if kind == "f":
        return "." + rest
    if kind == "k":
        keys = json.loads(rest)
        return "[" + ",".join(f"{key}={_value(keys[key])}" for key in sorted(keys)) + "]"
    return f"[={_value(json.loads(rest))}]" if kind == "v" else f"[{rest}]"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
