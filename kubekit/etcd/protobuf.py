"""Protobuf: messages as bytes on the wire, and back.

Both directions follow the table in `messages`; etcd's limits count these bytes. `encode` leaves zero fields
out and writes members of a oneof even when zero; unknown names are refused (a KeyError: the caller's
mistake). `decode` believes nothing: it raises `DecodeError` for bytes that are no such message,
skips fields that the table does not know, and gives numbers in the range of their type. Text that is not
UTF-8 comes through as it is (as surrogates), because etcd does not look at it either.

>>> encode("PutRequest", {"key": b"web", "value": b"1", "lease": 7}).hex(" ")
'0a 03 77 65 62 12 01 31 18 07'
>>> decode("PutRequest", bytes.fromhex("0a 03 77 65 62 12 01 31 18 07"))
{'key': b'web', 'value': b'1', 'lease': 7}

Source: protobuf's encoding specification; the refusals are worded as in api/etcdserverpb/rpc.pb.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kubekit.etcd.key_value import varint
from kubekit.etcd.messages import ENUMS, MESSAGES, Field, Message

MAX_DEPTH = 200
"""How many messages may lie within each other: 100 transactions."""

_VARINTS = {"int64", "uint64", "uint32", "int32", "bool", *ENUMS}


class DecodeError(ValueError):
    """Bytes that are no message of the wanted type; the text is what etcd's own decoder says."""


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
        data = value.encode(errors="surrogateescape")
    else:
        data = encode(field.kind, value)
    parts += (varint(field.number << 3 | 2), varint(len(data)), data)


# Decoding. A message's fields are looked up by their whole tag (number and wire type), so that one look-up
# says both which field it is and that its wire type is right.

_BYTES, _STRING, _MESSAGE, _PACKED, _INT64, _UINT64, _INT32, _UINT32, _BOOL = range(9)
_NUMBERS = {"int64": _INT64, "uint64": _UINT64, "int32": _INT32, "uint32": _UINT32, "bool": _BOOL}


class _Slot(NamedTuple):
    """What to do with a tag: `form` says how to read, `number` how to read packed numbers, `others` which
    fields a member of a oneof puts out."""

    name: str
    form: int
    number: int
    kind: str
    repeated: bool
    others: tuple[str, ...]
    oneof: bool


_slots: dict[str, dict[int, _Slot]] = {}


def _slots_of(name: str) -> dict[int, _Slot]:
    found = _slots.get(name)
    if found is None:
        found = _slots[name] = {}
        fields = MESSAGES[name]
        for field in fields:
            group = [other.name for other in fields if field.oneof and other.oneof == field.oneof]
            others = tuple(other for other in group if other != field.name)
            number = _NUMBERS.get(field.kind, _INT32 if field.kind in ENUMS else -1)
            rest = (field.kind, field.repeated, others, bool(field.oneof))
            if number >= 0:
                found[field.number << 3] = _Slot(field.name, number, number, *rest)
                if field.repeated:
                    found[field.number << 3 | 2] = _Slot(field.name, _PACKED, number, *rest)
            else:
                form = {"bytes": _BYTES, "string": _STRING}.get(field.kind, _MESSAGE)
                found[field.number << 3 | 2] = _Slot(field.name, form, number, *rest)
    return found


def decode(name: str, data: bytes) -> Message:
    """The message of type `name` in some bytes; raises DecodeError. Fields that are not there are left
    out."""
    message: Message = {}
    _decode(name, data, 0, len(data), message, MAX_DEPTH)
    return message


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(number, place after it) of the varint at `at`, which must end before `end`; raises DecodeError."""
    number = shift = 0
    while True:
        if shift >= 70:
            raise DecodeError("proto: integer overflow")
        if at >= end:
            raise DecodeError("unexpected EOF")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field of any message, as it comes: an int, bytes, or for a group its bytes.
    Raises DecodeError."""
    at, end = 0, len(data)
    while at < end:
        tag, at = read_varint(data, at, end)
        wire = tag & 7
        if tag >> 3 == 0 or wire == 4:
            raise DecodeError(f"proto: illegal tag {tag >> 3} (wire type {wire})")
        start = at
        if wire == 0:
            value, at = read_varint(data, at, end)
            yield tag >> 3, value
            continue
        at = skip(data, wire, at, end)
        if wire == 2:
            _, start = read_varint(data, start, end)
        yield tag >> 3, data[start:at]


def _decode(name: str, data: bytes, at: int, end: int, message: Message, depth: int) -> None:
    if depth == 0:
        raise DecodeError("proto: exceeded max recursion depth")
    slots = _slots.get(name) or _slots_of(name)
    while at < end:
        tag = data[at]
        at += 1
        if tag > 0x7F:
            tag, at = read_varint(data, at - 1, end)
        slot = slots.get(tag)
        if slot is None:
            at = _skip_unknown(name, data, tag, at, end)
            continue
        if at >= end:
            raise DecodeError("unexpected EOF")
        number = data[at]
        at += 1
        if number > 0x7F:
            number, at = read_varint(data, at - 1, end)
        field, form, _, kind, repeated, others, oneof = slot
        value: Any
        if form >= _INT64:
            value = _ranged(form, number)
        else:
            start = at
            at += number
            if at > end:
                # A length above the largest int is negative where the original counts.
                raise DecodeError(
                    "proto: negative length found during unmarshaling" if number >> 63 else "unexpected EOF"
                )
            if form == _BYTES:
                value = data[start:at]
            elif form == _STRING:
                value = data[start:at].decode(errors="surrogateescape")
            elif form == _MESSAGE:
                # A field that comes twice is one message in two parts; in a oneof the later one wins.
                value = {} if repeated or oneof else message.get(field, {})
                _decode(kind, data, start, at, value, depth - 1)
            else:
                message.setdefault(field, []).extend(_packed(slot.number, data, start, at))
                continue
        if repeated:
            message.setdefault(field, []).append(value)
            continue
        for other in others:
            message.pop(other, None)
        message[field] = value


def _ranged(form: int, number: int) -> int | bool:
    """A varint as a number of its field's type."""
    if form == _INT64:
        return number if number < 1 << 63 else number - (1 << 64)
    if form == _UINT64:
        return number
    if form == _BOOL:
        return number != 0
    number &= 0xFFFFFFFF
    return number if form == _UINT32 or number < 1 << 31 else number - (1 << 32)


def _packed(form: int, data: bytes, at: int, end: int) -> list[int | bool]:
    values = []
    while at < end:
        number, at = read_varint(data, at, end)
        values.append(_ranged(form, number))
    return values


def _skip_unknown(name: str, data: bytes, tag: int, at: int, end: int) -> int:
    """The place after a field that the table has not, or has with another wire type (which is an error)."""
    number, wire = (tag >> 3) & 0xFFFFFFFF, tag & 7
    if wire == 4:
        raise DecodeError(f"proto: {name}: wiretype end group for non-group")
    if number == 0 or number >> 31:
        raise DecodeError(f"proto: {name}: illegal tag {number - (number >> 31 << 32)} (wire type {tag})")
    for field in MESSAGES[name]:
        if field.number == number:
            # The original prints the name that the field has in Go: `range_end` is `RangeEnd`.
            shown = "".join(part[:1].upper() + part[1:] for part in field.name.split("_"))
            raise DecodeError(f"proto: wrong wireType = {wire} for field {shown}")
    return skip(data, wire, at, end)


def skip(data: bytes, wire: int, at: int, end: int) -> int:
    """The place after a value of a wire type, groups included; raises DecodeError."""
    groups = 0
    while True:
        if wire == 0:
            _, at = read_varint(data, at, end)
        elif wire == 1:
            at += 8
        elif wire == 2:
            length, at = read_varint(data, at, end)
            if length >> 63:
                raise DecodeError("proto: negative length found during unmarshaling")
            at += length
        elif wire == 3:
            groups += 1
        elif wire == 4:
            if groups == 0:
                raise DecodeError("proto: unexpected end of group")
            groups -= 1
        elif wire == 5:
            at += 4
        else:
            raise DecodeError(f"proto: illegal wireType {wire}")
        if at > end:
            raise DecodeError("unexpected EOF")
        if groups == 0:
            return at
        tag, at = read_varint(data, at, end)
        wire = tag & 7
