"""bbolt: the database file that a member keeps its state in, read where it lies.

The file is a row of *pages* of one size. Pages 0 and 1 are *metas*: whichever is valid and newer says which
page is the root. A *leaf* page holds keys with values in order, a *branch* page holds the first key and the
number of each page below it; a page whose content is too long goes on into the pages that follow
(`overflow`). A value may be a *bucket*: a tree of its own, by its root page, or, while it is small, written
out in place (*inline*). etcd uses one level of buckets.

    database = Database(disk.view("member/snap/db"))         # reads the metas, nothing else
    bucket = database.bucket(b"key")                         # None when there is none
    for key, value in bucket.items(): ...                    # page by page
    bucket.get(key)                                          # down the tree

Nothing in a file is believed: a page that is out of bounds, refers to itself, or says that it holds more than
fits raises `DatabaseError`, after no more work than the file is long. `bbolt_writer` makes such files,
`bbolt_pages` lists and checks their pages.
Source: go.etcd.io/bbolt v1.4 (db.go, cursor.go, internal/common/page.go, meta.go, bucket.go).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Buffer: TypeAlias = "bytes | mmap.mmap"
"""What a file's bytes can be; a slice of either is bytes."""

PAGE_SIZE = 4096
HEADER = struct.Struct("<QHHI")
"""A page's id, flags, count of elements, overflow."""

ELEMENT = 16
"""Bytes of an element of a leaf or branch page."""

BRANCH, LEAF, META, FREELIST = 0x01, 0x02, 0x04, 0x10
"""Flags of pages."""

BUCKET = 0x01
"""Flag of a leaf element whose value is a bucket."""

BUCKET_HEADER = struct.Struct("<QQ")
"""A bucket's root page (0: inline) and sequence."""

_META = struct.Struct("<IIIIQQQQQ")
_SUM = struct.Struct("<Q")
META_SIZE = 64
MAGIC = 0xED0CDAED
VERSION = 2

NO_FREELIST = 0xFFFFFFFFFFFFFFFF
"""As the freelist's page: free pages are those that the root does not lead to."""

MAX_DEPTH = 64
"""Levels of a tree; with two keys a page, more pages than a file can have."""


class DatabaseError(Exception):
    """The file is no database, or is damaged; the text is bbolt's own where bbolt has one."""


class Meta(NamedTuple):
    """What a meta page says: the root bucket's page and sequence, how many pages are in use (`high_water`),
    and which transaction wrote it."""

    page_size: int
    root: int
    sequence: int
    freelist: int
    high_water: int
    txid: int

    def pack(self) -> bytes:
        """The 64 bytes after the page's header."""
        body = _META.pack(MAGIC, VERSION, self.page_size, 0, *self[1:])
        return body + _SUM.pack(fnv1a(body))


def fnv1a(data: bytes) -> int:
    """FNV-1a, 64 bits: a meta page's checksum."""
    sum = 0xCBF29CE484222325
    for byte in data:
        sum = (sum ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return sum


def read_meta(data: Buffer, at: int) -> Meta:
    """The meta that begins at a place (a page's header before it). Raises DatabaseError."""
    body = data[at : at + META_SIZE]
    if len(body) < META_SIZE:
        raise DatabaseError("invalid database")
    magic, version, page_size, _, *rest = _META.unpack_from(body)
    if magic != MAGIC:
        raise DatabaseError("invalid database")
    if version != VERSION:
        raise DatabaseError("version mismatch")
    if _SUM.unpack_from(body, _META.size)[0] != fnv1a(body[: _META.size]):
        raise DatabaseError("checksum error")
    return Meta(page_size, *rest)


@dataclass(slots=True)
class Page:
    """A page's header, and where its bytes lie: from `start` up to `end`, overflow included."""

    id: int
    flags: int
    count: int
    overflow: int
    start: int
    end: int

    @property
    def kind(self) -> str:
        """branch, leaf, meta, freelist, or unknown<flags>."""
        kinds = {BRANCH: "branch", LEAF: "leaf", META: "meta", FREELIST: "freelist"}
        return kinds.get(self.flags, f"unknown<{self.flags:02x}>")


class Entry(NamedTuple):
    """One element of a leaf page."""

    key: bytes
    value: bytes
    bucket: bool


def leaf_entries(data: Buffer, page: Page) -> list[Entry]:
    """The entries of a leaf page. Raises DatabaseError."""
    table = page.start + HEADER.size
    left = page.end - table - page.count * ELEMENT
    if left < 0:
        raise DatabaseError(f"page {page.id}: {page.count} elements do not fit")
    elements = struct.unpack_from(f"<{page.count * 4}I", data, table)
    entries = []
    end = page.end
    for number in range(0, page.count * 4, 4):
        flags, position, key_size, value_size = elements[number : number + 4]
        at = table + number * 4 + position
        middle = at + key_size
        last = middle + value_size
        left -= key_size + value_size
        if last > end or left < 0:
            raise DatabaseError(f"page {page.id}: element {number >> 2} is out of bounds")
        entries.append(Entry(data[at:middle], data[middle:last], flags & BUCKET != 0))
    return entries


def branch_entries(data: Buffer, page: Page) -> list[tuple[bytes, int]]:
    """(first key, page) of each page below a branch page. Raises DatabaseError."""
    table = page.start + HEADER.size
    left = page.end - table - page.count * ELEMENT
    if left < 0:
        raise DatabaseError(f"page {page.id}: {page.count} elements do not fit")
    entries = []
    for number, (position, key_size, child) in enumerate(
        struct.iter_unpack("<IIQ", data[table : table + page.count * ELEMENT])
    ):
        at = table + number * ELEMENT + position
        left -= key_size
        if at + key_size > page.end or left < 0:
            raise DatabaseError(f"page {page.id}: element {number} is out of bounds")
        entries.append((data[at : at + key_size], child))
    return entries


class Database:
    """A database file. `data` is all of its bytes; what comes after the last page is not looked at."""

    def __init__(self, data: Buffer) -> None:
        self.data = data
        self.meta = self._current_meta()
        """The meta that counts."""
        self.page_size = self.meta.page_size
        if self.page_size < 1024 or self.page_size & (self.page_size - 1) or self.page_size > 1 << 24:
            raise DatabaseError("invalid database")
        self.root = Bucket(self, self.meta.root, self.meta.sequence)
        """The bucket that holds all others."""

    @property
    def size(self) -> int:
        """Bytes of the pages in use, free ones among them included."""
        return self.meta.high_water * self.page_size

    def bucket(self, name: bytes) -> Bucket | None:
        """One of the buckets in the root."""
        return self.root.bucket(name)

    def page(self, id: int) -> Page:
        """A page by its number. Raises DatabaseError when it lies outside the file, or says that it is
        another."""
        start = id * self.page_size
        if id >= self.meta.high_water or start + HEADER.size > len(self.data):
            raise DatabaseError(f"page {id}: out of bounds: {self.meta.high_water}")
        own, flags, count, overflow = HEADER.unpack_from(self.data, start)
        if own != id:
            raise DatabaseError(f"assertion failed: Page expected to be: {id}, but self identifies as {own}")
        if id + overflow >= self.meta.high_water:
            raise DatabaseError(f"page {id + overflow}: out of bounds: {self.meta.high_water}")
        end = min(start + (overflow + 1) * self.page_size, len(self.data))
        return Page(id, flags, count, overflow, start, end)

    def _current_meta(self) -> Meta:
        size = self._page_size()
        if len(self.data) < 2 * size:
            raise DatabaseError(f"file size too small {len(self.data)}")
        found: list[Meta] = []
        refusal: DatabaseError | None = None
        for id in (0, 1):
            try:
                found.append(read_meta(self.data, id * size + HEADER.size))
            except DatabaseError as error:
                refusal = refusal or error
        if not found:
            assert refusal is not None
            raise refusal
        return max(found, key=lambda meta: meta.txid)

    def _page_size(self) -> int:
        """The page size by the first meta, else by the second, which is where the first page ends."""
        if len(self.data) < PAGE_SIZE:
            raise DatabaseError("invalid database")
        for at in (0, *(1024 << power for power in range(15))):
            try:
                return read_meta(self.data, at + HEADER.size).page_size or PAGE_SIZE
            except DatabaseError:
                continue
        return PAGE_SIZE


class Bucket:
    """A tree of keys and values; `root` 0 means that it is inline, in the bytes of `image`."""

    def __init__(self, database: Database, root: int, sequence: int, image: bytes = b"") -> None:
        self.database = database
        self.root = root
        self.sequence = sequence
        self.image = image

    @property
    def inline(self) -> bool:
        """Whether the bucket has no pages of its own."""
        return self.root == 0

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order; a bucket within this one has no value. Raises DatabaseError."""
        for entry in self.entries():
            yield entry.key, b"" if entry.bucket else entry.value

    def entries(self) -> Iterator[Entry]:
        """The elements of the leaf pages in order. Raises DatabaseError."""
        if self.inline:
            yield from leaf_entries(self.image, self.inline_page())
            return
        data = self.database.data
        for page in self.pages():
            if page.flags == LEAF:
                yield from leaf_entries(data, page)

    def pages(self) -> Iterator[Page]:
        """The pages of the tree, each before those below it. Raises DatabaseError."""
        if self.inline:
            return
        seen: set[int] = set()
        waiting = [(self.root, 1)]
        while waiting:
            id, depth = waiting.pop()
            page = self.database.page(id)
            for own in range(id, id + page.overflow + 1):
                if own in seen:
                    raise DatabaseError(f"page {own}: multiple references")
                seen.add(own)
            yield page
            if page.flags == BRANCH:
                if depth == MAX_DEPTH:
                    raise DatabaseError(f"page {id}: the tree is too deep")
                below = branch_entries(self.database.data, page)
                waiting += [(child, depth + 1) for _, child in reversed(below)]
            elif page.flags != LEAF:
                raise DatabaseError(f"page {id}: invalid type: {page.kind}")

    def find(self, key: bytes) -> Entry | None:
        """The element of a key. Raises DatabaseError."""
        data: Buffer = self.database.data
        if self.inline:
            data = self.image
            page = self.inline_page()
        else:
            page = self.database.page(self.root)
            depth = 1
            while page.flags == BRANCH:
                child = -1
                for first, below in branch_entries(data, page):
                    if child >= 0 and first > key:
                        break
                    child = below
                if child < 0 or depth == MAX_DEPTH:
                    raise DatabaseError(f"page {page.id}: the tree is too deep or a branch is empty")
                page = self.database.page(child)
                depth += 1
            if page.flags != LEAF:
                raise DatabaseError(f"page {page.id}: invalid type: {page.kind}")
        for entry in leaf_entries(data, page):
            if entry.key == key:
                return entry
        return None

    def get(self, key: bytes) -> bytes | None:
        """The value of a key; None when there is none, or it is a bucket."""
        entry = self.find(key)
        return None if entry is None or entry.bucket else entry.value

    def bucket(self, name: bytes) -> Bucket | None:
        """A bucket within this one."""
        entry = self.find(name)
        return None if entry is None or not entry.bucket else self.opened(entry)

    def opened(self, entry: Entry) -> Bucket:
        """The bucket that an element of this one holds. Raises DatabaseError."""
        if len(entry.value) < BUCKET_HEADER.size:
            raise DatabaseError(f"bucket {entry.key!r}: its header is cut short")
        root, sequence = BUCKET_HEADER.unpack_from(entry.value)
        image = b"" if root else entry.value[BUCKET_HEADER.size :]
        return Bucket(self.database, root, sequence, image)

    def inline_page(self) -> Page:
        """The leaf page within `image`. Raises DatabaseError."""
        if len(self.image) < HEADER.size:
            raise DatabaseError("page 0: an inline bucket is cut short")
        id, flags, count, overflow = HEADER.unpack_from(self.image)
        if flags != LEAF:
            raise DatabaseError(f"page {id}: invalid type: unknown<{flags:02x}>")
        return Page(id, flags, count, overflow, 0, len(self.image))
