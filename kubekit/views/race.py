"""The conflict race: who read which version of an object, who wrote from it, and whose write came too late.

A column is a writer, the door stands beside them with the versions that were stored; time runs downward, a
row a request. A write says by its resourceVersion what it was made from; where the stored object is newer
it is refused with 409, and whoever wants to write reads again. All of it is in the records of the requests.

`Race(subject, records, meta)`; reads by people count, those by components come through watches. Of a long
history the last requests are shown. Source of the check: apiserver/pkg/registry/generic/registry/store.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from kubekit.sim import Record
from kubekit.views import cards
from kubekit.views.view import Table, View

Obj = dict[str, Any]

MOST_ROWS = 60
MOST_WRITERS = 4
FROM = re.compile(r"put if mod = (\d+)")


class Turn(NamedTuple):
    """One request about the object. `at` was its basis ("" for none), `stored` the version before it."""

    record: Record
    writer: str
    kind: str
    at: str
    stored: str
    now: str


class Race(View):
    """The requests about one object, as a race of its writers."""

    name = "race"

    def __init__(
        self, subject: str, records: Iterable[Record], meta: list[list[str]], cluster_id: str = ""
    ) -> None:
        self.subject = subject
        turns = turns_of([record for record in records if record.kind == "request"])
        if not turns:
            title = f"Nobody has written {subject} yet"
            kind, _, name = subject.partition("/")
            empty = f"No write yet. Make two, e.g. `%kubectl edit {kind} {name.rpartition('/')[2]}` twice."
            scene: Obj = {
                "title": title,
                "meta": meta,
                "inspector": False,
                "empty": empty,
                "sentence": f"{title}.",
            }
            super().__init__(scene, title, Table(title, ["t", "writer", "request", "version"], []))
            return
        shown = turns[-MOST_ROWS:]
        order = list(dict.fromkeys(turn.writer for turn in shown))
        in_races = [turn.writer for turn in shown if turn.kind in ("stale", "retry")]
        ranked = list(dict.fromkeys([*in_races, *order]))
        writers = [one for one in order if one in ranked[:MOST_WRITERS]]
        kept = [turn for turn in shown if turn.writer in writers]
        title = _title(subject, turns)
        stops = [_stop(subject, turn) for turn in kept]
        stale = [at for at, turn in enumerate(kept) if turn.kind == "stale"]
        scene = {
            "title": title,
            "meta": meta,
            "legend": _legend({turn.kind for turn in kept}),
            "writers": writers,
            "object": subject,
            "rows": [
                {
                    "writer": writers.index(turn.writer),
                    "kind": turn.kind,
                    "verb": turn.record.came_in["method"],
                    "at": turn.at,
                    "stored": turn.stored,
                    "now": turn.now,
                    "status": int(turn.record.came_out["status"]),
                    "answer": cards.status_line(int(turn.record.came_out["status"])),
                }
                for turn in kept
            ],
            "records": stops,
            "cursor": stale[-1] if stale else len(stops) - 1,
            "cluster": cluster_id,
        }
        hidden = len(turns) - len(kept)
        if hidden:
            scene["fold"] = {"text": f"Folded away: {hidden} earlier or other requests.", "toggle": False}
        lines = [
            f"{turn.record.at:.3f}  {turn.writer}  {turn.record.came_in['method']}  {_versions(turn)}"
            for turn in kept
        ]
        table = Table(
            title,
            ["t", "writer", "request", "version"],
            [
                [f"{turn.record.at:.3f}", turn.writer, turn.record.came_in["method"], _versions(turn)]
                for turn in kept
            ],
        )
        super().__init__(scene, "\n".join([title, *lines]), table)


def turns_of(records: list[Record]) -> list[Turn]:
    """The requests that matter to a race: every write, and the reads of those who write."""
    writers = {_writer(one) for one in records if one.came_in["verb"] not in ("get", "list", "watch")}
    found: list[Turn] = []
    stored = ""
    lost: set[str] = set()
    for record in records:
        asked, out, who = record.came_in, record.came_out, _writer(record)
        status = int(out["status"])
        if asked["verb"] == "get":
            if who in writers and not asked["subresource"]:
                read = str(out.get("read") or "")
                found.append(Turn(record, who, "read" if status < 400 else "refused", read, stored, read))
            continue
        if asked["verb"] in ("list", "watch") or asked["query"].get("dryRun"):
            continue
        at = _basis(record)
        now = str(out["revision"] or "") if status < 400 else ""
        before = ((out.get("before") or {}).get("metadata") or {}).get("resourceVersion")
        stored = str(before) if before else stored
        if status >= 400:
            refusal = out.get("refusal") or {}
            conflict = status == 409 and isinstance(refusal, dict) and refusal.get("reason") == "Conflict"
            kind = "stale" if conflict else "refused"
            if conflict:
                lost.add(who)
        else:
            kind = "retry" if who in lost else "write"
            lost.discard(who)
        found.append(Turn(record, who, kind, at, stored, now))
        stored = now or stored
    return found


def _writer(record: Record) -> str:
    """Who asked: a person by name, a component or program by its own."""
    user, source = record.came_in["user"], record.came_in["source"]
    return str(source if user.startswith("system:") or not user else user)


def _basis(record: Record) -> str:
    """The version from which a write says it was made; for one that says nothing, the one it replaced."""
    asked = record.came_in
    body: Any = asked["body"]
    if asked["patch"] and isinstance(asked["patch_body"], str):
        try:
            body = json.loads(asked["patch_body"])
        except ValueError:
            body = None
    elif asked["patch"]:
        body = asked["patch_body"]
    if isinstance(body, dict):
        given = (body.get("metadata") or {}).get("resourceVersion")
        given = given or (body.get("preconditions") or {}).get("resourceVersion")
        if given:
            return str(given)
    for write in record.came_out.get("writes") or ():
        if (match := FROM.match(write["condition"])) is not None:
            return match[1]
    return ""


def _versions(turn: Turn) -> str:
    if turn.kind == "read":
        return f"reads {turn.at}" if turn.at else "reads"
    if turn.kind == "stale":
        return f"409 Conflict: made from {turn.at}, stored is {turn.stored}"
    if turn.kind == "refused":
        return cards.status_line(int(turn.record.came_out["status"]))
    made = f"made from {turn.at}, " if turn.at else ""
    return f"{made}stored as {turn.now}" if turn.now else f"{made}nothing changed"


def _sentence(subject: str, turn: Turn) -> str:
    who, record = turn.writer, turn.record
    status = cards.status_line(int(record.came_out["status"]))
    if turn.kind == "read":
        return f"{who} reads {subject}" + (f" at version {turn.at}." if turn.at else ".")
    if turn.kind == "stale":
        refusal = record.came_out.get("refusal") or {}
        return (
            f"{who}'s {record.came_in['method']} was made from version {turn.at}, but {turn.stored} is "
            f"stored: {status}. {refusal.get('message', '')}"
        )
    if turn.kind == "refused":
        refusal = record.came_out.get("refusal") or {}
        said = refusal.get("message", "") if isinstance(refusal, dict) else ""
        return f"{who}'s {record.came_in['method']} is refused: {status}. {said}"
    again = " tries again and" if turn.kind == "retry" else ""
    made = f" from version {turn.at}" if turn.at else ""
    if not turn.now:
        return f"{who}{again} writes{made}: nothing changed, so nothing was stored."
    return f"{who}{again} writes{made}: it is stored as version {turn.now}."


def _stop(subject: str, turn: Turn) -> Obj:
    hue, shape = {
        "stale": ("refuse", "diamond"),
        "refused": ("refuse", "diamond"),
        "write": ("good", "round"),
        "retry": ("good", "round"),
    }.get(turn.kind, ("ask", "square"))
    return {
        "id": turn.record.id,
        "t": round(turn.record.at, 3),
        "kind": {"stale": "conflict"}.get(turn.kind, turn.kind),
        "tick": {"hue": hue, "shape": shape},
        "sentence": _sentence(subject, turn),
        "halt": "refused" if turn.kind in ("stale", "refused") else "",
        "rev": int(turn.record.came_out["revision"] or 0) or None,
        "card": cards.of_request(turn.record),
    }


def _legend(kinds: set[str]) -> list[Obj]:
    items: list[Obj] = [{"line": "request", "text": "request"}]
    if kinds - {"stale", "refused"}:
        items.append({"line": "response", "text": "answer"})
    if kinds & {"stale", "refused"}:
        items.append({"line": "refusal", "text": "refusal"})
    if "stale" in kinds:
        items.append({"glyph": "refuse", "text": "made from an old version"})
    return items


def _title(subject: str, turns: list[Turn]) -> str:
    stale = [turn for turn in turns if turn.kind == "stale"]
    writers = len({turn.writer for turn in turns if turn.kind != "read"})
    if not stale:
        many = f"{writers} writers" if writers != 1 else "One writer"
        return f"{many}, no conflict: nobody wrote {subject} from an old version"
    last = stale[-1]
    after = turns[turns.index(last) + 1 :]
    done = next((turn for turn in after if turn.writer == last.writer and turn.kind == "retry"), None)
    if done is None:
        return f"{last.writer} wrote {subject} from an old version: 409, and has not tried again"
    return (
        f"{last.writer} wrote {subject} from an old version: 409, then again from {done.at or 'the new one'}"
    )
