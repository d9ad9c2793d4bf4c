"""Why a patched document cannot become an object, in the words of the real server's converter.

A strategic patch is turned into an object by a converter of its own, whose texts differ from those of the
JSON decoder. Called with a type and a value when decoding has failed. Upstream:
apimachinery/pkg/runtime/converter.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.schema import List, Map, Pointer, Struct

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
    return ""
