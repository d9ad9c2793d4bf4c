"""In-flight pods: what happened in the cluster while a pod was being tried.

A pod that was refused would miss events that came during its own attempt. So each attempt remembers where in
the list of events it began, and when it ends in a refusal the events since then are looked at once more.

Source: pkg/scheduler/backend/queue/active_queue.go (inFlightPods, inFlightEvents).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubekit.scheduler.framework.events import ClusterEvent


class Happened(NamedTuple):
    """An event with the objects it is about."""

    event: ClusterEvent
    old: Any
    new: Any


class InFlight:
    """Pods between pop and done, and the events since the oldest of them was popped."""

    def __init__(self) -> None:
        self._events: list[Happened] = []
        self._began: dict[str, int] = {}
        self._dropped = 0

    def __contains__(self, uid: str) -> bool:
        return uid in self._began

    def __len__(self) -> int:
        return len(self._began)

    def begin(self, uid: str) -> None:
        """The pod was popped."""
        self._began[uid] = self._dropped + len(self._events)

    def happened(self, event: ClusterEvent, old: Any, new: Any) -> None:
        """Remember an event if anybody is in flight."""
        if self._began:
            self._events.append(Happened(event, old, new))

    def since(self, uid: str) -> list[Happened]:
        """The events since the pod was popped."""
        began = self._began.get(uid)
        return self._events[began - self._dropped :] if began is not None else []

    def done(self, uid: str) -> None:
        """The attempt is over; events that nobody needs any more are dropped."""
        if self._began.pop(uid, None) is None:
            return
        oldest = min(self._began.values(), default=self._dropped + len(self._events))
        del self._events[: oldest - self._dropped]
        self._dropped = oldest
