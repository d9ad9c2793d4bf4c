"""OpenAPI v2 in protobuf: the only form in which kubectl reads it.

`encode(document)` takes the document as an object. What is a map in JSON is a list of named values in this
form, a choice between forms is a message of its own around each, and whatever has no field of its own
(extensions, defaults, enumerations) is written as text. The tables give the number and the kind of each
field. Nothing is ever decoded. Source: github.com/google/gnostic, openapiv2/OpenAPIv2.proto.

>>> encode({"swagger": "2.0"}).hex(" ")
'0a 03 32 2e 30'
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

Obj = dict[str, Any]
Encode = Callable[[Any], bytes]

_VARINT, _DOUBLE, _BYTES = 0, 1, 2


def encode(document: Obj) -> bytes:
    """The whole document as a protobuf message."""
    return _Encoder().message("Document", document)


FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "Document": {
        "swagger": (1, "text"),
        "info": (2, "Info"),
        "paths": (8, "Paths"),
        "definitions": (9, "Definitions"),
        "security": (12, "*Security"),
        "securityDefinitions": (13, "SecurityDefinitions"),
    },
    "Info": {"title": (1, "text"), "version": (2, "text"), "x-": (7, "extension")},
    "PathItem": {
        "get": (2, "Operation"),
        "put": (3, "Operation"),
        "post": (4, "Operation"),
        "delete": (5, "Operation"),
        "options": (6, "Operation"),
        "head": (7, "Operation"),
        "patch": (8, "Operation"),
        "parameters": (9, "*Parameter"),
        "x-": (10, "extension"),
    },
    "Operation": {
        "tags": (1, "*text"),
        "description": (3, "text"),
        "operationId": (5, "text"),
        "produces": (6, "*text"),
        "consumes": (7, "*text"),
        "parameters": (8, "*Parameter"),
        "responses": (9, "Responses"),
        "schemes": (10, "*text"),
        "x-": (13, "extension"),
    },
    "BodyParameter": {
        "description": (1, "text"),
        "name": (2, "text"),
        "in": (3, "text"),
        "required": (4, "flag"),
        "schema": (5, "Schema"),
    },
    "PathParameter": {
        "required": (1, "flag"),
        "in": (2, "text"),
        "description": (3, "text"),
        "name": (4, "text"),
        "type": (5, "text"),
        "uniqueItems": (19, "flag"),
    },
    "QueryParameter": {
        "required": (1, "flag"),
        "in": (2, "text"),
        "description": (3, "text"),
        "name": (4, "text"),
        "type": (6, "text"),
        "uniqueItems": (20, "flag"),
    },
    "Response": {"description": (1, "text"), "schema": (2, "SchemaItem")},
    "ApiKey": {"type": (1, "text"), "name": (2, "text"), "in": (3, "text"), "description": (4, "text")},
    "Schema": {
        "$ref": (1, "text"),
        "format": (2, "text"),
        "title": (3, "text"),
        "description": (4, "text"),
        "default": (5, "any"),
        "multipleOf": (6, "number"),
        "maximum": (7, "number"),
        "exclusiveMaximum": (8, "flag"),
        "minimum": (9, "number"),
        "exclusiveMinimum": (10, "flag"),
        "maxLength": (11, "count"),
        "minLength": (12, "count"),
        "pattern": (13, "text"),
        "maxItems": (14, "count"),
        "minItems": (15, "count"),
        "uniqueItems": (16, "flag"),
        "maxProperties": (17, "count"),
        "minProperties": (18, "count"),
        "required": (19, "*text"),
        "enum": (20, "*any"),
        "additionalProperties": (21, "AdditionalProperties"),
        "type": (22, "TypeItem"),
        "items": (23, "ItemsItem"),
        "allOf": (24, "*Schema"),
        "properties": (25, "Properties"),
        "example": (30, "any"),
        "x-": (31, "extension"),
    },
}
"""Message -> field -> (its number, its kind); `*` in front: repeated; `x-`: where extensions go."""


class _Encoder:
    """Encodes one document; values that are the same object are encoded once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], bytes] = {}
        self._kinds: dict[str, Encode] = {
            "text": lambda value: _sized(str(value).encode()),
            "flag": lambda value: b"\x01" if value else b"\x00",
            "count": _varint,
            "number": lambda value: struct.pack("<d", value),
            "any": lambda value: _sized(_any(value)),
            "Paths": lambda value: _sized(self._named(2, value, "PathItem")),
            "Definitions": lambda value: _sized(self._named(1, value, "Schema")),
            "Properties": lambda value: _sized(self._named(1, value, "Schema")),
            "Responses": lambda value: _sized(self._named(1, value, "ResponseValue")),
            "ResponseValue": lambda value: _sized(self._field(1, "Response", value)),
            "SchemaItem": lambda value: _sized(self._field(1, "Schema", value)),
            "ItemsItem": lambda value: _sized(self._field(1, "Schema", value)),
            "TypeItem": lambda value: _sized(self._field(1, "text", value)),
            "AdditionalProperties": self._additional,
            "Parameter": self._parameter,
            "Security": lambda value: _sized(self._named(1, value, "StringArray")),
            "StringArray": lambda value: _sized(b"".join(self._field(1, "text", one) for one in value)),
            "SecurityDefinitions": lambda value: _sized(self._named(1, value, "SecurityItem")),
            "SecurityItem": lambda value: _sized(self._field(2, "ApiKey", value)),
        }

    def message(self, name: str, value: Obj) -> bytes:
        """The fields of a message, in the order of their numbers."""
        fields = FIELDS[name]
        found: list[tuple[int, bytes]] = []
        for key, inner in value.items():
            if key in fields:
                number, kind = fields[key]
                several = inner if kind.startswith("*") else [inner]
                found += [(number, self._field(number, kind.lstrip("*"), one)) for one in several]
            elif key.startswith("x-") and "x-" in fields:
                number = fields["x-"][0]
                body = _tag(1, _BYTES) + _sized(key.encode()) + _tag(2, _BYTES) + _sized(_any(inner))
                found.append((number, _tag(number, _BYTES) + _sized(body)))
        found.sort(key=lambda one: one[0])
        return b"".join(part for _, part in found)

    def _field(self, number: int, kind: str, value: Any) -> bytes:
        wire = {"flag": _VARINT, "count": _VARINT, "number": _DOUBLE}.get(kind, _BYTES)
        known = self._kinds.get(kind)
        return _tag(number, wire) + (known(value) if known else self._sized(kind, value))

    def _sized(self, kind: str, value: Obj) -> bytes:
        key = (kind, id(value))
        if key not in self._kept:
            self._kept[key] = _sized(self.message(kind, value))
        return self._kept[key]

    def _named(self, number: int, values: Obj, kind: str) -> bytes:
        """A map: each entry a message of name and value."""
        parts = []
        for name, value in values.items():
            body = _tag(1, _BYTES) + _sized(name.encode()) + self._field(2, kind, value)
            parts.append(_tag(number, _BYTES) + _sized(body))
        return b"".join(parts)

    def _additional(self, value: Any) -> bytes:
        form = (2, "flag") if isinstance(value, bool) else (1, "Schema")
        return _sized(self._field(*form, value))

    def _parameter(self, value: Obj) -> bytes:
        """An item of a list of parameters: the parameter, in its place's form."""
        key = ("Parameter", id(value))
        if key not in self._kept:
            if value["in"] == "body":
                inner = self._field(1, "BodyParameter", value)
            else:
                form = (4, "PathParameter") if value["in"] == "path" else (3, "QueryParameter")
                inner = _tag(2, _BYTES) + _sized(self._field(*form, value))
            self._kept[key] = _sized(_tag(1, _BYTES) + _sized(inner))
        return self._kept[key]


def _any(value: Any) -> bytes:
    """A value as text; JSON is YAML."""
    return _tag(2, _BYTES) + _sized(json.dumps(value, separators=(",", ":")).encode())


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _sized(body: bytes) -> bytes:
    return _varint(len(body)) + body


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
