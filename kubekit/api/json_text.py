"""JSON texts as they come over the wire: duplicate keys are kept for the decoder, errors have Go's words.

`parse(raw)` is `json.loads` for request bodies. An object with a key twice becomes a `Repeated`, a
dictionary that also remembers the pairs in order. What is no JSON raises `JSONTextError` with the text
encoding/json has for the same place; it is found by a small scanner that runs only then. Source:
encoding/json (scanner.go), sigs.k8s.io/json.
"""

from __future__ import annotations

import json
import re
from typing import Any

from kubekit.api.field_path import go_quote


class JSONTextError(ValueError):
    """The text is not JSON; the message is Go's."""


class Repeated(dict[str, Any]):
    """An object in which a key occurs twice; the last value counts, `pairs` has all."""

    pairs: list[tuple[str, Any]]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = Repeated(pairs)
    repeated.pairs = pairs
    return repeated


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _whole(value: Any) -> Any:
    """The value with half characters replaced, as Go reads them."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if not isinstance(value, dict):
        return value
    pairs = value.pairs if isinstance(value, Repeated) else list(value.items())
    return _object([(_whole(key), _whole(one)) for key, one in pairs])


def parse(raw: bytes | str) -> Any:
    """The value of a JSON text. JSONTextError with Go's message if it is none."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
        return _whole(value) if _ESCAPED_SURROGATE.search(text) else value
    except (ValueError, RecursionError):
        raise JSONTextError(_Scanner(text).complaint()) from None


class _Stop(Exception):
    pass


_END = "unexpected end of JSON input"


class _Scanner:
    """Finds the first place where a text stops being JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def complaint(self) -> str:
        """Go's message for the text."""
        try:
            self.value()
            self.blank()
            if self.position < len(self.text):
                self.fail("after top-level value")
        except _Stop as stop:
            return str(stop)
        return _END

    def fail(self, context: str) -> None:
        if self.position >= len(self.text):
            raise _Stop(_END)
        char = self.text[self.position]
        shown = {"'": "'\\''", '"': "'\"'"}.get(char) or "'" + go_quote(char)[1:-1] + "'"
        raise _Stop(f"invalid character {shown} {context}")

    def blank(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t\r\n":
            self.position += 1

    def peek(self) -> str:
        return self.text[self.position] if self.position < len(self.text) else ""

    def value(self) -> None:
        self.blank()
        char = self.peek()
        if char == "{":
            self.members("}", True)
        elif char == "[":
            self.members("]", False)
        elif char == '"':
            self.string()
        elif char and (char in "-" or (char.isascii() and char.isdigit())):
            self.number()
        elif char and char in "tfn":
            self.literal({"t": "true", "f": "false", "n": "null"}[char])
        else:
            self.fail("looking for beginning of value")

    def members(self, close: str, named: bool) -> None:
        self.position += 1
        self.blank()
        if self.peek() == close:
            self.position += 1
            return
        while True:
            self.blank()
            if named:
                if self.peek() != '"':
                    self.fail("looking for beginning of object key string")
                self.string()
                self.blank()
                if self.peek() != ":":
                    self.fail("after object key")
                self.position += 1
            self.value()
            self.blank()
            if self.peek() == close:
                self.position += 1
                return
            if self.peek() != ",":
                self.fail("after object key:value pair" if named else "after array element")
            self.position += 1

    def string(self) -> None:
        self.position += 1
        while (char := self.peek()) != '"':
            if not char or ord(char) < 0x20:
                self.fail("in string literal")
            self.position += 1
            if char == "\\":
                if self.peek() == "u":
                    for _ in range(4):
                        self.position += 1
                        if self.peek() not in tuple("0123456789abcdefABCDEF"):
                            self.fail("in \\u hexadecimal character escape")
                elif self.peek() not in tuple('"\\/bfnrt'):
                    self.fail("in string escape code")
                self.position += 1
        self.position += 1

    def digits(self) -> bool:
        start = self.position
        while self.peek().isascii() and self.peek().isdigit():
            self.position += 1
        return self.position > start

    def number(self) -> None:
        if self.peek() == "-":
            self.position += 1
            if not (self.peek().isascii() and self.peek().isdigit()):
                self.fail("in numeric literal")
        if self.peek() == "0":
            self.position += 1
        else:
            self.digits()
        if self.peek() == ".":
            self.position += 1
            if not self.digits():
                self.fail("after decimal point in numeric literal")
        if self.peek() in ("e", "E"):
            self.position += 1
            if self.peek() in ("+", "-"):
                self.position += 1
            if not self.digits():
                self.fail("in exponent of numeric literal")

    def literal(self, word: str) -> None:
        for position, char in enumerate(word):
            if self.peek() != char:
                self.fail(
                    f"in literal {word} (expecting '{char}')"
                    if position
                    else "looking for beginning of value"
                )
            self.position += 1
