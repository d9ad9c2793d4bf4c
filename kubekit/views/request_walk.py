"""The request walk: one request through every filter of the API server, and back.

Each filter says what it saw and decided; a refusal gets the most room, and what was not reached stays
visible. Below is the request as it goes over the wire and as a curl line, and what changed between what was
sent and what was stored. *Replay* sends the same request again, as a dry run where it would write.

`RequestWalk(record, meta, send=...)`: `send(Request) -> Record` is needed for replaying only.
Everything else comes from the record (`kubekit.apiserver.records`); `wire_form` writes it out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.exchange import Request
from kubekit.sim import Record, Step
from kubekit.views import cards, wire_form
from kubekit.views.view import Scene, Table, View

Obj = dict[str, Any]
Send = Callable[[Request], Record]

MUTATING, VALIDATING = "Admission, mutating", "Admission, validating"
WAY = ("Request info", "Authentication", "Authorization", MUTATING, "Validation", VALIDATING, "etcd")
"""What a write passes, in order; a read passes the first three."""
WRITES_ONLY = (MUTATING, "Validation", VALIDATING, "etcd")
READS = ("get", "list", "watch")
QUESTIONS = {
    "Request info": "What is asked for?",
    "Authentication": "Who asks?",
    "Impersonation": "As whom?",
    "Authorization": "May they?",
    MUTATING: "Is there anything to add?",
    "Validation": "Is the object sound?",
    VALIDATING: "Does anybody object?",
    "etcd": "Is it still what was read? Then write.",
    "Max in flight": "Is there a free seat?",
    "Priority and fairness": "Is there a free seat?",
}
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
        super().__init__(*self._picture(""), actions={"replay": self._replay})

    def replay(self) -> RequestWalk:
        """Send the request again, as a dry run where it writes, and show that walk here."""
        if self._send is None:
            return self
        before = self.record
        self.record = self._send(wire_form.again(before))
        was, now = before.came_out["status"], self.record.came_out["status"]
        dry = " as a dry run" if before.came_in["verb"] not in READS else ""
        same = (
            "the same answer" if was == now else f"{cards.status_line(now)}; it was {cards.status_line(was)}"
        )
        self.update(*self._picture(f"Sent again{dry}: {same}. This is the new record, {self.record.id}."))
        return self

    def _replay(self) -> None:
        self.replay()

    # -- the picture ---------------------------------------------------------------------------------

    def _picture(self, notice: str) -> tuple[Scene, str, Table]:
        record = self.record
        rows = rows_of(record)
        refused = next((at for at, row in enumerate(rows) if row["verdict"] == "refuse"), None)
        missed = not_reached(record, rows)
        title = _title(record, rows[refused] if refused is not None else None)
        status = int(record.came_out["status"])
        stops = [self._stop(at, row) for at, row in enumerate(rows)]
        stops.append(self._answer_stop(len(rows), status))
        scene: Scene = {
            "title": title,
            "meta": [["record", str(record.id)], ["t =", f"{record.at:.3f} s"], *self._meta[1:]],
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
        lines = [f"{row['name']}  {_loud(row['verdict'])}  {row['why']}".rstrip() for row in rows]
        lines += [f"{name}  not reached" for name, why in missed if why == "not reached"]
        lines.append(cards.status_line(status))
        text = "\n".join([title, f"{scene['line']['method']} {scene['line']['path']}", *lines, scene["curl"]])
        table = Table(
            title,
            ["step", "verdict", "why"],
            [
                *([row["name"], WORDS.get(row["verdict"], row["verdict"]), row["why"]] for row in rows),
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
        chip = {"hue": "refuse" if refused else "good", "text": WORDS.get(row["verdict"], row["verdict"])}
        parts: list[Obj] = [{"name": "saw", "facts": row["saw"]}] if row["saw"] else []
        if row["steps"]:
            parts.append({"name": row["steps_name"], "steps": row["steps"]})
        if row["why"]:
            parts.append({"name": "so the answer is" if refused else "came out", "text": row["why"]})
        refusal = self.record.came_out.get("refusal")
        if refused and isinstance(refusal, dict):
            parts.append({"name": "what went back, a v1 Status", "pre": _status_text(refusal)})
            if row["name"] == "Authorization":
                parts.append({"name": "a rule that would allow it", "pre": _rule(self.record)})
        return {"title": asked or row["name"], "sub": row["name"], "chip": chip, "parts": parts}


def rows_of(record: Record) -> list[Obj]:
    """The steps of a request, each phase of admission as one, and the refusal of whoever left no step."""
    rows: list[Obj] = []
    for step in record.steps:
        name = _phase(step)
        if rows and rows[-1]["name"] == name and name in (MUTATING, VALIDATING):
            row = rows[-1]
        else:
            row = {"name": name, "verdict": step.verdict, "why": step.reason, "saw": [], "steps": []}
            row["steps_name"] = "asked"
            rows.append(row)
        if name in (MUTATING, VALIDATING):
            _add_plugin(row, step)
        else:
            row["saw"], row["steps"], row["steps_name"] = _seen(record, step)
    status, refusal = int(record.came_out["status"]), record.came_out.get("refusal")
    if status >= 400 and not any(row["verdict"] == "refuse" for row in rows):
        said = refusal.get("message", "") if isinstance(refusal, dict) else ""
        names = [row["name"] for row in rows]
        who = "Storage" if status in (404, 409, 410) else "Endpoint"
        who = who if "Authorization" in names else "Request"
        rows.append(
            {"name": who, "verdict": "refuse", "why": said, "saw": [], "steps": [], "steps_name": "asked"}
        )
    return rows


def not_reached(record: Record, rows: list[Obj]) -> list[tuple[str, str]]:
    """The filters that said nothing: (name, why)."""
    names = [row["name"] for row in rows]
    refused = any(row["verdict"] == "refuse" for row in rows)
    reads = record.came_in["verb"] in READS
    found = [] if "Impersonation" in names else [("Impersonation", "does not apply")]
    for name in WAY:
        if name not in names:
            why = (
                "writes only" if reads and name in WRITES_ONLY else "not reached" if refused else "not asked"
            )
            found.append((name, why))
    return found


def _phase(step: Step) -> str:
    if step.asked.startswith("Admission "):
        return VALIDATING if step.reason == "validating" else MUTATING
    return step.asked


def _add_plugin(row: Obj, step: Step) -> None:
    plugin = step.asked.removeprefix("Admission ")
    quiet = step.verdict == "pass" and step.reason in cards.QUIET
    row["steps"].append({"asked": plugin, "verdict": step.verdict, "reason": "" if quiet else step.reason})
    count = len(row["steps"])
    row["steps_name"] = "plugins, in order"
    if step.verdict == "refuse":
        row["verdict"], row["why"] = "refuse", f"{plugin}: {step.reason}"
    elif row["verdict"] != "refuse":
        row["why"] = f"{count} plugin{'' if count == 1 else 's'} let it pass"


def _seen(record: Record, step: Step) -> tuple[list[list[str]], list[Obj], str]:
    """What a step looked at: facts, and steps of its own under a name."""
    asked, figures = record.came_in, step.figures or {}
    if step.asked == "Request info":
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        return [[name, str(asked[name])] for name in names if asked[name]], [], "asked"
    if step.asked == "Authentication" and figures:
        groups = ", ".join(figures["groups"])
        return [["method", figures["method"]], ["user", step.reason], ["groups", groups]], [], "asked"
    if step.asked == "Authorization" and "bindings" in figures:
        return [], [_binding(one) for one in figures["bindings"] or ()], f"bindings that name {asked['user']}"
    if step.asked == "etcd" and "key" in figures:
        return [["key", figures["key"]], ["revision", str(figures["rev"])]], [], "asked"
    if step.asked == "Validation" and step.verdict == "refuse":
        refusal = record.came_out.get("refusal") or {}
        causes = (refusal.get("details") or {}).get("causes") or ()
        told = [
            {"asked": f"`{one.get('field', '')}`", "verdict": "refuse", "reason": one.get("message", "")}
            for one in causes
        ]
        return [], told, "fields"
    return [], [], "asked"


def _binding(one: Obj) -> Obj:
    rules = "; ".join(_rule_text(rule) for rule in one["rules"]) or "no such role, or no rules"
    return {
        "asked": f"`{one['binding']}` through {one['subject']}",
        "verdict": "skip",
        "reason": f"does not match: {rules}",
    }


def _rule_text(rule: Obj) -> str:
    verbs = ", ".join(rule.get("verbs") or ())
    what = rule.get("nonResourceURLs") or rule.get("resources") or ()
    told = ", ".join(what) if len(what) < 5 else f"{', '.join(what[:4])} and {len(what) - 4} more"
    return f"{verbs} {told}"


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


def _then(record: Record) -> str:
    out = record.came_out
    if int(out["status"]) >= 400:
        return "etcd was not written"
    if out.get("writes"):
        return f"written to etcd at rev {out['revision']}"
    return "nothing was written"


def _loud(verdict: str) -> str:
    return "REFUSED" if verdict == "refuse" else WORDS.get(verdict, verdict)


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
