"""Go's words for a body of the wrong sort: its beginning for an error text, and what its decoder calls its
type.

Called on bodies that were refused, never on the fast path.
Source: apimachinery runtime/serializer/json (meta.go), apiserver/pkg/endpoints/handlers/rest.go.
"""

from __future__ import annotations

import json
from typing import Any

_TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)


def summary(body: bytes | Any, length: int = 30) -> str:
    """The beginning of a body for an error text: as text when it looks like JSON, else in hexadecimal."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    if not data:
        return "<empty>"
    if data[:1] == b"{":
        return (
            data.decode("utf-8", "replace")
            if len(data) <= length
            else data[:length].decode("utf-8", "replace") + " ..."
        )
    return data.hex() if len(data) <= length else data[:length].hex() + " ..."


def type_meta_problem(value: Any) -> str:
    """Why apiVersion and kind cannot be read from a value, or ""."""
    if not isinstance(value, dict):
        return f"json: cannot unmarshal {go_type(value)} into Go value of type {_TYPE_META}"
    for field in ("apiVersion", "kind"):
        found = value.get(field)
        if found is not None and not isinstance(found, str):
            return f"json: cannot unmarshal {go_type(found)} into Go struct field .{field} of type string"
    return ""


def go_type(value: Any) -> str:
    """How Go's decoder names the sort of a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        return "number"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"
