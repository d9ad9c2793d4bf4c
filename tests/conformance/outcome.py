"""What every conformance area shares: reading recordings and counting what agrees.

Each area is a module with `run(folder, category=None) -> Outcome`. A *unit* is what the area's README calls
comparable: a scheduling case, a state or packet, a step, a command.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"
"""The project's copy of the recordings, a folder an area."""


@dataclass
class Outcome:
    """How many units agreed, and for each that did not, one line that says what differs."""

    passed: int = 0
    misses: list[str] = field(default_factory=list)
    parts: dict[str, Outcome] = field(default_factory=dict)
    """Of an area whose units are of several sorts: each sort by itself."""

    @property
    def failed(self) -> int:
        return len(self.misses)

    @property
    def share(self) -> float:
        """Percentage of units that agree; nothing compared counts as nothing agreed."""
        total = self.passed + self.failed
        return 100.0 * self.passed / total if total else 0.0

    def counted(self, area: str) -> dict[str, Outcome]:
        """What has a share of its own: the area, or each of its sorts."""
        return {f"{area} {part}": one for part, one in self.parts.items()} or {area: self}

    def take(self, part: str, outcome: Outcome) -> None:
        """Add the units of one sort."""
        self.parts[part] = outcome
        self.passed += outcome.passed
        self.misses += [f"{part}: {miss}" for miss in outcome.misses]

    def count(self, agrees: bool, name: str, difference: str = "") -> None:
        """Count one unit."""
        if agrees:
            self.passed += 1
        else:
            self.misses.append(f"{name}: {difference}" if difference else name)


def find(folder: Path, name: str) -> Path | None:
    """The file `name` in `folder`, plain or gzipped."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    return None


def read_text(folder: Path, name: str) -> str:
    """The text of a recording file; raises FileNotFoundError with both names that were tried."""
    path = find(folder, name)
    if path is None:
        raise FileNotFoundError(f"neither {name} nor {name}.gz in {folder}")
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    return path.read_text()


def read_jsonl(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The cases of a JSON Lines file, one a line."""
    for line in read_text(folder, name).splitlines():
        if line.strip():
            yield json.loads(line)


def stems(folder: Path, pattern: str = "*") -> list[str]:
    """The names of the JSON Lines files in a folder, without `.gz`, sorted."""
    names = {path.name.removesuffix(".gz") for path in folder.glob(f"{pattern}.jsonl*")}
    return sorted(name for name in names if name.endswith(".jsonl"))
