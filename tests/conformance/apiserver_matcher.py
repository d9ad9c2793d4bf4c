"""Comparing an answer with a recorded one whose changing parts are labels (`rv#1`, `uid#2`, `<time>`).

`Matcher().differences(expected, actual)` binds each label to what it meets: the same label must meet the
same value, different labels different ones. One matcher serves one case.

Problems of strict decoding come in the order in which the fields stood in the body that was sent; the
recordings keep bodies with sorted keys, so that order is unknown here and these texts are compared as
sets.
"""

from __future__ import annotations

import json
import re
from typing import Any

LABELS = {
    "rv#": r"\d+",
    "uid#": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "suffix#": r"[bcdfghjklmnpqrstvwxz2456789]{5}",
    "ip#": r"[0-9a-f.:]+",
    "nodePort#": r"\d+",
}
FREE = {
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "<rv>": r"\d*",
    "<continue>": r"[A-Za-z0-9_=-]+",
    "<suffix>": r"[bcdfghjklmnpqrstvwxz2456789]{5}",
    "<token>": r"[A-Za-z0-9._-]+",
    "<age>": r".+",
    "<server>": r"[^ \"]*",
    "<hash>": r"[A-Za-z0-9]+",
    "<build>": r".*",
}
_TOKEN = re.compile(r"<suffix#\d+>|rv#\d+|uid#\d+|ip#\d+|nodePort#\d+|" + "|".join(map(re.escape, FREE)))


STRICT = "strict decoding error: "
_DECODING = re.compile(r'299 - "(?:unknown|duplicate) field')


class Matcher:
    """Compares expected with actual values and remembers what each label stands for in this case."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.labels: dict[tuple[str, str], str] = {}

    def differences(self, expected: Any, actual: Any, path: str = "") -> list[str]:
        """What differs, as `path: expected / actual` lines."""
        if isinstance(expected, dict) and isinstance(actual, dict):
            found: list[str] = []
            for key in [*expected, *(key for key in actual if key not in expected)]:
                if key not in actual:
                    found.append(f"{path}/{key}: missing, expected {short(expected[key])}")
                elif key not in expected:
                    found.append(f"{path}/{key}: unexpected {short(actual[key])}")
                else:
                    found += self.differences(expected[key], actual[key], f"{path}/{key}")
            return found
        if isinstance(expected, list) and isinstance(actual, list):
            found = []
            if path.endswith("/Warning"):
                expected, actual = unordered(expected), unordered(actual)
            if len(expected) != len(actual):
                found.append(f"{path}: {len(expected)} items expected, {len(actual)} found: {short(actual)}")
            for place, (one, other) in enumerate(zip(expected, actual, strict=False)):
                found += self.differences(one, other, f"{path}/{place}")
            return found
        if isinstance(expected, str) and self.same(expected, actual):
            return []
        if type(expected) is type(actual) and expected == actual:
            return []
        if isinstance(expected, (int, float)) and isinstance(actual, (int, float)) and expected == actual:
            return []
        return [f"{path}: expected {short(expected)}, found {short(actual)}"]

    def same(self, expected: str, actual: Any) -> bool:
        """Whether a text (or a number behind a label) is what is expected."""
        if expected == actual:
            return True
        if STRICT in expected and isinstance(actual, str):
            head, _, listed = expected.partition(STRICT)
            our_head, _, ours = actual.partition(STRICT)
            return self.same(head, our_head) and sorted(listed.split(", ")) == sorted(ours.split(", "))
        parts = _TOKEN.split(expected)
        tokens = _TOKEN.findall(expected)
        if not tokens or isinstance(actual, (dict, list)) or actual is None:
            return False
        pattern = re.escape(parts[0])
        for token, rest in zip(tokens, parts[1:], strict=True):
            known = self.values.get(token)
            if token in FREE:
                pattern += FREE[token]
            elif known is not None:
                pattern += f"({re.escape(known)})"
            else:
                pattern += f"({LABELS[token.strip('<>').rstrip('0123456789')]})"
            pattern += re.escape(rest)
        found = re.fullmatch(pattern, str(actual), re.DOTALL)
        if found is None:
            return False
        bound = [token for token in tokens if token not in FREE]
        for token, value in zip(bound, found.groups(), strict=True):
            sort = token.strip("<>").rstrip("0123456789")
            if self.labels.setdefault((sort, value), token) != token:
                return False
            if self.values.setdefault(token, value) != value:
                return False
        return True


def unordered(warnings: list[str]) -> list[str]:
    """Warnings with those of strict decoding in a fixed order."""
    strict = iter(sorted(text for text in warnings if _DECODING.search(text)))
    return [next(strict) if _DECODING.search(text) else text for text in warnings]


def short(value: Any) -> str:
    """A value as messages show it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 300 else text[:300] + "..."
