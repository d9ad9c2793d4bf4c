"""Protobuf: messages as bytes on the wire.

`encode` follows the table in `messages`; etcd's limits count these bytes. Zero fields are left out, members
of a oneof are written even when zero, unknown names are refused (a KeyError: the caller's mistake).

>>> encode("PutRequest", {"key": b"web", "value": b"1", "lease": 7}).hex(" ")
'0a 03 77 65 62 12 01 31 18 07'

Source: protobuf's encoding specification.
"""

from __future__ import annotations

from typing import Any

from kubekit.etcd.key_value import varint
from kubekit.etcd.messages import ENUMS, MESSAGES, Field, Message

_VARINTS = {"int64", "uint64", "uint32", "bool", *ENUMS}


def encode(name: str, message: Message) -> bytes:
    """The bytes of a message of type `name`."""
    parts: list[bytes] = []
    known = 0
    for field in MESSAGES[name]:
        if field.name not in message:
            continue
        known += 1
        value = message[field.name]
        if field.repeated:
            _repeated(parts, field, value)
        elif value is not None and (value or field.oneof or isinstance(value, dict)):
            _one(parts, field, value)
    if known != len(message):
        raise KeyError(f"{name} has no field {sorted(message.keys() - {f.name for f in MESSAGES[name]})}")
    return b"".join(parts)


def _repeated(parts: list[bytes], field: Field, values: list[Any]) -> None:
    if field.kind in _VARINTS:
        packed = b"".join(varint(value) for value in values)
        if packed:
            parts += (varint(field.number << 3 | 2), varint(len(packed)), packed)
        return
    for value in values:
        _one(parts, field, value)


def _one(parts: list[bytes], field: Field, value: Any) -> None:
    if field.kind in _VARINTS:
        parts += (varint(field.number << 3), varint(int(value)))
        return
    if field.kind == "bytes":
        data = value
    elif field.kind == "string":
        data = value.encode()
    else:
        data = encode(field.kind, value)
    parts += (varint(field.number << 3 | 2), varint(len(data)), data)
