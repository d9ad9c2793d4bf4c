"""What the revision explorer shows of a history: rows with marks, values as shared lines, stops, sentences.

All words and figures are of the store or of a record; `revision_explorer` puts them together and
`static/revision_explorer.js` places them.
"""

from __future__ import annotations

from typing import Any

from kubekit.views.revision_history import History, KeyHistory, Mark
from kubekit.views.stored_value import lines_of

MOST_MARKS = 60
"""Marks of a row up to which each is drawn; a row with more shows bars by count."""

MOST_LINES = 400_000
"""Lines of values that are carried to the page."""

RAW_BYTES = 600_000
"""Bytes of raw values that are carried to the page."""

Row = dict[str, Any]


def name_of(key: bytes) -> str:
    return key.decode(errors="backslashreplace")


def labels(key: bytes) -> tuple[str, str]:
    """`pods` and `shop/web` of an object's key; a key of another sort is shown whole.

    The API server writes `/registry/<resource>/...`, for some resources `/registry/<group>/<resource>/...`,
    and Services and Endpoints under `services/specs` and `services/endpoints`.
    """
    parts = name_of(key).split("/")
    if len(parts) < 4 or parts[0] or parts[1] != "registry":
        return "", name_of(key)
    kind, rest = parts[2], parts[3:]
    if (kind == "services" or "." in kind) and len(rest) > 1:
        kind, rest = {"specs": "services"}.get(rest[0], rest[0]), rest[1:]
    return {"minions": "minions (nodes)"}.get(kind, kind), "/".join(rest)


def row_of(one: KeyHistory, history: History) -> Row:
    kind, name = labels(one.key)
    marks: list[Row] = []
    generations = []
    for number, generation in enumerate(one.generations, 1):
        for mark in generation:
            kv = mark.kv
            sort = "gone" if not mark.kept else "tombstone" if mark.tombstone else "version"
            told: Row = {"rev": mark.revision.main, "kind": sort, "gen": number}
            if mark.tombstone:
                told["text"] = str(mark)
            if kv is not None and not mark.tombstone:
                told.update(version=kv.version, create=kv.create_revision, lease=_lease(kv.lease, history))
            marks.append(told)
        ended = generation[-1].tombstone
        generations.append(
            {
                "number": number,
                "from": generation[0].revision.main,
                "to": generation[-1].revision.main if ended else None,
            }
        )
    for told, after in zip(marks, [*marks[1:], None], strict=True):
        told["until"] = after["rev"] if after is not None else None
    return {
        "key": name_of(one.key),
        "kind": kind,
        "name": name,
        "marks": marks,
        "generations": generations,
        "index": one.index(),
    }


def _lease(id: int, history: History) -> str:
    if not id:
        return ""
    return f"{id:x}, {history.leases[id]}" if id in history.leases else f"{id:x}"


def values_of(rows: list[tuple[Row, KeyHistory]]) -> dict[str, Any]:
    """Each version's value as numbers of lines: versions share most of their lines, which lie in `lines`."""
    lines: dict[str, int] = {}
    forms: dict[str, int] = {}
    carried = left = raw_bytes = 0
    raws: list[str] = []
    newest_first = [
        (told, mark)
        for row, one in rows
        for told, mark in zip(row["marks"], one.marks, strict=True)
        if mark.kv is not None and not mark.tombstone
    ]
    newest_first.sort(key=lambda pair: pair[1].revision, reverse=True)
    for told, mark in newest_first:
        assert mark.kv is not None
        told["bytes"] = len(mark.kv.value)
        if carried > MOST_LINES:
            left += 1
            continue
        form, shown = lines_of(mark.kv.value)
        carried += len(shown)
        told["form"] = forms.setdefault(form, len(forms))
        told["lines"] = [lines.setdefault(line, len(lines)) for line in shown]
        raw_bytes += len(mark.kv.value)
        if raw_bytes <= RAW_BYTES:
            told["raw"] = len(raws)
            raws.append(mark.kv.value.decode(errors="backslashreplace"))
    return {"lines": list(lines), "forms": list(forms), "raws": raws, "values_left": left}


def stop_of(revision: int, history: History, rows: list[tuple[Row, KeyHistory]]) -> Row:
    here = [(one, mark) for _, one in rows for mark in one.marks if mark.revision.main == revision]
    write = history.writes.get(revision)
    readable = history.readable(revision)
    kind = "changes nothing here"
    if not readable:
        kind = "compacted"
    elif here:
        kind = "deletion" if all(mark.tombstone for _, mark in here) else "put"
    hue, shape = ("heard", "round") if readable else ("off", "square")
    return {
        "id": write.record if write is not None else f"rev {revision}",
        "rev": revision,
        "number": revision,
        "t": None if write is None else round(write.at, 3),
        "kind": kind,
        "tick": {"hue": hue, "shape": shape},
        "sentence": _sentence(revision, here, history),
        "by": None if write is None else f"{write.by}: {write.asked}",
        "halt": "refused" if not readable else "",
    }


def _sentence(revision: int, here: list[tuple[KeyHistory, Mark]], history: History) -> str:
    write = history.writes.get(revision)
    by = f", asked by {write.by}," if write is not None else ""
    if not history.readable(revision):
        return (
            f"Below {history.compacted} nothing can be read: a read at {revision} is refused, because the "
            f"store was compacted at {history.compacted}."
        )
    if not here:
        return f"Revision {revision} changes nothing here: a read finds what was there before."
    if len(here) > 1:
        names = " and ".join(f"`{_short(one.key)}`" for one, _ in here[:2])
        more = f" and {len(here) - 2} more" if len(here) > 2 else ""
        does = "deletes" if all(mark.tombstone for _, mark in here) else "changes"
        subs = f"sub-revisions {here[0][1].revision.sub} to {here[-1][1].revision.sub}"
        return f"One transaction{by} {does} {names}{more} at revision {revision}: same revision, {subs}."
    one, mark = here[0]
    name = f"`{_short(one.key)}`"
    if mark.tombstone:
        return (
            f"Revision {revision}{by} deletes {name}: {mark} is its tombstone. A read here finds no key; "
            "a read one revision before still works."
        )
    if mark.kv is None:
        return f"Revision {revision} wrote {name}{by}; compaction has taken it away."
    if mark.kv.version == 1:
        again = len(one.generations) > 1 and one.generations[0][0] is not mark
        tail = "The same key again: a new generation, version 1." if again else "Its first generation begins."
        return f"Revision {revision}{by} creates {name}. {tail}"
    return f"Revision {revision}{by} writes version {mark.kv.version} of {name}."


def _short(key: bytes) -> str:
    kind, name = labels(key)
    return f"{kind} {name}" if kind else name


def legend_of(rows: list[tuple[Row, KeyHistory]], history: History) -> list[dict[str, str]]:
    marks = [mark for row, _ in rows for mark in row["marks"]]
    kinds = {mark["kind"] for mark in marks}
    items = []
    if "version" in kinds:
        items.append({"glyph": "version_now", "text": "read at the cursor (number = version)"})
        items.append({"glyph": "version", "text": "another version"})
    if "gone" in kinds:
        items.append({"glyph": "version_gone", "text": "compacted away"})
    if "tombstone" in kinds:
        items.append({"glyph": "tombstone", "text": "tombstone: deleted"})
    if any(mark.get("lease") for mark in marks):
        items.append({"glyph": "leased", "text": "tied to a lease"})
    if any(len(row["marks"]) > MOST_MARKS for row, _ in rows):
        items.append({"glyph": "bars", "text": "many versions: a bar by their number"})
    return [*items, {"glyph": "compared", "text": "compared with", "when": "compared"}]
