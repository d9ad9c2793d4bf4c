"""Values that decode by rules of their own: times, quantities, int-or-string, base64, opaque JSON.

Called by `decoding` only. Each function takes a JSON value and returns it in the form the server stores; a
value it cannot take raises `DecodeError`, which ends decoding at once, as an error of a custom unmarshaller
does in the original (a plain type error does not: decoding goes on and the first one is told at the end).
Source: metav1.Time, metav1.MicroTime, intstr.IntOrString, resource.Quantity, encoding/base64.
"""

from __future__ import annotations

import base64
import functools
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from kubekit.api import quantity
from kubekit.api.duration import go_duration, parse_go_duration
from kubekit.api.field_path import go_quote


class DecodeError(ValueError):
    """The body does not fit its type; the message is what follows `cannot be handled as a <kind>: `."""


def json_kind(value: Any) -> str:
    """How Go names the kind of a JSON value in its errors."""
    if value is True or value is False:
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        return "number"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"


def decode_quantity(value: Any) -> str:
    """A quantity in canonical form."""
    try:
        return str(quantity.parse(value))
    except quantity.QuantityError as error:
        raise DecodeError(str(error)) from None


def decode_int_or_string(value: Any) -> int | str:
    """A 32-bit number or any text; null is 0."""
    if type(value) is str or (type(value) is int and -(2**31) <= value < 2**31):
        return value
    if value is None:
        return 0
    kind = json_kind(value)
    shown = f"number {value}" if kind == "number" else kind
    raise DecodeError(f"json: cannot unmarshal {shown} into Go value of type int32")


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)")
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_PIECES = (
    (r"\d{4}", "2006"), ("-", "-"), (r"\d\d", "01"), ("-", "-"), (r"\d\d", "02"), ("T", "T"), (r"\d\d", "15"),
    (":", ":"), (r"\d\d", "04"), (":", ":"), (r"\d\d", "05"),
)  # fmt: skip


def decode_time(value: Any) -> str | None:
    """An RFC 3339 time, in UTC and whole seconds; null stays null."""
    if value is None:
        return None
    if type(value) is not str:
        raise DecodeError(f"json: cannot unmarshal {json_kind(value)} into Go value of type string")
    return _time(value, False)


def decode_micro_time(value: Any) -> str | None:
    """An RFC 3339 time with exactly six decimals, in UTC; null stays null."""
    if value is None:
        return None
    if type(value) is not str:
        raise DecodeError(f"json: cannot unmarshal {json_kind(value)} into Go value of type string")
    return _time(value, True)


@functools.lru_cache(maxsize=1024)
def _time(text: str, micro: bool) -> str:
    found = _TIME.fullmatch(text)
    layout = _MICRO_LAYOUT if micro else _LAYOUT
    if found is None or (micro and len(found[7] or "") != 6):
        raise DecodeError(f"parsing time {go_quote(text)} as {go_quote(layout)}: {_why(text, micro)}")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    for low, number, high, name in (
        (1, month, 12, "month"),
        (0, hour, 23, "hour"),
        (0, minute, 59, "minute"),
        (0, second, 59, "second"),
    ):
        if not low <= number <= high:
            raise DecodeError(f"parsing time {go_quote(text)}: {name} out of range")
    zone = UTC
    if found[8] != "Z":
        sign = -1 if found[8][0] == "-" else 1
        zone = timezone(sign * timedelta(hours=int(found[8][1:3]), minutes=int(found[8][4:])))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DecodeError(f"parsing time {go_quote(text)}: day out of range") from None
    written = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{written}.{found[7]}Z" if micro else written + "Z"


def _why(text: str, micro: bool) -> str:
    """The first piece of the layout that the text does not have."""
    rest = text
    for pattern, piece in _PIECES:
        found = re.match(pattern, rest)
        if found is None:
            return f"cannot parse {go_quote(rest)} as {go_quote(piece)}"
        rest = rest[found.end() :]
    if micro and not re.match(r"[.,]\d{6}(?!\d)", rest):
        return f'cannot parse {go_quote(rest)} as ".000000"'
    rest = re.sub(r"^[.,]\d+", "", rest)
    found = re.match(r"Z|[+-]\d\d:\d\d", rest)
    if found is None:
        return f'cannot parse {go_quote(rest)} as "Z07:00"'
    return f"extra text: {go_quote(rest[found.end() :])}"


def decode_duration(value: Any) -> str:
    """A Go duration in canonical form; null is `0s`."""
    if value is None:
        return "0s"
    if type(value) is not str:
        raise DecodeError(f"json: cannot unmarshal {json_kind(value)} into Go value of type string")
    try:
        return go_duration(parse_go_duration(value))
    except ValueError as error:
        raise DecodeError(str(error)) from None


_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def decode_base64(text: str) -> str:
    """Base64 as it is stored (line breaks dropped); DecodeError tells the offset of the first bad byte."""
    clean = text.replace("\n", "").replace("\r", "") if "\n" in text or "\r" in text else text
    try:
        if len(clean) % 4 == 0:
            return base64.b64encode(base64.b64decode(clean, validate=True)).decode()
    except ValueError:
        pass
    raise DecodeError(f"illegal base64 data at input byte {_bad_byte(text)}")


def _bad_byte(text: str) -> int:
    """Where Go's decoder stops: the bad character, or the begin of an unfinished group."""
    data = text.encode()
    position = group = start = 0
    while position < len(data):
        char = chr(data[position])
        if char in "\r\n":
            position += 1
            continue
        if group == 0:
            start = position
        if char in _ALPHABET:
            position += 1
            group = (group + 1) % 4
            continue
        if char != "=" or group < 2:
            return position
        position += 1
        if group == 2:
            while position < len(data) and chr(data[position]) in "\r\n":
                position += 1
            if position >= len(data):
                return len(data)
            if data[position] != ord("="):
                return position
            position += 1
        while position < len(data) and chr(data[position]) in "\r\n":
            position += 1
        return position
    return len(data) - group if group else start
