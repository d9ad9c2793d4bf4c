"""Tokens: the words of an expression.

`tokenise(source)` gives the tokens and what could not be read. An unreadable character does not end the
reading; like the original, it is reported and passed over. Source: the CEL specification (Syntax), cel-go
(parser/gen/CEL.g4).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from kubekit.apiserver.cel.errors import Issue

EOF = "<EOF>"

RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"),
        *("package", "namespace", "return", "var", "void", "while"),
    }
)
"""Words that may not be names."""


class Token(NamedTuple):
    """`kind`: an operator as it is written, IDENTIFIER, NUM_INT, NUM_UINT, NUM_FLOAT, STRING, BYTES, EOF."""

    kind: str
    text: str
    offset: int


_QUOTED = (
    r"[rR]?(?:\"\"\"(?:{any}|[^\\])*?\"\"\"|'''(?:{any}|[^\\])*?'''"
    r"|\"(?:{one}|[^\\\"\n\r])*\"|'(?:{one}|[^\\'\n\r])*')"
)
_SIGNS = r"\\(?:[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|[abfnrtv\\'\"`?])"
"""The escapes that there are."""
_ESCAPED = _QUOTED.replace("{any}", _SIGNS).replace("{one}", _SIGNS)
_RAW = r"[rR](?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"[^\"\n\r]*\"|'[^'\n\r]*')"
_OPERATORS = (
    *("==", "!=", "<=", ">=", "&&", "||", "[", "]", "{", "}", "(", ")"),
    *(".", ",", "-", "!", "?", ":", "+", "*", "/", "%", "<", ">"),
)

_WORDS = re.compile(
    "|".join(
        (
            r"(?P<skip>[\t\r\n\u000C ]+|//[^\n]*)",
            rf"(?P<BYTES>[bB](?:{_RAW}|{_ESCAPED}))",
            rf"(?P<STRING>{_RAW}|{_ESCAPED})",
            r"(?P<NUM_FLOAT>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)",
            r"(?P<NUM_UINT>(?:0x[0-9a-fA-F]+|\d+)[uU])",
            r"(?P<NUM_INT>0x[0-9a-fA-F]+|\d+)",
            r"(?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)",
            r"(?P<ESC_IDENTIFIER>`[A-Za-z0-9_./\- ]+`)",
            "(?P<operator>" + "|".join(re.escape(word) for word in _OPERATORS) + ")",
        )
    )
)


def tokenise(source: str) -> tuple[list[Token], list[Issue]]:
    """The tokens, the last one EOF, and an issue for everything that is no token."""
    tokens: list[Token] = []
    issues: list[Issue] = []
    at = 0
    while at < len(source):
        found = _WORDS.match(source, at)
        if found is None:
            end = _unread(source, at)
            issues.append(
                Issue(at, f"Syntax error: token recognition error at: '{_escaped(source[at:end])}'")
            )
            at = end
            continue
        kind, text = str(found.lastgroup), found.group()
        if kind == "operator" or text in ("in", "true", "false", "null"):
            kind = text
        if kind != "skip":
            tokens.append(Token(kind, text, at))
        at = found.end()
    tokens.append(Token(EOF, EOF, len(source)))
    return tokens, issues


_BEGUN = re.compile(r"\\(?:[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7}|[0-3][0-7]?)?")
"""An escape that is not finished."""


def _unread(source: str, at: int) -> int:
    """Where reading goes on: an open string takes all there is, or all to where an escape goes wrong; half an
    operator its next character too."""
    if source[at] in "\"'":
        good = re.compile(rf"{source[at]}(?:[^\\{source[at]}\n\r]|{_SIGNS})*").match(source, at)
        end = good.end() if good is not None else at + 1
        if source[end : end + 1] == "\\" and (begun := _BEGUN.match(source, end)) is not None:
            end = begun.end()
        return min(len(source), end + 1)
    return min(len(source), at + 2) if source[at] in "=&|`" else at + 1


def _escaped(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
_ESCAPE = re.compile(_SIGNS)


def string_value(text: str) -> str:
    """What a STRING token means; raises ValueError for an escape that does not exist."""
    raw = text[0] in "rR"
    body = _body(text[1:] if raw else text)
    if raw:
        return body
    return _unescape(body, chr)


def bytes_value(text: str) -> bytes:
    """What a BYTES token means; raises ValueError for an escape that does not exist."""
    text = text[1:]
    raw = text[0] in "rR"
    body = _body(text[1:] if raw else text)
    if raw:
        return body.encode()
    # \x and octal escapes are single bytes here; surrogateescape carries them through the text.
    marked = _unescape(body, lambda code: chr(code) if code < 128 else chr(0xDC00 + code), numbers_only=True)
    return marked.encode("utf-8", "surrogateescape")


def _body(text: str) -> str:
    size = 3 if text[:3] in ('"""', "'''") else 1
    return text[size:-size]


def _unescape(body: str, character: Callable[[int], str], numbers_only: bool = False) -> str:
    parts: list[str] = []
    at = 0
    while (slash := body.find("\\", at)) >= 0:
        parts.append(body[at:slash])
        found = _ESCAPE.match(body, slash)
        if found is None:
            raise ValueError("unable to unescape string")
        word = found.group()[1:]
        at = found.end()
        if word[0] in "xX" or word[0].isdigit():
            code = int(word[1:], 16) if word[0] in "xX" else int(word, 8)
            parts.append(character(code))
        elif word[0] in "uU":
            if numbers_only:
                raise ValueError("unable to unescape string")
            code = int(word[1:], 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise ValueError("invalid unicode code point")
            parts.append(chr(code))
        else:
            parts.append(_ESCAPES[word])
    return "".join(parts) + body[at:]
