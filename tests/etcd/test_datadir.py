"""A member's data directory: what it gives back after a restart, a power cut at any moment, and damage."""

from __future__ import annotations

import contextlib
import errno
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd import FROM_KEY, KVStore
from kubekit.etcd.auth import AuthStore
from kubekit.etcd.backend import BackendState
from kubekit.etcd.datadir import Storage, StorageError
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.membership import MemberInfo, cluster_id, member_id
from kubekit.etcd.operation import Put
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.store_loading import load, state_of
from kubekit.etcd.wal import segments
from kubekit.etcd.wal_records import WalRecord, wal_records
from kubekit.raft import (
    ADD_NODE,
    CONF_CHANGE,
    NORMAL,
    REMOVE_NODE,
    ConfChange,
    ConfState,
    Entry,
    HardState,
    Snapshot,
)
from kubekit.sim import Rng, VirtualClock

URLS = [f"http://host{number}:2380" for number in (1, 2, 3)]
MEMBERS = [MemberInfo(member_id([url]), f"m{place}", (url,), ()) for place, url in enumerate(URLS)]
CLUSTER = cluster_id(member.id for member in MEMBERS)
CONF = ConfState(tuple(sorted(member.id for member in MEMBERS)))
CLOCK = VirtualClock()


def storage(disk: MemoryDisk, segment_size: int = 1 << 14) -> Storage:
    return Storage(disk, segment_size=segment_size)


def put(index: int, term: int = 1, value: bytes = b"value") -> Entry:
    return Entry(term, index, NORMAL, RaftRequest("put", Put(b"key%d" % (index % 7), value), index))


def applied(entries: list[Entry], state: BackendState | None = None) -> KVStore:
    """The store that a member has after these entries, on top of a state."""
    store = load(state, CLOCK).store if state is not None else KVStore(CLOCK)
    done = state.consistent_index if state is not None else 0
    for entry in entries:
        if entry.index > done and isinstance(entry.data, RaftRequest):
            store.apply(entry.data.body)
    return store


def state_after(entries: list[Entry]) -> BackendState:
    store = applied(entries)
    last = entries[-1]
    return state_of(
        store,
        AuthStore(CLOCK),
        consistent_index=last.index,
        term=last.term,
        conf_state=CONF,
        members=MEMBERS,
        cluster_version="3.6.0",
    )


def content(store: KVStore) -> tuple[object, ...]:
    return store.revision, store.range(b"\0", FROM_KEY).kvs, store.hash_kv()


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


class PowerCut(Exception):
    """The moment at which the power goes."""


class CutDisk(MemoryDisk):
    """A disk whose power goes before or in the middle of the write number `after`."""

    def __init__(self, after: int) -> None:
        super().__init__(lazy=False)
        self.left = after

    def _spend(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise PowerCut

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        super().write(path, data, offset)
        self._spend()

    def append(self, path: str, data: bytes) -> None:
        super().append(path, data)
        self._spend()

    def truncate(self, path: str, size: int) -> None:
        super().truncate(path, size)
        self._spend()

    def rename(self, old: str, new: str) -> None:
        super().rename(old, new)
        self._spend()

    def remove(self, path: str) -> None:
        super().remove(path)
        self._spend()

    def mkdir(self, path: str) -> None:
        super().mkdir(path)
        self._spend()

    def fsync(self, path: str) -> None:
        self._spend()
        super().fsync(path)


class FullDisk(MemoryDisk):
    """A disk that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__(lazy=False)
        self.room = room

    def _take(self, path: str, data: bytes) -> None:
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, "", path)
        self.room -= len(data)

    def write(self, path: str, data: bytes, offset: int = -1) -> None:
        self._take(path, data)
        super().write(path, data, offset)

    def append(self, path: str, data: bytes) -> None:
        self._take(path, data)
        super().append(path, data)


@pytest.mark.parametrize("room", [50, 500, 3000, 15_000, 18_000, 21_000, 30_000])
def test_a_full_disk_is_said_in_words_and_loses_nothing(room: int) -> None:
    disk = FullDisk(room)
    mine = storage(disk)
    saved: list[Entry] = []
    with pytest.raises(StorageError, match="no space left on device"):
        mine.create(1, 2)
        for index in range(1, 200):
            mine.save(HardState(1, 0, index - 1), [put(index)])
            saved.append(put(index))
            if index == 40:
                mine.save_snapshot(Snapshot(30, 1, CONF), state_after(saved))
    with pytest.raises(StorageError, match="the log is not open"):
        mine.save(None, [put(len(saved) + 1)])
    disk.room = 1 << 30
    again = storage(disk)
    if not again.exists:
        assert not saved
        return
    stored = again.load()
    assert (
        stored.entries[-len(saved) :] == saved[stored.entries[0].index - 1 :] if saved else not stored.entries
    )
    again.save(None, [put(len(saved) + 1)])
    assert storage(disk).load().entries[-1] == put(len(saved) + 1)


class Life:
    """A member's saves, and which of them it may rely on."""

    def __init__(self, disk: CutDisk, rng: Rng) -> None:
        self.disk = disk
        self.rng = rng
        self.storage = storage(disk, 6000)
        self.log: list[Entry] = []
        self.kept: list[Entry] = []
        """The log as of the last save that returned."""
        self.state = HardState()
        self.kept_state = HardState()
        self.snapshot = 0

    def live(self) -> None:
        """Save until the power goes."""
        self.storage.create(1, 2)
        for _ in range(400):
            self.step()

    def step(self) -> None:
        draw = self.rng.random()
        last = len(self.log)
        term, commit = self.state.term or 1, self.state.commit
        if draw < 0.1 and last > commit:
            # A new leader: what was not committed may be replaced.
            term += 1
            del self.log[self.rng.randint(commit, last - 1) :]
        count = self.rng.randint(1, 3)
        value = b"v" * self.rng.randint(0, 900)
        new = [put(len(self.log) + 1 + number, term, value) for number in range(count)]
        self.log += new
        commit = self.rng.randint(commit, new[0].index - 1)
        self.state = HardState(term, self.rng.randint(1, 3), commit)
        self.storage.save(self.state, new)
        self.kept, self.kept_state = list(self.log), self.state
        if draw > 0.9 and commit > self.snapshot:
            done = self.rng.randint(self.snapshot + 1, commit)
            state = state_after(self.log[:done])
            index = self.rng.randint(max(1, self.snapshot), done)
            self.storage.save_snapshot(Snapshot(index, self.log[index - 1].term, CONF), state)
            self.snapshot = index


def heads(disk: MemoryDisk) -> list[WalRecord]:
    """The first two records of each segment."""
    return [
        record for _, _, path in segments(disk, "member/wal") for record in islice(wal_records(disk, path), 2)
    ]


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 2500), st.integers(0, 1 << 30), st.booleans())
def test_a_power_cut_at_any_moment_loses_nothing_that_was_kept(after: int, seed: int, torn: bool) -> None:
    rng = Rng(seed)
    disk = CutDisk(after)
    life = Life(disk, rng)
    with contextlib.suppress(PowerCut):
        life.live()
    for again in (True, False):
        disk.left = -1
        disk.crash(rng if torn else None)
        mine = storage(disk, 6000)
        if not mine.exists:
            assert not life.kept
            return
        # The power may go again while the member comes back.
        disk.left = rng.randint(1, 12) if again else -1
        with contextlib.suppress(PowerCut):
            stored = mine.load()
    index = stored.snapshot.index if stored.snapshot is not None else 0
    assert (stored.member_id, stored.cluster_id) == (1, 2)
    assert index >= life.snapshot and stored.applied >= index
    assert stored.hard_state[:2] in (life.kept_state[:2], life.state[:2])
    assert stored.hard_state.commit >= 0
    # What was kept is there, unless what was being written when the power went has replaced it.
    found = {entry.index: entry for entry in stored.entries}
    saved, tried = ({entry.index: entry for entry in log} for log in (life.kept, life.log))
    assert all(entry in (saved.get(place), tried.get(place)) for place, entry in found.items())
    if stored.entries:
        assert [entry.index for entry in stored.entries] == list(range(index + 1, index + 1 + len(found)))
    replaced = [place for place in saved if tried.get(place) != saved[place]]
    assert all(place in found for place in saved if place > index and place not in replaced)
    assert all(found[place] == saved[place] for place in saved if index < place <= life.kept_state.commit)
    # The state is that of the log, and the log goes on from it.
    whole = [*life.log[:index], *stored.entries]
    upto = max(stored.applied, stored.hard_state.commit)
    got = applied([entry for entry in stored.entries if entry.index <= upto], stored.state)
    assert content(got) == content(applied(whole[:upto]))
    mine.save(HardState(99, 1, upto), [put(len(whole) + 1, 99)])
    disk.crash()
    again_stored = storage(disk, 6000).load()
    assert again_stored.entries[-1] == put(len(whole) + 1, 99) and again_stored.member_id == 1
    assert all(record.name in ("crc", "metadata") for record in heads(disk))


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
