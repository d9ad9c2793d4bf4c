"""RevisionLog: the history, every version of every key filed under its revision.

This is the bucket `key` of etcd's file: values are found by revision, never by key (that is what the key
index is for), and reading on from a revision replays what happened since. Append only in the order of
revisions; only compaction takes entries out.
Source: server/storage/schema/bucket.go (bucket `key`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.revision import Revision


class RevisionLog:
    """Versions by revision, oldest first."""

    __slots__ = ("_order", "at")

    def __init__(self) -> None:
        self.at: dict[Revision, KeyValue] = {}
        """Each version by its revision; look up, do not write."""
        self._order: list[Revision] = []

    def __len__(self) -> int:
        return len(self._order)

    def append(self, revision: Revision, kv: KeyValue) -> None:
        """File a version; `revision` must be above all others."""
        self.at[revision] = kv
        self._order.append(revision)

    def count_since(self, main: int) -> int:
        """How many versions were filed from main revision `main` on."""
        return len(self._order) - bisect_left(self._order, (main, 0))

    def since(self, main: int) -> Iterator[tuple[Revision, KeyValue]]:
        """What happened from main revision `main` on, in order."""
        at = self.at
        for place in range(bisect_left(self._order, (main, 0)), len(self._order)):
            revision = self._order[place]
            yield revision, at[revision]

    def until(self, main: int) -> Iterator[tuple[Revision, KeyValue]]:
        """What is filed up to and with main revision `main`, in order."""
        at = self.at
        for place in range(bisect_left(self._order, (main + 1, 0))):
            revision = self._order[place]
            yield revision, at[revision]

    def drop(self, main: int, keep: set[Revision]) -> tuple[int, int]:
        """Take out what is filed up to `main` and not in `keep`: how many versions, and the bytes of their
        keys and values."""
        end = bisect_left(self._order, (main + 1, 0))
        before = self._order[:end]
        kept = [revision for revision in before if revision in keep]
        if len(kept) == len(before):
            return 0, 0
        pop = self.at.pop
        size = 0
        for revision in before:
            if revision not in keep:
                gone = pop(revision)
                size += len(gone.key) + len(gone.value)
        self._order[:end] = kept
        return len(before) - len(kept), size
