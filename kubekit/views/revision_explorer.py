"""The revision explorer: keys by row, revisions by column, and what a read at any revision finds.

    cluster.view.revisions("/registry/pods")                    opens at the last change
    cluster.view.revisions("/registry/pods", at=21, compare=18) with a second cursor: the difference

A stop of the stepper is a revision. A number in a box is a version within its generation: filled where it is
read at the cursor, dashed and empty where compaction took it; a cross is a tombstone. Revisions that changed
nothing under the prefix are left out of the axis where there are many, and the axis says how many. Nothing
is written: the store is only read, compacted or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubekit.etcd.errors import Compacted
from kubekit.views.revision_history import History, KeyHistory, Mark, writes_of
from kubekit.views.revision_scene import MOST_MARKS, Row, legend_of, name_of, row_of, stop_of, values_of
from kubekit.views.stored_value import difference, lines_of
from kubekit.views.view import Scene, Table, View

FEW_COLUMNS = 24
"""Revisions up to which the axis is drawn without gaps."""

MOST_RECORDS = 2000
"""Changes up to which all are on the axis; with more, a window of WINDOW of them."""

WINDOW = 500

MOST_ROWS = 200
"""Keys that are drawn; further ones are counted."""

TABLE_COLUMNS = 40
"""Revisions that the plain table has: the last ones."""


class RevisionExplorer(View):
    """The history of the keys under one prefix; `refresh()` draws it as it is now."""

    name = "revision_explorer"

    def __init__(
        self,
        store: Any,
        prefix: str | bytes,
        meta: list[list[str]],
        records: Iterable[Any] = (),
        cluster_id: str = "",
        *,
        at: int = 0,
        compare: int = 0,
        key: str = "",
    ) -> None:
        self.store = store
        self.prefix = prefix.encode() if isinstance(prefix, str) else bytes(prefix)
        self._meta, self._records, self._id = meta, records, cluster_id
        self._at, self._compare, self._key = at, compare, key.encode()
        self._window: int | None = None
        self.history: History | None = None
        super().__init__(*self._picture(), actions={"window": self._slide})

    def refresh(self) -> None:
        """Draw the store as it is now; what an earlier picture showed and compaction took stays, dashed."""
        self._at = 0
        self.update(*self._picture())

    def compare(self, before: int, after: int, key: str = "") -> RevisionExplorer:
        """Show the difference of one key's value between two revisions: text, table and second cursor."""
        self._at, self._compare, self._key = after, before, key.encode() or self._key
        self.update(*self._picture())
        return self

    def _slide(self, start: int) -> None:
        self._window, self._at = int(start), 0
        self.update(*self._picture())

    def _picture(self) -> tuple[Scene, str, Table]:
        before = self.history
        embedded = hasattr(self.store, "history")
        read = History.of_store if embedded else History.through_calls
        history = self.history = read(self.store, self.prefix)
        history.remember(writes_of(self._records))
        if before is not None:
            history.remember_shown(before)
        changed = history.revisions()
        shown, window = self._windowed(changed)
        columns = _columns(shown, history)
        stops = [column["rev"] for column in columns if "rev" in column]
        rows, folded = self._rows(history, stops)
        cursor = _place(stops, self._at or (shown[-1] if shown else 0))
        selected = self._selected(rows, stops[cursor] if stops else 0)
        title = _title(self.prefix, history, changed)
        scene: Scene = {
            "title": title,
            "meta": [*self._meta, ["rev", str(history.revision)], *_compacted(history)],
            "inspector": False,
            "unit": "revision",
            "spoken": "revision",
            "total": history.revision,
            "records": [stop_of(revision, history, rows) for revision in stops],
            "cursor": cursor,
            "compares": True,
            "compare": _place(stops, self._compare) if self._compare else None,
            "selected": selected,
            "columns": columns,
            "compacted": history.compacted,
            "rows": [row for row, _ in rows],
            "most_marks": MOST_MARKS,
            **values_of(rows),
            "refusal": f"Error: {Compacted.message}",
            "legend": legend_of(rows, history),
            "window": window,
            "fold": _fold(folded, window, history),
            "empty": None if history.keys else _empty(self.prefix, history),
            "sentence": _empty(self.prefix, history) if not history.keys else "",
            "cluster": self._id,
        }
        if self._compare and selected is not None:
            return scene, *self._compared(history, title)
        return scene, _text(title, history), _table(title, history, stops)

    def _windowed(self, changed: list[int]) -> tuple[list[int], dict[str, int] | None]:
        if len(changed) <= MOST_RECORDS:
            return changed, None
        last = len(changed) - WINDOW
        start = last if self._window is None else max(0, min(self._window, last))
        return changed[start : start + WINDOW], {"start": start, "size": WINDOW, "total": len(changed)}

    def _rows(self, history: History, stops: list[int]) -> tuple[list[tuple[Row, KeyHistory]], list[int]]:
        """The rows that are drawn; how many keys did not change in these revisions, and how many are too
        many."""
        first = stops[0] if stops else 0
        wanted = [one for one in history.keys.values() if any(m.revision.main >= first for m in one.marks)]
        still, many = len(history.keys) - len(wanted), max(0, len(wanted) - MOST_ROWS)
        if many:
            # Those that changed last; in the order of their bytes all the same.
            last = sorted(wanted, key=lambda one: list(one.marks)[-1].revision)[-MOST_ROWS:]
            keep = {one.key for one in last} | {self._key}
            wanted = [one for one in wanted if one.key in keep]
        return [(row_of(one, history), one) for one in wanted], [still, many]

    def _selected(self, rows: list[tuple[Row, KeyHistory]], cursor: int) -> int | None:
        """The row that is looked at: the one asked for, else one that changed at the cursor."""
        keys = [one.key for _, one in rows]
        if self._key in keys:
            return keys.index(self._key)
        changed = [
            at for at, (_, one) in enumerate(rows) if any(m.revision.main == cursor for m in one.marks)
        ]
        return changed[0] if changed else (0 if rows else None)

    def _compared(self, history: History, title: str) -> tuple[str, Table]:
        key = self._key if self._key in history.keys else next(iter(history.keys))
        if not self._key:
            for one in history.keys.values():
                if one.at(self._compare) != one.at(self._at):
                    key = one.key
                    break
        one = history.keys[key]
        sides = []
        for revision in (self._compare, self._at):
            mark = one.at(revision) if history.readable(revision) else None
            sides.append(lines_of(mark.kv.value).lines if mark is not None and mark.kv is not None else [])
        versions = _between(one, history, self._compare, self._at)
        head = f"{name_of(key)} at {self._compare} and at {self._at}: {versions}"
        edit = _near(difference(*sides))
        lines = [f"{sign} {line}".rstrip() for sign, line in edit]
        rows = [[{" ": "same", "-": "-", "+": "+", ".": ""}[sign], line] for sign, line in edit]
        return "\n".join([head, *lines]), Table(head, ["sign", "line"], rows or [["same", "no difference"]])


def _columns(shown: list[int], history: History) -> list[dict[str, int]]:
    """The axis: revisions, and gaps of those that changed nothing here."""
    if not shown:
        return []
    last = history.revision if shown[-1] + FEW_COLUMNS > history.revision else shown[-1]
    stops = set(shown)
    if last - shown[0] < FEW_COLUMNS:
        stops |= set(range(shown[0], last + 1))
    stops |= {last}
    if shown[0] < history.compacted <= last:
        stops.add(history.compacted)
    columns: list[dict[str, int]] = []
    before = shown[0] - 1
    for revision in sorted(stops):
        missing = revision - before - 1
        if missing == 1:
            columns.append({"rev": revision - 1})
        elif missing:
            columns.append({"gap": missing})
        columns.append({"rev": revision})
        before = revision
    return columns


def _place(stops: list[int], revision: int) -> int:
    """The index of the last stop up to a revision."""
    return max(0, sum(stop <= revision for stop in stops) - 1)


def _title(prefix: bytes, history: History, changed: list[int]) -> str:
    if not changed:
        return f"Nothing is stored under {name_of(prefix) or 'any key'}"
    count = len(history.keys)
    keys = "one key" if count == 1 else f"{count} keys"
    span = (
        f"revision {changed[0]}" if changed[0] == changed[-1] else f"revisions {changed[0]} to {changed[-1]}"
    )
    if history.compacted > 0:
        return f"Every change since compaction at {history.compacted} is kept: {keys}, {span}"
    return f"Every change is kept until compaction: {keys}, {span}"


def _empty(prefix: bytes, history: History) -> str:
    return (
        f"No key begins with `{name_of(prefix)}` at revision {history.revision}. "
        "Objects lie under `/registry/`: create a pod with `%kubectl run client --image=busybox:1.36`."
    )


def _compacted(history: History) -> list[list[str]]:
    return [["compacted", str(history.compacted)]] if history.compacted > 0 else []


def _fold(folded: list[int], window: dict[str, int] | None, history: History) -> dict[str, Any] | None:
    told = []
    still, many = folded
    if window is not None:
        first, last = window["start"] + 1, window["start"] + window["size"]
        told.append(f"Shown are changes {first} to {last} of {window['total']}.")
    if still:
        told.append(f"{still} of {len(history.keys)} keys did not change in these revisions.")
    if many:
        told.append(f"{many} keys that changed longer ago are not drawn.")
    return {"text": " ".join(told), "toggle": False} if told else None


def _between(one: KeyHistory, history: History, before: int, after: int) -> str:
    words = []
    for revision in (before, after):
        mark = one.at(revision) if history.readable(revision) else None
        if not history.readable(revision):
            words.append("compacted")
        else:
            words.append("no such key" if mark is None or mark.kv is None else f"version {mark.kv.version}")
    return " and ".join(words)


def _near(edit: list[tuple[str, str]], near: int = 3) -> list[tuple[str, str]]:
    """What differs and the lines around it; longer stretches that are the same are counted."""
    keep = {at + step for at, (sign, _) in enumerate(edit) if sign != " " for step in range(-near, near + 1)}
    out: list[tuple[str, str]] = []
    skipped = 0
    for at, pair in enumerate([*edit, ("end", "")]):
        if at in keep and pair[0] != "end":
            if skipped:
                out.append((".", f"... {skipped} lines alike"))
            skipped = 0
            out.append(pair)
        elif pair[0] == "end":
            if skipped and keep:
                out.append((".", f"... {skipped} lines alike"))
        else:
            skipped += 1
    return out


def _text(title: str, history: History) -> str:
    lines = [title]
    for one in history.keys.values():
        generations = " ".join(one.index()) or "(compacted away)"
        lines.append(f"{name_of(one.key)}  {generations}")
        if len(lines) > MOST_ROWS:
            lines.append(f"and {len(history.keys) - MOST_ROWS} more keys")
            break
    return "\n".join(lines)


def _table(title: str, history: History, stops: list[int]) -> Table:
    shown = stops[-TABLE_COLUMNS:]
    rows = []
    for one in list(history.keys.values())[:MOST_ROWS]:
        cells = {mark.revision.main: _cell(mark) for mark in one.marks}
        rows.append([name_of(one.key), *(cells.get(revision, "") for revision in shown)])
    return Table(title, ["key", *map(str, shown)], rows or [["none", *("" for _ in shown)]])


def _cell(mark: Mark) -> str:
    if not mark.kept:
        return "compacted"
    return "(t)" if mark.tombstone else f"version {mark.kv.version}" if mark.kv is not None else ""
