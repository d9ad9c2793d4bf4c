"""bbolt files: written and read back, page by page; damaged ones end in one kind of error, and soon."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd.backend import BackendError
from kubekit.etcd.bbolt import (
    BRANCH,
    HEADER,
    LEAF,
    META,
    NO_FREELIST,
    PAGE_SIZE,
    Database,
    DatabaseError,
    Meta,
)
from kubekit.etcd.bbolt_pages import check, freelist, inline_buckets, pages
from kubekit.etcd.bbolt_writer import FEWEST, DatabaseImage
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.snapshot import SnapshotBlobs, SnapshotError, SnapshotFile, save, status
from kubekit.etcd.store_loading import load
from kubekit.sim import VirtualClock
from tests.etcd.snapshot_files import file_of

Pairs = list[tuple[bytes, bytes]]


def written(buckets: dict[bytes, Pairs]) -> Database:
    """A database of some buckets, checked."""
    image = DatabaseImage(sorted(buckets.items()))
    data = b"".join(image)
    assert len(data) == image.size
    database = Database(data)
    assert check(database) == []
    return database


def content(database: Database) -> dict[bytes, Pairs]:
    return {
        entry.key: list(database.root.opened(entry).items())
        for entry in database.root.entries()
        if entry.bucket
    }


PAIRS = st.dictionaries(st.binary(max_size=30), st.binary(max_size=900), max_size=40).map(
    lambda found: sorted(found.items())
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.binary(min_size=1, max_size=8), PAIRS, max_size=6))
def test_what_is_written_is_read(buckets: dict[bytes, Pairs]) -> None:
    database = written(buckets)
    assert content(database) == dict(sorted(buckets.items()))
    for name, pairs in buckets.items():
        bucket = database.bucket(name)
        assert bucket is not None
        for key, value in pairs:
            assert bucket.get(key) == value
        assert bucket.get(b"no such key" * 4) is None
    assert database.bucket(b"no such bucket") is None


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 100, 5000])
@pytest.mark.parametrize("size", [0, 100, 3000, 9000])
def test_pages_are_filled_as_bbolt_fills_them(count: int, size: int) -> None:
    if count * size > 5_000_000:
        count = 300
    pairs = [(b"%017d" % number, b"v" * size) for number in range(count)]
    database = written({b"key": pairs})
    assert content(database) == {b"key": pairs}
    listed = pages(database)
    assert sum(page.size for page in listed) == database.size
    leaves = [page for page in listed if page.kind == "leaf" and page.bucket == b"key"]
    assert sum(page.count for page in leaves) == (count if leaves else 0)
    for page in leaves[:-1]:
        assert page.count >= FEWEST
        # Full enough that one more would not have fitted into nine tenths, or as few as there may be.
        assert page.used + 16 + 17 + size > PAGE_SIZE * 0.9
        assert page.used <= PAGE_SIZE or page.count <= FEWEST + 1
    assert not [page for page in listed if page.kind == "free"]
    branches = [page for page in listed if page.kind == "branch"]
    for page in listed:
        if page.parent >= 0:
            assert page.parent in {branch.id for branch in branches}


def test_small_buckets_are_written_in_place() -> None:
    def bucket(size: int) -> Pairs:
        return [(b"k", b"v" * (size - 16 - 16 - 1))]

    database = written({b"fits": bucket(1024), b"does not": bucket(1025), b"empty": []})
    assert [(found.name, found.count) for found in inline_buckets(database)] == [(b"empty", 0), (b"fits", 1)]
    assert not [page for page in pages(database) if page.bucket == b"fits"]
    assert len([page for page in pages(database) if page.bucket == b"does not"]) == 1


class Many:
    """More entries than anybody wants in memory."""

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.value = b"v" * size

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for number in range(self.count):
            yield b"%017d" % number, self.value + b"%d" % number


def test_a_large_file_is_made_in_little_memory() -> None:
    image = DatabaseImage([(b"key", Many(20_000, 1000))])
    assert image.size > 20_000_000
    tracemalloc.start()
    length = sum(len(piece) for piece in image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert length == image.size and peak < 1_500_000


def test_both_metas_lead_to_the_root() -> None:
    database = written({b"key": [(b"a", b"1")]})
    data = bytearray(database.data[:])
    data[HEADER.size + 60] ^= 1
    assert content(Database(bytes(data))) == {b"key": [(b"a", b"1")]}
    data[PAGE_SIZE + HEADER.size + 60] ^= 1
    with pytest.raises(DatabaseError, match="checksum error"):
        Database(bytes(data))
    data[HEADER.size + 4] ^= 1
    with pytest.raises(DatabaseError, match="version mismatch"):
        Database(bytes(data))


def made_of(*images: bytes, root: int = 2, list_at: int = NO_FREELIST) -> Database:
    """A database of hand-made pages."""
    meta = Meta(PAGE_SIZE, root, 0, list_at, len(images) + 2, 7)
    parts = [HEADER.pack(id, META, 0, 0) + meta.pack() for id in (0, 1)] + list(images)
    return Database(b"".join(part + bytes(-len(part) % PAGE_SIZE) for part in parts))


def branch(id: int, children: list[tuple[bytes, int]], count: int | None = None) -> bytes:
    head = HEADER.pack(id, BRANCH, len(children) if count is None else count, 0)
    position, table, data = len(children) * 16, b"", b""
    for key, child in children:
        table += struct.pack("<IIQ", position, len(key), child)
        data += key
        position += len(key) - 16
    return head + table + data


def leaf(id: int, pairs: Pairs, flags: int = 0) -> bytes:
    head = HEADER.pack(id, LEAF, len(pairs), 0)
    position, table, data = len(pairs) * 16, b"", b""
    for key, value in pairs:
        table += struct.pack("<IIII", flags, position, len(key), len(value))
        data += key + value
        position += len(key) + len(value) - 16
    return head + table + data


GOOD = leaf(3, [(b"a", b"1")])
DAMAGED: dict[str, tuple[list[bytes], str]] = {
    "a page that leads to itself": ([branch(2, [(b"a", 2)])], "page 2: multiple references"),
    "pages that lead to each other": (
        [branch(2, [(b"a", 3)]), branch(3, [(b"a", 2)])],
        "page 2: multiple references",
    ),
    "a page that two lead to": ([branch(2, [(b"a", 3), (b"b", 3)]), GOOD], "page 3: multiple references"),
    "a page beyond the end": ([branch(2, [(b"a", 99)])], "page 99: out of bounds: 3"),
    "a page of another number": ([branch(2, [(b"a", 3)]), leaf(9, [])], "but self identifies as 9"),
    "a page of no kind": ([HEADER.pack(2, 32, 0, 0)], "page 2: invalid type: unknown<20>"),
    "a meta in a tree": ([branch(2, [(b"a", 3)]), HEADER.pack(3, META, 0, 0)], "page 3: invalid type: meta"),
    "overflow beyond the end": ([HEADER.pack(2, LEAF, 0, 5000)], "page 5002: out of bounds: 3"),
    "more elements than fit": ([branch(2, [(b"a", 3)], count=60_000), GOOD], "60000 elements do not fit"),
    "a key beyond the page": (
        [HEADER.pack(2, LEAF, 1, 0) + struct.pack("<IIII", 0, 16, 5000, 0)],
        "page 2: element 0 is out of bounds",
    ),
    "keys that are one and the same": (
        [HEADER.pack(2, LEAF, 200, 0) + struct.pack("<IIII", 0, 10, 800, 0) * 200],
        "is out of bounds",
    ),
    "a bucket that is cut short": ([leaf(2, [(b"a", b"short")], flags=1)], "its header is cut short"),
    "an inline bucket of no kind": (
        [leaf(2, [(b"a", bytes(32))], flags=1)],
        "page 0: invalid type: unknown<00>",
    ),
}


@pytest.mark.parametrize("what", sorted(DAMAGED))
def test_damaged_trees(what: str) -> None:
    images, text = DAMAGED[what]
    database = made_of(*images)
    with pytest.raises(DatabaseError) as refusal:
        for entry in database.root.entries():
            if entry.bucket:
                list(database.root.opened(entry).items())
    assert text in str(refusal.value)
    assert any(text.split(": ")[-1] in error for error in check(database)), check(database)
    with pytest.raises(DatabaseError):
        pages(database)
        list(database.root.entries())
        for entry in database.root.entries():
            list(database.root.opened(entry).items())


def test_keys_in_disorder_are_reported_as_bbolt_reports_them() -> None:
    unsorted = made_of(leaf(2, [(b"b", b""), (b"a", b"")]))
    text = "key[1]=(hex)61 on leaf page(2) needs to be > (found <) than previous element (hex)62. Stack: [2]"
    assert check(unsorted) == [text]
    twice = made_of(leaf(2, [(b"a", b""), (b"a", b"")]))
    assert check(twice) == [text.replace("found <", "found =").replace("(hex)62", "(hex)61")]
    low = made_of(branch(2, [(b"b", 3)]), GOOD)
    assert check(low) == [
        "the first key[0]=(hex)61 on leaf page(3) needs to be >= the key in the ancestor (62). Stack: [2 3]"
    ]
    high = made_of(branch(2, [(b"a", 3), (b"b", 4)]), leaf(3, [(b"c", b"")]), leaf(4, [(b"b", b"")]))
    assert any("needs to be < than key of the next element in ancestor" in error for error in check(high))


def test_a_list_of_free_pages() -> None:
    root, listed = leaf(2, [(b"a", b"1")]), HEADER.pack(3, 0x10, 1, 0) + struct.pack("<Q", 4)
    database = made_of(root, listed, b"free", list_at=3)
    assert freelist(database) == [4] and check(database) == []
    assert [page.kind for page in pages(database)] == ["meta", "meta", "leaf", "freelist", "free"]
    lost = made_of(root, HEADER.pack(3, 0x10, 0, 0), b"lost", list_at=3)
    assert check(lost) == ["page 4: unreachable unfreed"]
    wrong = made_of(root, HEADER.pack(3, 0x10, 2, 0) + struct.pack("<QQ", 2, 2), list_at=3)
    assert check(wrong) == ["page 2: already freed", "page 2: reachable freed"]
    many = made_of(root, HEADER.pack(3, 0x10, 0xFFFF, 0) + struct.pack("<QQ", 1, 4), b"", list_at=3)
    assert freelist(many) == [4]
    huge = made_of(root, HEADER.pack(3, 0x10, 0xFFFF, 0) + struct.pack("<Q", 1 << 60), list_at=3)
    assert check(huge) == [f"page 3: a freelist of {1 << 60} pages does not fit"]


def looked_through(data: bytes) -> None:
    """Everything that can be done with a file that somebody has sent."""
    disk = MemoryDisk()
    disk.write("file", data)
    for release in ("3.4", "3.6"):
        try:
            status(disk, "file", release)
        except SnapshotError as error:
            assert str(error)
    try:
        file = SnapshotFile.open(disk, "file")
        pages(file.database)
        inline_buckets(file.database)
        loaded = load(file.state, VirtualClock())
        save(SnapshotBlobs(file.state), disk, "again")
        assert loaded.store.revision
    except (SnapshotError, DatabaseError, BackendError) as error:
        assert str(error)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    looked_through(data)
    looked_through(data * 40)
    good = file_of("e36-few-keys")
    looked_through(good[: 2 * PAGE_SIZE] + data + bytes(3 * PAGE_SIZE))


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(["e36-few-keys", "e34-auth-alarm", "e34-many", "e36-big", "e36-three-members"]),
    st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(0, 255)), min_size=1, max_size=12),
    st.booleans(),
)
def test_damaged_files_are_read_or_refused(name: str, damage: list[tuple[int, int]], in_use: bool) -> None:
    """Bytes changed anywhere, or where they matter."""
    data = bytearray(file_of(name))
    database = Database(bytes(data))
    places = range(2 * PAGE_SIZE, database.size)
    if in_use:
        leaves = [page for page in pages(database) if page.kind in ("leaf", "branch")]
        places = [page.id * PAGE_SIZE + place for page in leaves for place in range(min(page.used, 600))]  # type: ignore[assignment]
    for place, value in damage:
        data[places[place % len(places)]] = value
    looked_through(bytes(data))


def test_a_high_water_mark_beyond_all_bounds() -> None:
    meta = Meta(PAGE_SIZE, 2, 0, NO_FREELIST, 1 << 60, 7)
    parts = [HEADER.pack(id, META, 0, 0) + meta.pack() for id in (0, 1)] + [leaf(2, [])]
    data = b"".join(part + bytes(-len(part) % PAGE_SIZE) for part in parts)
    assert check(Database(data)) == [] and len(pages(Database(data))) == 3
    looked_through(data)
