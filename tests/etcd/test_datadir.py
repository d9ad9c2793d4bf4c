"""A member's data directory: what it gives back after a restart, a power cut at any moment, and damage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd.datadir import StorageError
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.wal import segments
from kubekit.raft import (
    ADD_NODE,
    CONF_CHANGE,
    NORMAL,
    REMOVE_NODE,
    ConfChange,
    Entry,
    HardState,
    Snapshot,
)
from kubekit.sim import Rng
from tests.etcd.data_directory import (
    CLUSTER,
    CONF,
    MEMBERS,
    applied,
    content,
    put,
    state_after,
    storage,
)


@pytest.mark.parametrize("lazy", [True, False])
def test_a_fresh_member(lazy: bool) -> None:
    disk = MemoryDisk(lazy)
    mine = storage(disk)
    assert not mine.exists
    mine.create(MEMBERS[0].id, CLUSTER, MEMBERS)
    mine.save(HardState(1, MEMBERS[0].id, 3), [put(4)])
    disk.crash()
    again = storage(disk)
    assert again.exists
    stored = again.load()
    assert (stored.member_id, stored.cluster_id) == (MEMBERS[0].id, CLUSTER)
    assert (stored.snapshot, stored.state, stored.applied) == (None, None, 0)
    assert stored.hard_state == HardState(1, MEMBERS[0].id, 3)
    changes = [ConfChange(ADD_NODE, member.id, member) for member in sorted(MEMBERS)]
    assert [entry.data for entry in stored.entries] == [*changes, put(4).data]
    assert sorted(stored.members.by_id.values()) == []
    with pytest.raises(StorageError, match="file already exists"):
        again.create(1, 2)


@pytest.mark.parametrize("lazy", [True, False])
def test_a_snapshot_and_what_came_after(lazy: bool) -> None:
    disk = MemoryDisk(lazy)
    mine = storage(disk)
    mine.create(MEMBERS[0].id, CLUSTER, MEMBERS)
    entries = [put(index) for index in range(4, 60)]
    for entry in entries:
        mine.save(HardState(1, 0, entry.index - 1), [entry])
        if entry.index in (30, 50):
            mine.save_snapshot(Snapshot(entry.index - 2, 1, CONF), state_after(entries[: entry.index - 3]))
    disk.crash()
    stored = storage(disk).load()
    assert stored.snapshot is not None and stored.snapshot[:3] == (48, 1, CONF)
    assert stored.state is not None and stored.applied == 50
    assert stored.entries == entries[48 - 3 :]
    assert sorted(stored.members.by_id.values()) == sorted(MEMBERS) and stored.members.version == "3.6.0"
    assert content(applied(stored.entries, stored.state)) == content(applied(entries))
    assert disk.list("member/snap")[-1] == "db"
    assert not [name for name in disk.list("member/snap") if "tmp" in name or name.endswith("snap.db")]


def test_a_database_without_a_snapshot() -> None:
    disk = MemoryDisk()
    mine = storage(disk)
    mine.create(MEMBERS[0].id, CLUSTER, MEMBERS)
    entries = [put(index) for index in range(4, 20)]
    mine.save(HardState(1, 0, 19), entries)
    mine.save_database(state_after(entries[:8]))
    stored = storage(disk).load()
    assert stored.snapshot is None and stored.applied == 11 and len(stored.entries) == 19
    assert content(applied(stored.entries, stored.state)) == content(applied(entries))


def test_a_snapshot_that_the_leader_has_sent() -> None:
    for lazy in (True, False):
        disk = MemoryDisk(lazy)
        mine = storage(disk)
        mine.create(MEMBERS[0].id, CLUSTER)
        everything = [put(index) for index in range(4, 104)]
        mine.save_snapshot(Snapshot(100, 3, CONF), state_after(everything[:97]), HardState(3, 0, 100))
        mine.save(HardState(3, 0, 101), everything[97:])
        disk.crash()
        stored = storage(disk).load()
        assert stored.snapshot is not None and stored.snapshot.index == 100
        assert stored.hard_state == HardState(3, 0, 101) and stored.entries == everything[97:]
        assert content(applied(stored.entries, stored.state)) == content(applied(everything))


def full(lazy: bool = True) -> MemoryDisk:
    """A directory with a snapshot and some entries after it."""
    disk = MemoryDisk(lazy)
    mine = storage(disk)
    mine.create(MEMBERS[0].id, CLUSTER, MEMBERS)
    entries = [put(index) for index in range(4, 40)]
    mine.save(HardState(1, 0, 39), entries)
    mine.save_snapshot(Snapshot(30, 1, CONF), state_after(entries[:27]))
    disk.fsync("member/snap")
    return disk


def test_a_damaged_snap_file_is_set_aside() -> None:
    disk = full(lazy=False)
    name = next(name for name in disk.list("member/snap") if name.endswith(".snap"))
    disk.flip(f"member/snap/{name}", 800)
    stored = storage(disk).load()
    assert stored.snapshot is None and stored.applied == 30 and len(stored.entries) == 39
    assert f"{name}.broken" in disk.list("member/snap")


def test_a_missing_database_is_noticed() -> None:
    disk = full()
    disk.remove("member/snap/db")
    text = "failed to find database snapshot file (snap: snapshot file doesn't exist)"
    with pytest.raises(StorageError) as refusal:
        storage(disk).load()
    assert str(refusal.value) == text


def test_a_database_that_came_with_a_snapshot_is_put_in_place() -> None:
    disk = full()
    disk.rename("member/snap/db", f"member/snap/{30:016x}.snap.db")
    disk.write("member/snap/0000000000000001.snap.db", b"left over")
    disk.write("member/snap/db.tmp", b"left over")
    stored = storage(disk).load()
    assert stored.applied == 30
    assert sorted(disk.list("member/snap")) == [f"{1:016x}-{30:016x}.snap", "db"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30))
def test_damage_is_refused_or_harmless(seed: int) -> None:
    """Wherever a bit flips: an error of its own kind, or all entries as they were."""
    rng = Rng(seed)
    disk = full()
    whole = storage(disk).load()
    path = segments(disk, "member/wal")[-1][2]
    names = [f"member/snap/{name}" for name in disk.list("member/snap")] + [path]
    name = rng.choice(names)
    size = min(disk.size(name), 12_000)
    disk.flip(name, rng.randint(0, size * 8 - 1))
    try:
        stored = storage(disk).load()
        applied(stored.entries, stored.state)
    except StorageError as error:
        assert str(error)
    except Exception as error:
        # A value in the database has no checksum: what it says may be nonsense to the store.
        assert type(error).__module__.startswith("kubekit.etcd"), error
    else:
        places = {entry.index: entry for entry in stored.entries}
        assert name != path or all(places.get(e.index, e) == e for e in whole.entries)


def test_members_follow_from_the_log_where_the_database_is_old() -> None:
    disk = MemoryDisk()
    mine = storage(disk)
    mine.create(MEMBERS[0].id, CLUSTER, MEMBERS)
    said = {"member_ID": MEMBERS[0].id, "member_attributes": {"name": "n", "client_urls": ["http://c:1"]}}
    changes = [
        Entry(1, 4, NORMAL, RaftRequest("cluster_member_attr_set", said, 1)),
        Entry(1, 5, NORMAL, RaftRequest("cluster_version_set", {"ver": "3.5.0"}, 2)),
        Entry(1, 6, CONF_CHANGE, ConfChange(REMOVE_NODE, MEMBERS[1].id)),
        Entry(1, 7, CONF_CHANGE, ConfChange(REMOVE_NODE, MEMBERS[2].id)),
    ]
    mine.save(HardState(1, 0, 7), changes)
    state = state_after([put(4)])
    state.consistent_index, state.storage_version = 6, ""
    mine.save_database(state)
    members = storage(disk).load().members
    left = MEMBERS[0]._replace(name="n", client_urls=("http://c:1",))
    assert sorted(members.by_id.values()) == sorted([left, MEMBERS[2]])
    assert members.removed == {MEMBERS[1].id} and members.version == "3.5.0"
