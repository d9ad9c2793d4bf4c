"""BackendSize: how large the member's file is, and how much of it is in use.

A model of the file of pages that etcd keeps, good to a few pages, without writing one. Its rules:

* A page has 4096 bytes. Versions are filed in the order of their revisions, so each goes into the *last leaf*
  of the tree; a leaf that has outgrown a page and has more than four versions is split, and 90 % of a page is
  filled before the next is begun (two versions at least, so large values make leaves of many pages).
* Nothing is written in place: a write makes a new copy of the last leaf and of the root. What the copies
  replace is free after the next write. A copy takes free pages when there are enough of them, else the file
  grows: `bytes` is the highest page that was ever used.
* Only versions of keys are counted: leases, users and members fit on the pages that are always there.
* A compaction frees the pages of what it takes out. The file keeps its size; `bytes_in_use` shrinks.
* A defragmentation writes a new file with nothing free in it.

The store calls `add` and `commit`; everybody may read `bytes` and `bytes_in_use`. Do not expect the real
file's size to the byte: that depends on when etcd's writes were gathered.
Source: server/storage/backend/backend.go; go.etcd.io/bbolt node.go, freelist.
"""

from __future__ import annotations

PAGE = 4096
_FILLED = PAGE * 9 // 10
_HEAD = 16
"""Bytes of a page's header."""

_ENTRY = 16 + 17 + 14
"""Bytes that a version takes besides key and value: its element, its revision, the names of its fields."""

_FEW = 4
"""Up to so many versions a leaf is never split."""

_FIXED = 3
"""Pages that are always in use: two of metadata, one root."""

_FRESH = 5
"""Pages of a fresh file."""


class BackendSize:
    """The pages of one member's file."""

    __slots__ = ("_filed", "_free", "_leaf", "_leaf_bytes", "_loose", "_old", "_pages", "_total")

    def __init__(self) -> None:
        self._total = _FRESH
        """Pages of the file."""
        self._free = _FRESH - _FIXED
        self._loose = 0
        """Pages that are free after the next write."""
        self._pages = 0
        """Pages of all leaves but the last."""
        self._filed = 0
        """Bytes in these leaves."""
        self._leaf: list[int] = []
        """The bytes of each version in the last leaf."""
        self._leaf_bytes = _HEAD
        self._old = 0
        """Pages of the last leaf as it was last written."""

    @property
    def bytes(self) -> int:
        """The size of the file in bytes."""
        return self._total * PAGE

    @property
    def bytes_in_use(self) -> int:
        """How many bytes of the file are not free, or free as soon as anything is written."""
        return (self._total - self._free - self._loose) * PAGE

    def add(self, size: int) -> None:
        """File a version whose key and value are `size` bytes long."""
        size += _ENTRY
        self._leaf.append(size)
        self._leaf_bytes += size
        if self._leaf_bytes > PAGE and len(self._leaf) > _FEW:
            self._split()

    def commit(self) -> None:
        """Write what was added."""
        self._free += self._loose
        pages = -(-self._leaf_bytes // PAGE) if self._leaf else 0
        self._loose = self._old + 1
        self._old = pages
        self._take(pages)
        self._take(1)

    def remove(self, size: int, versions: int) -> None:
        """Take out versions whose keys and values are `size` bytes together; a compaction's."""
        size += versions * _ENTRY
        before, filed = self._pages, self._filed
        # What goes is nearly always in the older leaves, and leaves them in proportion.
        gone = min(size, filed)
        self._filed -= gone
        self._pages = -(-before * self._filed // filed) if filed else 0
        if size > gone:
            self._leaf_bytes = max(_HEAD, self._leaf_bytes - (size - gone))
            self._leaf = [self._leaf_bytes - _HEAD] if self._leaf_bytes > _HEAD else []
        self._loose += before - self._pages
        self.commit()

    def defragment(self) -> None:
        """Write a new file that has nothing free."""
        self._old = -(-self._leaf_bytes // PAGE) if self._leaf else 0
        self._total = _FIXED + self._pages + self._old
        self._free = self._loose = 0

    def _take(self, pages: int) -> None:
        """Take pages: free ones if there are enough, else at the file's end."""
        if pages <= self._free:
            self._free -= pages
        else:
            self._total += pages

    def _split(self) -> None:
        leaf = self._leaf
        while len(leaf) > _FEW and sum(leaf) + _HEAD > PAGE:
            size = _HEAD
            count = 0
            for entry in leaf:
                if count >= 2 and size + entry > _FILLED:
                    break
                size += entry
                count += 1
            pages = -(-size // PAGE)
            self._pages += pages
            self._filed += size
            self._take(pages)
            del leaf[:count]
        self._leaf_bytes = _HEAD + sum(leaf)
