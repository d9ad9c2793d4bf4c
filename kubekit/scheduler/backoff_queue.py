"""The back-off queue: pods that must wait before they are tried again, one second at first, ten at most.

Each refusal doubles the wait; so does each error in a row, counted apart. Times are cut to whole seconds,
and pods whose wait ends within the same second come out in the order of the active queue. Pods that failed
with an error wait their time out; pods that were only refused may be popped early when nothing else is to
be done.

Source: pkg/scheduler/backend/queue/backoff_queue.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from kubekit.scheduler.framework.pod_info import QueuedPodInfo
from kubekit.scheduler.pod_heap import Less, PodHeap

WINDOW = 1.0
"""Seconds that count as one moment."""


class BackoffQueue:
    """Two heaps, ordered by when the wait ends: refused pods, and pods that met an error."""

    def __init__(self, now: Callable[[], float], initial: float, longest: float, less: Less) -> None:
        self._now = now
        self.initial = initial
        self.longest = longest
        self._active_less = less
        self.refused = PodHeap(self._earlier)
        self.errors = PodHeap(lambda first, second: self.until(first) < self.until(second))

    def __len__(self) -> int:
        return len(self.refused) + len(self.errors)

    def __contains__(self, key: str) -> bool:
        return key in self.refused or key in self.errors

    def _earlier(self, first: QueuedPodInfo, second: QueuedPodInfo) -> bool:
        mine, other = self.until(first), self.until(second)
        return mine < other or (mine == other and self._active_less(first, second))

    def reorder(self, less: Less) -> None:
        """Pods whose wait ends in the same second come out in another order from now on."""
        self._active_less = less
        self.refused.reorder(self._earlier)

    def add(self, queued: QueuedPodInfo) -> None:
        """Let a pod wait; without a plugin that refused it, it met an error."""
        (self.refused if queued.rejectors else self.errors).put(queued)

    def get(self, key: str) -> QueuedPodInfo | None:
        """The waiting pod ``namespace/name``."""
        return self.refused.get(key) or self.errors.get(key)

    def put(self, queued: QueuedPodInfo) -> None:
        """Put a pod that changed to its place again."""
        (self.refused if queued.key in self.refused else self.errors).put(queued)

    def remove(self, key: str) -> QueuedPodInfo | None:
        """Take a pod out."""
        return self.refused.remove(key) or self.errors.remove(key)

    def ordered(self) -> list[QueuedPodInfo]:
        """All waiting pods."""
        return self.refused.ordered() + self.errors.ordered()

    def until(self, queued: QueuedPodInfo) -> float:
        """Unix seconds at which the pod's wait ends; 0 when it need not wait. Kept until its next attempt."""
        count = queued.consecutive_errors or queued.unschedulable_count
        if not self.longest or not count:
            return 0.0
        if queued.backoff_until is None:
            queued.backoff_until = whole(queued.added + self.duration(count))
        return queued.backoff_until

    def duration(self, count: int) -> float:
        """Seconds to wait after so many failures.

        >>> queue = BackoffQueue(lambda: 0.0, 1.0, 10.0, lambda a, b: False)
        >>> [queue.duration(count) for count in range(1, 7)]
        [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
        """
        doublings = min(count - 1, 62)
        if self.initial * 2.0**doublings > self.longest:
            return self.longest
        return self.initial * 2.0**doublings

    def is_waiting(self, queued: QueuedPodInfo) -> bool:
        """Whether the pod's wait has not ended; within its last second it has not."""
        return self.until(queued) >= whole(self._now())

    def pop_completed(self) -> list[QueuedPodInfo]:
        """Take out all pods whose wait has ended."""
        done: list[QueuedPodInfo] = []
        for heap in (self.refused, self.errors):
            while (first := heap.peek()) is not None and not self.is_waiting(first):
                heap.pop()
                done.append(first)
        return done

    def next_flush(self) -> float | None:
        """Unix seconds of the next moment at which a wait will have ended."""
        firsts = [first for heap in (self.refused, self.errors) if (first := heap.peek()) is not None]
        return min((self.until(first) for first in firsts), default=0.0) + WINDOW if firsts else None


def whole(seconds: float) -> float:
    """Cut to whole seconds; sums of floating-point delays may lie a hair below one."""
    return float(math.floor(seconds + 1e-6))
