"""Pages of a bbolt file: a list of all of them, and the check that they make a sound database.

`pages` shows the inside of a file page by page: what each is, who points to it, which keys it holds and how
full it is. Pages that nothing leads to are free: their old bytes are still there, and are meaningless.
`check` says what is wrong with a file, in bbolt's words; an empty list means that all is well.

    for page in pages(Database(data)):
        page.id, page.kind, page.count, page.used, page.size, page.parent, page.bucket, page.first_key

Both read damaged files to the end without following a page twice.
Source: go.etcd.io/bbolt v1.4 (tx_check.go, db.go freepages; the listing is like `bbolt pages`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from kubekit.etcd.bbolt import (
    BRANCH,
    ELEMENT,
    FREELIST,
    HEADER,
    LEAF,
    MAX_DEPTH,
    META_SIZE,
    NO_FREELIST,
    Bucket,
    Database,
    DatabaseError,
    Page,
    branch_entries,
    leaf_entries,
)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """One page. `kind` is meta, branch, leaf, freelist or free; `size` counts overflow pages, `used` the
    bytes with meaning; `parent` is the page that leads here (-1: none); `bucket` is the name of the bucket
    whose tree it is part of (b"" for the root); `current` marks the meta that counts."""

    id: int
    kind: str
    count: int
    overflow: int
    size: int
    used: int
    parent: int
    bucket: bytes
    first_key: bytes
    last_key: bytes
    current: bool


@dataclass(frozen=True, slots=True)
class InlineBucket:
    """A bucket that is written out within the leaf page `page`: its name, entries and bytes."""

    name: bytes
    page: int
    count: int
    size: int


def pages(database: Database) -> list[PageInfo]:
    """All pages in use and free ones, by number. Raises DatabaseError where the trees are broken."""
    size = database.page_size
    found: dict[int, PageInfo] = {}
    for id in (0, 1):
        current = _is_current(database, id)
        used = HEADER.size + META_SIZE
        found[id] = PageInfo(id, "meta", 0, 0, size, used, -1, b"", b"", b"", current)
    if database.meta.freelist != NO_FREELIST:
        page = database.page(database.meta.freelist)
        used = HEADER.size + 8 * len(freelist(database))
        found[page.id] = PageInfo(
            page.id,
            "freelist",
            page.count,
            page.overflow,
            size * (page.overflow + 1),
            used,
            -1,
            b"",
            b"",
            b"",
            False,
        )
    for name, bucket in _buckets(database):
        parents: dict[int, int] = {}
        for page in bucket.pages():
            found[page.id] = _info(database, page, parents.get(page.id, -1), name)
            if page.flags == BRANCH:
                parents.update((child, page.id) for _, child in branch_entries(database.data, page))
    listed: list[PageInfo] = []
    id = 0
    while id < min(database.meta.high_water, len(database.data) // size):
        info = found.get(id) or PageInfo(id, "free", 0, 0, size, 0, -1, b"", b"", b"", False)
        listed.append(info)
        id += info.overflow + 1
    return listed


def inline_buckets(database: Database) -> list[InlineBucket]:
    """The buckets that have no pages of their own, in order. Raises DatabaseError."""
    found = []
    for page in database.root.pages():
        if page.flags != LEAF:
            continue
        for entry in leaf_entries(database.data, page):
            if entry.bucket and (bucket := database.root.opened(entry)).inline:
                count = sum(1 for _ in bucket.entries())
                found.append(InlineBucket(entry.key, page.id, count, len(entry.value)))
    return found


def freelist(database: Database) -> list[int]:
    """The free pages that the file itself lists; none when it leaves finding them to the reader. Raises
    DatabaseError."""
    if database.meta.freelist == NO_FREELIST:
        return []
    page = database.page(database.meta.freelist)
    if page.flags != FREELIST:
        raise DatabaseError(f"can't get freelist page count from a non-freelist page: {page.flags:2x}")
    start, count = page.start + HEADER.size, page.count
    if count == 0xFFFF and start + 8 <= page.end:
        # So many that two bytes cannot say it: the first number is the count.
        (count,) = struct.unpack_from("<Q", database.data, start)
        start += 8
    if count * 8 > page.end - start:
        raise DatabaseError(f"page {page.id}: a freelist of {count} pages does not fit")
    return list(struct.unpack_from(f"<{count}Q", database.data, start))


def _is_current(database: Database, id: int) -> bool:
    # Both metas of a snapshot lead to the same root; the newer transaction is the one that counts.
    data, size = database.data, database.page_size
    start = id * size + HEADER.size
    return data[start : start + META_SIZE] == database.meta.pack()


def _buckets(database: Database) -> Iterator[tuple[bytes, Bucket]]:
    """The root and every bucket with pages of its own, however deep, by its name."""
    waiting = [(b"", database.root)]
    while waiting:
        name, bucket = waiting.pop()
        yield name, bucket
        inner = [(entry.key, bucket.opened(entry)) for entry in bucket.entries() if entry.bucket]
        waiting += reversed([(name, child) for name, child in inner if not child.inline])


def _info(database: Database, page: Page, parent: int, bucket: bytes) -> PageInfo:
    if page.flags == LEAF:
        entries = leaf_entries(database.data, page)
        keys = [entry.key for entry in entries]
        content = sum(len(entry.key) + len(entry.value) for entry in entries)
    else:
        keys = [first for first, _ in branch_entries(database.data, page)]
        content = sum(map(len, keys))
    return PageInfo(
        page.id,
        page.kind,
        page.count,
        page.overflow,
        database.page_size * (page.overflow + 1),
        HEADER.size + ELEMENT * page.count + content,
        parent,
        bucket,
        keys[0] if keys else b"",
        keys[-1] if keys else b"",
        False,
    )


def check(database: Database) -> list[str]:
    """What is wrong with the file, one sentence each."""
    checker = _Checker(database)
    try:
        freed = freelist(database)
        if database.meta.freelist != NO_FREELIST:
            checker.claim(database.page(database.meta.freelist), [])
    except DatabaseError as error:
        return [str(error)]
    for id in freed:
        if id in checker.freed:
            checker.errors.append(f"page {id}: already freed")
        checker.freed.add(id)
    checker.bucket(database.root, 0)
    if database.meta.freelist != NO_FREELIST:
        for id in range(2, min(database.meta.high_water, len(database.data) // database.page_size + 1)):
            if id not in checker.reachable and id not in checker.freed:
                checker.errors.append(f"page {id}: unreachable unfreed")
    return checker.errors


class _Checker:
    """One walk over all trees, noting what is wrong."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.errors: list[str] = []
        self.reachable = {0, 1}
        self.freed: set[int] = set()

    def claim(self, page: Page, stack: list[int]) -> bool:
        """Note that a page is in use; whether it was not before."""
        fresh = True
        for id in range(page.id, page.id + page.overflow + 1):
            if id in self.reachable:
                self.errors.append(f"page {id}: multiple references (stack: {_shown(stack)})")
                fresh = False
            self.reachable.add(id)
        return fresh

    def bucket(self, bucket: Bucket, depth: int) -> None:
        """Check a bucket's tree and the buckets in it."""
        if bucket.inline:
            try:
                leaf_entries(bucket.image, bucket.inline_page())
            except DatabaseError as error:
                self.errors.append(str(error))
            return
        if depth > MAX_DEPTH:
            self.errors.append(f"page {bucket.root}: buckets lie too deep within each other")
            return
        self.page(bucket, bucket.root, None, None, [], depth)

    def page(
        self, bucket: Bucket, id: int, low: bytes | None, high: bytes | None, stack: list[int], depth: int
    ) -> bytes | None:
        """Check a page and what is below it: keys from `low` up to `high`; the last key found."""
        stack = [*stack, id]
        try:
            page = self.database.page(id)
            if not self.claim(page, stack) or len(stack) > MAX_DEPTH:
                return None
            if id in self.freed:
                self.errors.append(f"page {id}: reachable freed")
            if page.flags == LEAF:
                return self._leaf(bucket, page, low, high, stack, depth)
            if page.flags == BRANCH:
                return self._branch(bucket, page, low, high, stack, depth)
            self.errors.append(f"page {id}: invalid type: {page.kind} (stack: {_shown(stack)})")
        except DatabaseError as error:
            self.errors.append(str(error))
        return None

    def _leaf(
        self, bucket: Bucket, page: Page, low: bytes | None, high: bytes | None, stack: list[int], depth: int
    ) -> bytes | None:
        entries = leaf_entries(self.database.data, page)
        before = low
        for index, entry in enumerate(entries):
            self._order(page.id, "leaf", index, entry.key, before, high, stack)
            before = entry.key
        for entry in entries:
            if entry.bucket:
                try:
                    self.bucket(bucket.opened(entry), depth + 1)
                except DatabaseError as error:
                    self.errors.append(str(error))
        return entries[-1].key if entries else None

    def _branch(
        self, bucket: Bucket, page: Page, low: bytes | None, high: bytes | None, stack: list[int], depth: int
    ) -> bytes | None:
        below = branch_entries(self.database.data, page)
        before, last = low, None
        for index, (key, child) in enumerate(below):
            self._order(child, "branch", index, key, before, high, stack)
            end = below[index + 1][0] if index + 1 < len(below) else high
            last = self.page(bucket, child, key, end, stack, depth)
            before = last
        return last

    def _order(
        self,
        id: int,
        kind: str,
        index: int,
        key: bytes,
        before: bytes | None,
        high: bytes | None,
        stack: list[int],
    ) -> None:
        shown = f"key[{index}]=(hex){key.hex()} on {kind} page({id})"
        previous = (before or b"").hex()
        if before is not None:
            if index == 0 and before > key:
                self.errors.append(
                    f"the first {shown} needs to be >= the key in the ancestor ({previous})."
                    f" Stack: {_shown(stack)}"
                )
            elif index > 0 and before >= key:
                sign = "<" if before > key else "="
                self.errors.append(
                    f"{shown} needs to be > (found {sign}) than previous element (hex){previous}."
                    f" Stack: {_shown(stack)}"
                )
        if high is not None and key >= high:
            self.errors.append(
                f"{shown} needs to be < than key of the next element in ancestor (hex){previous}."
                f" Pages stack: {_shown(stack)}"
            )


def _shown(stack: list[int]) -> str:
    """A list of numbers as Go prints it."""
    return "[" + " ".join(map(str, stack)) + "]"
