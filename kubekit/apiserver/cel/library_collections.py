"""Library, lists and sets: Kubernetes' list functions, the sets extension, a few of the list extension.

`min`, `max` and `sum` want elements of one kind; an empty list has no smallest element. Source:
apiserver/pkg/cel/library/lists.go, cel-go (ext/sets.go, ext/lists.go).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    A,
    Type,
    list_of,
    optional_of,
)
from kubekit.apiserver.cel.values import EMPTY, Duration, Optional, equal, order

ORDERED: tuple[Type, ...] = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)


def install(f: Functions) -> None:
    """Add everything to a set of functions."""
    for type in ORDERED:
        f.member("isSorted", (list_of(type),), BOOL, _is_sorted)
        f.member("min", (list_of(type),), type, lambda items: _extreme(items, "min", lambda o: o < 0))
        f.member("max", (list_of(type),), type, lambda items: _extreme(items, "max", lambda o: o > 0))
        f.member("sort", (list_of(type),), list_of(type), _sorted)
    for type in (INT, UINT, DOUBLE, DURATION):
        f.member("sum", (list_of(type),), type, _sum)
    f.member("indexOf", (list_of(A), A), INT, lambda items, wanted: _place(items, wanted, False))
    f.member("lastIndexOf", (list_of(A), A), INT, lambda items, wanted: _place(items, wanted, True))
    f.add("sets.contains", (list_of(A), list_of(A)), BOOL, _contains)
    f.add("sets.equivalent", (list_of(A), list_of(A)), BOOL, lambda a, b: _contains(a, b) and _contains(b, a))
    f.add("sets.intersects", (list_of(A), list_of(A)), BOOL, lambda a, b: any(_has(b, one) for one in a))
    f.member("reverse", (list_of(A),), list_of(A), lambda items: items[::-1])
    f.member("distinct", (list_of(A),), list_of(A), _distinct)
    f.member("slice", (list_of(A), INT, INT), list_of(A), _slice)
    f.member(
        "first", (list_of(A),), optional_of(A), lambda items: Optional(True, items[0]) if items else EMPTY
    )
    f.member(
        "last", (list_of(A),), optional_of(A), lambda items: Optional(True, items[-1]) if items else EMPTY
    )
    f.member("flatten", (list_of(list_of(A)),), list_of(A), lambda items: _flat(items, 1))
    f.member("flatten", (list_of(DYN), INT), list_of(DYN), _flat)
    f.add("lists.range", (INT,), list_of(INT), lambda count: list(range(min(count, 1_000_000))))


def _flat(items: list[Any], levels: int) -> list[Any]:
    if levels < 0:
        raise EvaluationError("level must be non-negative")
    found: list[Any] = []
    for one in items:
        if isinstance(one, list) and levels:
            found += _flat(one, levels - 1)
        else:
            found.append(one)
    return found


def _sum(items: list[Any]) -> Any:
    """The sum of numbers or of durations."""
    if items and isinstance(items[0], Duration):
        return Duration(sum(one.nanos for one in items))
    return sum(items)


def _is_sorted(items: list[Any]) -> bool:
    return all(order(one, other) <= 0 for one, other in itertools.pairwise(items))


def _extreme(items: list[Any], name: str, better: Callable[[int], bool]) -> Any:
    if not items:
        raise EvaluationError(f"{name} called on empty list")
    found = items[0]
    for one in items[1:]:
        if better(order(one, found)):
            found = one
    return found


def _sorted(items: list[Any]) -> list[Any]:
    return sorted(items, key=functools.cmp_to_key(order))


def _place(items: list[Any], wanted: Any, last: bool) -> int:
    places = [place for place, one in enumerate(items) if equal(one, wanted)]
    return -1 if not places else places[-1 if last else 0]


def _has(items: list[Any], wanted: Any) -> bool:
    return any(equal(one, wanted) for one in items)


def _contains(items: list[Any], wanted: list[Any]) -> bool:
    return all(_has(items, one) for one in wanted)


def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in items:
        if not _has(found, one):
            found.append(one)
    return found


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end > len(items) or start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]
