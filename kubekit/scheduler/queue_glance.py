"""A glance at the queue: how many pods wait where when an attempt begins, and the first few of them.

Taken for every attempt, so it only notes what it must; the text is made when somebody reads the record.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubekit.scheduler.scheduler import Scheduler

Obj = dict[str, Any]

SHOWN = 5


class Glance:
    """The three places of the queue at one moment."""

    __slots__ = ("_active", "_backing_off", "_next", "_pool", "_waiting")

    def __init__(self, scheduler: Scheduler) -> None:
        queue = scheduler.queue
        self._active = len(queue.active)
        self._next = queue.active.top(SHOWN)
        self._waiting = (0, len(queue.unschedulable))
        self._backing_off: list[Obj] = []
        self._pool: list[Obj] = []
        if len(queue.backoff):
            now = scheduler.now()
            first = queue.backoff.refused.first(SHOWN) + queue.backoff.errors.first(SHOWN)
            self._waiting = (len(queue.backoff), self._waiting[1])
            self._backing_off = [
                {"pod": queued.key, "seconds_left": round(max(0.0, queue.backoff.until(queued) - now), 3)}
                for queued in first
            ]
        if queue.unschedulable:
            self._pool = [
                {"pod": queued.key, "refused_by": sorted(queued.rejectors), "gate": queued.gated_by}
                for queued in islice(queue.unschedulable.values(), SHOWN)
            ]

    def to_json(self) -> Obj:
        """The glance as views draw it."""
        return {
            "active": self._active,
            "backoff": self._waiting[0],
            "unschedulable": self._waiting[1],
            "next": [{"pod": one.key, "priority": one.info.priority} for one in self._next.first(SHOWN)],
            "backing_off": self._backing_off,
            "pool": self._pool,
        }
