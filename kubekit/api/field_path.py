"""Where in an object something is wrong, and what: field paths and field errors.

Validation collects `FieldError`s; `status_error.invalid` turns them into the 422 answer. A path is built
downwards: `Path("spec").child("containers").index(0).child("name")` prints `spec.containers[0].name`. The
texts are those a client sees, so values are printed the way Go's `%v` and JSON would. Do not raise these
errors. Source: k8s.io/apimachinery/pkg/util/validation/field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

INVALID = "FieldValueInvalid"
REQUIRED = "FieldValueRequired"
NOT_SUPPORTED = "FieldValueNotSupported"
DUPLICATE = "FieldValueDuplicate"
FORBIDDEN = "FieldValueForbidden"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
INTERNAL = "InternalError"
NOT_FOUND = "FieldValueNotFound"
TYPE_INVALID = "FieldValueTypeInvalid"

_TITLES = {
    INVALID: "Invalid value",
    REQUIRED: "Required value",
    NOT_SUPPORTED: "Unsupported value",
    DUPLICATE: "Duplicate value",
    FORBIDDEN: "Forbidden",
    TOO_LONG: "Too long",
    TOO_MANY: "Too many",
    INTERNAL: "Internal error",
    NOT_FOUND: "Not found",
    TYPE_INVALID: "Invalid value",
}
OMIT: Any = type("Omitted", (), {"__repr__": lambda self: "OMIT"})()
"""As the value of an error that is told without its value."""

_ESCAPED = (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"))
"""What Go's JSON never leaves as it is."""
_WITHOUT_VALUE = {REQUIRED, FORBIDDEN, TOO_LONG, INTERNAL}


class Path:
    """An immutable path; `str()` gives its text. Steps are cheap: nothing is joined before it is printed."""

    __slots__ = ("_parent", "_text")

    def __init__(self, text: str = "", parent: Path | None = None) -> None:
        self._text = text
        self._parent = parent

    def child(self, name: str, *below: str) -> Path:
        """The field of that name below this one (several names: one below the other)."""
        path = Path("." + name, self) if self._text or self._parent else Path(name)
        for one in below:
            path = Path("." + one, path)
        return path

    def index(self, position: int) -> Path:
        """An element of the list here."""
        return Path(f"[{position}]", self)

    def key(self, name: str) -> Path:
        """An entry of the map here; the key is not quoted."""
        return Path(f"[{name}]", self)

    def __str__(self) -> str:
        parts: list[str] = []
        path: Path | None = self
        while path is not None:
            parts.append(path._text)
            path = path._parent
        return "".join(reversed(parts))

    def __repr__(self) -> str:
        return f"Path({str(self)!r})"


ROOT = Path()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong: `reason` (a constant of this file), `field` (path as text), and the pieces of the
    message."""

    reason: str
    field: str
    value: Any = None
    detail: str = ""

    @property
    def body(self) -> str:
        """The message less the path, as `details.causes[].message` holds it."""
        title = _TITLES[self.reason]
        if self.reason in _WITHOUT_VALUE or self.value is OMIT:
            text = title
        else:
            text = f"{title}: {format_value(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"

    def cause(self) -> dict[str, str]:
        """The entry for `details.causes` of a Status."""
        return {"reason": self.reason, "message": self.body, "field": self.field}


class Raw(str):
    """A value that is printed as it is, not as a quoted text (a Go type with a String method and no kind
    string)."""

    __slots__ = ()


def format_value(value: Any) -> str:
    """A value as it stands in a field error: texts quoted as Go does, structures as compact JSON."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, (dict, list)):
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        for char, shown in _ESCAPED:
            text = text.replace(char, shown)
        return text
    return go_float(value) if isinstance(value, float) else str(value)


def go_float(value: float) -> str:
    """A number as Go prints a float64: with an exponent from a million on."""
    digits, _, exponent = f"{Decimal(repr(float(value))).normalize():e}".partition("e")
    power = int(exponent)
    if value and not -4 <= power < 6:
        return f"{digits}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"{Decimal(repr(float(value))).normalize():f}"


def go_quote(text: str) -> str:
    """A text as Go's strconv.Quote writes it."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    short = {
        "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
        '"': '\\"', "\\": "\\\\",
    }  # fmt: skip
    out = []
    for char in text:
        code = ord(char)
        if char in short:
            out.append(short[char])
        elif char.isprintable():
            out.append(char)
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    return '"' + "".join(out) + '"'


def invalid(path: Path | str, value: Any, detail: str) -> FieldError:
    """`Invalid value: <value>: <detail>`."""
    return FieldError(INVALID, str(path), value, detail)


def type_invalid(path: Path | str, value: Any, detail: str) -> FieldError:
    """As `invalid`, for a value of the wrong type."""
    return FieldError(TYPE_INVALID, str(path), value, detail)


def required(path: Path | str, detail: str = "") -> FieldError:
    """`Required value`."""
    return FieldError(REQUIRED, str(path), "", detail)


def duplicate(path: Path | str, value: Any) -> FieldError:
    """`Duplicate value: <value>`."""
    return FieldError(DUPLICATE, str(path), value)


def forbidden(path: Path | str, detail: str) -> FieldError:
    """`Forbidden: <detail>`."""
    return FieldError(FORBIDDEN, str(path), "", detail)


def not_supported(path: Path | str, value: Any, supported: Iterable[str]) -> FieldError:
    """`Unsupported value: <value>: supported values: "a", "b"` in the order given."""
    words = [go_quote(word) for word in supported]
    detail = "supported values: " + ", ".join(words) if words else ""
    return FieldError(NOT_SUPPORTED, str(path), value, detail)


def too_long(path: Path | str, limit: int) -> FieldError:
    """`Too long: may not be more than <limit> bytes`; a negative limit leaves the number out."""
    detail = (
        "value is too long" if limit < 0 else f"may not be more than {limit} byte{'' if limit == 1 else 's'}"
    )
    return FieldError(TOO_LONG, str(path), "<value omitted>", detail)


def too_long_characters(path: Path | str, limit: int) -> FieldError:
    """`Too long: may not be more than <limit> characters`."""
    detail = f"may not be more than {limit} character{'' if limit == 1 else 's'}"
    return FieldError(TOO_LONG, str(path), "<value omitted>", detail)


def too_many(path: Path | str, actual: int, limit: int) -> FieldError:
    """`Too many: <actual>: must have at most <limit> items`."""
    items = (
        f"must have at most {limit} item{'' if limit == 1 else 's'}" if limit >= 0 else "has too many items"
    )
    return FieldError(TOO_MANY, str(path), actual if actual >= 0 else Raw("<actual number omitted>"), items)


def internal(path: Path | str, error: str) -> FieldError:
    """`Internal error: <error>`."""
    return FieldError(INTERNAL, str(path), None, error)


def not_found(path: Path | str, value: Any) -> FieldError:
    """`Not found: <value>`."""
    return FieldError(NOT_FOUND, str(path), value)


def aggregate(errors: Sequence[FieldError]) -> str:
    """All errors in one text: one alone, several in brackets; equal texts once."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
