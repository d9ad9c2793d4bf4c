"""A member's data directory on a disk that is full, or whose power goes: nothing that was kept is lost."""

from __future__ import annotations

import contextlib
import errno
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd.datadir import StorageError
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.wal import segments
from kubekit.etcd.wal_records import WalRecord, wal_records
from kubekit.raft import (
    Entry,
    HardState,
    Snapshot,
)
from kubekit.sim import Rng
from tests.etcd.data_directory import (
    CONF,
    applied,
    content,
    put,
    state_after,
    storage,
)


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
