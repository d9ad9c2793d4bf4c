"""Protobuf as JSON, as etcd's gateway speaks it.

Bytes are base64, 64-bit numbers are strings, enums are names, zero fields are left out, and names are those
of the .proto file. Reading is kinder: numbers may be bare, names may be in camelCase, base64 may lack its
padding, enums may be numbers, unknown names are ignored. What cannot be read is refused with the place of
the offending token, in the words of Go's library (whose space after "proto:" is a no-break one in etcd's
builds).
Source: google.golang.org/protobuf/encoding/protojson.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from kubekit.etcd.errors import InvalidArgument
from kubekit.etcd.messages import ENUMS, MESSAGES, Field, Message

_LIMITS = {"int64": (-(1 << 63), (1 << 63) - 1), "uint64": (0, (1 << 64) - 1), "uint32": (0, (1 << 32) - 1)}
_STRINGS = ("int64", "uint64")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_UNSET = object()


def to_json(name: str, message: Message) -> dict[str, Any]:
    """A message of type `name` as a JSON object."""
    written: dict[str, Any] = {}
    for field in MESSAGES[name]:
        value = message.get(field.name)
        if field.repeated:
            if value:
                written[field.name] = [_written(field, item) for item in value]
        elif value is not None and (value or field.oneof or isinstance(value, dict)):
            written[field.name] = _written(field, value)
    return written


def _written(field: Field, value: Any) -> Any:
    kind = field.kind
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind in _STRINGS:
        return str(value)
    if kind in MESSAGES:
        return to_json(kind, value)
    if kind in ENUMS:
        names = ENUMS[kind]
        return names[value] if 0 <= value < len(names) else value
    return value


def from_json(name: str, text: str) -> Message:
    """A JSON text as a message of type `name`; an empty text is an empty message. Raises InvalidArgument."""
    if not text.strip():
        return {}
    text = text.lstrip()
    try:
        document, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        raise InvalidArgument(_broken(text, error)) from None
    return _Reader(text[:end]).message(name, document, ())


def _broken(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    return f"invalid character {text[error.pos]!r} looking for beginning of value"


Path = tuple[str | int, ...]


class _Reader:
    """Reads one text; remembers it, to tell where something went wrong."""

    def __init__(self, text: str) -> None:
        self._text = text

    def message(self, name: str, value: Any, path: Path) -> Message:
        if not isinstance(value, dict):
            raise self._unexpected(path)
        fields = {field.name: field for field in MESSAGES[name]}
        fields |= {_camel(field.name): field for field in MESSAGES[name]}
        read: Message = {}
        taken: dict[str, str] = {}
        for key, item in value.items():
            field = fields.get(key)
            if field is None or item is None:
                continue
            if field.name in read:
                raise self._refused((*path, key), f'duplicate field "{key}"', at_key=True)
            if field.oneof and taken.setdefault(field.oneof, field.name) != field.name:
                full = f"etcdserverpb.{name}.{field.oneof}"
                raise self._refused(
                    (*path, key), f'error parsing "{key}", oneof {full} is already set', at_key=True
                )
            got = self._field(field, item, (*path, key))
            if got is not _UNSET:
                read[field.name] = got
        return read

    def _field(self, field: Field, item: Any, path: Path) -> Any:
        if not field.repeated:
            return self._single(field, item, path)
        if not isinstance(item, list):
            raise self._unexpected(path)
        got = [self._single(field, one, (*path, place)) for place, one in enumerate(item)]
        return [one for one in got if one is not _UNSET]

    def _single(self, field: Field, item: Any, path: Path) -> Any:
        if field.kind in MESSAGES:
            return self.message(field.kind, item, path)
        got = _scalar(field.kind, item)
        if got is None:
            kind = "enum" if field.kind in ENUMS else field.kind
            raise self._refused(
                path, f"invalid value for {kind} field {_camel(field.name)}: {self._token(path)}"
            )
        return got

    def _unexpected(self, path: Path) -> InvalidArgument:
        return self._refused(path, f"unexpected token {self._token(path)}", "syntax error ")

    def _refused(self, path: Path, reason: str, sort: str = "", at_key: bool = False) -> InvalidArgument:
        place = _locate(self._text, path, at_key)
        line = self._text.count("\n", 0, place) + 1
        column = place - (self._text.rfind("\n", 0, place) + 1) + 1
        return InvalidArgument(f"proto:\u00a0{sort}(line {line}:{column}): {reason}")

    def _token(self, path: Path) -> str:
        """The token at a place, as it stands in the text."""
        place = _locate(self._text, path, False)
        if self._text[place] in "{[":
            return self._text[place]
        _, end = json.JSONDecoder().raw_decode(self._text, place)
        return self._text[place:end]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _scalar(kind: str, item: Any) -> Any:
    """A scalar read from JSON; None when it is no value of this kind, _UNSET when it is to be ignored."""
    if kind == "bool":
        return item if isinstance(item, bool) else None
    if kind == "string":
        return item if isinstance(item, str) else None
    if kind == "bytes":
        return _bytes(item)
    if kind in ENUMS:
        if isinstance(item, str):
            return ENUMS[kind].index(item) if item in ENUMS[kind] else _UNSET
        return _whole(item, -(1 << 31), (1 << 31) - 1) if not isinstance(item, str) else None
    if isinstance(item, str):
        if not _NUMBER.fullmatch(item):
            return None
        item = json.loads(item)
    return _whole(item, *_LIMITS[kind])


def _whole(item: Any, low: int, high: int) -> int | None:
    if isinstance(item, bool) or not isinstance(item, (int, float)) or item != item // 1:
        return None
    return int(item) if low <= item <= high else None


def _bytes(item: Any) -> bytes | None:
    if not isinstance(item, str):
        return None
    text = item.replace("-", "+").replace("_", "/") if "-" in item or "_" in item else item
    if len(text) % 4:
        if text.endswith("="):
            return None
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


_SPACE = re.compile(r"[ \t\r\n]*")


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _locate(text: str, path: Path, at_key: bool) -> int:
    """Where in a valid JSON text the value (or its key) at `path` begins."""
    decoder = json.JSONDecoder()
    place = _skip(text, 0)
    for depth, step in enumerate(path):
        place = _skip(text, place + 1)
        if isinstance(step, int):
            for _ in range(step):
                _, place = decoder.raw_decode(text, place)
                place = _skip(text, _skip(text, place) + 1)
            continue
        while True:
            key, after = decoder.raw_decode(text, place)
            value = _skip(text, _skip(text, after) + 1)
            if key == step:
                if at_key and depth == len(path) - 1:
                    return place
                place = value
                break
            _, place = decoder.raw_decode(text, value)
            place = _skip(text, _skip(text, place) + 1)
    return place
