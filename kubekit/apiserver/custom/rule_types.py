"""The types that a structural schema gives to the rules in it.

`rule_type(schema, root)` is the type of `self`: an object knows its properties, what is free-form or
int-or-string is anything. Property names that are no identifiers are escaped (`a-b` is `a__dash__b`), and
`rule_value(value, schema)` gives a value the same way: dates and durations as what they are, names escaped.
Source: apiextensions-apiserver/pkg/apiserver/schema/cel (model/schemas.go, common/values.go),
apiserver/pkg/cel (escaping.go, schemas.go).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from kubekit.apiserver.cel import EvaluationError
from kubekit.apiserver.cel.moments import duration_of, timestamp_of
from kubekit.apiserver.cel.tokens import RESERVED
from kubekit.apiserver.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    ObjectType,
    Type,
    list_of,
    map_of,
)

Obj = dict[str, Any]

_WORDS = RESERVED | {"true", "false", "null", "in"}
_MARKS = {".": "__dot__", "-": "__dash__", "/": "__slash__"}
_META = ObjectType("ObjectMeta", (), {"name": STRING, "generateName": STRING})
_STRINGS = {"byte": BYTES, "date": TIMESTAMP, "date-time": TIMESTAMP, "duration": DURATION}


def escaped(name: str) -> str:
    """A property's name as a rule must write it; "" for one that cannot be written.

    >>> escaped("a-b"), escaped("namespace"), escaped("x__y"), escaped("$ref")
    ('a__dash__b', '__namespace__', 'x__underscores__y', '')
    """
    if name in _WORDS:
        return f"__{name}__"
    found = name.replace("__", "__underscores__")
    for mark, word in _MARKS.items():
        found = found.replace(mark, word)
    return found if re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", found) else ""


def rule_type(schema: Obj, root: bool = False) -> Type:
    """The type of a value with this schema."""
    if schema.get("x-kubernetes-int-or-string"):
        return DYN
    kind = schema.get("type")
    if kind == "array":
        return list_of(rule_type(schema.get("items") or {}))
    if kind == "object":
        return _object(schema, root)
    if kind == "string":
        return _STRINGS.get(schema.get("format", ""), STRING)
    return {"boolean": BOOL, "integer": INT, "number": DOUBLE}.get(kind or "", DYN)


def _object(schema: Obj, root: bool) -> Type:
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return map_of(STRING, rule_type(extra))
    properties = schema.get("properties") or {}
    fields = {
        name: rule_type(part) for key, part in properties.items() if (name := escaped(key)) and _typed(part)
    }
    if root or schema.get("x-kubernetes-embedded-resource"):
        fields |= {"apiVersion": STRING, "kind": STRING, "metadata": _META}
    elif schema.get("x-kubernetes-preserve-unknown-fields") and not fields:
        return DYN
    # An object that knows no field at all must not count as one that knows all of them.
    return ObjectType("object", (), fields or {"": DYN})


def _typed(part: Obj) -> bool:
    """Whether rules may see a property: free-form content is hidden from them."""
    return bool(part.get("type") or part.get("x-kubernetes-int-or-string"))


def rule_value(value: Any, schema: Obj) -> Any:
    """A value as rules see it."""
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [rule_value(one, items) for one in value]
    if isinstance(value, dict):
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        if isinstance(extra, dict):
            return {key: rule_value(one, extra) for key, one in value.items()}
        return {escaped(key) or key: rule_value(one, properties.get(key) or {}) for key, one in value.items()}
    if isinstance(value, str):
        return _text(value, schema.get("format", ""))
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "number":
        return float(value)
    return value


def _text(value: str, form: str) -> Any:
    try:
        if form == "date":
            return timestamp_of(f"{value}T00:00:00Z")
        if form == "date-time":
            return timestamp_of(value)
        if form == "duration":
            return duration_of(value)
        if form == "byte":
            return base64.b64decode(value, validate=True)
    except (EvaluationError, binascii.Error):
        return value  # validation has said what is wrong with it
    return value
