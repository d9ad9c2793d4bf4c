"""TreeIndex: all keys in order, each with its KeyIndex.

Finding one key is a dictionary look-up. For ranges two ordered sets are kept: the keys that exist now, which
answer nearly every question at once, and all keys of which some history is left, for questions about the
past. Do not change the sets from outside.
Source: server/storage/mvcc/index.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kubekit.etcd.key_index import KeyIndex
from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.revision import Revision
from kubekit.etcd.sorted_keys import FROM_KEY, SortedKeys, prefix_end

__all__ = ["FROM_KEY", "TreeIndex", "prefix_end"]


class TreeIndex:
    """Keys in the order of their bytes. A range's end is as in `Range`: empty for one key alone."""

    __slots__ = ("_known", "_present", "by_key")

    def __init__(self) -> None:
        self.by_key: dict[bytes, KeyIndex] = {}
        self._known = SortedKeys()
        self._present = SortedKeys()

    def __len__(self) -> int:
        return len(self.by_key)

    def get(self, key: bytes) -> KeyIndex | None:
        """The index of one key; None when the store knows nothing of it."""
        return self.by_key.get(key)

    def put(self, revision: Revision, kv: KeyValue) -> None:
        """File a new version of a key."""
        key = kv.key
        index = self.by_key.get(key)
        if index is None:
            index = self.by_key[key] = KeyIndex(key)
            self._known.add(key)
        if index.present is None:
            self._present.add(key)
        index.put(revision, kv)

    def tombstone(self, key: bytes, revision: Revision) -> None:
        """End the present life of a key, or, of one that is not known, file that it ended."""
        index = self.by_key.get(key)
        if index is None:
            index = self.by_key[key] = KeyIndex(key)
            self._known.add(key)
        elif index.present is not None:
            self._present.discard(key)
        index.tombstone(revision)

    # The present

    def present(self, key: bytes, range_end: bytes, limit: int = 0) -> list[KeyValue]:
        """The keys of a range as they are now, in order; the first `limit` of them if that is not 0."""
        by_key = self.by_key
        if not range_end:
            index = by_key.get(key)
            return [] if index is None or index.present is None else [index.present]
        low, high = self._present.span(key, range_end)
        if limit:
            high = min(high, low + limit)
        return [kv for name in self._present.keys()[low:high] if (kv := by_key[name].present) is not None]

    def count(self, key: bytes, range_end: bytes) -> int:
        """How many keys of a range exist now."""
        return self._present.count(key, range_end) if range_end else len(self.present(key, b""))

    # The past

    def known(self, key: bytes, range_end: bytes) -> int:
        """How many keys of a range have some history."""
        return self._known.count(key, range_end) if range_end else int(key in self.by_key)

    def revisions(self, key: bytes, range_end: bytes, at: int, limit: int = 0) -> list[Revision]:
        """Where the versions of main revision `at` of the keys in a range are filed, in the keys' order."""
        return list(islice(self._revisions(key, range_end, at), limit or None))

    def _revisions(self, key: bytes, range_end: bytes, at: int) -> Iterator[Revision]:
        by_key = self.by_key
        names = self._known.within(key, range_end) if range_end else [key] * (key in by_key)
        for name in names:
            found = by_key[name].get(at)
            if found is not None:
                yield found

    # Compaction

    def compact(self, at: int) -> set[Revision]:
        """Compact every key at `at`; what must stay filed of the time up to `at`."""
        keep: set[Revision] = set()
        for key, index in list(self.by_key.items()):
            index.compact(at, keep)
            if index.empty:
                del self.by_key[key]
                self._known.discard(key)
        return keep

    def keep(self, at: int) -> set[Revision]:
        """What a compaction at `at` would keep; changes nothing."""
        keep: set[Revision] = set()
        for index in self.by_key.values():
            index.keep(at, keep)
        return keep
