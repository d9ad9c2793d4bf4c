"""The log: the entries since a snapshot, and how far they are stored, committed and applied.

    snapshot |  applied  <=  committed  <=  last_index
             |        stable  <=  last_index

`offset` is the last index that is gone (0 in a fresh log); `first_index` is `offset + 1`. `stable` is how
far the disk has it: what lies above is handed out by `Raft.ready` and confirmed by `Raft.advance`. The
program above calls `create_snapshot` and `compact`; everything else is called by Raft alone. Entries and
slices of them are shared, never copied one by one, so nobody may change them.

Source: go.etcd.io/raft v3.6, log.go, log_unstable.go and storage.go (MemoryStorage).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubekit.raft.errors import Compacted, LogConflict, LogLost, RaftError, SnapshotOutOfDate
from kubekit.raft.messages import ConfState, Entry, HardState, Snapshot

NO_SNAPSHOT = Snapshot(0, 0, ConfState())


class Log:
    """One member's log. A fresh one is `Log()`; after a restart use `Log.restore`.

    Log matching, worked through. This follower is asked to put [4/6] after (index 5, term 4):

    >>> log = Log.restore(None, HardState(), [Entry(t, i + 1) for i, t in enumerate([1, 1, 2, 2, 3])])
    >>> log.maybe_append(5, 4, 0, [Entry(4, 6)]) is None         # it holds 3/5 there: refused
    True
    >>> log.find_conflict_by_term(5, 4)                          # "try after my 3/5"
    (5, 3)
    >>> log.maybe_append(4, 2, 0, [Entry(4, 5), Entry(4, 6)])    # they agree on 2/4: 3/5 is replaced
    6
    >>> [f"{e.term}/{e.index}" for e in log.entries(4, 7)]
    ['2/4', '4/5', '4/6']
    """

    __slots__ = (
        "_entries",
        "applied",
        "committed",
        "hard_state",
        "last_index",
        "offset",
        "offset_term",
        "pending_snapshot",
        "snapshot",
        "stable",
    )

    def __init__(self, conf_state: ConfState = NO_SNAPSHOT.conf_state) -> None:
        """A log without entries; `conf_state` is a membership that is simply known beforehand."""
        self._entries: list[Entry] = []
        self.offset = 0
        self.offset_term = 0
        self.last_index = 0
        self.stable = 0
        self.committed = 0
        self.applied = 0
        self.snapshot = NO_SNAPSHOT._replace(conf_state=conf_state)
        self.pending_snapshot: Snapshot | None = None
        """One received from the leader that is not on disk yet."""
        self.hard_state = HardState()

    @classmethod
    def restore(
        cls,
        snapshot: Snapshot | None,
        hard_state: HardState,
        entries: Sequence[Entry],
        *,
        applied: int = 0,
    ) -> Log:
        """The log as a disk kept it: entries up to the snapshot are skipped, the rest must have no gap.

        `applied` is how far the program above has already applied; entries above it come out of `ready`
        again. Raises RaftError for a gap, and LogLost if more was committed than is there.
        """
        log = cls()
        if snapshot is not None:
            log._stand_on(snapshot)
            log.snapshot = snapshot
            log.applied = snapshot.index
        kept = [entry for entry in entries if entry.index > log.offset]
        for position, entry in enumerate(kept, start=log.offset + 1):
            if entry.index != position:
                raise RaftError(f"missing log entry [last: {position - 1}, append at: {entry.index}]")
        log._entries = kept
        log.last_index = log.stable = log.offset + len(kept)
        if hard_state.commit > log.last_index:
            raise LogLost(hard_state.commit, log.last_index)
        log.committed = max(log.committed, hard_state.commit)
        log.applied = max(log.applied, min(applied, log.committed))
        log.hard_state = hard_state
        return log

    def _stand_on(self, snapshot: Snapshot) -> None:
        self._entries = []
        self.offset = self.last_index = self.stable = self.committed = snapshot.index
        self.offset_term = snapshot.term

    # Reading.

    @property
    def first_index(self) -> int:
        """The oldest entry that is still here (one past the last if there is none)."""
        return self.offset + 1

    @property
    def last_term(self) -> int:
        """The term of the last entry."""
        return self._entries[-1].term if self._entries else self.offset_term

    def term(self, index: int) -> int:
        """The term of an entry; 0 if it is not here any more, or not yet."""
        offset = self.offset
        if offset < index <= self.last_index:
            return self._entries[index - offset - 1].term
        return self.offset_term if index == offset else 0

    def matches(self, index: int, term: int) -> bool:
        """Whether this log holds the entry `term`/`index` (or stands on it)."""
        return self.offset <= index <= self.last_index and self.term(index) == term

    def entries(self, low: int, high: int, limit: int = 0) -> list[Entry]:
        """The entries `low` <= index < `high`, at most `limit` of them (0: all). Raises Compacted."""
        start = low - self.offset - 1
        if start < 0:
            raise Compacted
        stop = high - self.offset - 1
        if limit and stop - start > limit:
            stop = start + limit
        return self._entries[start:stop]

    def is_up_to_date(self, index: int, term: int) -> bool:
        """Whether a log that ends in `term`/`index` holds at least what this one holds (may get a vote)."""
        mine = self.last_term
        return term > mine or (term == mine and index >= self.last_index)

    def find_conflict_by_term(self, index: int, term: int) -> tuple[int, int]:
        """The last place at or before `index` where this log's term is at most `term`: (index, term there).

        Above it the two logs cannot agree, because terms only rise along a log; so a whole term is
        skipped with each question instead of one entry. The term is 0 where the entry is compacted.

        >>> log = Log.restore(None, HardState(), [Entry(t, i + 1) for i, t in enumerate([1, 3, 3, 5, 5])])
        >>> log.find_conflict_by_term(5, 4)
        (3, 3)
        """
        while index > 0:
            if not self.offset <= index <= self.last_index:
                return index, 0
            here = self.term(index)
            if here <= term:
                return index, here
            index -= 1
        return 0, 0

    # Growing.

    def append(self, entries: Sequence[Entry]) -> int:
        """Put entries at the end, or over an unfinished tail they contradict. Gives the last index.

        Raises LogConflict if what would be replaced is committed.
        """
        if not entries:
            return self.last_index
        before = entries[0].index - 1
        if before < self.committed:
            raise LogConflict(before + 1, self.committed)
        if before < self.last_index:
            del self._entries[before - self.offset :]
            if before < self.stable:
                self.stable = before
        self._entries.extend(entries)
        self.last_index = before + len(entries)
        return self.last_index

    def append_settled(self, entry: Entry) -> None:
        """Put one entry at the end that is stored, committed and applied already: a sole voter's."""
        self._entries.append(entry)
        self.last_index = self.stable = self.committed = self.applied = entry[1]

    def maybe_append(self, index: int, term: int, commit: int, entries: Sequence[Entry]) -> int | None:
        """What a follower does with a MsgApp: the index up to which the logs now agree, None for a refusal.

        Entries that are here already are left alone: a late message must not cut off what came after it.
        """
        if not self.matches(index, term):
            return None
        if entries:
            if index == self.last_index:
                self._entries.extend(entries)
                self.last_index += len(entries)
            else:
                for position, entry in enumerate(entries):
                    if not self.matches(entry.index, entry.term):
                        self.append(entries[position:])
                        break
        agreed = index + len(entries)
        self.commit_to(min(commit, agreed))
        return agreed

    def commit_to(self, index: int) -> None:
        """Know entries committed up to `index`; never goes back. Raises LogLost beyond the end."""
        if index > self.committed:
            if index > self.last_index:
                raise LogLost(index, self.last_index)
            self.committed = index

    # Handing out.

    def unstable(self) -> list[Entry]:
        """What the disk does not have yet."""
        return self._entries[self.stable - self.offset :] if self.stable < self.last_index else []

    def to_apply(self) -> list[Entry]:
        """Committed entries that have not been applied; none while a snapshot waits to be applied."""
        if self.applied >= self.committed or self.pending_snapshot is not None:
            return []
        return self._entries[self.applied - self.offset : self.committed - self.offset]

    def stable_to(self, index: int, term: int) -> None:
        """The disk has everything up to `term`/`index`, unless that has been replaced meanwhile."""
        if index > self.stable and self.matches(index, term):
            self.stable = index

    def applied_to(self, index: int) -> None:
        """The program above has applied up to `index`."""
        if index > self.committed:
            raise RaftError(
                f"applied({index}) is out of range [prevApplied({self.applied}), committed({self.committed})]"
            )
        self.applied = max(self.applied, index)

    # Snapshots.

    def accept_snapshot(self, snapshot: Snapshot) -> None:
        """Forget everything and stand on a leader's snapshot, which waits for disk and application."""
        self._stand_on(snapshot)
        self.pending_snapshot = snapshot

    def snapshot_stored(self, snapshot: Snapshot) -> None:
        """The snapshot from the leader is on disk and applied."""
        if self.pending_snapshot is not None and self.pending_snapshot.index == snapshot.index:
            self.snapshot = snapshot
            self.pending_snapshot = None

    def create_snapshot(self, index: int, conf_state: ConfState, data: Any = None) -> Snapshot:
        """Remember the machine's state after `index`, for followers that have fallen behind.

        Raises SnapshotOutOfDate if there is one as new, RaftError if `index` is not applied yet.
        """
        if index <= self.snapshot.index:
            raise SnapshotOutOfDate
        if index > self.applied:
            raise RaftError(f"snapshot {index} is out of bound applied({self.applied})")
        self.snapshot = Snapshot(index, self.term(index), conf_state, data)
        return self.snapshot

    def compact(self, index: int) -> None:
        """Drop the entries up to and including `index`. A snapshot must stand for them.

        Raises Compacted if that has been done, RaftError if no snapshot covers them.
        """
        if index <= self.offset:
            raise Compacted
        if index > self.snapshot.index:
            raise RaftError(f"compact {index} is out of bound snapshot({self.snapshot.index})")
        term = self.term(index)
        del self._entries[: index - self.offset]
        self.offset = index
        self.offset_term = term
