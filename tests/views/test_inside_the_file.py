"""Inside the file: every page is named, a search reads what it must, damage is said where it is."""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kubekit.etcd import KVStore
from kubekit.etcd.backend import BackendState
from kubekit.etcd.bbolt import Database
from kubekit.etcd.bbolt_pages import pages
from kubekit.etcd.snapshot import SnapshotBlobs
from kubekit.sim import VirtualClock
from kubekit.views.file_pages import Inside
from kubekit.views.inside_the_file import InsideTheFile

SIZE = 4096


def snapshot(count: int = 600, big: int = 0) -> bytes:
    store = KVStore(VirtualClock(0))
    for number in range(count):
        store.put(b"/many/%04d" % (number // 2), b"value %d" % number)
    if big:
        store.put(b"/big", b"x" * big)
    store.delete(b"/many/0000")
    revisions = list(store.history(0))
    return b"".join(SnapshotBlobs(BackendState(revisions=revisions, consistent_index=7, term=2)))


@pytest.fixture(scope="module")
def data() -> bytes:
    return snapshot()


def broken(data: bytes, at: int, bytes_: bytes) -> bytes:
    changed = bytearray(data)
    changed[at : at + len(bytes_)] = bytes_
    return bytes(changed)


def test_a_search_goes_from_the_meta_to_the_leaf(data: bytes) -> None:
    view = InsideTheFile(data, revision=300)
    kinds = [record["kind"] for record in view.scene["records"]]
    assert kinds == ["meta", "leaf", "branch", "leaf"]
    total = Database(data).meta.high_water
    assert view.scene["title"] == f"4 of {total} pages are read to find revision 300"
    last = view.scene["records"][-1]
    assert "is revision 300.0: /many/0149, version 1, 9 bytes" in last["sentence"]
    assert last["tick"]["hue"] == "good" and view.cursor == 3
    parts = last["card"]["parts"][-1]
    assert parts["pairs"][parts["at"]] == ["300.0", "/many/0149, version 1, 9 bytes"]
    assert repr(view).splitlines()[1] == "the sha256 at the end is that of the file"
    json.dumps(view.scene)


def test_every_page_of_the_search_is_where_bbolt_finds_it(data: bytes) -> None:
    database = Database(data)
    for revision in (2, 77, 450, 602):
        stops = Inside(data).path(SimpleNamespace(main=revision, sub=0))  # type: ignore[arg-type]
        assert stops[-1].found
        assert stops[0].page == 0 and stops[1].page == database.meta.root
        listed = {info.id: info for info in pages(database)}
        assert all(stop.page in listed for stop in stops)
        for above, below in itertools.pairwise(stops[2:]):
            assert listed[below.page].parent == above.page


def test_the_cells_are_those_of_the_page_listing(data: bytes) -> None:
    ours = {
        cell.id: (cell.kind, cell.count, cell.span - 1, cell.used, cell.bucket or b"")
        for cell in Inside(data).cells.values()
        if cell.kind in ("leaf", "branch")
    }
    theirs = {
        info.id: (info.kind, info.count, info.overflow, info.used, info.bucket)
        for info in pages(Database(data))
        if info.kind in ("leaf", "branch")
    }
    assert ours == theirs


def test_a_tombstone_is_found_and_named(data: bytes) -> None:
    view = InsideTheFile(data, revision=602)
    assert "/many/0000, tombstone" in view.scene["records"][-1]["sentence"]
    assert view.find(9999).scene["title"].startswith("Revision 9999 is not in ")
    view.handle({"action": "find", "arguments": {"main": 5, "sub": 0}})
    assert "revision 5.0" in view.sentence


def test_a_small_bucket_lies_inline(data: bytes) -> None:
    view = InsideTheFile(snapshot(3))
    assert [record["kind"] for record in view.scene["records"]] == ["meta", "leaf"]
    assert "It is inline" in view.sentence and view.scene["filed"] == "4 versions, revisions 2 to 5"
    part = view.scene["records"][-1]["card"]["parts"][-1]
    assert part["pairs"][part["at"]] == ["key/5.0(t)", "/many/0000, tombstone"]
    assert ["meta/consistent_index", "7"] in part["pairs"]


def test_a_long_value_goes_on_in_overflow_pages() -> None:
    view = InsideTheFile(snapshot(600, big=3 * SIZE))
    spans = [cell["span"] for cell in view.scene["cells"]]
    assert max(spans) >= 4
    assert {"glyph": "page_overflow", "text": "overflow: goes on"} in view.scene["legend"]


def test_a_broken_page_is_said_where_it_is(data: bytes) -> None:
    inside = Inside(data)
    leaf = next(cell.id for cell in inside.cells.values() if cell.bucket == b"key" and cell.kind == "leaf")
    view = InsideTheFile(broken(data, leaf * SIZE + 16 + 4, struct.pack("<I", 0xFFFFFF)), revision=300)
    assert view.scene["title"].endswith("is damaged: one thing is wrong")
    assert view.scene["errors"] == [f"page {leaf}: element 0 is out of bounds"]
    assert [cell["id"] for cell in view.scene["cells"] if cell.get("wrong")] == [leaf]
    card = view.scene["cards"][str(leaf)]
    assert card["chip"] == {"hue": "refuse", "text": "damaged", "glyph": "refuse"}
    assert view.scene["digest"]["verdict"] == "refuse" and view.cursor == 0
    assert f"[x] page {leaf}: element 0 is out of bounds" in view.text
    # The rest is still found.
    assert view.scene["records"][-1]["tick"]["hue"] == "good"


def test_a_search_that_meets_the_broken_page_ends_there(data: bytes) -> None:
    page = Inside(data).path(SimpleNamespace(main=300, sub=0))[-1].page  # type: ignore[arg-type]
    view = InsideTheFile(broken(data, page * SIZE + 8, b"\x77\x00"), revision=300)
    last = view.scene["records"][-1]
    assert last["page"] == page and last["tick"]["hue"] == "refuse" and last["halt"] == "refused"
    assert last["sentence"].startswith(f"The search ends here: page {page}: invalid type")


def test_one_broken_meta_leaves_the_other(data: bytes) -> None:
    view = InsideTheFile(broken(data, 16 + 4, b"\xff"))
    assert "Meta page 1 counts" in view.scene["records"][0]["sentence"]
    assert view.scene["errors"][0] == "meta page 0: version mismatch"
    assert view.scene["cards"]["0"]["chip"]["text"] == "damaged"


def test_a_file_cut_short_says_how_much_is_missing(data: bytes) -> None:
    view = InsideTheFile(data[: 5 * SIZE])
    assert any(error.startswith("the file ends early") for error in view.scene["errors"])
    assert view.scene["digest"]["verdict"] == "note"


def test_only_the_digest_is_wrong(data: bytes) -> None:
    view = InsideTheFile(data[:-1] + bytes([data[-1] ^ 1]))
    assert view.scene["title"].endswith("was changed after it was saved: its sha256 is another")
    assert view.scene["digest"]["verdict"] == "refuse" and view.scene["errors"] == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (b"", "The file of 0 bytes is no bbolt file: invalid database"),
        (b"hello" * 4000, "The file of 20000 bytes is no bbolt file: invalid database"),
        ("/nowhere/at/all.db", "all.db cannot be read: no such file or directory"),
    ],
)
def test_what_is_no_database_is_refused_in_a_sentence(source: Any, sentence: str) -> None:
    view = InsideTheFile(source)
    assert repr(view) == sentence and view.scene["refused"] and view.scene["records"] == []
    assert "snapshot save" in view.scene["empty"]


def test_every_byte_may_be_wrong(data: bytes) -> None:
    # Nothing in a file is believed: whatever is flipped, there is a picture and no traceback.
    small = snapshot(60)
    for at in range(0, len(small), 97):
        view = InsideTheFile(broken(small, at, bytes([small[at] ^ 0xFF])))
        assert view.text and view.scene["title"]
        json.dumps(view.scene)


def test_a_path_and_a_member_are_taken(data: bytes, tmp_path: Path, cluster: Any) -> None:
    (tmp_path / "backup.db").write_bytes(data)
    view = cluster.view.file(str(tmp_path / "backup.db"), revision=10)
    assert view.scene["title"].endswith("pages are read to find revision 10")
    member = SimpleNamespace(name="etcd-1", snapshot=lambda: iter([data]))
    assert cluster.view.file(member).scene["digest"]["verdict"] == "pass"
    bare = InsideTheFile(data[:-32])
    assert bare.scene["digest"]["text"].startswith("no sha256 at the end")
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]


def test_the_table_names_every_page_of_a_small_file() -> None:
    view = InsideTheFile(snapshot(60))
    rows = {row[0]: row for row in view.table.rows}
    assert rows["0"][1] == "meta, counts" and rows["1"][1] == "meta"
    assert {row[-1] for row in view.table.rows} == {"sound"}
    assert "(root)" in {row[2] for row in view.table.rows}
