"""Writing objects as YAML, byte for byte as kubectl does: sorted keys, lists not indented, quotes where
needed.

`dump` takes JSON values. Keys are in natural order (`a2` before `a10`), texts with line breaks become literal
blocks, texts that would read back as something else are quoted, lines longer than 80 signs are folded.
Source: sigs.k8s.io/yaml and its fork of go-yaml v2 (encode.go, sorter.go, emitterc.go).
"""

from __future__ import annotations

import functools
import io
import json
import re
from typing import Any

import yaml

_BOOLS = {
    word
    for base in ("y", "yes", "true", "on", "n", "no", "false", "off")
    for word in (base, base.capitalize(), base.upper())
}
_NULLS = {"", "~", "null", "Null", "NULL"}
_SPECIAL = {
    ".nan",
    ".NaN",
    ".NAN",
    ".inf",
    ".Inf",
    ".INF",
    "+.inf",
    "+.Inf",
    "+.INF",
    "-.inf",
    "-.Inf",
    "-.INF",
}
_MERGE = {"<<"}
_BEST_WIDTH = 80
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_INT = re.compile(r"^[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0o?[0-7]+|[0-9]+)$")
_BASE60 = re.compile(r"^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$")
_TIME = re.compile(
    r"^\d{4}-\d{1,2}-\d{1,2}(([Tt]|[ \t]+)\d{1,2}:\d{1,2}:\d{1,2}(\.\d*)?([ \t]*(Z|[-+]\d\d?(:\d\d)?))?)?$"
)


def _resolves(text: str) -> bool:
    """Whether a plain scalar would be read as something that is no text."""
    if text in _BOOLS or text in _NULLS or text in _SPECIAL or text in _MERGE:
        return True
    if text[0] in "+-.0123456789":
        plain = text.replace("_", "")
        return bool(_INT.match(plain) or _FLOAT.match(plain) or _BASE60.match(text) or _TIME.match(text))
    return False


@functools.cache
def _emitter() -> Any:
    return yaml.emitter.Emitter(io.StringIO(), allow_unicode=True, width=10**9)


@functools.lru_cache(maxsize=4096)
def _inline(text: str) -> str:
    if not _resolves(text):
        analysis = _emitter().analyze_scalar(text)
        if analysis.allow_block_plain:
            return text
        if analysis.allow_single_quoted:
            return "'" + text.replace("'", "''") + "'"
    return _double(text)


def _double(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\ufeff]", lambda m: f"\\x{ord(m.group(0)):02X}", quoted)


def _folded(text: str, column: int, indent: str) -> str:
    """A scalar on more than one line: a line that is too long ends at its next single space.

    `column`: where the scalar begins. What is folded reads back with one space for each line break.
    """
    if column + len(text) <= _BEST_WIDTH:
        return text
    inside = 1 if text[0] in "'\"" else 0
    out: list[str] = []
    for index, char in enumerate(text):
        first_or_last = index <= inside or index >= len(text) - 1 - inside
        alone = char == " " and text[index - 1 : index] != " " and text[index + 1 : index + 2] != " "
        if alone and not first_or_last and column > _BEST_WIDTH:
            out.append("\n" + indent)
            column = len(indent)
        else:
            out.append(char)
            column += 1
    return "".join(out)


def _scalar(value: Any, indent: str, column: int = 0) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if not isinstance(value, str):
        return str(value)
    if "\n" in value and _emitter().analyze_scalar(value).allow_block:
        return _literal(value, indent)
    return _folded(_inline(value), column, indent + "  ")


def _literal(text: str, indent: str) -> str:
    hint = "2" if text[0] in " \n" else ""
    if not text.endswith("\n"):
        hint += "-"
    elif text.endswith("\n\n") or text == "\n":
        hint += "+"
    body = text[:-1] if text.endswith("\n") else text
    return f"|{hint}\n" + "\n".join(f"{indent}  {line}" if line else "" for line in body.split("\n"))


def _digits(text: str, start: int) -> str:
    """The digits of a text from a place on."""
    rest = text[start:]
    return rest[: len(rest) - len(rest.lstrip("0123456789"))]


class _Key(str):
    """A key that sorts as go-yaml's: digits by value, letters after everything else."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        digits = False
        for index, (left, right) in enumerate(zip(self, other, strict=False)):
            if left == right:
                digits = left.isdigit()
                continue
            if left.isalpha() and right.isalpha():
                return left < right
            if left.isalpha() or right.isalpha():
                return left.isalpha() if digits else right.isalpha()
            texts = [_digits(word, index) for word in (self, other)]
            values = [int(text) if text else 0 for text in texts]
            if values[0] != values[1]:
                return values[0] < values[1]
            if len(texts[0]) != len(texts[1]):
                return len(texts[0]) < len(texts[1])
            return left < right
        return len(self) < len(other)


def _lines(value: Any, indent: str, out: list[str]) -> None:
    if isinstance(value, dict):
        for key in sorted(value, key=_Key):
            name = _inline(str(key)) if key else '""'
            _entry(f"{indent}{name}:", value[key], indent, out)
    else:
        for item in value:
            if isinstance(item, dict | list) and item:
                inner: list[str] = []
                _lines(item, indent + "  ", inner)
                inner[0] = f"{indent}- {inner[0][len(indent) + 2 :]}"
                out += inner
            else:
                out.append(f"{indent}- {_empty(item) or _scalar(item, indent, len(indent) + 2)}")


def _empty(value: Any) -> str:
    return "{}" if value == {} and isinstance(value, dict) else "[]" if isinstance(value, list) else ""


def _entry(head: str, value: Any, indent: str, out: list[str]) -> None:
    if isinstance(value, dict) and value:
        out.append(head)
        _lines(value, indent + "  ", out)
    elif isinstance(value, list) and value:
        out.append(head)
        _lines(value, indent, out)
    else:
        out.append(f"{head} {_empty(value) or _scalar(value, indent, len(head) + 1)}")


def dump(value: Any) -> str:
    """One document, with a final newline."""
    if isinstance(value, dict | list) and value:
        out: list[str] = []
        _lines(value, "", out)
        return "\n".join(out) + "\n"
    return (_empty(value) or _scalar(value, "")) + "\n"
