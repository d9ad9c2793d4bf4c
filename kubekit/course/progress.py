"""Progress: one JSON file that belongs to the learner.

It holds, by exercise, the best state and the hints used, and the guesses. It is written whole and at once, so
an interrupted notebook leaves the old file or the new one. A file that cannot be read is put aside under
another name, never overwritten. `progress.export()` and `progress.load()` carry it to another machine.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

VERSION = 1
RANK = {"not attempted": 0, "partly done": 1, "passed": 2}
MARK = {"passed": "[ok]", "partly done": "[part]", "not attempted": "[-]"}


class ProgressTable:
    """Exercises with their best states, as text. `rows` as `Progress.rows` gives them."""

    def __init__(self, rows: list[tuple[str, str, str, int]]) -> None:
        self.rows = rows

    def __repr__(self) -> str:
        done = sum(state == "passed" for _, _, state, _ in self.rows)
        width = max((len(title) for _, title, _, _ in self.rows), default=0)
        lines = [f"{done} of {len(self.rows)} exercises passed"]
        lines += [
            f"{id:<6} {MARK[state]:<7} {title:<{width}}  {state}"
            + (f", {hints} hint(s) used" if hints else "")
            for id, title, state, hints in self.rows
        ]
        return "\n".join(lines)


class Progress:
    """What the learner has done so far. Show it by writing `progress` in a cell."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._given = Path(path) if path is not None else None
        self._data: dict[str, Any] | None = None

    @property
    def path(self) -> Path:
        """The file: the environment's KUBEKIT_PROGRESS, else `.kubekit/progress.json` in the work folder."""
        if self._given is not None:
            return self._given
        return Path(os.environ.get("KUBEKIT_PROGRESS", ".kubekit/progress.json"))

    def mark(self, id: str, state: str) -> None:
        """Keep an exercise's state; a passed exercise stays passed."""
        entry = self._entry(id)
        if RANK[state] >= RANK.get(entry.get("state", ""), -1):
            entry["state"] = state
            self._save()

    def use_hint(self, id: str, available: int) -> int:
        """Count one more hint as used; returns how many now are, at most `available`."""
        entry = self._entry(id)
        entry["hints"] = min(available, int(entry.get("hints", 0)) + 1)
        self._save()
        return int(entry["hints"])

    def hints_used(self, id: str) -> int:
        """How many hints of an exercise were used."""
        return int(self._load()["exercises"].get(id, {}).get("hints", 0))

    def guess(self, id: str, answer: Any) -> None:
        """Keep a guess."""
        self._load()["guesses"][id] = answer
        self._save()

    def guesses(self) -> dict[str, Any]:
        """All guesses by id."""
        return dict(self._load()["guesses"])

    def state(self, id: str) -> str:
        """The best state an exercise has reached."""
        return str(self._load()["exercises"].get(id, {}).get("state", "not attempted"))

    def chapter(self, chapter: str) -> tuple[int, int]:
        """(passed, all) exercises of a chapter."""
        from kubekit.course.exercise import load_all

        ids = [id for id in load_all() if id.startswith(f"{chapter}.")]
        return sum(self.state(id) == "passed" for id in ids), len(ids)

    def export(self, path: str | os.PathLike[str] = "kubekit-progress.json") -> str:
        """Write a copy to `path`, to download or carry away."""
        target = Path(path)
        _write(target, self._load())
        return f"Your progress is in {target}. Bring it back with progress.load({str(target)!r})."

    def load(self, path: str | os.PathLike[str]) -> str:
        """Take over an exported file; what is further in either of the two is kept."""
        try:
            other = _read(Path(path))
        except (OSError, ValueError) as error:
            return f"{path} could not be read as kubekit progress: {error}. Nothing was changed."
        for id, entry in other["exercises"].items():
            mine = self._entry(id)
            if RANK.get(entry.get("state", ""), -1) > RANK.get(mine.get("state", ""), -1):
                mine["state"] = entry["state"]
            mine["hints"] = max(int(mine.get("hints", 0)), int(entry.get("hints", 0)))
        self._load()["guesses"].update(other["guesses"])
        self._save()
        return f"Progress of {len(other['exercises'])} exercise(s) was taken over from {path}."

    def reset(self) -> str:
        """Begin again; the old file is put aside, not deleted."""
        aside = _put_aside(self.path)
        self._data = None
        return f"Progress begins again; the old file is {aside}." if aside else "There was no progress yet."

    def rows(self) -> list[tuple[str, str, str, int]]:
        """(exercise, title, best state, hints used) of the whole course, in order."""
        from kubekit.course.exercise import load_all

        return [(id, known.title, self.state(id), self.hints_used(id)) for id, known in load_all().items()]

    def of(self, chapter: str) -> ProgressTable:
        """The table of one chapter, e.g. ``progress.of("07")``."""
        wanted = str(chapter).zfill(2)
        return ProgressTable([row for row in self.rows() if row[0].startswith(f"{wanted}.")])

    def __repr__(self) -> str:
        return repr(ProgressTable(self.rows()))

    def _entry(self, id: str) -> dict[str, Any]:
        entry: dict[str, Any] = self._load()["exercises"].setdefault(id, {})
        return entry

    def _load(self) -> dict[str, Any]:
        if self._data is None:
            try:
                self._data = _read(self.path)
            except FileNotFoundError:
                self._data = {"version": VERSION, "exercises": {}, "guesses": {}}
            except (OSError, ValueError):
                _put_aside(self.path)
                self._data = {"version": VERSION, "exercises": {}, "guesses": {}}
        return self._data

    def _save(self) -> None:
        try:
            _write(self.path, self._load())
        except OSError as error:
            # A read-only folder must not cost the learner the check itself.
            print(f"Progress could not be written to {self.path}: {error.strerror}. It lives in memory only.")


def _read(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_text())
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError("this is not a progress file of this version")
    if not all(isinstance(data.get(part), dict) for part in ("exercises", "guesses")):
        raise ValueError("it lacks its exercises or guesses")
    return data


def _write(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    draft.replace(path)


def _put_aside(path: Path) -> Path | None:
    if not path.exists():
        return None
    number = 1
    while (aside := path.with_name(f"{path.stem}.{number}.aside.json")).exists():
        number += 1
    path.replace(aside)
    return aside


progress = Progress()
"""The learner's progress: the one that `check` and `hint` write to."""
