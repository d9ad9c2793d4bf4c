"""SortedKeys: a set of keys in the order of their bytes.

A range is two bisections in a sorted list; how many keys it has is their difference. What is added and taken
out waits until somebody asks: a burst of creations then costs one sort, not one shift of the list a key.
(etcd keeps a B-tree here; in Python the list is both faster and shorter.)

>>> keys = SortedKeys()
>>> for key in (b"b", b"a/2", b"a/1"):
...     keys.add(key)
>>> keys.within(b"a/", b"a0"), keys.count(b"a/2", FROM_KEY)
([b'a/1', b'a/2'], 2)
>>> keys.discard(b"a/2")
>>> keys.within(b"\\0", FROM_KEY)
[b'a/1', b'b']

Source: server/storage/mvcc/index.go has a B-tree in its place.
"""

from __future__ import annotations

from bisect import bisect_left, insort

FROM_KEY = b"\x00"
"""As a range's end: everything from the key on."""

_FEW = 32
"""Up to this many changes are made in place one by one; more are sorted in at once."""


def prefix_end(prefix: bytes) -> bytes:
    """The range end that makes ``[prefix, end)`` all keys that begin with `prefix`.

    >>> prefix_end(b"/registry/pods/"), prefix_end(b"a\\xff"), prefix_end(b"")
    (b'/registry/pods0', b'b', b'\\x00')
    """
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else FROM_KEY


_MANY = 4096
"""More changes than this, and than there are keys in place, do not wait: waiting takes memory."""


class SortedKeys:
    """Keys in order. FROM_KEY as a range's end means no end; one key alone is not asked here."""

    __slots__ = ("_changed", "_sorted")

    def __init__(self) -> None:
        self._sorted: list[bytes] = []
        self._changed: dict[bytes, bool] = {}
        """Keys that wait: whether they are in."""

    def add(self, key: bytes) -> None:
        """Put in a key that is not there."""
        changed = self._changed
        if changed.get(key) is False:
            del changed[key]
            return
        changed[key] = True
        if len(changed) > _MANY and len(changed) > len(self._sorted):
            self.keys()

    def discard(self, key: bytes) -> None:
        """Take out a key that is there."""
        if self._changed.get(key) is True:
            del self._changed[key]
        else:
            self._changed[key] = False

    def span(self, key: bytes, range_end: bytes) -> tuple[int, int]:
        """The places of ``[key, range_end)`` in `keys`, the second one behind the last."""
        keys = self.keys()
        low = bisect_left(keys, key)
        if range_end == FROM_KEY:
            return low, len(keys)
        return low, bisect_left(keys, range_end, low) if range_end > key else low

    def within(self, key: bytes, range_end: bytes) -> list[bytes]:
        """The keys of ``[key, range_end)``."""
        low, high = self.span(key, range_end)
        return self._sorted[low:high]

    def count(self, key: bytes, range_end: bytes) -> int:
        """How many keys ``[key, range_end)`` has."""
        low, high = self.span(key, range_end)
        return high - low

    def keys(self) -> list[bytes]:
        """All keys in order; do not change the list."""
        changed = self._changed
        if changed:
            keys = self._sorted
            if len(changed) <= _FEW:
                for key, is_in in changed.items():
                    if is_in:
                        insort(keys, key)
                    else:
                        del keys[bisect_left(keys, key)]
            else:
                if not all(changed.values()):
                    keys = [key for key in keys if changed.get(key, True)]
                keys += [key for key, is_in in changed.items() if is_in]
                keys.sort()
                self._sorted = keys
            self._changed = {}
        return self._sorted
