"""Restore: what etcdutl makes, what it refuses, in three releases' words."""

from __future__ import annotations

import pytest

from kubekit.etcd import FROM_KEY
from kubekit.etcd.auth import AuthStore
from kubekit.etcd.bbolt import Database
from kubekit.etcd.datadir import Storage
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.initial_cluster import (
    BootstrapError,
    parse_initial_cluster,
    parse_urls,
    verify_bootstrap,
)
from kubekit.etcd.raft_codec import LogMark
from kubekit.etcd.restore import Plan, restore
from kubekit.etcd.snapshot import SnapshotError, SnapshotFile
from kubekit.etcd.store_loading import load, state_of
from kubekit.etcd.wal import marks
from kubekit.raft import ConfState
from kubekit.sim import VirtualClock
from tests.etcd.snapshot_files import file_of

THREE = "m1=http://host1:2380,m2=http://host2:2380,m3=http://host3:2380"
IDS = (0x14AA902AA07EB0C5, 0x4C8E9D7F9E7EE621, 0x5F9B694DA1E12E32)
"""Of m2, m1 and m3 under the token etcd-cluster-1."""


def disk_with(name: str = "e36-overwrite-delete", lazy: bool = True) -> MemoryDisk:
    disk = MemoryDisk(lazy)
    data = file_of(name)
    middle = len(data) // 2
    corrupt = data[:middle] + bytes((data[middle] ^ 0xFF,)) + data[middle + 1 :]
    for path, content in {
        "snapshot.db": data,
        "corrupt.db": corrupt,
        "trunc.db": data[:-100],
        "nohash.db": data[:-32],
        "text.db": b"this is text\n",
        "zero.db": b"",
    }.items():
        disk.write(path, content)
    return disk


@pytest.mark.parametrize("lazy", [True, False])
def test_a_member_of_three(lazy: bool) -> None:
    disk = disk_with(lazy=lazy)
    plan = Plan(
        name="m2",
        initial_cluster=THREE,
        initial_cluster_token="etcd-cluster-1",
        initial_advertise_peer_urls="http://host2:2380",
    )
    restored = restore(disk, "snapshot.db", plan)
    assert restored.data_dir == "m2.etcd" and restored.wal_dir == "m2.etcd/member/wal"
    assert tuple(member.id for member in restored.members) == IDS
    assert restored.member.id == IDS[0] and restored.cluster_id == 0xE82F22E1954D0FA8
    assert disk.list("m2.etcd/member/snap") == ["0000000000000001-0000000000000003.snap", "db"]
    assert disk.list("m2.etcd/member/wal") == ["0000000000000000-0000000000000000.wal"]
    assert disk.size("m2.etcd/member/wal/0000000000000000-0000000000000000.wal") == 64_000_000
    disk.crash()
    stored = Storage(disk, "m2.etcd").load()
    assert (stored.member_id, stored.cluster_id) == (IDS[0], restored.cluster_id)
    assert stored.snapshot is not None and stored.snapshot[:3] == (3, 1, ConfState(IDS))
    assert stored.state is not None and stored.applied == 3 and stored.entries == []
    assert (stored.hard_state.term, stored.hard_state.commit) == (1, 3)
    assert [member.name for member in stored.members.members()] == ["m2", "m1", "m3"]
    before = load(SnapshotFile(file_of("e36-overwrite-delete")).state, VirtualClock()).store
    after = load(stored.state, VirtualClock()).store
    assert after.revision == before.revision and after.hash_kv() == before.hash_kv()


def test_what_each_release_changes_in_the_database() -> None:
    for release in ("3.4", "3.5", "3.6"):
        disk = disk_with("e36-three-members")
        restore(disk, "snapshot.db", release=release)
        old, new = (
            SnapshotFile(disk.read(path)).state for path in ("snapshot.db", "default.etcd/member/snap/db")
        )
        assert new.consistent_index == 1
        kept = release == "3.4"
        assert new.term == (old.term if kept else 1)
        assert (new.members == old.members) == kept and (new.removed == old.removed) == kept
        if not kept:
            assert [member.name for member in new.members] == ["default"] and new.removed == []
        assert new.storage_version == old.storage_version and new.conf_state == old.conf_state
        assert list(new.revisions) == list(old.revisions)
        noted = marks(disk, "default.etcd/member/wal")[-1]
        assert noted == LogMark(1, 1, None if kept else ConfState((0x8E9E05C52164694D,)))


def test_a_bumped_revision_is_compacted() -> None:
    disk = disk_with()
    restore(disk, "snapshot.db", Plan(bump_revision=1_000_000, mark_compacted=True))
    state = Storage(disk, "default.etcd").load().state
    assert state is not None and state.scheduled_compaction == 1_000_021
    store = load(state, VirtualClock()).store
    assert store.revision == store.compacted_revision == 1_000_021
    before = load(SnapshotFile(file_of("e36-overwrite-delete")).state, VirtualClock()).store
    assert store.range(b"\0", FROM_KEY).kvs == before.range(b"\0", FROM_KEY).kvs
    assert list(state_of(store, AuthStore(store.clock)).revisions)[-1][0] == (1_000_021, 0)
    for plan in (Plan(bump_revision=5), Plan(mark_compacted=True)):
        with pytest.raises(SnapshotError, match="--mark-compacted required if --revision-bump > 0"):
            restore(disk, "snapshot.db", plan)


def test_a_log_in_a_folder_of_its_own() -> None:
    disk = disk_with()
    restore(disk, "snapshot.db", Plan(data_dir="dd2", wal_dir="dd2wal"))
    assert disk.list("dd2/member") == ["snap"] and len(disk.list("dd2wal")) == 1
    assert Storage(disk, "dd2", wal_dir="dd2wal").load().applied == 1


MODERN = ("3.5", "3.6")
ALL = ("3.4", *MODERN)
LOOKUP = "lookup other on 127.0.0.1:53: no such host"
REFUSED: list[tuple[tuple[str, ...], str, Plan, str]] = [
    (ALL, "nofile.db", Plan(data_dir="d"), "open nofile.db: no such file or directory"),
    (ALL, "text.db", Plan(data_dir="d"), "seek text.db: invalid argument"),
    (ALL, "zero.db", Plan(data_dir="d"), "seek zero.db: invalid argument"),
    (ALL, "nohash.db", Plan(data_dir="d"), "snapshot missing hash but --skip-hash-check=false"),
    (ALL, "trunc.db", Plan(data_dir="d"), "snapshot missing hash but --skip-hash-check=false"),
    (ALL, "corrupt.db", Plan(data_dir="d"), "expected sha256 ["),
    (("3.4",), "snapshot.db", Plan(data_dir="there"), 'data-dir "there" exists'),
    (MODERN, "snapshot.db", Plan(data_dir="there"), 'data-dir "there" not empty or could not be read'),
    (MODERN, "snapshot.db", Plan(data_dir="text.db"), 'data-dir "text.db" not empty or could not be read'),
    (ALL, "snapshot.db", Plan(wal_dir="there"), 'wal-dir "there" exists'),
    (
        ALL,
        "snapshot.db",
        Plan(name="x"),
        'couldn\'t find local name "x" in the initial cluster configuration',
    ),
    (
        ALL,
        "snapshot.db",
        Plan(
            name="x",
            initial_cluster="x=http://host:2380",
            initial_advertise_peer_urls="http://other:2380",
        ),
        "--initial-cluster has x=http://host:2380 but missing from "
        f'--initial-advertise-peer-urls=http://other:2380 (failed to resolve "http://other:2380" ({LOOKUP}))',
    ),
    (
        ALL,
        "snapshot.db",
        Plan(initial_advertise_peer_urls="not-a-url"),
        "URL scheme must be http, https, unix, or unixs: not-a-url",
    ),
    (
        ("3.5",),
        "snapshot.db",
        Plan(name="m2", initial_cluster=THREE, initial_advertise_peer_urls="http://host2:2380"),
        "failed to resolve http://host2:2380 to match --initial-cluster=m2=http://host2:2380 "
        '(failed to resolve "http://host2:2380" (lookup host2 on 127.0.0.1:53: no such host))',
    ),
]


@pytest.mark.parametrize(("releases", "path", "plan", "text"), REFUSED)
def test_refusals(releases: tuple[str, ...], path: str, plan: Plan, text: str) -> None:
    for release in releases:
        disk = disk_with()
        disk.mkdir("there/something")
        with pytest.raises(SnapshotError) as refusal:
            restore(disk, path, plan, release=release)
        assert str(refusal.value).startswith(text)
        if not text.endswith("["):
            assert str(refusal.value) == text


def test_a_snapshot_that_is_refused_leaves_its_copy_behind() -> None:
    disk = disk_with()
    for path in ("corrupt.db", "nohash.db"):
        with pytest.raises(SnapshotError):
            restore(disk, path, Plan(data_dir=path + ".etcd"))
        assert disk.list(path + ".etcd/member/snap") == ["db"]
    with pytest.raises(SnapshotError, match="not empty or could not be read"):
        restore(disk, "nohash.db", Plan(data_dir="nohash.db.etcd", skip_hash_check=True))
    restore(disk, "nohash.db", Plan(data_dir="good", skip_hash_check=True))
    restore(disk, "corrupt.db", Plan(data_dir="good2", skip_hash_check=True))
    assert Storage(disk, "good").load().applied == 1


def test_an_empty_folder_is_taken_since_35() -> None:
    disk = disk_with()
    disk.mkdir("empty")
    restore(disk, "snapshot.db", Plan(data_dir="empty"), release="3.5")
    with pytest.raises(SnapshotError, match='data-dir "empty" exists'):
        restore(disk, "snapshot.db", Plan(data_dir="empty"), release="3.4")


def test_a_broken_database_is_refused_in_words() -> None:
    disk = disk_with()
    data = bytearray(disk.read("nohash.db"))
    root = Database(bytes(data)).meta.root
    data[root * 4096 + 10] = 0xFF
    data[root * 4096 + 11] = 0xFF
    disk.write("broken.db", bytes(data))
    with pytest.raises(SnapshotError, match="65535 elements do not fit"):
        restore(disk, "broken.db", Plan(data_dir="d", skip_hash_check=True))


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("ftp://host:1", "URL scheme must be http, https, unix, or unixs: ftp://host:1"),
        ("http://host", 'URL address does not have the form "host:port": http://host'),
        ("http://host:2380/path", "URL must not contain a path: http://host:2380/path"),
        ("http://host:2380/", "URL must not contain a path: http://host:2380/"),
        ("127.0.0.1:2380", 'parse "127.0.0.1:2380": first path segment in URL cannot contain colon'),
        (":2380", 'parse ":2380": missing protocol scheme'),
        ("http://host:port", 'parse "http://host:port": invalid port ":port" after host'),
        ("localhost:2380", "URL scheme must be http, https, unix, or unixs: localhost:2380"),
        ("", "URL scheme must be http, https, unix, or unixs: "),
    ],
)
def test_urls_that_are_none(text: str, refusal: str) -> None:
    with pytest.raises(BootstrapError) as error:
        parse_urls([text])
    assert str(error.value) == refusal


def test_urls() -> None:
    assert parse_urls([" https://b:1 ", "http://[::1]:2380"]) == ["http://[::1]:2380", "https://b:1"]
    assert parse_urls(["unix://socket"]) == ["unix://socket"]
    cluster = parse_initial_cluster("a=http://h:2,b=http://i:1,,a=http://h:1")
    assert cluster == {"a": ["http://h:1", "http://h:2"], "b": ["http://i:1"]}


def test_bootstrap() -> None:
    def address(host: str) -> str:
        if host == "none":
            raise LookupError("no such host")
        return {"one": "10.0.0.1", "same": "10.0.0.1"}.get(host, "10.0.0.9")

    good = {"a": ["http://one:1"]}
    verify_bootstrap("a", ["http://same:1"], good, resolve=address)
    verify_bootstrap("a", ["http://10.0.0.1:1"], good, resolve=address)
    for urls, text in [
        (["http://two:1"], '(resolved urls: "http://10.0.0.9:1" != "http://10.0.0.1:1")'),
        (["http://one:1", "http://two:1"], "--initial-advertise-peer-urls has http://two:1 but missing from"),
        (["http://none:1"], '(failed to resolve "http://none:1" (no such host))'),
    ]:
        with pytest.raises(BootstrapError) as error:
            verify_bootstrap("a", urls, good, resolve=address)
        assert text in str(error.value)
    twice = {"a": ["http://one:1"], "b": ["http://one:1"]}
    with pytest.raises(BootstrapError) as error:
        verify_bootstrap("a", ["http://one:1"], twice)
    assert str(error.value) == "initial cluster a=http://one:1,b=http://one:1 has duplicate url"
