"""Masking of what differs between two runs of the same kubectl command: ages, addresses, random suffixes.

`Normaliser(rules)` takes the rules of the recordings' `normalize.json`; `text` masks one text as the
recordings' README says. Shared by the area that replays through the kit's kubectl and by the one that runs
the real program.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.conformance.outcome import GOLDEN, find, read_text

NORMALIZE = "normalize.json"
"""The masking rules beside the recordings."""

WORKERS = {"worker1": "172.18.0.3", "worker2": "172.18.0.4", "worker3": "172.18.0.5"}


class Normaliser:
    """Applies the recorded rules, then the rules of the README, in order."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self.rules = [(re.compile(r["pattern"], re.M), r["replacement"]) for r in rules["rules"]]
        age = rules["age"]
        self.cell = re.compile(rf"(?:^|(?<=  )|(?<=\t)|(?<= \()){age}(?=$|  |\t| \()")

    @classmethod
    def of(cls, folder: Path) -> Normaliser:
        """The normaliser of a folder of recordings; one without its own rules gets the project's."""
        home = folder if find(folder, NORMALIZE) is not None else GOLDEN / "kubectl"
        return cls(json.loads(read_text(home, NORMALIZE)))

    def text(self, text: str, workers_masked: bool = True) -> str:
        """The text with everything masked that two runs may differ in."""
        for pattern, replacement in self.rules:
            text = pattern.sub(replacement, text)
        lines = [self._line(line, workers_masked) for line in text.split("\n")]
        return "\n".join(lines)

    def _line(self, line: str, workers_masked: bool) -> str:
        if "cpu" in line:
            line = self.cell.sub(lambda m: m.group(0) if re.fullmatch(r"\d+m", m.group(0)) else "<age>", line)
        else:
            line = self.cell.sub("<age>", line)
        if workers_masked:
            for name, address in WORKERS.items():
                line = re.sub(rf"\b{name}\b", "<worker>", line)
                line = re.sub(rf"(?<![\d.]){re.escape(address)}(?![\d.])", "<node-ip>", line)
        indent = line[: len(line) - len(line.lstrip(" "))]
        inner = re.sub(r"[ \t]{2,}|\t", "  ", line[len(indent) :]).rstrip()
        if inner and not inner.strip("- "):
            inner = re.sub(r"-+", "---", inner)
        return (indent + inner).rstrip() if inner else ""


def same(got: str, wanted: str) -> bool:
    """Whether two masked texts are the same; tables with random names compare as multisets of rows."""
    if got == wanted:
        return True
    if "<rand>" in wanted or "<hash>" in wanted:
        left, right = got.splitlines(), wanted.splitlines()
        return left[:1] == right[:1] and sorted(left) == sorted(right)
    return False


def alike(got: str, wanted: str) -> bool:
    """Loosely the same: the same rows in any order."""
    return sorted(got.splitlines()) == sorted(wanted.splitlines())
