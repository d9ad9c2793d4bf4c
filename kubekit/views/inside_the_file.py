"""Inside the file: the pages of a snapshot or of a member's database, and the way down to one revision.

    cluster.view.file("backup.db")                  a file, or the bytes of one
    cluster.view.file(cluster.etcd.member("etcd-1"))    what the member would send as a snapshot now
    cluster.view.file("backup.db", revision=21)     the search for revision 21

A stop of the stepper is a page of the search: the meta page that counts, the root, branches, the leaf. The
strip has every page in its place, the tree those that the search meets with their neighbours. What is broken
is said at its page, in bbolt's words; a file that is no database is refused in a sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubekit.etcd.bbolt import DatabaseError
from kubekit.etcd.disk import FolderDisk
from kubekit.etcd.revision import Revision
from kubekit.views.file_pages import MOST_ERRORS, Cell, Inside, Stop
from kubekit.views.view import Scene, Table, View

MOST_CELLS = 2000
"""Pages that the strip has; further ones are counted."""

MOST_LISTED = 400
"""Pages whose elements are carried to the page; those of the search always are."""

MOST_ELEMENTS = 120
"""Elements of a page that are listed; further ones are counted."""

TEXT_PAGES = 60
"""Pages that the text and the table name."""

LETTERS = {"meta": "M", "branch": "B", "leaf": "L", "freelist": "F", "free": "", "unknown": "?"}


class InsideTheFile(View):
    """One file; `find(revision)` shows another search in the same place."""

    name = "inside_the_file"

    def __init__(
        self, source: Any, meta: list[list[str]] | None = None, *, revision: int | tuple[int, int] = 0
    ) -> None:
        self._meta = meta or []
        self._source, self._name = source, _name_of(source)
        self._wanted = _revision(revision)
        super().__init__(
            *self._picture(),
            actions={"find": self._find},
        )

    def find(self, main: int, sub: int = 0) -> InsideTheFile:
        """Show the search for a revision."""
        self._wanted = Revision(int(main), int(sub))
        self.refresh()
        return self

    def _find(self, main: int, sub: int = 0) -> None:
        self.find(main, sub)

    def refresh(self) -> None:
        """Read the file again and draw it."""
        self.update(*self._picture())

    def _picture(self) -> tuple[Scene, str, Table]:
        try:
            inside = Inside(_data_of(self._source))
        except OSError as error:
            return self._refused(f"{self._name} cannot be read: {_reason(error)}")
        except DatabaseError as error:
            return self._refused(f"{self._name} is no bbolt file: {error}")
        filed = inside.revisions()
        wanted = self._wanted or (filed[-1] if filed else None)
        stops = inside.path(wanted)
        title = _title(self._name, inside, stops, wanted)
        on_path = [stop.page for stop in stops]
        cells = [_cell(cell, inside, on_path) for cell in sorted(inside.cells.values(), key=lambda c: c.id)]
        drawn = [cell for cell in cells if cell["id"] < MOST_CELLS or cell["id"] in on_path]
        verdict, digest = inside.digest()
        scene: Scene = {
            "title": title,
            "meta": [
                *self._meta,
                ["pages", str(inside.database.meta.high_water)],
                ["page size", str(inside.database.page_size)],
                ["bytes", str(len(inside.data))],
            ],
            "unit": "step",
            "spoken": "step",
            "legend": _legend(drawn),
            "records": [
                _record(number, stop, inside, stop is stops[-1]) for number, stop in enumerate(stops)
            ],
            "cursor": 0 if inside.errors else len(stops) - 1,
            "cells": drawn,
            "levels": _levels(inside, on_path),
            "cards": {str(cell.id): _card(cell, inside, None) for cell in _listed(inside, on_path)},
            "buckets": [
                [
                    bucket.name.decode(errors="backslashreplace"),
                    f"page {bucket.root}" if bucket.root else f"inline in page {bucket.within}",
                    str(bucket.entries),
                    str(bucket.pages) if bucket.root else "",
                ]
                for bucket in inside.buckets
            ],
            "digest": {"verdict": verdict, "text": digest},
            "errors": inside.errors[:MOST_ERRORS],
            "more_errors": max(0, len(inside.errors) - MOST_ERRORS),
            "filed": _filed(filed),
            "wanted": None if wanted is None else wanted.main,
            "fold": _fold(cells, drawn),
        }
        return scene, _text(title, inside, digest, stops), _table(title, inside)

    def _refused(self, sentence: str) -> tuple[Scene, str, Table]:
        sentence = sentence[:1].upper() + sentence[1:] if sentence.startswith("the file") else sentence
        hint = "What it opens: a snapshot (`etcdctl snapshot save backup.db`) or a member's `member/snap/db`."
        scene: Scene = {
            "title": sentence,
            "meta": self._meta,
            "inspector": False,
            "refused": True,
            "records": [],
            "empty": hint,
            "sentence": sentence + ".",
        }
        return scene, sentence, Table(sentence, ["file", "verdict"], [[self._name, "refused"]])


def _name_of(source: Any) -> str:
    if isinstance(source, bytes | bytearray | memoryview):
        return f"the file of {len(source)} bytes"
    if isinstance(source, str | Path):
        return Path(source).name
    return str(getattr(source, "name", "file"))


def _data_of(source: Any) -> Any:
    """The file's bytes; a file on disk is mapped, not read. Raises OSError."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | Path):
        path = Path(source)
        return FolderDisk(path.parent).view(path.name)
    return b"".join(source.snapshot())


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _revision(wanted: int | tuple[int, int]) -> Revision | None:
    if isinstance(wanted, tuple):
        return Revision(*wanted)
    return Revision(wanted, 0) if wanted else None


def _title(name: str, inside: Inside, stops: list[Stop], wanted: Revision | None) -> str:
    name = name[:1].upper() + name[1:] if name.startswith("the file") else name
    wrong = len(inside.errors)
    if wrong:
        what = "one thing is wrong" if wrong == 1 else f"{wrong} things are wrong"
        return f"{name} is damaged: {what}"
    if inside.digest()[0] == "refuse":
        return f"{name} was changed after it was saved: its sha256 is another"
    count = len({stop.page for stop in stops})
    total = inside.database.meta.high_water
    if wanted is None:
        return f"{name} holds no version of any key: {total} pages, {len(inside.buckets)} buckets"
    if not stops[-1].found:
        return f"Revision {wanted.main} is not in {_in(name)}"
    return f"{count} of {total} pages are read to find revision {wanted.main}"


def _in(name: str) -> str:
    return name[:1].lower() + name[1:] if name.startswith("The file") else name


def _cell(cell: Cell, inside: Inside, on_path: list[int]) -> Scene:
    told: Scene = {"id": cell.id, "kind": cell.kind, "letter": LETTERS.get(cell.kind, "?"), "span": cell.span}
    if cell.size:
        told["fill"] = round(min(1.0, cell.used / cell.size), 2)
    if cell.errors:
        told["wrong"] = True
    if cell.kind == "meta" and cell.id == inside.current:
        told["current"] = True
    if cell.id in on_path:
        told["step"] = on_path.index(cell.id)
    told["name"] = _name(cell, inside)
    return told


def _name(cell: Cell, inside: Inside) -> str:
    words = [f"page {cell.id}", cell.kind]
    if cell.kind == "meta":
        words.append("counts" if cell.id == inside.current else "older" if not cell.errors else "broken")
    if cell.bucket is not None:
        words.append(
            f"of bucket {cell.bucket.decode(errors='backslashreplace')}" if cell.bucket else "of the root"
        )
    if cell.kind in ("leaf", "branch", "freelist"):
        words.append(f"{cell.count} elements")
    if cell.span > 1:
        words.append(f"{cell.span - 1} overflow pages")
    if cell.size and cell.kind not in ("free", "meta"):
        words.append(f"{round(100 * cell.used / cell.size)} % full")
    if cell.errors:
        words.append("damaged")
    return ", ".join(words)


def _listed(inside: Inside, on_path: list[int]) -> list[Cell]:
    """The cells whose cards are carried: all of a small file, else the search's and those next to them."""
    if len(inside.cells) <= MOST_LISTED:
        return list(inside.cells.values())
    near = {0, 1, *on_path}
    for id in on_path:
        if id in inside.cells:
            near |= set(inside.cells[id].children[:MOST_LISTED])
    wrong = [cell.id for cell in inside.cells.values() if cell.errors][:MOST_ERRORS]
    return [inside.cells[id] for id in sorted(near | set(wrong)) if id in inside.cells][:MOST_LISTED]


def _card(cell: Cell, inside: Inside, stop: Stop | None) -> Scene:
    hue, word = ("refuse", "damaged") if cell.errors else ("off", cell.kind)
    if cell.kind == "meta" and not cell.errors:
        hue, word = ("chosen", "counts") if cell.id == inside.current else ("off", "valid, older")
    chip: Scene = {"hue": hue, "text": word}
    if cell.errors:
        chip["glyph"] = "refuse"
    parts: list[Scene] = []
    if cell.errors:
        parts.append({"name": "what is wrong", "pre": "\n".join(cell.errors[:5])})
    if stop is not None:
        parts.append({"name": "in this search", "text": stop.sentence})
    try:
        entries = inside.entries(cell.id)
    except DatabaseError:
        entries = []
    at = -1
    if stop is not None and stop.at >= 0:
        at = next((row for row, (_, _, number) in enumerate(entries) if number == stop.at), -1)
        at += stop.inner + 1 if at >= 0 and stop.inner >= 0 else 0
    first = at - MOST_ELEMENTS // 2 if at >= MOST_ELEMENTS else 0
    shown = entries[first : first + MOST_ELEMENTS]
    if shown:
        more = (
            f" ({first + 1} to {first + len(shown)} of {len(entries)})" if len(entries) > len(shown) else ""
        )
        parts.append(
            {
                "name": ("what it says" if cell.kind == "meta" else "elements") + more,
                "pairs": [[key, told] for key, told, _ in shown],
                "bucket": "key" if cell.bucket == b"key" else "",
                "at": at - first if at >= 0 else -1,
            }
        )
    elif cell.kind == "free":
        parts.append({"name": "what it is", "text": "Nothing leads here: old bytes, to be written over."})
    return {
        "title": f"page {cell.id}",
        "chip": chip,
        "sub": _name(cell, inside).partition(", ")[2],
        "parts": parts,
    }


def _record(number: int, stop: Stop, inside: Inside, last: bool) -> Scene:
    cell = inside.cells.get(stop.page)
    wrong = bool(cell and cell.errors)
    hue, shape = ("refuse", "diamond") if wrong else ("good", "square") if stop.found else ("ask", "square")
    return {
        "id": f"step {number}",
        "t": None,
        "kind": cell.kind if cell else "unknown",
        "tick": {"hue": hue, "shape": shape},
        "sentence": stop.sentence,
        "page": stop.page,
        "halt": "refused" if wrong and last else "",
        "card": _card(cell, inside, stop) if cell else None,
    }


def _levels(inside: Inside, on_path: list[int]) -> list[Scene]:
    """The tree by level: what the search meets, and who stands beside it."""
    levels: list[Scene] = [{"parent": -1, "pages": [0, 1], "on": inside.current}]
    for place, id in enumerate(on_path[1:], 1):
        parent = on_path[place - 1]
        siblings = inside.cells[parent].children if parent in inside.cells and place > 1 else [id]
        if id not in siblings:
            siblings = [id]
        levels.append({"parent": parent, "pages": list(siblings), "on": id})
    last = inside.cells.get(on_path[-1])
    if last is not None and last.children and len(on_path) > 1:
        levels.append({"parent": last.id, "pages": list(last.children), "on": -1})
    return levels


def _filed(filed: list[Revision]) -> str:
    if not filed:
        return "no revision"
    first, last = filed[0].main, filed[-1].main
    return f"{len(filed)} versions, revisions {first} to {last}"


def _legend(cells: list[Scene]) -> list[dict[str, str]]:
    kinds = {cell["kind"] for cell in cells}
    items = [
        {"glyph": f"page_{kind}", "text": kind}
        for kind in ("meta", "branch", "leaf", "freelist")
        if kind in kinds
    ]
    items.insert(1, {"glyph": "page_current", "text": "meta that counts"})
    if any(cell["span"] > 1 for cell in cells):
        items.append({"glyph": "page_overflow", "text": "overflow: goes on"})
    if "free" in kinds:
        items.append({"glyph": "page_free", "text": "free"})
    if any(cell.get("wrong") for cell in cells):
        items.append({"glyph": "refuse", "text": "damaged"})
    return [*items, {"glyph": "page_fill", "text": "height: how full"}]


def _fold(cells: list[Scene], drawn: list[Scene]) -> Scene | None:
    hidden = len(cells) - len(drawn)
    return {"text": f"Folded away: {hidden} of {len(cells)} pages.", "toggle": False} if hidden else None


def _text(title: str, inside: Inside, digest: str, stops: list[Stop]) -> str:
    lines = [title, digest, *(f"[x] {error}" for error in inside.errors[:MOST_ERRORS])]
    lines += [f"{number}  {stop.sentence}" for number, stop in enumerate(stops, 1)]
    return "\n".join(lines)


def _table(title: str, inside: Inside) -> Table:
    rows = []
    for cell in sorted(inside.cells.values(), key=lambda cell: cell.id)[:TEXT_PAGES]:
        kind = cell.kind
        if kind == "meta" and cell.id == inside.current:
            kind = "meta, counts"
        fill = f"{round(100 * cell.used / cell.size)} %" if cell.size and cell.kind != "free" else ""
        bucket = "" if cell.bucket is None else cell.bucket.decode(errors="backslashreplace") or "(root)"
        parent = str(cell.parent) if cell.parent >= 0 else ""
        wrong = "; ".join(cell.errors) or "sound"
        rows.append([str(cell.id), kind, bucket, str(cell.count or ""), str(cell.span), fill, parent, wrong])
    hidden = len(inside.cells) - len(rows)
    if hidden:
        rows.append([f"and {hidden} more", "", "", "", "", "", "", ""])
    return Table(title, ["page", "kind", "bucket", "elements", "pages", "fill", "parent", "verdict"], rows)
