"""Snapshot files of etcd 3.4, 3.5 and 3.6, read to the recorded content; and files that are none."""

from __future__ import annotations

import pytest

from kubekit.etcd.backend import buckets_of
from kubekit.etcd.bbolt import Database
from kubekit.etcd.bbolt_pages import check, inline_buckets, pages
from kubekit.etcd.bbolt_writer import DatabaseImage
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.snapshot import (
    SnapshotBlobs,
    SnapshotError,
    SnapshotFile,
    go_quote,
    save,
    status,
)
from kubekit.etcd.store_loading import load, state_of
from kubekit.sim import VirtualClock
from tests.etcd.snapshot_files import RELEASES, count, differences, file_of, names

RECORDED = names()


def test_all_recordings_are_there() -> None:
    assert len(RECORDED) == 14
    assert sum(map(count, RECORDED)) > 300


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_file_is_read_as_recorded(name: str) -> None:
    assert list(differences(name)) == []


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_read_is_written_to_the_byte(name: str) -> None:
    """Every bucket of a file made from what was read has the same entries."""
    file = SnapshotFile(file_of(name))
    image = b"".join(DatabaseImage(buckets_of(file.state)))
    made = Database(image)
    assert check(made) == []
    for entry in file.database.root.entries():
        again = made.bucket(entry.key)
        assert again is not None
        assert list(again.items()) == list(file.database.root.opened(entry).items()), entry.key


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_store_has_loaded_it_gives_back(name: str) -> None:
    file = SnapshotFile(file_of(name))
    loaded = load(file.state, VirtualClock())
    state = state_of(
        loaded.store,
        loaded.auth,
        loaded.alarms,
        consistent_index=file.state.consistent_index,
        term=file.state.term,
        conf_state=file.state.conf_state,
        storage_version=file.state.storage_version,
        cluster_version=file.state.cluster_version,
        members=file.state.members,
        removed=file.state.removed,
    )
    before, after = (dict(buckets_of(each)) for each in (file.state, state))
    assert {name: list(pairs) for name, pairs in after.items()} == {
        name: list(pairs) for name, pairs in before.items()
    }


@pytest.mark.parametrize("name", RECORDED)
def test_the_pages_cover_the_file(name: str) -> None:
    database = SnapshotFile(file_of(name)).database
    listed = pages(database)
    assert sum(page.size for page in listed) == database.size
    assert [page.kind for page in listed[:2]] == ["meta", "meta"]
    assert sum(page.current for page in listed) == 1
    assert all(page.used <= page.size for page in listed)
    by_id = {page.id: page for page in listed}
    for page in listed:
        if page.parent >= 0:
            assert by_id[page.parent].kind == "branch"
            assert by_id[page.parent].first_key <= page.first_key
    inline = {bucket.name for bucket in inline_buckets(database)}
    with_pages = {page.bucket for page in listed if page.kind in ("leaf", "branch")} - {b""}
    assert inline | with_pages == {key for key, _ in database.root.items()}
    assert not inline & with_pages


def test_a_snapshot_is_kept_whole_or_not_at_all() -> None:
    disk = MemoryDisk()
    blobs = list(SnapshotBlobs(SnapshotFile(file_of("e36-k8s")).state))
    disk.write("old.db", b"old")
    with pytest.raises(SnapshotError, match=r"sha256 checksum not found \[bytes: 16384\]"):
        save(blobs[:-1], disk, "old.db")

    def broken() -> object:
        yield blobs[0]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        save(broken(), disk, "old.db")  # type: ignore[arg-type]
    assert disk.list("") == ["old.db"] and disk.read("old.db") == b"old"
    save(blobs, disk, "old.db")
    disk.fsync("")
    disk.crash()
    assert SnapshotFile.open(disk, "old.db").digest_ok


def test_a_snapshot_cannot_be_kept_where_there_is_no_folder() -> None:
    text = "could not open no/such/x.db.part (open no/such/x.db.part: no such file or directory)"
    with pytest.raises(SnapshotError) as refusal:
        save([], MemoryDisk(), "no/such/x.db")
    assert str(refusal.value) == text


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "stat file: no such file or directory"),
        (b"", "write file: bad file descriptor"),
        (b"text\n", "invalid database"),
        (b"t" * 4096, "file size too small"),
        (b"t" * 9000, "invalid database"),
    ],
)
def test_status_of_what_is_no_snapshot(release: str, data: bytes | None, text: str) -> None:
    disk = MemoryDisk()
    if data is not None:
        disk.write("file", data)
    with pytest.raises(SnapshotError) as refusal:
        status(disk, "file", release)
    size = " 4096" if release > "3.6" and text.startswith("file size") else ""
    assert str(refusal.value) == text + size


def test_status_of_a_damaged_tree() -> None:
    data = bytearray(file_of("e34-many"))
    leaf = next(
        page for page in pages(Database(bytes(data))) if page.kind == "leaf" and page.bucket == b"key"
    )
    data[leaf.id * 4096 + 8] = 16
    disk = MemoryDisk()
    disk.write("file", bytes(data))
    with pytest.raises(SnapshotError) as refusal:
        status(disk, "file")
    assert str(refusal.value).startswith("snapshot file integrity check failed. 1 errors found.\n")
    assert f"page {leaf.id}: invalid type: freelist" in str(refusal.value)


def test_quotes_as_go_prints_them() -> None:
    assert go_quote(b'a"\\\n\x00\xff\xc3\xa4') == '"a\\"\\\\\\n\\x00\\xff\u00e4"'
