"""Library, texts: the language's own string functions, the extension's, and regular expressions.

Offsets count characters. `format` follows the extension's verbs. Regular expressions are RE2 in the original;
what Python reads differently (look-around, back-references) is refused. Source: cel-go (common/stdlib,
ext/strings.go, ext/formatting.go), apiserver/pkg/cel/library/regex.go.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from kubekit.apiserver.cel.environment import Functions
from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.library_core import double_text
from kubekit.apiserver.cel.moments import duration_text, timestamp_text
from kubekit.apiserver.cel.types import BOOL, DYN, INT, STRING, list_of
from kubekit.apiserver.cel.values import Duration, Timestamp, TypeName, is_number, type_of


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
    f.member("substring", (STRING, INT), STRING, lambda a, at: _substring(a, at, len(a)))
    f.member("substring", (STRING, INT, INT), STRING, _substring)
    f.member("trim", (STRING,), STRING, lambda a: a.strip())
    f.member("join", (list_of(STRING),), STRING, lambda a: "".join(_texts(a)))
    f.member("join", (list_of(STRING), STRING), STRING, lambda a, b: b.join(_texts(a)))
    f.member("reverse", (STRING,), STRING, lambda a: a[::-1])
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
        raise EvaluationError(f"error parsing regexp: {error.msg}: `{text}`") from None


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


_VERB = re.compile(r"%(?:(?:\.(\d+))?([a-zA-Z])|%|(.?))", re.DOTALL)


def formatted(pattern: str, arguments: list[Any]) -> str:
    """`"%s is %d".format([a, b])`; raises EvaluationError."""
    place = 0

    def fill(found: re.Match[str]) -> str:
        nonlocal place
        if found.group() == "%%":
            return "%"
        verb = found[2]
        if verb is None or verb not in "sdfeboxX":
            shown = verb or found[3] or ""
            raise EvaluationError(
                f'could not parse formatting clause: unrecognized formatting clause "{shown}"'
            )
        if place >= len(arguments):
            raise EvaluationError(f"index {place} out of range")
        place += 1
        precision = 6 if found[1] is None else int(found[1])
        return _clause(verb, arguments[place - 1], precision)

    return _VERB.sub(fill, pattern)


def _clause(verb: str, value: Any, precision: int) -> str:
    if verb == "s":
        return _shown(value)
    if verb == "d" and is_number(value) and isinstance(value, int):
        return str(int(value))
    if verb in "fe" and is_number(value):
        if verb == "f":
            return f"{float(value):.{precision}f}"
        return f"{float(value):.{precision}e}"
    if verb == "b" and isinstance(value, int):
        return f"{int(value):b}"
    if verb == "o" and is_number(value) and isinstance(value, int):
        return f"{int(value):o}"
    if verb in "xX":
        if is_number(value) and isinstance(value, int):
            return f"{int(value):{verb}}"
        if isinstance(value, str | bytes):
            text = (value.encode() if isinstance(value, str) else value).hex()
            return text.upper() if verb == "X" else text
    wanted = {"d": "integers", "f": "doubles", "e": "doubles", "b": "integers and bools", "o": "integers"}
    names = wanted.get(verb, "integers, byte buffers, and strings")
    raise EvaluationError(
        f"error during formatting: only {names} can be formatted with %{verb}, was given {type_of(value)}"
    )


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Timestamp):
        return timestamp_text(value)
    if isinstance(value, Duration):
        return duration_text(value)
    if isinstance(value, TypeName):
        return value.name
    if isinstance(value, list):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    if isinstance(value, dict):
        pairs = sorted((_shown(key), _shown(one)) for key, one in value.items())
        return "{" + ", ".join(f"{key}: {one}" for key, one in pairs) + "}"
    raise EvaluationError(
        "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles,"
        f" maps, lists, types, durations, and timestamps, was given {type_of(value)}"
    )
