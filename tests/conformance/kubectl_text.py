"""What two recordings of kubectl's text may differ in: names, times, addresses, ages, column widths.

`Normalizer(rules)` applies the masks of `normalize.json` as the recordings' README says; `same_text` compares
two normalised texts, rows of tables with random names in any order. Both kubectl areas use it: the notebook's
own kubectl, and the real program against a served cluster.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from tests.conformance.outcome import read_text

NODE_ADDRESSES = ("172.18.0.3", "172.18.0.4", "172.18.0.5")
RANDOM = ("<rand>", "<hash>", "<hex>", "<worker>", "<uid>")
"""Masks of what decides the order of rows."""


class Normalizer:
    """The ordered masks, and what is done after them."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self._rules = [
            (re.compile(rule["pattern"], re.MULTILINE), rule["replacement"]) for rule in rules["rules"]
        ]
        cell = rf"(?P<before>^|\s{{2,}}|\t| \()(?P<age>{rules['age']})(?=$|\s{{2,}}|\t| \()"
        self._age = re.compile(cell)

    @classmethod
    def of(cls, folder: Path) -> Normalizer:
        """The normaliser of a folder of recordings."""
        return cls(json.loads(read_text(folder, "normalize.json")))

    def text(self, raw: str, workers_masked: bool = False) -> str:
        """The normalised text."""
        for pattern, replacement in self._rules:
            raw = pattern.sub(replacement, raw)
        lines = raw.split("\n")
        return "\n".join(self._line(line, workers_masked) for line in lines)

    def _line(self, line: str, workers_masked: bool) -> str:
        # Twice: neighbouring cells share the spaces between them.
        line = self._ages(self._ages(line))
        if workers_masked:
            line = re.sub(r"\bworker[123]\b", "<worker>", line)
            line = re.sub(r"\b172\.18\.0\.[345]\b", "<node-ip>", line)
        stripped = line.lstrip(" ")
        indentation = line[: len(line) - len(stripped)]
        if stripped and not stripped.strip("- \t"):
            stripped = re.sub(r"-+", "---", stripped)
        body = re.sub(r"[ \t]{2,}|\t", "  ", stripped).rstrip()
        return indentation + body if body else ""

    def _ages(self, line: str) -> str:
        about_cpu = "cpu" in line

        def mask(found: re.Match[str]) -> str:
            if about_cpu and re.fullmatch(r"\d+m", found["age"]):
                return found[0]
            return f"{found['before']}<age>"

        return self._age.sub(mask, line)


def recorded(step: dict[str, Any], stream: str) -> str:
    """The normalised text of a recorded step; `stream` is "Stdout" or "Stderr"."""
    text: str = step.get(f"norm{stream}", step[stream.lower()])
    return text


def same_text(wanted: str, found: str) -> bool:
    """Whether two normalised texts agree; rows with random names may stand in any order."""
    if wanted == found:
        return True
    if not any(mask in wanted for mask in RANDOM):
        return False
    return Counter(wanted.split("\n")) == Counter(found.split("\n"))


def first_difference(wanted: str, found: str) -> str:
    """One line that shows where two texts part."""
    theirs, ours = wanted.split("\n"), found.split("\n")
    for number, (a, b) in enumerate(zip(theirs, ours), 1):
        if a != b:
            return f"line {number}: recorded {a[:160]!r}, ours {b[:160]!r}"
    longer, name = (theirs, "recorded") if len(theirs) > len(ours) else (ours, "ours")
    place = min(len(theirs), len(ours))
    return (
        f"line {place + 1}: only {name} has {longer[place][:160]!r}" if len(theirs) != len(ours) else "order"
    )
