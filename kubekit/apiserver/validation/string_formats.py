"""Formats of values in the schemas of custom resources.

`fits` says whether a text has a format, `checked_format` whether a schema's format is looked at at all:
unknown ones are ignored, and the server warns of them (`unknown_formats`). Source: kube-openapi
(pkg/validation/strfmt), apiextensions-apiserver (pkg/apiserver/validation/formats.go,
pkg/registry/customresourcedefinition).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from typing import Any

Obj = dict[str, Any]

_HEX8 = "[0-9a-f]{8}-?[0-9a-f]{4}-?"
_SHORT = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_BYTE = r"\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"
_PATTERNS = {
    "uuid": rf"(?i){_HEX8}[0-9a-f]{{4}}-?[0-9a-f]{{4}}-?[0-9a-f]{{12}}",
    "uuid3": rf"(?i){_HEX8}3[0-9a-f]{{3}}-?[0-9a-f]{{4}}-?[0-9a-f]{{12}}",
    "uuid4": rf"(?i){_HEX8}4[0-9a-f]{{3}}-?[89ab][0-9a-f]{{3}}-?[0-9a-f]{{12}}",
    "uuid5": rf"(?i){_HEX8}5[0-9a-f]{{3}}-?[89ab][0-9a-f]{{3}}-?[0-9a-f]{{12}}",
    "byte": r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})",
    "hexcolor": "#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})",
    "rgbcolor": rf"rgb\({_BYTE},{_BYTE},{_BYTE}\)",
    "ssn": r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}",
    "bsonobjectid": "[0-9a-fA-F]{24}",
    "mac": "|".join(
        f"(?:[0-9a-fA-F]{{{size}}}[{mark}]){{{count}}}[0-9a-fA-F]{{{size}}}"
        for size, mark, counts in ((2, ":", (5, 7, 19)), (2, "-", (5, 7, 19)), (4, ".", (2, 3, 9)))
        for count in counts
    ),
    "k8sshortname": rf"(?=.{{1,63}}\Z){_SHORT}",
    "k8slongname": rf"(?=.{{1,253}}\Z){_SHORT}(?:\.{_SHORT})*",
    "password": "(?s).*",
}
_CARD = re.compile(
    r"4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11}"
)
_HOST = re.compile(
    r"[a-zA-Z0-9](?:-?[a-zA-Z0-9]{0,62})?"
    r"|(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_AMOUNT = re.compile(r"\d+\s*([A-Za-zµ]+)")
_UNITS = (("ns", "nano"), ("us", "µs", "micro"), ("ms", "milli"), ("s", "sec"), ("m", "min"),
          ("h", "hr", "hour"), ("d", "day"), ("w", "wk", "week"))  # fmt: skip
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_ADDRESS = re.compile(
    rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\]|\\.)*")@(?:{_ATOM}(?:\.{_ATOM})*|\[[^\[\]\\]*\])'
)
_URI = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)", re.DOTALL)
_AUTHORITY = re.compile(
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:%@-]*@)?"
    r"(?:\[[0-9a-fA-F:.%a-z]*\]|(?:[A-Za-z0-9._~!$&'()*+,;=<>\"-]|[^\x00-\x7f])*)(?::[0-9]*)?"
)


def _date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return text.startswith("0000-")
    return True


def _date_time(text: str) -> bool:
    day, _, rest = text.lower().partition("t")
    found = _TIME.fullmatch(rest.partition("t")[0])
    return _date(day) and found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


def _duration(text: str) -> bool:
    if _DURATION.fullmatch(text):
        return True
    units = [found.lower() for found in _AMOUNT.findall(text)]
    return any(unit in names or unit.startswith(names[-1]) for unit in units for names in _UNITS)


def _ipv4(text: str) -> bool:
    if ":" in text:
        return "." in text and _ipv6(text)
    try:
        # Leading zeros are borne with.
        IPv4Address(".".join(part.lstrip("0") or part[-1:] for part in text.split(".")))
    except ValueError:
        return False
    return True


def _ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _cidr(text: str) -> bool:
    address, _, bits = text.partition("/")
    fine = _ipv6(address) if ":" in address else _ipv4(address)
    return fine and bits.isdecimal() and int(bits) <= (128 if ":" in address else 32)


def _email(text: str) -> bool:
    text = text.strip()
    if text.endswith(">"):
        text = text[:-1].rpartition("<")[2].strip()
    return _ADDRESS.fullmatch(text) is not None


def _hostname(text: str) -> bool:
    # Letters and signs of any script count: written as a letter, and as a digit.
    plain = "".join(
        char
        if char.isascii() and (char.isalnum() or char in "-.")
        else {"L": "a", "S": "0"}.get(unicodedata.category(char)[0], " ")
        for char in text
    )
    if not _HOST.fullmatch(plain) or len(text.encode()) > 255:
        return False
    return all(len(part.encode()) <= 63 for part in text.split("."))


def _uri(text: str) -> bool:
    if text == "*":
        return True
    found = _URI.fullmatch(text)
    if found is None or re.search(r"[\x00-\x1f\x7f]", text) or re.search(r"%(?![0-9a-fA-F]{2})", text):
        return False
    scheme, rest = found[1], found[2]
    if not rest.startswith("/"):
        return bool(scheme)
    if not scheme or not rest.startswith("//"):
        return True
    return _AUTHORITY.fullmatch(re.split("[/?]", rest[2:], maxsplit=1)[0]) is not None


def _card(text: str) -> bool:
    digits = re.sub("[^0-9]+", "", text)
    if not _CARD.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0


def _isbn10(text: str) -> bool:
    plain = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch("[0-9]{9}[0-9X]", plain):
        return False
    return sum(place * (10 if char == "X" else int(char)) for place, char in enumerate(plain, 1)) % 11 == 0


def _isbn13(text: str) -> bool:
    plain = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch("[0-9]{13}", plain):
        return False
    return sum(int(char) * (1 + 2 * (place % 2)) for place, char in enumerate(plain)) % 10 == 0


def _matcher(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


_FORMATS: dict[str, Callable[[str], bool]] = {
    **{name: _matcher(pattern) for name, pattern in _PATTERNS.items()},
    "date": _date, "datetime": _date_time, "duration": _duration, "ipv4": _ipv4, "ipv6": _ipv6,
    "cidr": _cidr, "email": _email, "hostname": _hostname, "uri": _uri, "creditcard": _card,
    "isbn10": _isbn10, "isbn13": _isbn13, "isbn": lambda text: _isbn10(text) or _isbn13(text),
}  # fmt: skip
_NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}


def checked_format(schema: Obj) -> str:
    """The format of a schema if it is one the server knows for that type."""
    form: str = schema.get("format") or ""
    if not form:
        return ""
    kind = schema.get("type") or "string"
    known = _plain(form) in _FORMATS if kind == "string" else form in _NUMBERS.get(kind, ())
    return form if known else ""


def fits(text: str, form: str) -> bool:
    """Whether a text has a format; dashes in the name of a format do not count."""
    check = _FORMATS.get(_plain(form))
    return check is None or check(text)


def _plain(form: str) -> str:
    return form.replace("-", "")


def unknown_formats(schema: Any) -> Iterator[str]:
    """Formats anywhere in a schema that nobody looks at."""
    if not isinstance(schema, dict):
        return
    if schema.get("format") and not checked_format(schema):
        yield schema["format"]
    below: list[Any] = [schema.get("items")]
    for word in ("allOf", "anyOf", "oneOf"):
        below += schema.get(word) or ()
    below += [schema.get("not"), *(schema.get("properties") or {}).values()]
    below.append(schema.get("additionalProperties"))
    for part in below:
        yield from unknown_formats(part)
