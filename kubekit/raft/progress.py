"""What a leader knows about each member: how far it agrees, what is on its way to it, and how to send next.

    probe      one message with entries at a time, until the point where the logs agree is found
    replicate  send as fast as the window of messages under way (`Inflights`) allows
    snapshot   what the member lacks is compacted away: wait until it has taken the snapshot

Only the leader's code in `replication` changes these. `match` is what the member has acknowledged, `next`
the entry to send next, and always `match < next`.

Source: go.etcd.io/raft v3.6, tracker/progress.go and tracker/inflights.go.
"""

from __future__ import annotations

from collections import deque
from typing import Final

PROBE: Final = "probe"
REPLICATE: Final = "replicate"
SNAPSHOT: Final = "snapshot"


class Inflights:
    """The window of a follower: the last index of each MsgApp that it has not acknowledged.

    >>> window = Inflights(3)
    >>> for last in (4, 9, 12):
    ...     window.add(last)
    >>> window.full
    True
    >>> window.free_to(9)                     # acknowledged up to 9: two messages have arrived
    >>> len(window), window.full
    (1, False)
    """

    __slots__ = ("_last", "full", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._last: deque[int] = deque()
        self.full = size <= 0
        """Whether no further message may be sent."""

    def __len__(self) -> int:
        return len(self._last)

    def add(self, index: int) -> None:
        """A message whose last entry is `index` is on its way; never called when full."""
        self._last.append(index)
        self.full = len(self._last) >= self.size

    def free_to(self, index: int) -> None:
        """Everything up to `index` has been acknowledged."""
        last = self._last
        while last and last[0] <= index:
            last.popleft()
        self.full = len(last) >= self.size

    def reset(self) -> None:
        """Nothing is on its way."""
        self._last.clear()
        self.full = self.size <= 0


class Progress:
    """One member, as its leader sees it."""

    __slots__ = (
        "inflights",
        "learner",
        "match",
        "next",
        "paused",
        "pending_snapshot",
        "recent_active",
        "sent_commit",
        "state",
    )

    def __init__(self, next: int, window: int, *, match: int = 0, learner: bool = False) -> None:
        self.match = match
        self.next = next
        self.learner = learner
        self.state = PROBE
        self.inflights = Inflights(window)
        self.recent_active = False
        """Whether it has been heard of since the last check of the quorum."""
        self.paused = False
        """Whether sending waits for the next answer to a heartbeat."""
        self.pending_snapshot = 0
        """The index of the snapshot on its way to it, 0 for none."""
        self.sent_commit = 0
        """The highest commit index on its way to it."""

    def restart(self, next: int, match: int) -> None:
        """A new term: nothing is known any more."""
        self.match = match
        self.next = next
        self._enter(PROBE)
        self.recent_active = False
        self.sent_commit = 0

    def _enter(self, state: str) -> None:
        self.paused = False
        self.pending_snapshot = 0
        self.state = state
        self.inflights.reset()

    def become_probe(self) -> None:
        """Look again for the point of agreement; after a snapshot it is at least there."""
        after = self.pending_snapshot if self.state == SNAPSHOT else 0
        self._enter(PROBE)
        self.next = max(self.match, after) + 1
        self.sent_commit = min(self.sent_commit, self.next - 1)

    def become_replicate(self) -> None:
        """The logs agree up to `match`: send freely from there."""
        self._enter(REPLICATE)
        self.next = self.match + 1

    def become_snapshot(self, index: int) -> None:
        """A snapshot of `index` is on its way."""
        self._enter(SNAPSHOT)
        self.pending_snapshot = index
        self.next = index + 1
        self.sent_commit = index

    @property
    def throttled(self) -> bool:
        """Whether no MsgApp may be sent now."""
        return self.paused or self.state == SNAPSHOT

    def sent_entries(self, count: int) -> None:
        """A MsgApp with `count` entries from `next` on has been sent."""
        if self.state == REPLICATE:
            if count:
                self.next += count
                self.inflights.add(self.next - 1)
            self.paused = self.inflights.full
        elif count:
            self.paused = True

    def can_bump_commit(self, commit: int) -> bool:
        """Whether telling this commit index could let the member commit more than it was told already."""
        return commit > self.sent_commit and self.sent_commit < self.next - 1

    def maybe_update(self, index: int) -> bool:
        """It has acknowledged up to `index`. False for old news."""
        if index <= self.match:
            return False
        self.match = index
        if self.next <= index:
            self.next = index + 1
        self.paused = False
        return True

    def maybe_decrease(self, rejected: int, hint: int) -> bool:
        """It refused entries after `rejected` and proposes `hint`. False if the refusal is old news.

        >>> member = Progress(next=10, window=8, match=2)
        >>> member.maybe_decrease(rejected=9, hint=5), member.next
        (True, 6)
        >>> member.maybe_decrease(rejected=9, hint=5)         # the same refusal once more: next is past it
        False
        >>> member.maybe_decrease(rejected=5, hint=0), member.next      # never below what is acknowledged
        (True, 3)
        """
        if self.state == REPLICATE:
            if rejected <= self.match:
                return False
            self.next = self.match + 1
        else:
            if self.next - 1 != rejected:
                return False
            self.next = max(min(rejected, hint + 1), self.match + 1)
            self.paused = False
        self.sent_commit = min(self.sent_commit, self.next - 1)
        return True

    def __repr__(self) -> str:
        """In raft's own words: `StateReplicate match=7 next=9 inflight=1`."""
        text = f"State{self.state.capitalize()} match={self.match} next={self.next}"
        if self.learner:
            text += " learner"
        if self.throttled:
            text += " paused"
        if self.pending_snapshot:
            text += f" pendingSnap={self.pending_snapshot}"
        if not self.recent_active:
            text += " inactive"
        if len(self.inflights):
            text += f" inflight={len(self.inflights)}" + ("[full]" if self.inflights.full else "")
        return text
