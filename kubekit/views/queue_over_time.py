"""The scheduling queue over time: each pod's moves between its places, and what moved it.

A row is a pod, a column a move: moves of one moment stand side by side, and the time is written below
where it changes. Above are the places with the pods that are in them at the cursor. The moves are the
queue's own history (`kubekit.scheduler.queue_history`), bindings and deletions those of the records.

`QueueOverTime(history, records, origin, meta)`: `origin` is the Unix time at which the cluster's clock began.
Of a long history the last moves are shown; the fold line counts the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kubekit.scheduler.queue_history import Move
from kubekit.sim import Record
from kubekit.views import cards
from kubekit.views.view import Table, View

Obj = dict[str, Any]

MOST_MOVES = 120
MOST_PODS = 14

PLACES: dict[str, tuple[str, str, str, str]] = {
    "active": ("activeQ", "want", "ask", "waits for its turn"),
    "in flight": ("in flight", "play", "ask", "is being tried"),
    "backoff": ("backoffQ", "wait", "wait", "backs off"),
    "unschedulable": ("unschedulable", "refuse", "refuse", "was refused, waits for an event"),
    "gated": ("gated", "skip", "off", "is kept out by a gate"),
    "bound": ("bound", "run", "good", "has its node"),
    "": ("gone", "stop", "off", "was deleted"),
}
"""By place: what it is called, its glyph, its hue, and what a pod does there."""
WAITING = ("active", "in flight", "backoff", "unschedulable", "gated")


class Happening(NamedTuple):
    """One pod came to one place. `at` in seconds of the cluster's clock; `record` that tells of it."""

    at: float
    pod: str
    to: str
    event: str
    move: Move | None
    record: Record | None


class QueueOverTime(View):
    """All pods that went through the queue, up to now."""

    name = "queue_over_time"

    def __init__(
        self,
        history: Iterable[Move],
        records: Any,
        origin: float,
        meta: list[list[str]],
        cluster_id: str = "",
    ) -> None:
        self.happenings = happenings(list(history), records, origin)
        if not self.happenings:
            title = "No pod has come into the queue yet"
            empty = "No pod yet. Create one: `%kubectl run web --image=nginx`"
            scene: Obj = {
                "title": title,
                "meta": meta,
                "inspector": False,
                "empty": empty,
                "sentence": f"{title}.",
            }
            super().__init__(scene, title, Table(title, ["pod", "place", "moved by"], []))
            return
        self.now = self._places(len(self.happenings))
        start = max(0, len(self.happenings) - MOST_MOVES)
        shown = self.happenings[start:]
        pods = self._pods(shown)
        rows = {pod: at for at, pod in enumerate(pods)}
        hidden = len({one.pod for one in self.happenings}) - len(pods)
        kept = [(at, one) for at, one in enumerate(self.happenings) if at >= start and one.pod in rows]
        stops = [self._stop(at, one, rows) for at, one in kept]
        scene = {
            "title": self._title(self.now),
            "meta": meta,
            "unit": "move",
            "places": {
                place: {"name": name, "glyph": glyph} for place, (name, glyph, _, _) in PLACES.items()
            },
            "homes": list(WAITING),
            "pods": [{"name": pod, "before": self._before(pod, start)} for pod in pods],
            "records": stops,
            "cluster": cluster_id,
        }
        parts = [f"{start} earlier moves"] if start else []
        parts += [f"{hidden} pods"] if hidden else []
        if parts:
            scene["fold"] = {"text": f"Folded away: {' and '.join(parts)}.", "toggle": False}
        lines = [self._line(pod, one) for pod, one in self._last().items() if one.to in WAITING]
        text = "\n".join(
            [self._title(self.now), *(lines or [self._line(one.pod, one) for _, one in kept[-5:]])]
        )
        super().__init__(scene, text, self._table([one for _, one in kept]))

    # -- which pods ----------------------------------------------------------------------------------

    def _pods(self, shown: list[Happening]) -> list[str]:
        """Rows in order of first appearance; of too many, those that wait and those that moved last."""
        order = list(dict.fromkeys(one.pod for one in shown))
        if len(order) <= MOST_PODS:
            return order
        latest = list(dict.fromkeys(one.pod for one in reversed(shown)))
        wanted = [pod for pod in latest if self.now.get(pod) in WAITING]
        wanted += [pod for pod in latest if pod not in wanted]
        kept = set(wanted[:MOST_PODS])
        return [pod for pod in order if pod in kept]

    def _places(self, count: int) -> dict[str, str]:
        """Where each pod is after the first `count` happenings."""
        return {one.pod: one.to for one in self.happenings[:count]}

    def _last(self) -> dict[str, Happening]:
        return {one.pod: one for one in self.happenings}

    def _before(self, pod: str, start: int) -> str | None:
        """The place in which the pod was before the first move that is shown."""
        return next((one.to for one in reversed(self.happenings[:start]) if one.pod == pod), None)

    # -- words ---------------------------------------------------------------------------------------

    @staticmethod
    def _title(places: dict[str, str]) -> str:
        waiting = [place for place in places.values() if place in WAITING]
        if not waiting:
            return "No pod waits: the queue is empty"
        told = [f"{waiting.count(place)} in {PLACES[place][0]}" for place in WAITING if place in waiting]
        told = [one.replace("in in flight", "in flight").replace("in gated", "gated") for one in told]
        told = [one.replace("in unschedulable", "unschedulable") for one in told]
        one = len(waiting) == 1
        return f"{len(waiting)} pod{'' if one else 's'} wait{'s' if one else ''}: {', '.join(told)}"

    def _from(self, at: int, pod: str) -> str | None:
        return next((one.to for one in reversed(self.happenings[:at]) if one.pod == pod), None)

    def _sentence(self, at: int, one: Happening) -> str:
        before = self._from(at, one.pod)
        came = f"`{one.pod}` "
        if one.to == "bound":
            node = one.record.came_out["node"] if one.record is not None else ""
            return f"{came}is bound to {node} and leaves the queue."
        if one.to == "":
            return f"{came}was deleted while it was {PLACES[before or 'active'][0]}."
        name = PLACES[one.to][0]
        if one.to == "in flight":
            return f"kube-scheduler pops {came.strip()}: an attempt begins."
        way = f"moves from {PLACES[before][0]} to {name}" if before is not None else f"comes to {name}"
        text = f"{came}{way}: {one.event}."
        move = one.move
        if move is None:
            return text
        if move.gate:
            return f"{came}{way}: {move.gate} does not let it in."
        if move.plugin and move.why:
            text += f" {move.plugin}: {move.why[0].lower()}{move.why[1:].rstrip('.')}."
        if one.to == "unschedulable" and move.refused_by:
            text += f" Only an event that interests {_names(list(move.refused_by))} brings it back."
        if move.until:
            text += f" It backs off for {move.until - move.at:.3g} s more." if move.until > move.at else ""
        return text

    def _stop(self, at: int, one: Happening, rows: dict[str, int]) -> Obj:
        places = self._places(at + 1)
        name, glyph, hue, _ = PLACES[one.to]
        shape = {"refuse": "diamond", "good": "round"}.get(hue, "square")
        return {
            "id": one.record.id if one.record else (one.move.cause if one.move else None) or f"move/{at}",
            "t": round(one.at, 3),
            "kind": name,
            "number": at + 1,
            "tick": {"hue": hue, "shape": shape},
            "title": self._title(places),
            "sentence": self._sentence(at, one),
            "legend": [
                {"glyph": PLACES[place][1], "text": f"{PLACES[place][0]}: {PLACES[place][3]}"}
                for place in PLACES
                if place in {two.to for two in self.happenings}
            ],
            "row": rows[one.pod],
            "to": one.to,
            "from": self._from(at, one.pod),
            "event": one.event,
            "homes": {
                home: [pod for pod, place in places.items() if place == home][:MOST_PODS] for home in WAITING
            },
            "counts": {home: sum(place == home for place in places.values()) for home in WAITING},
            "halt": "refused" if one.to == "unschedulable" else "",
            "card": self._card(at, one, glyph),
        }

    def _card(self, at: int, one: Happening, glyph: str) -> Obj:
        name, _, hue, does = PLACES[one.to]
        before = self._from(at, one.pod)
        parts: list[Obj] = [{"name": "came in", "text": f"event **{one.event}**"}]
        move = one.move
        if move is not None:
            steps = []
            if move.plugin:
                steps.append({"asked": f"hint of {move.plugin}", "verdict": "pass", "reason": move.why})
            if move.gate:
                steps.append({"asked": f"PreEnqueue {move.gate}", "verdict": "refuse", "reason": "a gate"})
            steps += [
                {"asked": plugin, "verdict": "refuse", "reason": "refused the pod in its last attempt"}
                for plugin in move.refused_by
                if plugin != move.gate
            ]
            if steps:
                parts.append({"name": "steps", "steps": steps})
        came = f"from {PLACES[before][0]} to {name}" if before is not None else f"to {name}"
        parts.append({"name": "came out", "text": f"{came}; it {does}"})
        if move is not None and move.until > move.at:
            parts.append({"name": "back-off", "facts": [["seconds left", f"{move.until - move.at:.3f}"]]})
        card: Obj = {
            "title": one.pod,
            "sub": f"t = {one.at:.3f} s",
            "chip": {"hue": hue, "text": name},
            "parts": parts,
        }
        if move is not None:
            card["raw"] = move.to_json()
        elif one.record is not None:
            card["raw"] = cards.raw(one.record)
        return card

    # -- without the widget --------------------------------------------------------------------------

    def _line(self, pod: str, one: Happening) -> str:
        return f"{one.at:.3f}  {pod}  {PLACES[one.to][0]}  {self._why(one)}".rstrip()

    @staticmethod
    def _why(one: Happening) -> str:
        by = (
            f" ({one.move.gate or one.move.plugin})"
            if one.move and (one.move.gate or one.move.plugin)
            else ""
        )
        return f"{one.event}{by}"

    def _table(self, shown: list[Happening]) -> Table:
        rows: list[list[object]] = [
            [f"{one.at:.3f}", one.pod, PLACES[one.to][0], self._why(one)] for one in shown
        ]
        return Table(self._title(self.now), ["t", "pod", "to", "moved by"], rows)


def happenings(moves: list[Move], records: Any, origin: float) -> list[Happening]:
    """Moves, bindings and deletions in the order in which they happened."""
    found: list[tuple[float, float, Happening]] = []
    pops: dict[str, list[int]] = {}
    for at, move in enumerate(moves):
        place = "gated" if move.gate else move.to
        one = Happening(move.at - origin, move.pod, place, move.event, move, None)
        found.append((one.at, at, one))
        if place == "in flight":
            pops.setdefault(move.pod, []).append(at)
    for pod, starts in pops.items():
        about = records.of(f"pod/{pod}")
        tried = [record for record in about if record.kind == "schedule"]
        # Both lists forget their oldest: the last attempt is that of the last pop.
        for at, record in zip(reversed(starts), reversed(tried), strict=False):
            if record.came_out.get("node") and record.came_out.get("bind") == "bound":
                one = Happening(record.at, pod, "bound", "Bind", None, record)
                found.append((max(record.at, moves[at].at - origin), at + 0.5, one))
    last = {one.pod: one for _, _, one in sorted(found, key=lambda item: item[:2])}
    for pod, one in last.items():
        if one.to == "bound":
            continue
        for record in reversed(records.of(f"pod/{pod}")):
            if record.kind == "watch" and record.came_out["type"] == "DELETED" and record.at >= one.at:
                gone = Happening(record.at, pod, "", "DELETED", None, record)
                found.append((record.at, float(len(moves)), gone))
                break
    return [one for _, _, one in sorted(found, key=lambda item: item[:2])]


def _names(names: list[str]) -> str:
    return " or ".join(names) if len(names) < 3 else f"{', '.join(names[:2])} or {len(names) - 2} more"
