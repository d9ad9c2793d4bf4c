"""A bbolt file page by page, damaged or not: what each page is, who leads to it, and what it holds.

`Inside(data)` reads as far as anything can be read: where a page is broken its cell says so and the rest goes
on. `path(revision)` is the search for one revision: from the meta page that counts, through the root and the
bucket `key`, down to the leaf. What a key or value means is decoded; nothing is repaired.
Source: go.etcd.io/bbolt v1.4 (cursor.go), server/storage/schema (what the buckets hold).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kubekit.etcd.bbolt import (
    BRANCH,
    ELEMENT,
    HEADER,
    LEAF,
    META_SIZE,
    NO_FREELIST,
    Bucket,
    Buffer,
    Database,
    DatabaseError,
    Entry,
    Meta,
    Page,
    branch_entries,
    leaf_entries,
    read_meta,
)
from kubekit.etcd.bbolt_pages import check, freelist
from kubekit.etcd.revision import Revision, pack, unpack
from kubekit.etcd.snapshot import DIGEST, digest_of, has_digest
from kubekit.views.file_words import key_text, value_text

MOST_ERRORS = 40
"""Sentences of bbolt's check that are shown."""


@dataclass
class Cell:
    """One page: `span` counts the pages that it takes with its overflow, `used` the bytes with meaning."""

    id: int
    kind: str
    count: int = 0
    span: int = 1
    size: int = 0
    used: int = 0
    parent: int = -1
    bucket: bytes | None = None
    children: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass
class Opened:
    """A bucket of the root: its root page, or 0 where it lies inline in the page `within`."""

    name: bytes
    root: int
    within: int
    entries: int = 0
    pages: int = 0


@dataclass
class Stop:
    """One step of a search: the page that is read, and what is found in it."""

    page: int
    sentence: str
    found: bool = False
    at: int = -1
    """The element that leads on; -1 for none."""
    inner: int = -1
    """The entry of the inline bucket there."""


class Inside:
    """The inside of one file. Raises DatabaseError when neither meta page can be read: it is no database."""

    def __init__(self, data: Buffer) -> None:
        self.data = data
        self.database = Database(data)
        self.metas: list[Meta | str] = [self._meta(id) for id in (0, 1)]
        self.cells: dict[int, Cell] = {}
        self.buckets: list[Opened] = []
        self._metas()
        self._tree(self.database.meta.root, -1, b"")
        self._free()
        self.errors = self._errors()

    # -- reading ----------------------------------------------------------------------------------------

    def _meta(self, id: int) -> Meta | str:
        try:
            return read_meta(self.data, id * self.database.page_size + HEADER.size)
        except DatabaseError as error:
            return str(error)

    def _metas(self) -> None:
        size = self.database.page_size
        for id, meta in enumerate(self.metas):
            cell = self.cells[id] = Cell(id, "meta", size=size, used=HEADER.size + META_SIZE)
            if isinstance(meta, str):
                cell.errors.append(f"meta page {id}: {meta}")

    @property
    def current(self) -> int:
        """The meta page that counts: of the valid ones that of the newer transaction."""
        return next(id for id, meta in enumerate(self.metas) if meta == self.database.meta)

    def _tree(self, root: int, parent: int, bucket: bytes) -> int:
        """Read a tree of pages, and the buckets whose roots are in its leaves; how many pages it takes."""
        taken = 0
        waiting = [(root, parent)]
        while waiting:
            id, above = waiting.pop()
            if id in self.cells:
                self.cells[id].errors.append(f"page {id}: multiple references")
                continue
            try:
                page = self.database.page(id)
            except DatabaseError as error:
                self.cells[id] = Cell(id, "unknown", parent=above, bucket=bucket, errors=[str(error)])
                continue
            size = self.database.page_size
            cell = self.cells[id] = Cell(
                id, page.kind, page.count, page.overflow + 1, size * (page.overflow + 1), 0, above, bucket
            )
            taken += cell.span
            try:
                if page.flags == BRANCH:
                    below = branch_entries(self.data, page)
                    cell.children = [child for _, child in below]
                    cell.used = HEADER.size + sum(ELEMENT + len(key) for key, _ in below)
                    waiting += [(child, id) for child in reversed(cell.children)]
                elif page.flags == LEAF:
                    entries = leaf_entries(self.data, page)
                    cell.used = HEADER.size + sum(ELEMENT + len(e.key) + len(e.value) for e in entries)
                    self._open(entries, id, cell)
                else:
                    cell.kind = "unknown"
                    cell.errors.append(f"page {id}: invalid type: {page.kind}")
            except DatabaseError as error:
                cell.errors.append(str(error))
        return taken

    def _open(self, entries: list[Entry], id: int, cell: Cell) -> None:
        for entry in entries:
            if not entry.bucket:
                continue
            try:
                bucket = self.database.root.opened(entry)
                opened = Opened(entry.key, bucket.root, id)
                self.buckets.append(opened)
                if bucket.inline:
                    opened.entries = len(leaf_entries(bucket.image, bucket.inline_page()))
                else:
                    cell.children.append(bucket.root)
                    opened.pages = self._tree(bucket.root, id, entry.key)
                    opened.entries = sum(
                        one.count
                        for one in self.cells.values()
                        if one.bucket == entry.key and one.kind == "leaf"
                    )
            except DatabaseError as error:
                cell.errors.append(str(error))

    def _free(self) -> None:
        """The freelist, and what nothing leads to."""
        size, last = self.database.page_size, self.pages_in_file
        if self.database.meta.freelist != NO_FREELIST:
            id = self.database.meta.freelist
            try:
                page = self.database.page(id)
                free = freelist(self.database)
                used = HEADER.size + 8 * len(free)
                span = page.overflow + 1
                self.cells.setdefault(id, Cell(id, "freelist", len(free), span, size * span, used))
            except DatabaseError as error:
                self.cells.setdefault(id, Cell(id, "unknown", errors=[str(error)]))
        taken = {n for cell in self.cells.values() for n in range(cell.id, cell.id + cell.span)}
        for id in range(last):
            if id not in taken:
                self.cells[id] = Cell(id, "free", size=size)

    @property
    def pages_in_file(self) -> int:
        """Pages that are there: as many as the meta says, or as the file has room for."""
        return min(self.database.meta.high_water, len(self.data) // self.database.page_size)

    def _errors(self) -> list[str]:
        found = [
            meta_error for cell in self.cells.values() if cell.kind == "meta" for meta_error in cell.errors
        ]
        for text in check(self.database):
            found.append(text)
            named = re.match(r"page (\d+): ", text) or re.search(r"page\((\d+)\)", text)
            cell = self.cells.get(int(named.group(1))) if named else None
            if cell is not None and text not in cell.errors:
                cell.errors.append(text)
        if self.database.meta.high_water > self.pages_in_file:
            missing = self.database.meta.high_water - self.pages_in_file
            found.append(
                f"the file ends early: {missing} of {self.database.meta.high_water} pages are missing"
            )
        return list(dict.fromkeys(found))

    # -- the digest -------------------------------------------------------------------------------------

    def digest(self) -> tuple[str, str]:
        """(verdict, sentence) about the SHA-256 at the end: "pass", "refuse"; "note" where there is none."""
        size = len(self.data)
        if not has_digest(size):
            return "note", "no sha256 at the end: a member's own file, or a copy of one"
        if self.data[-DIGEST:] == digest_of(self.data, size - DIGEST):
            return "pass", "the sha256 at the end is that of the file"
        return "refuse", "the sha256 at the end is not that of the file: it has changed since it was saved"

    # -- looking ----------------------------------------------------------------------------------------

    def entries(self, id: int) -> list[tuple[str, str, int]]:
        """What a page holds: (key, what it means, number of the element) a row; an inline bucket has rows for
        its own entries too. Raises DatabaseError."""
        cell = self.cells[id]
        if cell.kind == "meta":
            meta = self.metas[id]
            if isinstance(meta, str):
                return []
            names = ("page size", "root", "sequence", "freelist", "pages in use", "transaction")
            free = "none: free pages are found by looking" if meta.freelist == NO_FREELIST else meta.freelist
            values = (meta.page_size, f"page {meta.root}", meta.sequence, free, meta.high_water, meta.txid)
            told = zip(names, values, strict=True)
            return [(name, str(value), number) for number, (name, value) in enumerate(told)]
        if cell.kind == "freelist":
            return [(f"page {free}", "free", at) for at, free in enumerate(freelist(self.database))]
        if cell.kind not in ("branch", "leaf"):
            return []
        page = self.database.page(id)
        if page.flags == BRANCH:
            below = branch_entries(self.data, page)
            return [
                (key_text(cell.bucket, key), f"page {child}", at) for at, (key, child) in enumerate(below)
            ]
        return list(self._leaf(cell.bucket, leaf_entries(self.data, page)))

    def _leaf(self, bucket: bytes | None, entries: list[Entry]) -> Iterator[tuple[str, str, int]]:
        for number, entry in enumerate(entries):
            name = key_text(bucket, entry.key)
            if not entry.bucket:
                yield name, value_text(bucket, entry.key, entry.value), number
                continue
            opened = self.database.root.opened(entry)
            if not opened.inline:
                yield name, f"bucket, page {opened.root}", number
                continue
            inner = leaf_entries(opened.image, opened.inline_page())
            count = f"{len(inner)} entr{'y' if len(inner) == 1 else 'ies'}"
            yield name, f"bucket, inline, {count}" if inner else "bucket, empty", number
            for key, told, _ in self._leaf(entry.key, inner):
                yield f"{name}/{key}", told, number

    def revisions(self) -> list[Revision]:
        """The revisions in the bucket `key`, as far as its pages can be read."""
        found = []
        for entries in self._filed():
            try:
                found += [unpack(entry.key)[0] for entry in entries]
            except ValueError:
                continue
        return sorted(found)

    def _filed(self) -> Iterator[list[Entry]]:
        for cell in self.cells.values():
            if cell.bucket == b"key" and cell.kind == "leaf" and not cell.errors:
                yield leaf_entries(self.data, self.database.page(cell.id))
        for opened in self.buckets:
            if opened.name == b"key" and not opened.root:
                bucket = self.database.bucket(b"key")
                if bucket is not None and bucket.inline:
                    yield leaf_entries(bucket.image, bucket.inline_page())

    def path(self, revision: Revision | None) -> list[Stop]:
        """The search for a revision, page by page; without one only as far as the root."""
        meta = self.database.meta
        other = self.metas[1 - self.current]
        why = "the other one is broken" if isinstance(other, str) else "its transaction is the newer one"
        counts = f"Meta page {self.current} counts: its checksum is right, and {why}."
        stops = [Stop(self.current, f"{counts} Its root is page {meta.root}.")]
        try:
            entry = self._descend(stops, meta.root, b"", b"key", "bucket `key`")
            if revision is None:
                return stops
            if entry is None or not entry.bucket:
                stops[-1].sentence += " There is no bucket `key`."
                return stops
            bucket = self.database.root.opened(entry)
            stops[-1].sentence += (
                " It is inline: its entries lie in this page."
                if bucket.inline
                else f" It begins at page {bucket.root}."
            )
            wanted = pack(revision)
            if bucket.inline:
                self._inline(stops[-1], bucket, wanted)
            else:
                self._descend(stops, bucket.root, b"key", wanted, f"revision {revision.main}.{revision.sub}")
        except DatabaseError as error:
            stops.append(Stop(self._broken(str(error), stops[-1].page), f"The search ends here: {error}."))
        return stops

    def _descend(self, stops: list[Stop], id: int, bucket: bytes, key: bytes, what: str) -> Entry | None:
        page = self.database.page(id)
        for _ in range(64):
            if page.flags != BRANCH:
                break
            below = branch_entries(self.data, page)
            at = max(0, sum(first <= key for first, _ in below) - 1)
            if not below:
                raise DatabaseError(f"page {page.id}: a branch without elements")
            nearby = [key_text(bucket, below[at][0])]
            if at + 1 < len(below):
                nearby.append(key_text(bucket, below[at + 1][0]))
            between = f"not below {nearby[0]}" + (f" and below {nearby[1]}" if len(nearby) > 1 else "")
            child, keys = below[at][1], len(below)
            told = f"Page {page.id} is a branch with {keys} keys: {what} is {between}, so page {child}."
            stops.append(Stop(page.id, told, at=at))
            page = self.database.page(below[at][1])
        if page.flags != LEAF:
            raise DatabaseError(f"page {page.id}: invalid type: {page.kind}")
        entries = leaf_entries(self.data, page)
        at = next((n for n, entry in enumerate(entries) if _same(entry.key, key)), -1)
        stops.append(self._at_leaf(page, bucket, entries, at, what))
        return entries[at] if at >= 0 else None

    def _at_leaf(self, page: Page, bucket: bytes, entries: list[Entry], at: int, what: str) -> Stop:
        count = f"{len(entries)} element{'' if len(entries) == 1 else 's'}"
        if at < 0:
            return Stop(page.id, f"Page {page.id} is a leaf with {count}; {what} is not among them.")
        if bucket != b"key":
            return Stop(page.id, f"Page {page.id} is a leaf with {count}: element {at + 1} is {what}.", at=at)
        told = value_text(bucket, entries[at].key, entries[at].value)
        return Stop(
            page.id,
            f"Page {page.id} is a leaf with {count}: element {at + 1} is {what}: {told}.",
            found=True,
            at=at,
        )

    @staticmethod
    def _inline(stop: Stop, bucket: Bucket, wanted: bytes) -> None:
        entries = leaf_entries(bucket.image, bucket.inline_page())
        for number, entry in enumerate(entries, 1):
            if _same(entry.key, wanted):
                stop.found, stop.inner = True, number - 1
                told = value_text(b"key", entry.key, entry.value)
                stop.sentence += f" Entry {number} of {len(entries)} is the revision: {told}."
                return
        stop.sentence += f" The revision is not among its {len(entries)} entries."

    @staticmethod
    def _broken(text: str, otherwise: int) -> int:
        named = re.match(r"page (\d+)", text) or re.search(r"expected to be: (\d+)", text)
        return int(named.group(1)) if named else otherwise


def _same(key: bytes, wanted: bytes) -> bool:
    """Whether a filed key is the wanted one; a tombstone's has one byte more."""
    return key == wanted or (len(key) == 18 and key[:17] == wanted)
