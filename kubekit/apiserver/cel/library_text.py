"""Library, texts: the language's own string functions, the extension's, and regular expressions.

Offsets count characters. `format` has a file of its own. Regular expressions are RE2 in the original;
what Python reads differently (look-around, back-references) is refused. Source: cel-go (common/stdlib,
ext/strings.go), apiserver/pkg/cel/library/regex.go.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.text_formatting import formatted
from kubekit.apiserver.cel.types import BOOL, DYN, INT, STRING, list_of


def install(f: Functions) -> None:
    """Add everything to a set of functions."""
    f.member("contains", (STRING, STRING), BOOL, lambda a, b: b in a)
    f.member("startsWith", (STRING, STRING), BOOL, str.startswith)
    f.member("endsWith", (STRING, STRING), BOOL, str.endswith)
    f.add("matches", (STRING, STRING), BOOL, lambda a, b: _pattern(b).search(a) is not None)
    f.member("matches", (STRING, STRING), BOOL, lambda a, b: _pattern(b).search(a) is not None)
    f.member("charAt", (STRING, INT), STRING, _char_at)
    f.member("indexOf", (STRING, STRING), INT, lambda a, b: a.find(b))
    f.member("indexOf", (STRING, STRING, INT), INT, lambda a, b, at: a.find(b, _offset(a, at)))
    f.member("lastIndexOf", (STRING, STRING), INT, lambda a, b: a.rfind(b))
    f.member(
        "lastIndexOf", (STRING, STRING, INT), INT, lambda a, b, at: a.rfind(b, 0, _offset(a, at) + len(b))
    )
    f.member("lowerAscii", (STRING,), STRING, _lower)
    f.member("upperAscii", (STRING,), STRING, _upper)
    f.member("replace", (STRING, STRING, STRING), STRING, lambda a, b, c: a.replace(b, c))
    f.member("replace", (STRING, STRING, STRING, INT), STRING, lambda a, b, c, n: a.replace(b, c, n))
    f.member("split", (STRING, STRING), list_of(STRING), lambda a, b: _split(a, b, -1))
    f.member("split", (STRING, STRING, INT), list_of(STRING), _split)
    f.member("substring", (STRING, INT), STRING, lambda a, at: a[_offset(a, at) :])
    f.member("substring", (STRING, INT, INT), STRING, _substring)
    f.member("trim", (STRING,), STRING, lambda a: a.strip())
    f.member("join", (list_of(STRING),), STRING, lambda a: "".join(_texts(a)))
    f.member("join", (list_of(STRING), STRING), STRING, lambda a, b: b.join(_texts(a)))
    f.member("format", (STRING, list_of(DYN)), STRING, formatted)
    f.add("strings.quote", (STRING,), STRING, _quote)
    f.member(
        "find", (STRING, STRING), STRING, lambda a, b: found[0] if (found := _pattern(b).search(a)) else ""
    )
    f.member("findAll", (STRING, STRING), list_of(STRING), lambda a, b: _find_all(a, b, -1))
    f.member("findAll", (STRING, STRING, INT), list_of(STRING), _find_all)


@functools.lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    if re.search(r"\(\?(?:<?[=!]|P=|\()|\\[1-9]", text):
        raise EvaluationError(f"error parsing regexp: invalid or unsupported Perl syntax: `{text}`")
    try:
        # `\z` is RE2's end of the text; `$` means the very end there, which Python writes as `\Z`.
        return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", text.replace(r"\z", r"\Z")))
    except re.error as error:
        raise EvaluationError(f"error parsing regexp: {_regexp_problem(error, text)}") from None


def _regexp_problem(error: re.error, text: str) -> str:
    """What RE2 calls it."""
    at = error.pos or 0
    if error.msg.startswith("unterminated character set"):
        return f"missing closing ]: `{text[at:]}`"
    if error.msg.startswith("missing ), unterminated subpattern"):
        return f"missing closing ): `{text}`"
    if error.msg.startswith("unbalanced parenthesis"):
        return f"unexpected ): `{text}`"
    if error.msg.startswith("nothing to repeat"):
        return f"missing argument to repetition operator: `{text[at : at + 1]}`"
    if error.msg.startswith("bad escape (end of pattern)"):
        return "trailing backslash at end of expression: ``"
    if error.msg.startswith("bad escape"):
        return f"invalid escape sequence: `{text[at : at + 2]}`"
    return f"{error.msg}: `{text}`"


def _find_all(text: str, pattern: str, most: int) -> list[str]:
    found = [one[0] for one in _pattern(pattern).finditer(text)]
    return found if most < 0 else found[:most]


def _offset(text: str, at: int) -> int:
    if not 0 <= at <= len(text):
        raise EvaluationError(f"index out of range: {at}")
    return at


def _char_at(text: str, at: int) -> str:
    return text[_offset(text, at) : at + 1]


def _substring(text: str, start: int, end: int) -> str:
    if start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    return text[_offset(text, start) : _offset(text, end)]


def _lower(text: str) -> str:
    return "".join(one.lower() if "A" <= one <= "Z" else one for one in text)


def _upper(text: str) -> str:
    return "".join(one.upper() if "a" <= one <= "z" else one for one in text)


def _split(text: str, by: str, most: int) -> list[str]:
    if most == 0:
        return []
    parts = list(text) if not by else text.split(by)
    if 0 < most < len(parts):
        parts = [*parts[: most - 1], by.join(parts[most - 1 :])]
    return parts


def _texts(items: list[Any]) -> list[str]:
    if not all(isinstance(one, str) for one in items):
        raise EvaluationError("no such overload")
    return items


def _quote(text: str) -> str:
    named = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
    named |= {"\\": "\\\\", '"': '\\"'}
    return '"' + "".join(named.get(one, one) for one in text) + '"'
