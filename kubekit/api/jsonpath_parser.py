"""The parser of Kubernetes' JSONPath templates: text to a list of `Node`s.

Called through `kubekit.api.jsonpath`, which evaluates the nodes; do not call this file directly. Error texts
are the original's.
Source: client-go/util/jsonpath/parser.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any


class JSONPathError(ValueError):
    """A template that cannot be parsed or does not fit the data; the text is the original's."""


@dataclass(slots=True)
class Node:
    """One step of a path.

    `kind` is text, field, array, filter, union, wildcard, recursive, identifier, literal or list.
    """

    kind: str
    value: Any = None
    nodes: list[Node] = field(default_factory=list)
    right: Node | None = None


_DICT_KEY = re.compile(r"^'([^']*)'$")
_SLICE = re.compile(r"^(-?[\d]*)(:-?[\d]*)?(:-?[\d]*)?$")
_FILTER = re.compile(r"^([^!<>=]+)([!<>=]+)(.+?)$")
_ENDS = " \t\r\n.,[]$@{}"


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.pos = text, 0
        self.root: list[Node] = []

    def parse(self) -> list[Node]:
        while self.pos < len(self.text):
            start = self.text.find("{", self.pos)
            if start < 0:
                self.root.append(Node("text", self.text[self.pos :]))
                break
            if start > self.pos:
                self.root.append(Node("text", self.text[self.pos : start]))
            self.pos = start + 1
            self.root.append(Node("list", nodes=self._action()))
        return self.root

    def _action(self) -> list[Node]:
        out: list[Node] = []
        while True:
            rest = self.text[self.pos :]
            char = rest[:1]
            if not char or char in "\r\n":
                raise JSONPathError("unclosed action")
            if char == "}":
                self.pos += 1
                return out
            if rest.startswith("[?("):
                out.append(self._filter())
            elif rest.startswith(".."):
                if out and out[-1].kind == "recursive":
                    raise JSONPathError("invalid multiple recursive descent")
                self.pos += 2
                out.append(Node("recursive"))
                following = self.text[self.pos : self.pos + 1]
                if following == "_" or following.isalnum():
                    self.pos -= 1
                    out.append(self._field())
            elif char in " @$":
                self.pos += 1
            elif char == "[":
                out += self._array()
            elif char in "\"'":
                out.append(Node("text", self._quoted(char)))
            elif char == ".":
                out.append(self._field())
            elif char in "+-" or char.isdigit():
                out.append(self._number())
            elif char == "_" or char.isalpha():
                word = self._word()
                out.append(
                    Node("literal", word == "true") if word in ("true", "false") else Node("identifier", word)
                )
            else:
                raise JSONPathError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def _word(self) -> str:
        start = self.pos
        while self.pos < len(self.text) and self.text[self.pos] not in _ENDS:
            self.pos += 1
        return self.text[start : self.pos]

    def _field(self) -> Node:
        self.pos += 1
        start = self.pos
        while self.pos < len(self.text) and self.text[self.pos] not in _ENDS:
            self.pos += 2 if self.text[self.pos] == "\\" else 1
        value = self.text[start : self.pos]
        return Node("wildcard") if value == "*" else Node("field", value.replace("\\", ""))

    def _number(self) -> Node:
        found = re.compile(r"[+-]?[\d.]*").match(self.text, self.pos)
        text = found.group(0) if found else ""
        self.pos += len(text)
        try:
            return Node("literal", int(text) if "." not in text else float(text))
        except ValueError:
            raise JSONPathError(f"cannot parse number {text}") from None

    def _quoted(self, quote: str) -> str:
        start = self.pos
        self.pos += 1
        while self.pos < len(self.text) and self.text[self.pos] != "\n":
            if self.text[self.pos] == quote and self.text[self.pos - 1] != "\\":
                self.pos += 1
                return unquote(self.text[start : self.pos])
            self.pos += 1
        raise JSONPathError("unterminated quoted string")

    def _array(self) -> list[Node]:
        end = self.text.find("]", self.pos)
        newline = self.text.find("\n", self.pos)
        if end < 0 or 0 <= newline < end:
            raise JSONPathError("unterminated array")
        body = self.text[self.pos + 1 : end]
        self.pos = end + 1
        if body == "*":
            body = ":"
        if "," in body:
            parts = [_inner(f"[{part.strip(' ')}]") for part in body.split(",")]
            return [Node("union", nodes=[Node("list", nodes=part) for part in parts])]
        if key := _DICT_KEY.match(body):
            return _inner("." + key.group(1))
        found = _SLICE.match(body)
        if found is None:
            raise JSONPathError(f"invalid array index {body}")
        first, second, third = found.groups()
        low = int(first) if first not in ("", "-") else None
        if second is None:
            return [Node("array", (low, (low or 0) + 1, None, True))]
        high = int(second[1:]) if len(second) > 1 else None
        step = int(third[1:]) if third and len(third) > 1 else None
        return [Node("array", (low, high, step, False))]

    def _filter(self) -> Node:
        self.pos += 3
        start, quote, closed = self.pos, "", True
        while True:
            char = self.text[self.pos : self.pos + 1]
            if not char or char == "\n":
                raise JSONPathError("unterminated filter")
            if char in "\"'":
                if not quote:
                    quote, closed = char, False
                elif char == quote and self.text[self.pos - 1] != "\\":
                    closed = True
            elif char == ")" and closed:
                break
            self.pos += 1
        body = self.text[start : self.pos]
        if self.text[self.pos + 1 : self.pos + 2] != "]":
            raise JSONPathError("unclosed array expect ]")
        self.pos += 2
        found = _FILTER.match(body)
        if found is None:
            return Node("filter", "exists", _inner(body))
        # The lazy last group of the original takes the whole rest because of the final anchor.
        left, operator, right = found.groups()
        return Node("filter", operator, _inner(left), Node("list", nodes=_inner(right)))


def _inner(text: str) -> list[Node]:
    return _Parser("{" + text + "}").parse()[0].nodes


_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}


def unquote(text: str) -> str:
    """The string that a quoted Go literal stands for."""
    return re.sub(
        r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)",
        lambda m: (
            chr(int(m.group(1)[1:], 16)) if len(m.group(1)) > 1 else _ESCAPES.get(m.group(1), m.group(0))
        ),
        text[1:-1],
    )


def parse(text: str) -> list[Node]:
    """The nodes of a template. Raises JSONPathError with the original's words."""
    return _Parser(text).parse()
