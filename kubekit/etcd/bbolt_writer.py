"""DatabaseImage: a database file made from front to back, in little memory.

A tree is built from below: entries are gathered into leaf pages, the first key of each leaf goes into a
branch page, and so on up to the root. The two metas stand at the front and say where the root is, so the file
is planned before it is written: all entries are gone through twice, once to count pages and once to make
them. They must therefore come out the same both times, in the order of their keys.

    image = DatabaseImage([(b"key", pairs), (b"meta", [...])])      # pairs: what can be gone through twice
    image.size                                               # bytes, known at once
    for piece in image: ...                                  # the file, in pieces of whole pages

Pages are filled to nine tenths, as etcd's own defragmentation does, with two keys or more on each; a bucket
that fits into a quarter of a page is written in place. There are no free pages, and no list of them.
Source: go.etcd.io/bbolt v1.4 (node.go split and write, bucket.go inlineable, tx.go WriteTo);
server/storage/backend/backend.go (defragdb).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from kubekit.etcd.bbolt import (
    BRANCH,
    BUCKET,
    BUCKET_HEADER,
    ELEMENT,
    HEADER,
    LEAF,
    META,
    NO_FREELIST,
    PAGE_SIZE,
    Meta,
)

FILL = 0.9
"""How much of a page is used before the next one is begun."""

FEWEST = 2
"""Keys on a page at least."""

INLINE = PAGE_SIZE // 4
"""Bytes up to which a bucket is written in place."""

_PIECE = 1 << 16
"""About how many bytes are given out at once."""

Pairs: TypeAlias = "Iterable[tuple[bytes, bytes]]"
"""Keys with values in order; to be gone through more than once."""

Element: TypeAlias = "tuple[bytes, bytes, int]"
"""A key, its value, and its flag on a leaf or the page below on a branch (which has no value)."""


class DatabaseImage:
    """A database file of some buckets, given by name and in order."""

    def __init__(self, buckets: Sequence[tuple[bytes, Pairs]], txid: int = 2) -> None:
        self._buckets = buckets
        tree = _Tree(2)
        for _ in self._emit(tree):
            pass
        self._meta = Meta(PAGE_SIZE, tree.root, 0, NO_FREELIST, tree.next_id, txid)
        self.size = tree.next_id * PAGE_SIZE
        """Bytes of the whole file."""

    def __iter__(self) -> Iterator[bytes]:
        # The older meta leads to the same root: should the newer one be damaged, nothing is lost.
        waiting = [_meta_page(0, self._meta), _meta_page(1, self._meta._replace(txid=self._meta.txid - 1))]
        length = 0
        for page in self._emit(_Tree(2)):
            image = page.image()
            waiting.append(image)
            length += len(image)
            if length >= _PIECE:
                yield b"".join(waiting)
                waiting.clear()
                length = 0
        yield b"".join(waiting)

    def _emit(self, tree: _Tree) -> Iterator[_PageImage]:
        """All pages after the metas, in order; afterwards `tree` knows the root's page."""
        top: list[Element] = []
        for name, pairs in self._buckets:
            entries: Iterator[tuple[bytes, bytes]] = iter(pairs)
            first: list[Element] = []
            size = HEADER.size
            for key, value in entries:
                first.append((key, value, 0))
                size += ELEMENT + len(key) + len(value)
                if size > INLINE:
                    break
            if size > INLINE:
                yield from tree.build(first, entries)
                header = BUCKET_HEADER.pack(tree.root, 0)
            else:
                header = BUCKET_HEADER.pack(0, 0) + _PageImage(0, LEAF, first, size).content()
            top.append((name, header, BUCKET))
        yield from tree.build(top, iter(()))


class _PageImage(NamedTuple):
    """A page that is to be written; `size` is its content's, the header included."""

    id: int
    flags: int
    elements: list[Element]
    size: int

    def image(self) -> bytes:
        """The page's bytes, and those of the pages that it runs over."""
        content = self.content()
        return content + bytes(-len(content) % PAGE_SIZE)

    def content(self) -> bytes:
        elements = self.elements
        overflow = 0 if self.id == 0 else -(-self.size // PAGE_SIZE) - 1
        position = len(elements) * ELEMENT
        table: list[int] = []
        data: list[bytes] = []
        if self.flags == LEAF:
            for key, value, flag in elements:
                table += (flag, position, len(key), len(value))
                data += (key, value)
                # Positions count from the element itself, and the next one begins further on.
                position += len(key) + len(value) - ELEMENT
        else:
            for key, _, child in elements:
                table += (position, len(key), child & 0xFFFFFFFF, child >> 32)
                data.append(key)
                position += len(key) - ELEMENT
        header = HEADER.pack(self.id, self.flags, len(elements), overflow)
        return b"".join([header, struct.pack(f"<{len(table)}I", *table), *data])


class _Level:
    """The pages of one level that are being filled: what waits, and where the next page will end."""

    __slots__ = ("cut", "emitted", "filled", "size", "waiting")

    def __init__(self) -> None:
        self.emitted = 0
        self.waiting: list[Element] = []
        self._begin()

    def _begin(self) -> None:
        self.size = HEADER.size
        self.filled = HEADER.size
        self.cut = 0

    def add(self, element: Element) -> bool:
        """Take one more element; whether a page can be cut off."""
        size = ELEMENT + len(element[0]) + len(element[1])
        waiting = self.waiting
        if not self.cut:
            if len(waiting) >= FEWEST and self.filled + size > PAGE_SIZE * FILL:
                self.cut = len(waiting)
            else:
                self.filled += size
        waiting.append(element)
        self.size += size
        return self.cut > 0 and len(waiting) > self.cut + FEWEST and self.splits

    @property
    def splits(self) -> bool:
        """Whether what waits is too much for one page."""
        return self.size >= PAGE_SIZE and len(self.waiting) > 2 * FEWEST

    def take(self, count: int) -> tuple[list[Element], int]:
        """Cut off the first elements; them and their page's content size."""
        page, rest = self.waiting[:count], self.waiting[count:]
        size = HEADER.size + sum(ELEMENT + len(key) + len(value) for key, value, _ in page)
        self.waiting = []
        self._begin()
        for element in rest:
            self.add(element)
        self.emitted += 1
        return page, size


class _Tree:
    """Builds trees one after the other, numbering their pages from `next_id` on."""

    def __init__(self, next_id: int) -> None:
        self.next_id = next_id
        self.root = 0
        """The root page of the tree that was built last."""

    def build(self, first: list[Element], rest: Iterator[tuple[bytes, bytes]]) -> Iterator[_PageImage]:
        """The pages of a tree, each after those below it."""
        levels = [_Level()]
        leaf = levels[0]
        for element in first:
            if leaf.add(element):
                yield from self._cut(levels, 0, leaf.cut)
        for key, value in rest:
            if leaf.add((key, value, 0)):
                yield from self._cut(levels, 0, leaf.cut)
        depth = 0
        while True:
            level = levels[depth]
            while level.splits:
                count = len(level.waiting) - FEWEST - 1
                yield from self._cut(levels, depth, min(level.cut or count, count))
            if depth > 0 and not level.emitted and len(level.waiting) == 1:
                self.root = level.waiting[0][2]
                return
            yield from self._cut(levels, depth, len(level.waiting))
            depth += 1

    def _cut(self, levels: list[_Level], depth: int, count: int) -> Iterator[_PageImage]:
        """Finish a page of a level and tell the level above."""
        elements, size = levels[depth].take(count)
        id = self.next_id
        self.next_id += -(-size // PAGE_SIZE)
        yield _PageImage(id, BRANCH if depth else LEAF, elements, size)
        if depth + 1 == len(levels):
            levels.append(_Level())
        above = levels[depth + 1]
        if above.add((elements[0][0] if elements else b"", b"", id)):
            yield from self._cut(levels, depth + 1, above.cut)


def _meta_page(id: int, meta: Meta) -> bytes:
    content = HEADER.pack(id, META, 0, 0) + meta.pack()
    return content + bytes(PAGE_SIZE - len(content))
