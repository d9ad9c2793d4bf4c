"""Storage: what a member finds again after a crash.

Three things are kept, as in a member's data directory: whose it is, the *log* (hard state and entries, synced
before anybody is told of them) and now and then a *snapshot* of the whole state machine, which makes the
older part of the log superfluous. A member that starts loads the snapshot and applies the entries after it
again.

`MemoryStorage` is the disk of a simulated host: it survives the member's crash, but not `wipe`. What was
saved without being synced (a commit index alone may be) is lost in a crash. `datadir.Storage` keeps the same
in etcd's own files. Only the member calls it.
Source: server/storage/storage.go, server/etcdserver/bootstrap.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kubekit.etcd.backend import BackendState
from kubekit.etcd.datadir import Stored
from kubekit.etcd.membership import MemberInfo, Membership
from kubekit.raft import ADD_NODE, CONF_CHANGE, ConfChange, ConfState, Entry, HardState, Snapshot


class MemberStorage(Protocol):
    """One member's disk."""

    @property
    def exists(self) -> bool:
        """Whether a member has been here."""
        ...

    def create(self, member_id: int, cluster_id: int, members: Sequence[MemberInfo] = ()) -> None:
        """Begin a log; the members that a cluster begins with are its first entries, and agreed on."""
        ...

    def load(self) -> Stored:
        """Everything that is there."""
        ...

    def save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool = True) -> None:
        """Write entries, which replace what is there from the first one's index on, and the hard state."""
        ...

    def append(self, entry: Entry) -> None:
        """Write one entry that follows the last one, and sync it."""
        ...

    def save_snapshot(
        self, snapshot: Snapshot, state: BackendState, hard_state: HardState | None = None
    ) -> None:
        """Write a snapshot and the state that belongs to it; the log up to it is not needed any more."""
        ...

    def save_database(self, state: BackendState) -> None:
        """Write the state alone: there is less to apply again at the next start."""
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
        self.wipe()

    def wipe(self) -> None:
        """The disk is lost."""
        self._owner: tuple[int, int] | None = None
        self._snapshot: Snapshot | None = None
        self._state: BackendState | None = None
        self._synced = self._hard_state = HardState()
        self._entries: list[Entry] = []

    @property
    def exists(self) -> bool:
        """Whether a member has been here."""
        return self._owner is not None

    def create(self, member_id: int, cluster_id: int, members: Sequence[MemberInfo] = ()) -> None:
        """Begin a log with the first members of a cluster, or with nothing."""
        self._owner = (member_id, cluster_id)
        self._entries = [
            Entry(1, index, CONF_CHANGE, ConfChange(ADD_NODE, member.id, member))
            for index, member in enumerate(sorted(members), 1)
        ]
        if members:
            self._synced = self._hard_state = HardState(1, 0, len(members))

    def load(self) -> Stored:
        """Everything that is there."""
        assert self._owner is not None
        state = self._state
        members = Membership(state.members, state.removed, state.cluster_version) if state else Membership()
        return Stored(*self._owner, self._snapshot, state, self._hard_state, list(self._entries), members)

    def save(self, hard_state: HardState | None, entries: Sequence[Entry], must_sync: bool = True) -> None:
        """Keep entries and the hard state; without `must_sync` a crash loses the hard state."""
        if entries:
            kept = self._entries
            if kept and entries[0].index <= kept[-1].index:
                del kept[max(0, entries[0].index - kept[0].index) :]
            kept.extend(entries)
        if hard_state is not None:
            self._hard_state = hard_state
        if must_sync:
            self._synced = self._hard_state

    def append(self, entry: Entry) -> None:
        """Keep one more entry."""
        self._entries.append(entry)

    def save_snapshot(
        self, snapshot: Snapshot, state: BackendState, hard_state: HardState | None = None
    ) -> None:
        """Keep a snapshot in place of the entries up to it."""
        self._snapshot, self._state = snapshot, state
        self._entries = [entry for entry in self._entries if entry.index > snapshot.index]
        term, vote, commit = hard_state if hard_state is not None else self._hard_state
        # A snapshot is taken only of what is committed; the hard state must not claim less.
        self._synced = self._hard_state = HardState(term, vote, max(commit, snapshot.index))

    def save_database(self, state: BackendState) -> None:
        """Nothing is gained by it: applying entries again costs the same as reading a state."""

    def crash(self) -> None:
        """What was not synced is gone."""
        self._hard_state = self._synced


def conf_state_of(stored: Stored) -> ConfState:
    """The voters and learners of what is stored; a file of 3.4 has only its members to tell them.

    The database of a restored directory still has those of the cluster that it was taken of: what the
    snapshot says of the same entry goes before.
    """
    snapshot = stored.snapshot
    if snapshot is not None and snapshot.conf_state.voters and snapshot.index >= stored.applied:
        return snapshot.conf_state
    if stored.state is not None and stored.state.conf_state is not None:
        return stored.state.conf_state
    members = stored.members.members()
    return ConfState(
        tuple(member.id for member in members if not member.learner),
        tuple(member.id for member in members if member.learner),
    )
