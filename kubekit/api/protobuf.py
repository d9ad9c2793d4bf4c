"""Reading a body that was sent in protobuf: the form that kubectl and other Go clients use for known kinds.

`decode(body)` gives the object as JSON would have it, to be decoded further like any other body. The bytes
are the four of `MAGIC`, an envelope with the kind, and the object's fields by number; what the numbers mean
is in `data/schema/protobuf.json`. Values that Go writes although they are unset come out as "", 0 or {}: the
types of `schema` know which of them are left out. Answers are never written in this form: clients accept
JSON as well.

>>> envelope = "0a0f 0a02 7631 1209 4e616d657370616365 120a 0a06 0a0473686f70 1200"
>>> decode(MAGIC + bytes.fromhex(envelope))
{'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': 'shop'}, 'spec': {}}

Source: apimachinery/pkg/runtime/serializer/protobuf; the encoding is protobuf's own.
"""

from __future__ import annotations

import base64
import functools
import json
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubekit.api.decoding import Anything, Bytes, Field, List, Map, Pointer, Scalar, Struct, Type
from kubekit.api.meta import Obj
from kubekit.api.schema import kinds, struct_of

MAGIC = b"k8s\x00"
"""What such a body starts with."""

Value = int | bytes


class ProtobufError(ValueError):
    """The bytes are no such message; the text says why in the words of the real decoder."""


def decode(body: bytes) -> Obj:
    """The object of a body, with its apiVersion and kind; raises ProtobufError.

    Of a kind that the schema does not know only these two are given.
    """
    if not body:
        raise ProtobufError("empty data")
    if not body.startswith(MAGIC):
        expected = " ".join(str(byte) for byte in MAGIC)
        raise ProtobufError(
            f"provided data does not appear to be a protobuf message, expected prefix [{expected}]"
        )
    envelope = dict(_fields(body[len(MAGIC) :]))
    type_meta = dict(_fields(_message(envelope.get(1, b""))))
    named = {"apiVersion": _text(type_meta.get(1, b"")), "kind": _text(type_meta.get(2, b""))}
    name = kinds().get(f"{named['apiVersion']} {named['kind']}") or _common(named["kind"])
    if name is None:
        return named
    return {**named, **_struct(_message(envelope.get(2, b"")), struct_of(name))}


def _common(kind: str) -> str | None:
    """Kinds that every group version knows."""
    return "meta.v1.DeleteOptions" if kind == "DeleteOptions" else None


@functools.cache
def _numbers(name: str) -> dict[int, str]:
    """Field number -> JSON name of a structure, or @structure for one that JSON has embedded."""
    return {int(number): label for number, label in _table().get(name, {}).items()}


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    path = Path(__file__).parent / "data" / "schema" / "protobuf.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_bytes())
    return found


# -- bytes ----------------------------------------------------------------------------------------------


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """(number, value) of each field of a message: an integer, or bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == 2:
            length, place = _varint(data, place)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ProtobufError(f"proto: illegal wireType {wire}")
        if place + length > len(data):
            raise ProtobufError("unexpected EOF")
        yield number, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data):
            raise ProtobufError("unexpected EOF")
        if shift > 63:
            raise ProtobufError("proto: integer overflow")
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7


def _message(value: Value) -> bytes:
    if isinstance(value, int):
        raise ProtobufError("proto: wrong wireType = 0 for a message")
    return value


def _text(value: Value) -> str:
    return _message(value).decode(errors="replace")


def _integer(value: Value) -> int:
    """An integer of the wire, which knows no sign."""
    if isinstance(value, bytes):
        raise ProtobufError("proto: wrong wireType = 2 for an integer")
    return value - (1 << 64) if value >= 1 << 63 else value


# -- values ---------------------------------------------------------------------------------------------


def _struct(data: bytes, kind: Struct) -> Obj:
    return _into({}, data, kind.name, kind.fields)


def _into(found: Obj, data: bytes, name: str, fields: dict[str, Field]) -> Obj:
    """Add the fields of a message to `found`; those of an embedded one stand in the outer object."""
    numbers = _numbers(name)
    for number, value in _fields(data):
        label = numbers.get(number, "-")
        if label.startswith("@"):
            _into(found, _message(value), label[1:], fields)
        elif label in fields:
            _add(found, label, fields[label].type, value)
    return found


def _add(found: Obj, label: str, kind: Type, value: Value) -> None:
    """One occurrence of a field: a list's next element, a map's next entry, or the value."""
    while isinstance(kind, Pointer):
        kind = kind.inner
    if isinstance(kind, List):
        found.setdefault(label, []).append(_value(value, kind.element))
    elif isinstance(kind, Map):
        entry = dict(_fields(_message(value)))
        inner = entry.get(2, 0 if _is_number(kind.element) else b"")
        found.setdefault(label, {})[_text(entry.get(1, b""))] = _value(inner, kind.element)
    else:
        found[label] = _value(value, kind)


def _is_number(kind: Type) -> bool:
    return isinstance(kind, Scalar) and kind.scalar in ("integer", "boolean")


def _value(value: Value, kind: Type) -> Any:
    while isinstance(kind, Pointer):
        kind = kind.inner
    if isinstance(kind, Struct):
        return _struct(_message(value), kind)
    if isinstance(kind, List):  # a named list inside another: a message of its own
        return [_value(item, kind.element) for number, item in _fields(_message(value)) if number == 1]
    if isinstance(kind, Bytes):
        return base64.b64encode(_message(value)).decode()
    if isinstance(kind, Anything) or kind.go_name == "v1.JSON":
        return _raw(value)
    if kind.scalar == "time":
        return _time(value, micro=kind.go_name == "v1.MicroTime")
    if kind.scalar == "json":
        return _UNIONS[kind.go_name](value)
    return _SCALARS[kind.scalar](value)


def _number(value: Value) -> float:
    found: float = struct.unpack("<d", _message(value))[0]
    return found


def _raw(value: Value) -> Any:
    text = dict(_fields(_message(value))).get(1, b"")
    try:
        return json.loads(_message(text)) if text else None
    except ValueError as error:
        raise ProtobufError(str(error)) from None


def _quantity(value: Value) -> str:
    return _text(dict(_fields(_message(value))).get(1, b"")) or "0"


def _int_or_string(value: Value) -> int | str:
    fields = dict(_fields(_message(value)))
    if fields.get(1, 0) == 0:
        return _integer(fields.get(2, 0))
    return _text(fields.get(3, b""))


def _time(value: Value, micro: bool) -> str | None:
    fields = dict(_fields(_message(value)))
    if not fields:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=_integer(fields.get(1, 0)))
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{_integer(fields.get(2, 0)) // 1000:06d}Z" if micro else f"{text}Z"


_SCALARS: dict[str, Callable[[Value], Any]] = {
    "string": _text,
    "integer": _integer,
    "boolean": lambda value: bool(_integer(value)),
    "number": _number,
    "quantity": _quantity,
    "int-or-string": _int_or_string,
}


# -- the unions in the schema of a custom resource ------------------------------------------------------


def _schema(value: Value) -> Obj:
    return _struct(_message(value), struct_of("apiextensions.v1.JSONSchemaProps"))


def _schema_or_list(value: Value) -> Any:
    found = list(_fields(_message(value)))
    several = [_schema(item) for number, item in found if number == 2]
    return several or next((_schema(item) for number, item in found if number == 1), None)


def _schema_or_flag(value: Value) -> Any:
    fields = dict(_fields(_message(value)))
    return _schema(fields[2]) if 2 in fields else bool(_integer(fields.get(1, 0)))


def _schema_or_names(value: Value) -> Any:
    found = list(_fields(_message(value)))
    names = [_text(item) for number, item in found if number == 2]
    return names or next((_schema(item) for number, item in found if number == 1), None)


_UNIONS: dict[str, Callable[[Value], Any]] = {
    "v1.JSONSchemaPropsOrArray": _schema_or_list,
    "v1.JSONSchemaPropsOrBool": _schema_or_flag,
    "v1.JSONSchemaPropsOrStringArray": _schema_or_names,
}
