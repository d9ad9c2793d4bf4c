"""TreeIndex: all keys in order, each with its KeyIndex.

Finding one key is a dictionary look-up; a range is two bisections in a sorted list. New keys wait in a
small unsorted list until somebody asks for a range: a burst of creations then costs one sort, not one shift
of the list a key. (etcd keeps a B-tree here; in Python the sorted list is both faster and shorter.) Do not
change the lists from outside.
Source: server/storage/mvcc/index.go.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from kubekit.etcd.key_index import KeyIndex
from kubekit.etcd.revision import Revision

FROM_KEY = b"\x00"
"""As a range's end: everything from the key on."""

_FEW = 32
"""Up to this many new keys are put in place one by one; more are sorted in at once."""


def prefix_end(prefix: bytes) -> bytes:
    """The range end that makes ``[prefix, end)`` all keys that begin with `prefix`.

    >>> prefix_end(b"/registry/pods/"), prefix_end(b"a\\xff"), prefix_end(b"")
    (b'/registry/pods0', b'b', b'\\x00')
    """
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else FROM_KEY


class TreeIndex:
    """Keys in the order of their bytes."""

    __slots__ = ("_new", "_sorted", "by_key")

    def __init__(self) -> None:
        self.by_key: dict[bytes, KeyIndex] = {}
        self._sorted: list[bytes] = []
        self._new: list[bytes] = []

    def __len__(self) -> int:
        return len(self.by_key)

    def get(self, key: bytes) -> KeyIndex | None:
        """The index of one key; None when the store knows nothing of it."""
        return self.by_key.get(key)

    def add(self, key: bytes) -> KeyIndex:
        """Begin the index of a key that the store does not know."""
        made = self.by_key[key] = KeyIndex(key)
        self._new.append(key)
        return made

    def keys(self) -> list[bytes]:
        """All keys in order, deleted ones included as long as some of their history is left."""
        if self._new:
            if len(self._new) <= _FEW:
                for key in self._new:
                    insort(self._sorted, key)
            else:
                self._sorted.extend(self._new)
                self._sorted.sort()
            self._new = []
        return self._sorted

    def within(self, key: bytes, range_end: bytes) -> list[bytes]:
        """The keys of ``[key, range_end)``; an empty end means `key` alone, FROM_KEY all from `key` on."""
        if not range_end:
            return [key] if key in self.by_key else []
        keys = self.keys()
        low = bisect_left(keys, key)
        if range_end == FROM_KEY:
            return keys[low:]
        return keys[low : bisect_left(keys, range_end, low)] if range_end > key else []

    def revisions(self, key: bytes, range_end: bytes, at: int) -> list[Revision]:
        """Where the versions of main revision `at` of the keys in a range are filed, in the keys' order."""
        by_key = self.by_key
        found = []
        for name in self.within(key, range_end):
            index = by_key[name]
            # The present version answers nearly every question; asking for it here saves a call a key.
            present = index.generations[-1]
            if present and present[-1][0] <= at:
                found.append(present[-1])
            elif (revision := index.get(at)) is not None:
                found.append(revision)
        return found

    def compact(self, at: int) -> set[Revision]:
        """Compact every key at `at`; what must stay filed of the time up to `at`."""
        keep: set[Revision] = set()
        gone = False
        for key, index in list(self.by_key.items()):
            index.compact(at, keep)
            if index.empty:
                del self.by_key[key]
                gone = True
        if gone:
            self._sorted = [key for key in self.keys() if key in self.by_key]
        return keep

    def keep(self, at: int) -> set[Revision]:
        """What a compaction at `at` would keep; changes nothing."""
        keep: set[Revision] = set()
        for index in self.by_key.values():
            index.keep(at, keep)
        return keep
