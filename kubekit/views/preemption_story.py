"""A preemption's record, taken apart: the candidates, the rules' rounds, and what became of the victims.

Called by `preemption`. `PreemptionStory(pod, record, records_of)` takes an attempt's record that holds
findings; the victims' leaving and the binding are looked up in their own records. Rules keep the greatest
value, so most values are stored negated; `_value` says them as people do.
Source of the rules: `kubekit.scheduler.preemption`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.sim import Record, Step, rfc3339
from kubekit.views import cards
from kubekit.views.view import Table

Obj = dict[str, Any]
RecordsOf = Callable[[str], list[Record]]

MOST_NODES = 8
"""Columns that fit side by side."""
MOST_VICTIMS = 6
"""Victims of one node that are listed; the others are counted."""


class PreemptionStory:
    """An attempt that looked for victims, taken apart for the picture."""

    def __init__(self, pod: str, record: Record, records_of: RecordsOf) -> None:
        self.pod, self.record = pod, record
        found = findings_of(record)
        assert found is not None
        self.candidates: list[Obj] = found["candidates"]
        self.rejected: dict[str, list[str]] = found["rejected"]
        self.rounds: list[Obj] = found["rounds"]
        self.chosen: str = found["chosen"]
        self.out_by = self._out_by()
        everyone = [one["node"] for one in self.candidates] + list(self.rejected)
        wanted = [self.chosen] if self.chosen else []
        late = sorted(self.out_by, key=lambda node: -self.out_by[node])
        wanted += [node for node in [*late, *everyone] if node not in wanted]
        shown = set(wanted[:MOST_NODES])
        wanted = [node for i, node in enumerate(everyone) if node in shown and node not in everyone[:i]]
        self.shown = wanted
        self.hidden = len(set(everyone)) - len(shown)
        self.events = self._what_followed(records_of) if self.chosen else []
        self.times = self._times()
        self.title = self._title()

    def _out_by(self) -> dict[str, int]:
        """By node: the round that it fell out in."""
        out: dict[str, int] = {}
        for at, one in enumerate(self.rounds):
            for node in one["values"]:
                if node not in one["left"]:
                    out[node] = at
        return out

    def _winner(self) -> Obj | None:
        return next((one for one in self.candidates if one["node"] == self.chosen), None)

    def _title(self) -> str:
        winner = self._winner()
        if winner is None:
            return f"No node can be cleared for {self.pod}"
        names = _names([victim["pod"] for victim in winner["victims"]])
        cost = f", though {_count(winner['violations'], 'budget')} would be violated"
        return f"{self.pod} is to get {self.chosen}: {names} must go{cost if winner['violations'] else ''}"

    def legend(self) -> list[dict[str, str]]:
        """Only signs that are on the stage."""
        items = []
        if self.out_by:
            items.append({"glyph": "refuse", "text": "falls out by this rule"})
        if any(one["violations"] for one in self.candidates):
            items.append({"glyph": "warn", "text": "a disruption budget would be violated"})
        if self.chosen:
            items.append({"glyph": "lead", "text": "chosen, nominated"})
        if self.times:
            items.append({"glyph": "terminating", "text": "terminating"})
        return items

    # -- columns and rows --------------------------------------------------------------------------

    def columns(self) -> list[Obj]:
        """Each node with its victims, or why it is no candidate."""
        known = {one["node"]: one for one in self.candidates}
        found = []
        for node in self.shown:
            one = known.get(node)
            why = ", ".join(self.rejected.get(node, ()))
            victims = [_victim(victim) for victim in one["victims"]] if one else []
            found.append(
                {
                    "name": node,
                    "victims": victims[:MOST_VICTIMS],
                    "more": max(0, len(victims) - MOST_VICTIMS),
                    "why": why,
                    "out": self.out_by.get(node, -1),
                    "card": self._card(node, one, why),
                }
            )
        return found

    def _card(self, node: str, candidate: Obj | None, why: str) -> Obj:
        if candidate is None:
            return {"title": node, "sub": "is no candidate", "parts": [{"name": "reason", "pre": why}]}
        parts: list[Obj] = [
            {
                "name": f"{victim['pod']} would go",
                "facts": [
                    ["priority", str(victim["priority"])],
                    ["started", victim["started"] or "not yet"],
                    ["grace", f"{victim['grace_seconds']} s"],
                    ["violates", ", ".join(victim["violates"]) or "no budget"],
                ],
            }
            for victim in candidate["victims"]
        ]
        at = self.out_by.get(node)
        fate = "chosen" if node == self.chosen else "equal to the last, not drawn"
        if at is not None:
            fate = f"out: {self.rounds[at]['rule']}"
        return {"title": node, "sub": fate, "parts": parts}

    def rules(self) -> list[Obj]:
        """One row a round: what the rule saw on each node, and who stayed."""
        found = []
        for one in self.rounds:
            rule = one["rule"]
            cells = [
                {
                    "text": _value(rule, one["values"][node]),
                    "verdict": "pass" if node in one["left"] else "refuse",
                }
                if node in one["values"]
                else None
                for node in self.shown
            ]
            found.append({"name": rule, "cells": cells, "why": self._what_happened(one)})
        return found

    def _what_happened(self, one: Obj) -> str:
        out = [node for node in one["values"] if node not in one["left"]]
        if not out:
            return "all alike"
        return f"{_names(out)} out, {_names(one['left'])} left"

    def fold(self) -> str:
        """What the picture leaves out."""
        return f"Folded away: {self.hidden} more nodes, which fell out or are no candidates."

    # -- what followed -----------------------------------------------------------------------------

    def _what_followed(self, records_of: RecordsOf) -> list[tuple[str, str, Record]]:
        """(kind, pod, record) of the victims' leaving and the pod's binding, in order."""
        winner = self._winner()
        found: list[tuple[str, str, Record]] = []
        for victim in winner["victims"] if winner else ():
            for record in self._later(records_of(f"pod/{victim['pod']}")):
                if record.kind == "request" and record.came_in["verb"] == "delete":
                    if record.came_out["status"] < 400 and not any(
                        kind == "delete" and pod == victim["pod"] for kind, pod, _ in found
                    ):
                        found.append(("delete", victim["pod"], record))
                elif record.kind == "watch" and record.came_out["type"] == "DELETED":
                    found.append(("gone", victim["pod"], record))
                    break
        for record in self._later(records_of(f"pod/{self.pod}")):
            if record.kind == "request" and record.came_in["subresource"] == "binding":
                found.append(("bound", self.pod, record))
                break
        return sorted(found, key=lambda one: one[2].id)

    def _later(self, records: list[Record]) -> list[Record]:
        return [record for record in records if record.id > self.record.id]

    def _times(self) -> list[Obj]:
        """A line a victim, and one for the pod: from, to (None: not yet), the grace it was given."""
        rows: list[Obj] = []
        before = len(self.rounds) + 1
        for at, (kind, pod, record) in enumerate(self.events, start=before + 1):
            if kind == "delete":
                stored = (record.came_out.get("object") or {}).get("metadata") or {}
                grace = stored.get("deletionGracePeriodSeconds")
                rows.append(_line("victim", pod, record.at, at, grace))
            row = next((one for one in rows if one["pod"] == pod), None)
            if kind == "gone" and row is not None:
                row["to"], row["over"] = record.at, at
        if not rows:
            return []
        mine = _line("pod", self.pod, self.record.at, before, None)
        if self.events[-1][0] == "bound":
            mine["to"], mine["over"] = self.events[-1][2].at, before + len(self.events)
        rows.append(mine)
        ends = [row["to"] or row["from"] + (row["grace"] or 0) for row in rows]
        ends += [row["from"] + (row["grace"] or 0) for row in rows]
        begin = self.record.at
        span = max(max(ends) - begin, 0.001)
        for row in rows:
            row["begun"], row["text"] = _told({**row, "to": None}), _told(row)
            row["start"] = _share(row["from"] - begin, span)
            row["end"] = _share((row["to"] if row["to"] is not None else max(ends)) - begin, span)
            row["until"] = _share(row["from"] + row["grace"] - begin, span) if row["grace"] else None
        return rows

    # -- stops -------------------------------------------------------------------------------------

    def stops(self) -> list[Obj]:
        """The search, each rule, the choice, the victims' leaving, the binding."""
        message = self.record.came_out.get("message") or ""
        count = len(self.candidates)
        none = "; every other is refused for reasons that no pod's leaving changes"
        found = [
            self._stop(
                "search",
                f"No node fits: {message} In a dry run, {_count(count, 'node')} would fit without less "
                f"important pods{none if not count else ''}.",
                0,
                at=self.record.at,
            )
        ]
        for at, one in enumerate(self.rounds):
            out = len(one["left"]) < len(one["values"])
            text = f"Rule {at + 1}, {one['rule']}: {self._what_happened(one)}."
            found.append(self._stop("rule", text, at + 1, "refuse" if out else "ask", self.record.at))
        last = len(self.rounds) + 1
        if not self.chosen:
            step = post_filter_of(self.record)
            said = step.reason if step is not None else message
            found.append(
                self._stop("refused", f"Nobody is preempted: {said}", last, "refuse", self.record.at)
            )
            found[-1]["halt"] = "refused"
            return found
        found.append(self._stop("pick", self._choice(), last, "chosen", self.record.at))
        for kind, pod, record in self.events:
            last += 1
            stop = self._stop(kind, self._what_came(kind, pod, record), last, _HUES[kind], record.at)
            found.append({**stop, "id": record.id, "card": cards.of(record)})
        return found

    def _choice(self) -> str:
        if not self.rounds:
            return (
                f"{self.chosen} is the only candidate, so no rule is asked; it becomes `nominatedNodeName`."
            )
        left = self.rounds[-1]["left"]
        if len(left) > 1:
            how = f"{_names(left)} are equal by all rules, and {self.chosen} comes first"
        else:
            how = f"{self.chosen} wins by the rule: {self.rounds[-1]['rule']}"
        return f"{how}. It becomes the pod's `nominatedNodeName`; the pod waits in the queue."

    def _what_came(self, kind: str, pod: str, record: Record) -> str:
        if kind == "delete":
            row = next(one for one in self.times if one["pod"] == pod)
            grace = "" if row["grace"] is None else f" with {row['grace']} s of grace"
            return f"{record.came_in['source']} deletes `{pod}`{grace}."
        if kind == "gone":
            return f"`{pod}` is gone at t = {record.at:.3f} s; its room on {self.chosen} is free."
        body = record.came_in.get("body") or {}
        node = (body.get("target") or {}).get("name", "")
        after = record.at - self.record.at
        kept = "as nominated" if node == self.chosen else f"though {self.chosen} was nominated"
        return f"kube-scheduler binds `{pod}` to {node}, {kept}, {after:.3f} s after the choice."

    def _stop(self, kind: str, sentence: str, row: int, hue: str = "ask", at: float = 0.0) -> Obj:
        shape = {"refuse": "diamond", "heard": "round", "chosen": "round", "good": "round"}
        return {
            "id": f"{self.record.id}/{row}",
            "t": round(at, 3),
            "kind": kind,
            "tick": {"hue": hue, "shape": shape.get(hue, "square")},
            "sentence": sentence,
            "halt": "pick" if kind == "pick" else "",
            "row": row,
            "card": self._own_card(),
        }

    def _own_card(self) -> Obj:
        card = cards.of_any(self.record, "scheduling attempt")
        step = post_filter_of(self.record)
        said = {"asked": "PostFilter", "verdict": step.verdict, "reason": step.reason} if step else {}
        parts = [part for part in card["parts"] if part["name"] == "came out"]
        return {**card, "parts": [{"name": "steps", "steps": [said]}, *parts]}

    # -- without the widget ------------------------------------------------------------------------

    def _fate(self, node: str) -> str:
        if node == self.chosen:
            return "chosen"
        at = self.out_by.get(node)
        if at is not None:
            one = self.rounds[at]
            return f"out: {one['rule']} ({_value(one['rule'], one['values'][node])})"
        return "no candidate" if node in self.rejected else "equal, not drawn"

    def _rows(self) -> list[list[str]]:
        rows = []
        for node in self.columns():
            victims = ", ".join(f"{one['pod']} ({one['text']})" for one in node["victims"])
            more = f" and {node['more']} more" if node["more"] else ""
            rows.append([node["name"], victims + more or node["why"], self._fate(node["name"])])
        return rows

    def lines(self) -> list[str]:
        """One line a node, then one a victim."""
        lines = [f"{node}  {fate}  {victims}" for node, victims, fate in self._rows()]
        lines += [f"{row['pod']}  {row['text']}" for row in self.times]
        return [*lines, self.fold()] if self.hidden else lines

    def table(self) -> Table:
        """Nodes, victims, fate; then the times."""
        rows: list[list[object]] = [list(row) for row in self._rows()]
        rows += [
            [row["pod"], row["text"], "victim" if row["kind"] == "victim" else "the pod"]
            for row in self.times
        ]
        return Table(self.title, ["node or pod", "victims, most important first", "outcome"], rows)


_HUES = {"delete": "ask", "gone": "heard", "bound": "good"}


def post_filter_of(record: Record) -> Step | None:
    return next((step for step in record.steps if step.asked == "PostFilter"), None)


def findings_of(record: Record) -> Obj | None:
    step = post_filter_of(record)
    found: Obj | None = (step.figures or {}).get("preemption") if step is not None else None
    return found


def _victim(victim: Obj) -> Obj:
    text = f"priority {victim['priority']}, grace {victim['grace_seconds']} s"
    if victim["violates"]:
        text += f", violates {', '.join(victim['violates'])}"
    return {
        "pod": victim["pod"],
        "priority": victim["priority"],
        "text": text,
        "violates": victim["violates"],
    }


def _value(rule: str, value: float) -> str:
    """What a rule saw, as people say it; rules keep the greatest value, so most are stored negated."""
    if rule == "fewest budgets violated":
        return f"{-value:.0f} violated"
    if rule == "least important victim at the top":
        return f"priority {-value:.0f}"
    if rule == "fewest victims":
        return _count(int(-value), "victim")
    if rule == "youngest victims":
        return f"since {rfc3339(value)[11:19]}"
    return f"{-value:,.0f}"


def _line(kind: str, pod: str, at: float, since: int, grace: int | None) -> Obj:
    """A line of the time axis; `since` and `over` are the stops at which it begins and ends."""
    return {"kind": kind, "pod": pod, "from": at, "to": None, "grace": grace, "since": since, "over": None}


def _told(row: Obj) -> str:
    if row["kind"] == "pod":
        if row["to"] is None:
            return f"nominated at t = {row['from']:.3f} s, not bound yet"
        return f"nominated at t = {row['from']:.3f} s, bound at t = {row['to']:.3f} s"
    grace = "" if row["grace"] is None else f", grace {row['grace']} s"
    gone = "still terminating" if row["to"] is None else f"gone at t = {row['to']:.3f} s"
    return f"deleted at t = {row['from']:.3f} s{grace}, {gone}"


def _share(part: float, whole: float) -> float:
    return round(100 * min(1.0, max(0.0, part / whole)), 2)


def _names(names: list[str]) -> str:
    if len(names) <= 3:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:2])} and {len(names) - 2} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
