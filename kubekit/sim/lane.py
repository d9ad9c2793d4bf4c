"""A lane: the events of a few owners, which can be run ahead of everybody else's.

Most components tell each other what they want and go on. But a call that must be answered before it returns
(the API server asks etcd) cannot wait for the loop: it is standing in one of the loop's own events. Then the
members of etcd may go on among themselves: `Loop.run_lane` runs their events, and nobody else's, until the
answer is there. Every event of a lane is in the loop's queue too; whoever runs it first, it runs once.

A lane's *delayed* foreground events, messages that are under way on a slow cable, are waited for: the virtual
clock moves to them. Its background timers (heartbeats, timeouts) are not: they are no progress. So a lane
that can only wait says so at once.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Container

from kubekit.sim.handle import Handle


class Lane:
    """The events of some owners; made and filled by `Loop`."""

    __slots__ = ("ready", "timers")

    def __init__(self) -> None:
        self.ready: deque[Handle] = deque()
        self.timers: list[Handle] = []

    def add(self, handle: Handle) -> None:
        """An event that is ready; those that have run meanwhile make room."""
        ready = self.ready
        while ready and (ready[0].done or ready[0].cancelled):
            ready.popleft()
        ready.append(handle)

    def add_timer(self, handle: Handle) -> None:
        """A delayed event that is waited for."""
        timers = self.timers
        while timers and (timers[0].done or timers[0].cancelled):
            heapq.heappop(timers)
        heapq.heappush(timers, handle)

    def next(self, paused: Container[str], delayed: bool = True) -> Handle | None:
        """The next event of an owner that is not in `paused`; ready ones first, then `delayed` ones."""
        ready = self.ready
        while ready and (ready[0].done or ready[0].cancelled):
            ready.popleft()
        for handle in ready:
            if not (handle.done or handle.cancelled) and handle.owner not in paused:
                return handle
        if not delayed:
            return None
        waiting = [h for h in self.timers if not (h.done or h.cancelled or h.owner in paused)]
        return min(waiting, default=None)
