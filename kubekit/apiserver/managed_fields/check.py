"""The type check of an applied configuration: every field declared, every value of its type, no two items
alike.

`problems(shape, value)` gives (path, text) pairs in the words of the real library. A configuration is
checked as it was written, before defaults. Upstream: structured-merge-diff (typed/validate.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import go_quote
from kubekit.apiserver.managed_fields.field_set import shown_element
from kubekit.apiserver.managed_fields.shape import KeyProblem, Shape, resolved

Obj = dict[str, Any]
Problem = tuple[str, str]


def problems(shape: Shape, value: Any, path: str = "") -> list[Problem]:
    """What is wrong with a value."""
    shape = resolved(shape, value)
    if value is None or shape.kind == "any":
        return []
    if shape.kind == "scalar":
        text = _scalar(shape.scalar, value)
        return [(path, text)] if text else []
    if shape.kind == "list":
        if not isinstance(value, list):
            return [(path, f"expected list, got &{{{_plain(value)}}}")]
        return _list(shape, value, path)
    if not isinstance(value, dict):
        return [(path, f"expected map, got &{{{_plain(value)}}}")]
    found: list[Problem] = []
    for name in sorted(value):
        inner = shape.child(name)
        if inner is None:
            return [*found, (f"{path}.{name}", "field not declared in schema")]
        found += problems(inner, value[name], f"{path}.{name}")
    return found


def _list(shape: Shape, value: list[Any], path: str) -> list[Problem]:
    assert shape.element is not None
    found: list[Problem] = []
    seen: set[str] = set()
    for place, item in enumerate(value):
        if shape.leaf:
            label = f"[{place}]"
        else:
            try:
                key = shape.item(item)
            except KeyProblem as error:
                return [*found, (path, f"element {place}: {error}")]
            label = shown_element(key)
            if key in seen:
                found.append((path, f"duplicate entries for key {label}"))
            seen.add(key)
        found += problems(shape.element, item, path + label)
    return found


def _scalar(kind: str, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "string":
        return (
            ""
            if isinstance(value, str)
            else f"expected string, got &value.valueUnstructured{{Value:{_sharp(value)}}}"
        )
    if kind == "numeric":
        return "" if number else f"expected numeric (int or float), got {_type(value)}"
    if kind == "boolean":
        return "" if isinstance(value, bool) else f"expected boolean, got &{{{_plain(value)}}}"
    return "" if not isinstance(value, dict | list) else f"expected any scalar, got &{{{_plain(value)}}}"


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    names = {
        str: "string",
        int: "int64",
        float: "float64",
        list: "[]interface {}",
        dict: "map[string]interface {}",
    }
    return names[next(kind for kind in names if isinstance(value, kind))]


def _sharp(value: Any) -> str:
    """A value as %#v prints it."""
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{go_quote(key)}:{_sharp(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(_sharp(item) for item in value)}}}"
    return _plain(value)


def _plain(value: Any) -> str:
    """A value as %v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_plain(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_plain(item) for item in value) + "]"
    return str(value)


def text_of(found: list[Problem]) -> str:
    """The problems as one text."""
    lines = [f"{path}: {text}" if path else text for path, text in found]
    return lines[0] if len(lines) == 1 else "\n".join(["errors:", *("  " + line for line in lines)])
