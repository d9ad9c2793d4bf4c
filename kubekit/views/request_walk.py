"""The request walk: one request through every filter of the API server, and back.

Each filter says what it saw and decided, defaulting and each plugin of admission also what they changed; a
refusal gets the most room, and what was not reached stays visible. Below is the request as it goes over the
wire and as a curl line, and what changed between what was sent and what was stored. *Replay* sends the same
request again, as a dry run where it would write, and measures each filter.

`RequestWalk(record, meta, send=...)`: `send(Request) -> (Record, Stopwatch)` is needed for replaying only.
Everything else comes from the record (`kubekit.apiserver.records`); `walk_rows` arranges its steps,
`wire_form` writes it out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.exchange import Request
from kubekit.apiserver.stopwatch import Stopwatch
from kubekit.sim import Record
from kubekit.views import cards, wire_form
from kubekit.views.view import Scene, Table, View
from kubekit.views.walk_rows import (
    DEFAULTING,
    MUTATING,
    READS,
    VALIDATING,
    cells_of,
    not_reached,
    rows_of,
    text_of,
    took,
)

Obj = dict[str, Any]
Send = Callable[[Request], tuple[Record, Stopwatch]]

QUESTIONS = {
    "Request info": "What is asked for?",
    "Authentication": "Who asks?",
    "Impersonation": "As whom?",
    "Authorization": "May they?",
    DEFAULTING: "What was left out that has a default?",
    MUTATING: "Is there anything to add?",
    "Validation": "Is the object sound?",
    VALIDATING: "Does anybody object?",
    "etcd": "Is it still what was read? Then write.",
    "Max in flight": "Is there a free seat?",
    "Priority and fairness": "Is there a free seat?",
}
INCLUDED = {
    DEFAULTING: ", with reading and decoding the body and noting whose fields these are",
    "Validation": ", with what the kind itself fills in",
}
"""What lies in the time of a step besides."""
WORDS = {"pass": "passes", "refuse": "refused", "skip": "does not apply", "note": "remark"}


class RequestWalk(View):
    """The walk of one request."""

    name = "request_walk"

    def __init__(
        self,
        record: Record | None,
        meta: list[list[str]],
        *,
        send: Send | None = None,
        address: str = "",
        empty: str = "",
    ) -> None:
        self._meta, self._send, self._address = meta, send, address
        if record is None:
            title = "No such request was recorded"
            scene: Scene = {
                "title": title,
                "meta": meta,
                "inspector": False,
                "empty": empty,
                "sentence": empty,
            }
            super().__init__(scene, f"{title}. {empty}", Table(title, ["step", "verdict", "why"], []))
            return
        self.record = record
        self.watch: Stopwatch | None = None
        """The times of the request, when it was sent from here."""
        super().__init__(*self._picture(""), actions={"replay": self._replay})

    def replay(self) -> RequestWalk:
        """Send the request again, as a dry run where it writes, and show that walk here."""
        if self._send is None:
            return self
        before = self.record
        self.record, self.watch = self._send(wire_form.again(before))
        was, now = before.came_out["status"], self.record.came_out["status"]
        dry = " as a dry run" if before.came_in["verb"] not in READS else ""
        same = (
            "the same answer" if was == now else f"{cards.status_line(now)}; it was {cards.status_line(was)}"
        )
        told = f"Sent again{dry}: {same}. This is the new record, {self.record.id}, with each filter's time."
        self.update(*self._picture(told))
        return self

    def _replay(self) -> None:
        self.replay()

    # -- the picture ---------------------------------------------------------------------------------

    def _picture(self, notice: str) -> tuple[Scene, str, Table]:
        record, watch = self.record, self.watch
        rows = rows_of(record, watch)
        refused = next((at for at, row in enumerate(rows) if row["verdict"] == "refuse"), None)
        missed = not_reached(record, rows)
        title = _title(record, rows[refused] if refused is not None else None)
        status = int(record.came_out["status"])
        stops = [self._stop(at, row) for at, row in enumerate(rows)]
        stops.append(self._answer_stop(len(rows), status))
        scene: Scene = {
            "title": title,
            "meta": [*_of(record, watch), *self._meta[1:]],
            "legend": _legend(rows, missed, status),
            "unit": "step",
            "line": {"method": record.came_in["method"], "path": wire_form.target(record)},
            "rows": rows,
            "missed": missed,
            "answer": {"status": status, "text": cards.status_line(status), "then": _then(record)},
            "records": stops,
            "cursor": refused if refused is not None else len(stops) - 1,
            "wire": wire_form.wire(record),
            "curl": wire_form.curl(record, self._address),
            "patch": wire_form.difference(record),
            "replay": self._send is not None and record.came_in["verb"] != "watch",
            "writes": record.came_in["verb"] not in READS,
        }
        if notice:
            scene["notice"] = {"text": notice, "hue": "refuse" if status >= 400 else "ask"}
        lines = [line for row in rows for line in text_of(row, _loud(row["verdict"]))]
        lines += [f"{name}  not reached" for name, why in missed if why == "not reached"]
        lines.append(cards.status_line(status))
        text = "\n".join([title, f"{scene['line']['method']} {scene['line']['path']}", *lines, scene["curl"]])
        table = Table(
            title,
            ["step", "verdict", "why"],
            [
                *(cells for row in rows for cells in cells_of(row, _word(row["verdict"]))),
                *([name, why, ""] for name, why in missed),
                ["answer", cards.status_line(status), _then(record)],
            ],
        )
        return scene, text, table

    def _stop(self, at: int, row: Obj) -> Obj:
        refused = row["verdict"] == "refuse"
        asked = QUESTIONS.get(row["name"], "")
        return {
            "id": f"{self.record.id}/{at}",
            "t": None,
            "kind": row["name"],
            "tick": {"hue": "refuse" if refused else "ask", "shape": "diamond" if refused else "square"},
            "sentence": _sentence(self.record, row, asked),
            "halt": "refused" if refused else "",
            "row": at,
            "card": self._card(row, asked),
        }

    def _answer_stop(self, at: int, status: int) -> Obj:
        refused = status >= 400
        return {
            "id": self.record.id,
            "t": None,
            "kind": "answer",
            "tick": {"hue": "refuse" if refused else "good", "shape": "diamond" if refused else "round"},
            "sentence": self.record.sentence,
            "halt": "refused" if refused else "",
            "row": at,
            "card": cards.of_request(self.record),
        }

    def _card(self, row: Obj, asked: str) -> Obj:
        """A step in full: what it asked, what it looked at, what it decided."""
        refused = row["verdict"] == "refuse"
        chip = {"hue": "refuse" if refused else "good", "text": _word(row["verdict"])}
        parts: list[Obj] = [{"name": "saw", "facts": row["saw"]}] if row["saw"] else []
        if row["steps"]:
            parts.append({"name": row["steps_name"], "steps": row["steps"]})
        elif row["lines"]:
            parts.append({"name": "filled in, as a patch", "lines": row["lines"]})
        if row["why"] and not (row["lines"] and not refused):
            parts.append({"name": "so the answer is" if refused else "came out", "text": row["why"]})
        refusal = self.record.came_out.get("refusal")
        if refused and isinstance(refusal, dict):
            parts.append({"name": "what went back, a v1 Status", "pre": _status_text(refusal)})
            if row["name"] == "Authorization":
                parts.append({"name": "a rule that would allow it", "pre": _rule(self.record)})
        if row["took"]:
            parts.append({"name": "took", "text": f"{row['took']}{INCLUDED.get(row['name'], '')}"})
        return {"title": asked or row["name"], "sub": row["name"], "chip": chip, "parts": parts}


def _rule(record: Record) -> str:
    asked = record.came_in
    if not asked["resource"]:
        return f'nonResourceURLs: ["{asked["path"]}"]  verbs: ["{asked["verb"]}"]'
    what = f"{asked['resource']}/{asked['subresource']}" if asked["subresource"] else asked["resource"]
    return f'apiGroups: ["{asked["group"]}"]  resources: ["{what}"]  verbs: ["{asked["verb"]}"]'


def _status_text(refusal: Obj) -> str:
    lines = [
        f"{refusal.get('status', '')}, reason {refusal.get('reason', '')}, code {refusal.get('code', '')}"
    ]
    return "\n".join([*lines, str(refusal.get("message", ""))])


def _what(record: Record) -> str:
    asked = record.came_in
    if not asked["resource"]:
        return f"{asked['verb']} {asked['path']}"
    what = f"{asked['resource']}/{asked['subresource']}" if asked["subresource"] else asked["resource"]
    name = f" {asked['name']}" if asked["name"] else ""
    where = f" in {asked['namespace']}" if asked["namespace"] else ""
    return f"{asked['verb']} {what}{name}{where}"


def _title(record: Record, refused: Obj | None) -> str:
    user, status = record.came_in["user"], int(record.came_out["status"])
    if refused is None:
        return f"{user} may {_what(record)}, and did: {cards.status_line(status)}"
    word = "may not" if refused["name"] == "Authorization" else "could not"
    return f"{user} {word} {_what(record)}: refused at {refused['name'][0].lower()}{refused['name'][1:]}"


def _sentence(record: Record, row: Obj, asked: str) -> str:
    if row["verdict"] != "refuse":
        return f"{row['name']}: {asked} {row['why']}".strip().rstrip(".") + "."
    if row["name"] == "Authorization":
        return (
            f"RBAC only adds: no rule says no, but none says yes to {record.came_in['user']} "
            f"for {_what(record)}. {row['why']}"
        )
    said = (record.came_out.get("refusal") or {}).get("message", "")
    return f"{row['name']} refuses: {said or row['why']}"


def _of(record: Record, watch: Stopwatch | None) -> list[list[str]]:
    """Which record, when on the cluster's clock, and how long on the machine's."""
    whole = took(watch.whole if watch is not None else record.took)
    told = [["record", str(record.id)], ["t =", f"{record.at:.3f} s"]]
    return [*told, ["took", whole]] if whole else told


def _then(record: Record) -> str:
    out = record.came_out
    if int(out["status"]) >= 400:
        return "etcd was not written"
    if out.get("writes"):
        return f"written to etcd at rev {out['revision']}"
    return "nothing was written"


def _word(verdict: str) -> str:
    return WORDS.get(verdict, verdict)


def _loud(verdict: str) -> str:
    return "REFUSED" if verdict == "refuse" else _word(verdict)


def _legend(rows: list[Obj], missed: list[tuple[str, str]], status: int) -> list[Obj]:
    items: list[Obj] = [{"glyph": "pass", "text": "passed"}] if rows[0]["verdict"] == "pass" else []
    if missed:
        items.append({"glyph": "skip", "text": "did not apply, or not reached"})
    if any(row["verdict"] == "refuse" for row in rows):
        items.append({"glyph": "refuse", "text": "refused"})
    items.append({"line": "request", "text": "request"})
    back = ("refusal", "refusal on its way back") if status >= 400 else ("response", "response")
    items.append({"line": back[0], "text": back[1]})
    return items
