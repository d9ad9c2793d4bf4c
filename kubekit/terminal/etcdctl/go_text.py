"""Texts as Go writes them: quoted bytes, JSON of messages, numbers that cannot be read.

Source: Go's strconv and encoding/json; the json tags of api/etcdserverpb.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from kubekit.api.field_path import go_quote
from kubekit.etcd.messages import ENUMS, MESSAGES, Message


def quote_bytes(data: bytes) -> str:
    """Bytes as ``%q`` prints a string: quoted, what is no UTF-8 as ``\\xff``."""
    out = []
    for part in data.decode("utf-8", "surrogateescape"):
        code = ord(part)
        out.append(f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else go_quote(part)[1:-1])
    return '"' + "".join(out) + '"'


def json_value(name: str, message: Message, upper: bool = False) -> dict[str, Any]:
    """A message of type `name` as Go's JSON of its struct: numbers bare, zero fields left out.

    `upper`: members of a oneof by their Go names, as structs made before 2019 have them (3.4).
    """
    made: dict[str, Any] = {}
    for field in MESSAGES[name]:
        value = message.get(field.name)
        if value is None:
            continue
        if field.repeated:
            if value:
                made[field.name] = [_json(field.kind, item, upper) for item in value]
        elif field.oneof:
            inner = "".join(word.capitalize() for word in field.name.split("_")) if upper else field.name
            made[field.oneof.capitalize()] = {inner: _json(field.kind, value, upper)}
        elif value or isinstance(value, dict):
            made[field.name] = _json(field.kind, value, upper)
    return made


def _json(kind: str, value: Any, upper: bool) -> Any:
    if kind in MESSAGES:
        return json_value(kind, value, upper)
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind in ENUMS or not isinstance(value, bool):
        return value
    return value


def marshal(value: Any) -> str:
    """JSON as encoding/json writes it: no spaces, ``<``, ``>`` and ``&`` escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def number_error(function: str, text: str, low: int, high: int, base: int) -> str:
    """Why Go cannot read a number: strconv's error."""
    try:
        number = int(text, base)
    except ValueError:
        reason = "invalid syntax"
    else:
        reason = "value out of range" if not low <= number <= high else ""
    return f"strconv.{function}: parsing {go_quote(text)}: {reason}" if reason else ""


def parse_int(text: str, base: int = 10, unsigned: bool = False) -> int:
    """A 64-bit number. Raises ValueError with strconv's words."""
    low, high = (0, (1 << 64) - 1) if unsigned else (-(1 << 63), (1 << 63) - 1)
    function = "ParseUint" if unsigned else "ParseInt"
    plain = text[1:] if text[:1] in "+-" and text and not unsigned else text
    if not plain or not plain.isascii() or not plain.isalnum() or (text[:1] in "+-" and unsigned):
        raise ValueError(f"strconv.{function}: parsing {go_quote(text)}: invalid syntax")
    if base == 16 and plain[:2].lower() == "0x":
        raise ValueError(f"strconv.{function}: parsing {go_quote(text)}: invalid syntax")
    if trouble := number_error(function, text, low, high, base):
        raise ValueError(trouble)
    return int(text, base)
