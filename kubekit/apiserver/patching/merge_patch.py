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
        elif isinstance(result.get(key), dict):
            result[key] = value
        else:
            result[key] = _pruned(value)
    return result


def _pruned(value: Any) -> Any:
    """A value that comes in as a whole, without the nulls of the objects in it (those of lists stay)."""
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if item is not None}
    return [_pruned(item) for item in value] if isinstance(value, list) else value
