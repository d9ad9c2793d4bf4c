"""The queue's history: each move of a pod between the three places, with the event and hint that moved it.

The queue writes it, views draw it, an attempt's record holds the moves that led to it. A move that a
plugin's hint allowed names the plugin and says what the hint is (the first sentence of its docstring).

Source: none; the original counts such moves in metrics (scheduler_queue_incoming_pods_total) and forgets
them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from kubekit.scheduler.framework.events import HintFn

KEPT = 5_000
"""So many moves are remembered."""

ACTIVE, BACKOFF, POOL, IN_FLIGHT, GONE = "active", "backoff", "unschedulable", "in flight", ""


class Move(NamedTuple):
    """One move. `at` in Unix seconds; `to` a place; `plugin` and `why` of the hint, if one decided."""

    at: float
    pod: str
    to: str
    event: str
    plugin: str = ""
    why: str = ""
    refused_by: tuple[str, ...] = ()
    until: float = 0.0
    """When a back-off ends."""
    cause: int | None = None
    """The record in which the move happened."""
    gate: str = ""
    """The plugin (PreEnqueue) that keeps the pod out of the queue, for a pod that is gated."""

    def to_json(self) -> dict[str, Any]:
        """The move as views draw it; what is empty is left out."""
        found = {name: value for name, value in self._asdict().items() if value or name in ("at", "to")}
        if self.refused_by:
            found["refused_by"] = list(self.refused_by)
        return found


class QueueHistory:
    """The last moves of all pods."""

    def __init__(self) -> None:
        self.moves: deque[Move] = deque(maxlen=KEPT)

    def __iter__(self) -> Iterator[Move]:
        """From the oldest on."""
        return iter(self.moves)

    def of(self, pod: str) -> list[Move]:
        """The moves of ``namespace/name``."""
        return [move for move in self.moves if move.pod == pod]


def meaning(hint: HintFn | None) -> str:
    """What a hint asks, in its own words."""
    if hint is None:
        return "any such event may help"
    text = (getattr(hint, "__doc__", None) or "").strip()
    return text.splitlines()[0].strip() if text else ""
