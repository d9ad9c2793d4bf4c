"""A heap of queued pods that can also be asked for, moved and removed by key.

The order is the QueueSort plugin's `less` (or the back-off's); a plugin that has `sort_key` as well is asked
for that, once for each pod. A pod whose place may have changed is `put` again. Everything but `ordered` is
logarithmic or better.

Source: pkg/scheduler/backend/heap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import QueuedPodInfo

Less = Callable[[QueuedPodInfo, QueuedPodInfo], bool]
SortKey = Callable[[QueuedPodInfo], Any]
"""What says the same as `less`: of two pods, the one with the smaller key comes first."""


def order_of(plugin: Plugin) -> tuple[Less, SortKey | None]:
    """A QueueSort plugin's `less`, and its `sort_key` unless a newer `less` stands above it."""
    less: Less = plugin.less
    if "less" not in vars(plugin):
        for kind in type(plugin).__mro__:
            if "sort_key" in vars(kind):
                return less, plugin.sort_key
            if "less" in vars(kind):
                break
    return less, None


class _ByLess:
    """A key for pods whose order only `less` knows."""

    __slots__ = ("less", "queued")

    def __init__(self, less: Less, queued: QueuedPodInfo) -> None:
        self.less = less
        self.queued = queued

    def __lt__(self, other: _ByLess) -> bool:
        return self.less(self.queued, other.queued)


class PodHeap:
    """Queued pods in order."""

    def __init__(self, less: Less, sort_key: SortKey | None = None) -> None:
        self._key: SortKey = sort_key or (lambda queued: _ByLess(less, queued))
        self._pods: list[QueuedPodInfo] = []
        self._keys: list[Any] = []
        """The key of each pod, as it was when the pod was put."""
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
            self._keys.append(self._key(queued))
            self._place[queued.key] = place = len(self._pods) - 1
        else:
            self._pods[place] = queued
            self._keys[place] = self._key(queued)
        self._settle(place)

    def remove(self, key: str) -> QueuedPodInfo | None:
        """Take a pod out, wherever it stands."""
        place = self._place.pop(key, None)
        if place is None:
            return None
        queued = self._pods[place]
        last, its_key = self._pods.pop(), self._keys.pop()
        if last is not queued:
            self._pods[place], self._keys[place] = last, its_key
            self._place[last.key] = place
            self._settle(place)
        return queued

    def peek(self) -> QueuedPodInfo | None:
        """The first pod."""
        return self._pods[0] if self._pods else None

    def pop(self) -> QueuedPodInfo | None:
        """Take the first pod out."""
        return self.remove(self._pods[0].key) if self._pods else None

    def reorder(self, less: Less, sort_key: SortKey | None = None) -> None:
        """Put everything in another order."""
        self._key = sort_key or (lambda queued: _ByLess(less, queued))
        self._keys = [self._key(queued) for queued in self._pods]
        for place in range(1, len(self._pods)):
            self._settle(place)

    def ordered(self) -> list[QueuedPodInfo]:
        """All pods, in the order in which they would be popped."""
        return [self._pods[place] for place in sorted(range(len(self._pods)), key=self._keys.__getitem__)]

    def first(self, count: int) -> list[QueuedPodInfo]:
        """The first few pods, in order: each next one is the least of the children of those taken."""
        pods, keys = self._pods, self._keys
        found: list[QueuedPodInfo] = []
        open_places = [0] if pods else []
        while open_places and len(found) < count:
            best = 0
            for at in range(1, len(open_places)):
                if keys[open_places[at]] < keys[open_places[best]]:
                    best = at
            place = open_places.pop(best)
            found.append(pods[place])
            open_places += [child for child in (2 * place + 1, 2 * place + 2) if child < len(pods)]
        return found

    def top(self, count: int) -> PodHeap:
        """A small heap with the same first `count` pods (up to 6), to be asked later."""
        part = PodHeap(_never)
        part._pods, part._keys = self._pods[: (1 << count) - 1], self._keys[: (1 << count) - 1]
        return part

    def _settle(self, place: int) -> None:
        """Move the pod at `place` up or down until the heap is in order again."""
        pods, keys, places = self._pods, self._keys, self._place
        moving, key = pods[place], keys[place]
        while place > 0 and key < keys[parent := (place - 1) // 2]:
            pods[place] = one = pods[parent]
            keys[place] = keys[parent]
            places[one.info.key] = place
            place = parent
        size = len(pods)
        while (child := 2 * place + 1) < size:
            if child + 1 < size and keys[child + 1] < keys[child]:
                child += 1
            if not keys[child] < key:
                break
            pods[place] = one = pods[child]
            keys[place] = keys[child]
            places[one.info.key] = place
            place = child
        pods[place], keys[place] = moving, key
        places[moving.info.key] = place


def _never(first: QueuedPodInfo, second: QueuedPodInfo) -> bool:
    """The order of a heap into which nothing is put."""
    return False
