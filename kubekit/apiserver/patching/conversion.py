"""Why a patched document cannot become an object, in the words of the real server's converter.

A strategic patch is turned into an object by a converter of its own, whose texts differ from those of the
JSON decoder. Called with a type and a value when decoding has failed. Upstream:
apimachinery/pkg/runtime/converter.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.decoding import List, Map, Pointer, Scalar, Struct

_NAMES = {bool: "bool", str: "string", int: "int64", float: "float64", list: "slice", dict: "map"}


def convert_problem(kind: Any, value: Any) -> str:
    """The first thing that cannot be converted; "" when all of it can."""
    while isinstance(kind, Pointer):
        kind = kind.inner
    if value is None:
        return ""
    name = _NAMES[next(known for known in _NAMES if isinstance(value, known))]
    if isinstance(kind, Struct):
        if not isinstance(value, dict):
            return f"cannot restore struct from: {name}"
        for key, field in kind.fields.items():
            if key in value and (problem := convert_problem(field.type, value[key])):
                return problem
    elif isinstance(kind, List):
        if not isinstance(value, list):
            return f"cannot restore slice from {name}"
        for item in value:
            if problem := convert_problem(kind.element, item):
                return problem
    elif isinstance(kind, Map):
        if not isinstance(value, dict):
            return f"cannot restore map from {name}"
        for item in value.values():
            if problem := convert_problem(kind.element, item):
                return problem
    elif isinstance(kind, Scalar):
        return _scalar_problem(kind, value, name)
    return ""


def _scalar_problem(kind: Scalar, value: Any, name: str) -> str:
    """As `convert_problem`, for a value that is a text, a number or a truth value.

    Go can make a text of an integer, and an integer of a fraction, which JSON cannot: that is another refusal
    than of types that nothing leads to.
    """
    wanted = _KINDS[kind.scalar]
    if name == wanted or (name == "int64" and wanted in ("integer", "float64")):
        return ""
    if name == "float64" and wanted == "integer":
        return "" if value == int(value) else f"cannot convert float64 to {kind.go_name}"
    if name == "int64" and wanted == "string":
        return f"cannot convert int64 to {kind.go_name}"
    return f"unrecognized type: {kind.go_name if wanted == 'integer' else wanted}"


_KINDS = {"string": "string", "boolean": "bool", "integer": "integer", "number": "float64"}
