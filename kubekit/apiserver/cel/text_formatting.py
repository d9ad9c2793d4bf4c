"""Formatting: `"%s is %d".format([a, b])`, and what is known to be wrong with it before it runs.

`formatted` fills the pattern with values, `formatting_problem` asks whether written-out arguments fit their
verbs. Numbers come out as English writes them: with commas, and powers of ten as such; a precision does not
count for `%e`. Source: cel-go (ext/formatting.go).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kubekit.apiserver.cel.errors import EvaluationError
from kubekit.apiserver.cel.library_core import double_text
from kubekit.apiserver.cel.moments import duration_text, timestamp_text
from kubekit.apiserver.cel.types import Type
from kubekit.apiserver.cel.values import Duration, Timestamp, TypeName, is_number, type_of

_VERB = re.compile(r"%(?:(?:\.(\d+))?([a-zA-Z])|%|(.?))", re.DOTALL)
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_STRINGS = (
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations,"
    " and timestamps"
)
_WANTED = {
    "s": _STRINGS,
    "d": "decimal clause can only be used on integers",
    "f": "fixed-point clause can only be used on doubles",
    "e": "scientific clause can only be used on doubles",
    "b": "only integers and bools can be formatted as binary",
    "o": "octal clause can only be used on integers",
    "x": "only integers, byte buffers, and strings can be formatted as hex",
}
_FITTING = {
    "s": "list map int uint double bool string timestamp bytes duration type null_type",
    "d": "int uint",
    "f": "double string",
    "e": "double string",
    "b": "int uint bool",
    "o": "int uint",
    "x": "int uint string bytes",
}


def _unfit(verb: str, given: Type) -> str:
    return f"error during formatting: {_WANTED[verb.lower()]}, was given {given.name}"


def _verb(found: re.Match[str]) -> str:
    verb = found[2]
    if verb is None or verb not in "sdfeboxX":
        shown = verb or found[3] or ""
        if not shown:
            raise EvaluationError("unexpected end of string")
        raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{shown}"')
    return str(verb)


def formatting_problem(pattern: str, types: Sequence[Type]) -> tuple[int | None, str]:
    """What is wrong with arguments of these types: the place of one, or None for the whole; and a text."""
    place = 0
    for found in _VERB.finditer(pattern):
        if found.group() == "%%":
            continue
        if place >= len(types):
            return None, f"index {place} out of range"
        try:
            verb = _verb(found)
        except EvaluationError as error:
            return None, str(error)
        given = types[place]
        if given.name != "dyn" and given.name not in _FITTING[verb.lower()].split():
            return place, _unfit(verb, given)
        place += 1
    if len(types) > place:
        text = f"too many arguments supplied to string.format (expected {place}, got {len(types)})"
        return None, text
    return None, ""


def formatted(pattern: str, arguments: list[Any]) -> str:
    """The pattern with its verbs filled in. Raises EvaluationError."""
    place = 0

    def fill(found: re.Match[str]) -> str:
        nonlocal place
        if found.group() == "%%":
            return "%"
        if place >= len(arguments):
            raise EvaluationError(f"index {place} out of range")
        verb = _verb(found)
        place += 1
        precision = 6 if found[1] is None else int(found[1])
        return _clause(verb, arguments[place - 1], precision)

    return _VERB.sub(fill, pattern)


def _clause(verb: str, value: Any, precision: int) -> str:
    if verb == "s":
        return _shown(value)
    if verb == "d" and is_number(value) and isinstance(value, int):
        return str(int(value))
    if verb == "f" and isinstance(value, float):
        return f"{value:,.{precision}f}"
    if verb == "e" and isinstance(value, float):
        number, _, power = f"{value:e}".partition("e")
        return f"{number}×10{power.lstrip('+').translate(_RAISED)}"
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
    raise EvaluationError(_unfit(verb, type_of(value)))


def _shown(value: Any, inside: bool = False) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if inside else value
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
        return "[" + ", ".join(_shown(one, True) for one in value) + "]"
    if isinstance(value, dict):
        pairs = sorted((_shown(key, True), _shown(one, True)) for key, one in value.items())
        return "{" + ", ".join(f"{key}:{one}" for key, one in pairs) + "}"
    raise EvaluationError(_unfit("s", type_of(value)))
