"""A heap of queued pods that can also be asked for, moved and removed by key.

The order is the QueueSort plugin's `less` (or the back-off's). A pod whose place may have changed is `put`
again. Everything but `ordered` is logarithmic or better.

Source: pkg/scheduler/backend/heap.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from kubekit.scheduler.framework.pod_info import QueuedPodInfo

Less = Callable[[QueuedPodInfo, QueuedPodInfo], bool]


class PodHeap:
    """Queued pods in order."""

    def __init__(self, less: Less) -> None:
        self._less = less
        self._pods: list[QueuedPodInfo] = []
        self._place: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._pods)

    def __contains__(self, key: str) -> bool:
        return key in self._place

    def __iter__(self) -> Iterator[QueuedPodInfo]:
        """All pods, in no particular order."""
        return iter(self._pods)

    def get(self, key: str) -> QueuedPodInfo | None:
        """The queued pod ``namespace/name``."""
        place = self._place.get(key)
        return self._pods[place] if place is not None else None

    def put(self, queued: QueuedPodInfo) -> None:
        """Add a pod, or move it to its place after it changed."""
        place = self._place.get(queued.key)
        if place is None:
            self._pods.append(queued)
            self._place[queued.key] = place = len(self._pods) - 1
        else:
            self._pods[place] = queued
        self._settle(place)

    def remove(self, key: str) -> QueuedPodInfo | None:
        """Take a pod out, wherever it stands."""
        place = self._place.pop(key, None)
        if place is None:
            return None
        queued = self._pods[place]
        last = self._pods.pop()
        if last is not queued:
            self._pods[place] = last
            self._place[last.key] = place
            self._settle(place)
        return queued

    def peek(self) -> QueuedPodInfo | None:
        """The first pod."""
        return self._pods[0] if self._pods else None

    def pop(self) -> QueuedPodInfo | None:
        """Take the first pod out."""
        return self.remove(self._pods[0].key) if self._pods else None

    def reorder(self, less: Less) -> None:
        """Put everything in another order."""
        self._less = less
        for place in range(1, len(self._pods)):
            self._settle(place)

    def ordered(self) -> list[QueuedPodInfo]:
        """All pods, in the order in which they would be popped."""
        return self._sorted(self._pods)

    def first(self, count: int) -> list[QueuedPodInfo]:
        """The first few pods, in order: each next one is the least of the children of those taken."""
        pods, less = self._pods, self._less
        found: list[QueuedPodInfo] = []
        open_places = [0] if pods else []
        while open_places and len(found) < count:
            best = 0
            for at in range(1, len(open_places)):
                if less(pods[open_places[at]], pods[open_places[best]]):
                    best = at
            place = open_places.pop(best)
            found.append(pods[place])
            open_places += [child for child in (2 * place + 1, 2 * place + 2) if child < len(pods)]
        return found

    def top(self, count: int) -> PodHeap:
        """A small heap with the same first `count` pods (up to 6), to be asked later."""
        part = PodHeap(self._less)
        part._pods = self._pods[: (1 << count) - 1]
        return part

    def _sorted(self, pods: list[QueuedPodInfo]) -> list[QueuedPodInfo]:
        def compare(first: QueuedPodInfo, second: QueuedPodInfo) -> int:
            return -1 if self._less(first, second) else 1 if self._less(second, first) else 0

        return sorted(pods, key=functools.cmp_to_key(compare))

    def _settle(self, place: int) -> None:
        """Move the pod at `place` up or down until the heap is in order again."""
        pods, places, less = self._pods, self._place, self._less
        moving = pods[place]
        while place > 0 and less(moving, pods[(place - 1) // 2]):
            parent = (place - 1) // 2
            pods[place] = pods[parent]
            places[pods[place].key] = place
            place = parent
        size = len(pods)
        while (child := 2 * place + 1) < size:
            if child + 1 < size and less(pods[child + 1], pods[child]):
                child += 1
            if not less(pods[child], moving):
                break
            pods[place] = pods[child]
            places[pods[place].key] = place
            place = child
        pods[place] = moving
        places[moving.key] = place
