"""WatcherGroups: which watchers a key concerns.

Watchers of the same key or range share a group. To find the groups of a key, the key space is cut at every
range's ends into segments, and each segment knows the groups that cover it: one bisection a change, however
many watchers there are.

    ranges  [a, m)  [c, f)        segments  a: {[a,m)}   c: {[a,m), [c,f)}   f: {[a,m)}   m: {}

A range that appears or disappears changes the segments between its ends and no others. Do not change what
`covering` returns.
Source: server/storage/mvcc/watcher_group.go, which has an interval tree in place of the segments.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from kubekit.etcd.tree_index import FROM_KEY


class Spanning(Protocol):
    """What is grouped: it watches ``[key, range_end)``, or `key` alone when the end is empty."""

    key: bytes
    range_end: bytes


W = TypeVar("W", bound=Spanning)
Span = tuple[bytes, bytes]

_SPARE = 64
"""Cuts that may be left of ranges that are gone before all are made anew."""


class WatcherGroups(Generic[W]):
    """Watchers by what they watch."""

    __slots__ = ("_bounds", "_keys", "_ranges", "_segments", "_size")

    def __init__(self) -> None:
        self._keys: dict[bytes, dict[W, None]] = {}
        self._ranges: dict[Span, dict[W, None]] = {}
        self._bounds: list[bytes] = []
        self._segments: list[dict[Span, dict[W, None]]] = [{}]
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[W]:
        for group in (*self._keys.values(), *self._ranges.values()):
            yield from group

    def add(self, watcher: W) -> None:
        """Put a watcher into its group."""
        self._size += 1
        if not watcher.range_end:
            self._keys.setdefault(watcher.key, {})[watcher] = None
            return
        span = (watcher.key, watcher.range_end)
        group = self._ranges.get(span)
        if group is None:
            group = self._ranges[span] = {}
            self._cover(span, group)
        group[watcher] = None

    def remove(self, watcher: W) -> None:
        """Take a watcher out that is in its group."""
        self._size -= 1
        if not watcher.range_end:
            group = self._keys[watcher.key]
            del group[watcher]
            if not group:
                del self._keys[watcher.key]
            return
        span = (watcher.key, watcher.range_end)
        group = self._ranges[span]
        del group[watcher]
        if not group:
            del self._ranges[span]
            self._uncover(span)

    def covering(self, key: bytes) -> list[dict[W, None]]:
        """The groups whose key or range covers `key`; there are no empty ones."""
        groups = list(self._segments[bisect_right(self._bounds, key)].values())
        single = self._keys.get(key)
        if single is not None:
            groups.append(single)
        return groups

    def _cover(self, span: Span, group: dict[W, None]) -> None:
        low = self._cut(span[0])
        high = self._cut(span[1]) if span[1] != FROM_KEY else len(self._segments)
        for segment in self._segments[low:high]:
            segment[span] = group

    def _uncover(self, span: Span) -> None:
        if len(self._bounds) > 2 * len(self._ranges) + _SPARE:
            self._bounds, self._segments = [], [{}]
            for left, group in self._ranges.items():
                self._cover(left, group)
            return
        low = bisect_right(self._bounds, span[0])
        high = bisect_right(self._bounds, span[1]) if span[1] != FROM_KEY else len(self._segments)
        for segment in self._segments[low:high]:
            del segment[span]

    def _cut(self, at: bytes) -> int:
        """Let a segment begin at a key; its place."""
        place = bisect_left(self._bounds, at)
        if place == len(self._bounds) or self._bounds[place] != at:
            self._bounds.insert(place, at)
            self._segments.insert(place + 1, dict(self._segments[place]))
        return place + 1
