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
from collections.abc import Iterator
from typing import Any

from kubekit.etcd.errors import InvalidArgument
from kubekit.etcd.messages import ENUMS, MESSAGES, Field, Message

_LIMITS = {"int64": (-(1 << 63), (1 << 63) - 1), "uint64": (0, (1 << 64) - 1), "uint32": (0, (1 << 32) - 1)}
_STRINGS = ("int64", "uint64")
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?(?![-+._a-zA-Z0-9])")
_MOST_DIGITS = 20
"""Of any number that fits in 64 bits."""
_UNSET = object()


class _Number(str):
    """A number as it stands in the text: reading it as a float would lose digits."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """A JSON object with all its members, also those of the same name."""

    __slots__ = ()


def _no_number(name: str) -> Any:
    """NaN and its like are not JSON, whatever Python thinks."""
    raise json.JSONDecodeError("Expecting value", name, 0)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object, parse_int=_Number, parse_float=_Number, parse_constant=_no_number
)


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
    return next(_messages(name, text), {})


def each_json(name: str, text: str) -> Iterator[Message]:
    """The messages of type `name` that follow each other in a text, up to one that cannot be read."""
    try:
        yield from _messages(name, text)
    except InvalidArgument:
        return


def _messages(name: str, text: str) -> Iterator[Message]:
    """Each message of a text. Raises InvalidArgument."""
    while text := text.lstrip(" \t\r\n"):
        message, text = _first(name, text)
        yield message


def _first(name: str, text: str) -> tuple[Message, str]:
    try:
        document, end = _DECODER.raw_decode(text)
        return _Reader(text[:end]).message(name, document, ()), text[end:]
    except json.JSONDecodeError as error:
        raise InvalidArgument(_broken(text, error)) from None
    except RecursionError:
        raise InvalidArgument("proto:\u00a0exceeded maximum recursion depth") from None


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
        if not isinstance(value, _Object):
            raise self._unexpected(path)
        fields = {field.name: field for field in MESSAGES[name]}
        fields |= {_camel(field.name): field for field in MESSAGES[name]}
        read: Message = {}
        seen: set[str] = set()
        taken: dict[str, str] = {}
        for key, item in value:
            field = fields.get(key)
            if field is None:
                continue
            if field.name in seen:
                raise self._refused((*path, key), f'duplicate field "{key}"', at_key=True)
            seen.add(field.name)
            if item is None:
                continue
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
        if not isinstance(item, list) or isinstance(item, _Object):
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
        _, end = _DECODER.raw_decode(self._text, place)
        return self._text[place:end]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _scalar(kind: str, item: Any) -> Any:
    """A scalar read from JSON; None when it is no value of this kind, _UNSET when it is to be ignored."""
    if kind == "bool":
        return item if isinstance(item, bool) else None
    if kind == "string":
        return item if _is_text(item) else None
    if kind == "bytes":
        return _bytes(item) if _is_text(item) else None
    if kind in ENUMS:
        if _is_text(item):
            return ENUMS[kind].index(item) if item in ENUMS[kind] else _UNSET
        return _whole(item, -(1 << 31), (1 << 31) - 1)
    return _whole(item, *_LIMITS[kind])


def _is_text(item: Any) -> bool:
    """Whether a value is a string of valid text; half a surrogate pair is none."""
    return isinstance(item, str) and not isinstance(item, _Number) and not _SURROGATE.search(item)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _whole(item: Any, low: int, high: int) -> int | None:
    """A whole number, also written as ``1e2`` or as a string, of which only the start is looked at."""
    match = _NUMBER.match(item) if isinstance(item, str) else None
    if match is None or item != item.rstrip():
        return None
    sign, whole, fraction, exponent = match.groups()
    digits = (whole + (fraction or "")).rstrip("0")
    if not digits:
        return 0
    if len(exponent or "") > _MOST_DIGITS:
        return None
    leading = len(digits) - len(digits.lstrip("0"))
    point = len(whole) + int(exponent or 0) - leading
    digits = digits[leading:]
    if not len(digits) <= point <= _MOST_DIGITS:
        return None
    number = int(digits.ljust(point, "0"))
    number = -number if sign else number
    return number if low <= number <= high else None


def _bytes(text: str) -> bytes | None:
    """Base64 of either alphabet, with padding where the length asks for it; line ends are skipped."""
    other, alphabet = (b"+/", b"-_") if "-" in text or "_" in text else (b"-_", b"+/")
    padded = len(text) % 4 == 0
    try:
        data = text.encode("ascii").replace(b"\r", b"").replace(b"\n", b"")
        if any(sign in data for sign in other) or (not padded and b"=" in data):
            return None
        if not padded:
            data += b"=" * (-len(data) % 4)
        return base64.b64decode(data.translate(bytes.maketrans(alphabet, b"+/")), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None


_SPACE = re.compile(r"[ \t\r\n]*")


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _locate(text: str, path: Path, at_key: bool) -> int:
    """Where in a valid JSON text the value (or its key) at `path` begins."""
    decoder = _DECODER
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
