"""Storage: what a member finds again after a crash.

Three things are kept, as in a member's data directory: whose it is, the *log* (hard state and entries, synced
before anybody is told of them) and now and then a *snapshot* of the whole state machine, which makes the
older part of the log superfluous. A member that starts loads the snapshot and applies the entries after it
again.

`MemoryStorage` is the disk of a simulated host: it survives the member's crash, but not `wipe`. What was
saved without being synced (a commit index alone may be) is lost in a crash. `datadir` keeps the same on a
real disk in etcd's own formats. Only the member calls it.
Source: server/storage/storage.go, server/etcdserver/bootstrap.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from kubekit.etcd.backend import BackendState
from kubekit.raft import Entry, HardState, Snapshot


class Kept(NamedTuple):
    """What a storage holds: whose it is, the last snapshot, the state machine as it was last written (None:
    the snapshot's), the hard state, and the entries after the snapshot."""

    member_id: int
    cluster_id: int
    snapshot: Snapshot | None
    state: BackendState | None
    hard_state: HardState
    entries: Sequence[Entry]


class Storage(Protocol):
    """One member's disk."""

    def load(self) -> Kept | None:
        """Everything that is there; None on an empty disk."""
        ...

    def create(self, member_id: int, cluster_id: int) -> None:
        """Say whose it is; the first thing that is written."""
        ...

    def save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool) -> None:
        """Write entries, which replace what is there from the first one's index on, and the hard state."""
        ...

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Write a snapshot whose `data` is a BackendState; the log up to it is not needed any more."""
        ...

    def crash(self) -> None:
        """The machine lost its power: what was not synced is gone."""
        ...

    def wipe(self) -> None:
        """The disk is lost."""
        ...


class MemoryStorage:
    """A disk in memory."""

    def __init__(self) -> None:
        self._owner: tuple[int, int] | None = None
        self._snapshot: Snapshot | None = None
        self._synced = HardState()
        self._hard_state = HardState()
        self._entries: list[Entry] = []

    def load(self) -> Kept | None:
        """Everything that is there; None on an empty disk."""
        if self._owner is None:
            return None
        return Kept(*self._owner, self._snapshot, None, self._hard_state, list(self._entries))

    def create(self, member_id: int, cluster_id: int) -> None:
        """Say whose it is."""
        self._owner = (member_id, cluster_id)

    def save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool) -> None:
        """Keep entries and the hard state; without `must_sync` a crash loses the hard state."""
        if entries:
            kept = self._entries
            if kept and entries[0].index <= kept[-1].index:
                first = kept[0].index
                del kept[max(0, entries[0].index - first) :]
            kept.extend(entries)
        if hard_state is not None:
            self._hard_state = hard_state
        if must_sync:
            self._synced = self._hard_state

    def append(self, entry: Entry) -> None:
        """Keep one entry that follows the last one: what a member that is alone does for each write."""
        self._entries.append(entry)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot in place of the entries up to it."""
        self._snapshot = snapshot
        self._entries = [entry for entry in self._entries if entry.index > snapshot.index]
        term, vote, commit = self._hard_state
        # The snapshot is only taken of what is committed; the log must not claim less.
        self._hard_state = HardState(max(term, snapshot.term), vote, max(commit, snapshot.index))
        self._synced = self._hard_state

    def crash(self) -> None:
        """What was not synced is gone."""
        self._hard_state = self._synced

    def wipe(self) -> None:
        """The disk is lost."""
        self.__init__()  # type: ignore[misc]
