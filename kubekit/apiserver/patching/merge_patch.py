"""JSON merge patch (RFC 7386): lay one object over another; null deletes, lists are replaced.

>>> merge({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}})
{'a': {'c': 2, 'd': 3}}
"""

from __future__ import annotations

from typing import Any


def merge(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The document with the patch laid over it; untouched parts are shared."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merge(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result
