"""What is wrong with preferred node affinity terms that validation let pass, in the words of the API.

Required terms that cannot be parsed match no node and nobody is told. Preferred ones make scoring fail: the
event then names the field. Asked only after a term could not be parsed, never on the way of a sound pod.
Source: apimachinery pkg/labels/selector.go NewRequirement; component-helpers nodeaffinity.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

Obj = dict[str, Any]

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
FIELD_OPERATORS = OPERATORS[:2]


def preferred_errors(terms: Iterable[Obj], is_integer: Any) -> str:
    """All errors of the terms that count, as one text: several stand in brackets.

    >>> gt = {"key": "disk", "operator": "Gt", "values": ["ssd"]}
    >>> preferred_errors([{"weight": 1, "preference": {"matchExpressions": [gt]}}], str.isdigit)[:48]
    '[0].matchExpressions[0].values[0]: Invalid value'
    """
    found: list[str] = []
    for number, term in enumerate(terms):
        if term.get("weight", 0):
            found += _term(f"[{number}]", term.get("preference") or {}, is_integer)
    found = list(dict.fromkeys(found))
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""


def _term(path: str, term: Obj, is_integer: Any) -> Iterator[str]:
    for number, expression in enumerate(term.get("matchExpressions") or ()):
        yield from _requirement(f"{path}.matchExpressions[{number}]", expression, is_integer)
    for number, expression in enumerate(term.get("matchFields") or ()):
        place = f"{path}.matchFields[{number}]"
        if expression.get("operator") not in FIELD_OPERATORS:
            yield _unsupported(place, expression, FIELD_OPERATORS)
        elif len(expression.get("values") or ()) != 1:
            yield _invalid(f"{place}.values", expression.get("values"), "must have one element")


def _requirement(path: str, expression: Obj, is_integer: Any) -> Iterator[str]:
    operator, given = expression.get("operator"), expression.get("values")
    values = given or ()
    if operator not in OPERATORS:
        yield _unsupported(path, expression, OPERATORS)
    elif operator in ("In", "NotIn"):
        if not values:
            told = "for 'in', 'notin' operators, values set can't be empty"
            yield _invalid(f"{path}.values", given, told)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield _invalid(f"{path}.values", given, "values set must be empty for exists and does not exist")
    else:
        if len(values) != 1:
            told = "for 'Gt', 'Lt' operators, exactly one value is required"
            yield _invalid(f"{path}.values", given, told)
        for number, value in enumerate(values):
            if not is_integer(value):
                told = "for 'Gt', 'Lt' operators, the value must be an integer"
                yield _invalid(f"{path}.values[{number}]", value, told)


def _invalid(path: str, value: Any, told: str) -> str:
    return f"{path}: Invalid value: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}: {told}"


def _unsupported(path: str, expression: Obj, known: tuple[str, ...]) -> str:
    supported = ", ".join(f'"{name}"' for name in known)
    written = json.dumps(expression.get("operator", ""))
    return f"{path}.operator: Unsupported value: {written}: supported values: {supported}"
