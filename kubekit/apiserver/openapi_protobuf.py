"""OpenAPI v2 in protobuf: the only form in which clients before 1.28 read `/openapi/v2`.

`encode(document)` takes the JSON document (swagger 2.0) and gives the bytes of an `openapi.v2.Document`. Only
what the API server's documents hold is written: information, paths with their operations, definitions. Values
of any form (defaults, extensions) travel as YAML text inside, and JSON is YAML.
Upstream: gnostic-models/openapiv2, kube-openapi/pkg/handler.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Obj = dict[str, Any]

MEDIA = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""How clients ask for it."""

CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""How it is labelled: a media type may not contain an @."""

_METHODS = (("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("options", 6), ("head", 7), ("patch", 8))


def encode(document: Obj) -> bytes:
    """The whole document."""
    info = document["info"]
    paths = (_named(name, _path(item)) for name, item in document.get("paths", {}).items())
    schemas = (_named(name, _schema(schema)) for name, schema in document.get("definitions", {}).items())
    return _message(
        (1, document["swagger"]),
        (2, _message((1, info["title"]), (2, info["version"]))),
        (8, _message(*((2, one) for one in paths))),
        (9, _message(*((1, one) for one in schemas))),
    )


def _path(item: Obj) -> bytes:
    fields: list[tuple[int, Any]] = [
        (number, _operation(item[name])) for name, number in _METHODS if name in item
    ]
    fields += [(9, _message((1, _parameter(one)))) for one in item.get("parameters", ())]
    return _message(*fields)


def _operation(operation: Obj) -> bytes:
    return _message(
        *((1, tag) for tag in operation.get("tags", ())),
        (3, operation.get("description")),
        (5, operation.get("operationId")),
        *((6, media) for media in operation.get("produces", ())),
        *((7, media) for media in operation.get("consumes", ())),
        *((8, _message((1, _parameter(one)))) for one in operation.get("parameters", ())),
        (9, _responses(operation.get("responses", {}))),
        *((10, scheme) for scheme in operation.get("schemes", ())),
        *((13, one) for one in _extensions(operation)),
    )


def _responses(responses: Obj) -> bytes:
    """Each answer by its code."""
    found = []
    for code, answer in responses.items():
        schema = answer.get("schema")
        value = _message(
            (1, answer.get("description", "")), (2, _message((1, _schema(schema))) if schema else None)
        )
        found.append((1, _named(code, _message((1, value)))))
    return _message(*found)


def _parameter(parameter: Obj) -> bytes:
    """A parameter in the body, or one of the other places."""
    name, place, text = parameter["name"], parameter["in"], parameter.get("description")
    required = parameter.get("required", False)
    if place == "body":
        body = _message(
            (1, text), (2, name), (3, place), (4, required), (5, _schema(parameter.get("schema", {})))
        )
        return _message((1, body))
    # The fields of these kinds of parameters have the same numbers up to here, but for the type.
    inner = {"header": (1, 5), "formData": (2, 6), "query": (3, 6), "path": (4, 5)}[place]
    fields = [(1, required), (2, place), (3, text), (4, name), (inner[1], parameter.get("type"))]
    return _message((2, _message((inner[0], _message(*fields)))))


def _schema(schema: Obj) -> bytes:
    properties = schema.get("properties", {})
    additional = schema.get("additionalProperties")
    kind = schema.get("type")
    return _message(
        (1, schema.get("$ref")),
        (2, schema.get("format")),
        (4, schema.get("description")),
        (5, _any(schema["default"]) if "default" in schema else None),
        *((19, name) for name in schema.get("required", ())),
        *((20, _any(value)) for value in schema.get("enum", ())),
        (21, _additional(additional) if additional is not None else None),
        (22, _message((1, kind)) if kind else None),
        (23, _message((1, _schema(schema["items"]))) if "items" in schema else None),
        (25, _message(*((1, _named(n, _schema(s))) for n, s in properties.items())) if properties else None),
        *((31, one) for one in _extensions(schema)),
    )


def _additional(value: Any) -> bytes:
    return _message((2, True)) if value is True else _message((1, _schema(value if value else {})))


def _extensions(value: Obj) -> Iterable[bytes]:
    return (_named(name, _any(found)) for name, found in value.items() if name.startswith("x-"))


def _named(name: str, value: bytes) -> bytes:
    return _message((1, name), (2, value))


def _any(value: Any) -> bytes:
    return _message((2, json.dumps(value, ensure_ascii=False)))


def _message(*fields: tuple[int, Any]) -> bytes:
    """A message: text, bytes and true are written, None, "" and false are not."""
    parts = bytearray()
    for number, value in fields:
        if value is True:
            parts += _varint(number << 3) + b"\x01"
        elif isinstance(value, bytes) or value:
            data = value.encode() if isinstance(value, str) else value
            parts += _varint(number << 3 | 2) + _varint(len(data)) + data
    return bytes(parts)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
