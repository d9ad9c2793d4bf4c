"""Linearizable reads without writing: is the leader still the leader, and how far was it then?

A leader may be deposed without knowing it. So it notes how far the log is committed when a read arrives,
lets a round of heartbeats be acknowledged by a majority (which proves that nobody else led when the read
began), and only then answers with that index. Who asked serves the read once it has applied that far.

Reads are numbered as they arrive, and a heartbeat carries the number of the newest: its acknowledgement
confirms all reads up to it, so a lost heartbeat holds nothing up for longer than until the next.

A leader that has committed nothing in its own term does not know yet how far the log is committed: its
reads wait in `postponed`. (The original lets a leader that is the only voter answer at once; but
after a crash it may have forgotten how far it had committed, so here it waits too.)

Source: go.etcd.io/raft v3.6, read_only.go and raft.go (MsgReadIndex), the safe option.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.raft.messages import Message, MsgReadIndex, MsgReadIndexResp
from kubekit.raft.quorum import committed_index

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft


class PendingRead(NamedTuple):
    """A read of member `frm` that found `index` committed."""

    frm: int
    context: Any
    index: int  # type: ignore[assignment]  # tuple.index is not missed


class ReadQueue:
    """The reads of one leader in one term.

    >>> reads = ReadQueue()
    >>> for name in ("a", "b"):
    ...     reads.add(PendingRead(1, name, 7), me=1)
    >>> reads.newest
    2
    >>> reads.acknowledge(2, 1)               # member 2 answers the heartbeat that knew of one read
    >>> [read.context for read in reads.confirmed((1, 2, 3))]
    ['a']
    >>> reads.acknowledge(3, 2)
    >>> [read.context for read in reads.confirmed((1, 2, 3))]
    ['b']
    """

    __slots__ = ("_acknowledged", "_confirmed", "_waiting", "postponed")

    def __init__(self) -> None:
        self._acknowledged: dict[int, int] = {}
        self._waiting: list[PendingRead] = []
        self._confirmed = 0
        self.postponed: list[Message] = []

    @property
    def newest(self) -> int | None:
        """What a heartbeat carries: the number of the newest read; None if none waits."""
        return self._confirmed + len(self._waiting) if self._waiting else None

    def add(self, read: PendingRead, me: int) -> None:
        """A read has come in. The leader acknowledges it to itself."""
        self._waiting.append(read)
        self._acknowledged[me] = self._confirmed + len(self._waiting)

    def acknowledge(self, frm: int, number: int) -> None:
        """A member has answered a heartbeat that carried `number`."""
        if number > self._acknowledged.get(frm, 0):
            self._acknowledged[frm] = number

    def confirmed(self, voters: Collection[int]) -> list[PendingRead]:
        """The reads that a majority of the voters has confirmed by now, in order; each once."""
        upto = committed_index([self._acknowledged.get(voter, 0) for voter in voters])
        count = upto - self._confirmed
        if count <= 0:
            return []
        done, self._waiting = self._waiting[:count], self._waiting[count:]
        self._confirmed = upto
        return done


def answer(raft: Raft, read: PendingRead) -> None:
    """Tell whoever asked how far to apply before reading."""
    if read.frm in (0, raft.id):
        raft.read_states.append((read.index, read.context))
    else:
        raft.outbox.append(
            Message(MsgReadIndexResp, read.frm, raft.id, raft.term, index=read.index, context=read.context)
        )


def leader_read(raft: Raft, message: Message) -> None:
    """A read reaches the leader."""
    if raft.log.term(raft.log.committed) != raft.term:
        raft.reads.postponed.append(message)
    else:
        start(raft, [message])


def start(raft: Raft, messages: list[Message]) -> None:
    """Have the majority confirm reads; a leader that is the only voter is the majority."""
    alone = raft.voters == (raft.id,)
    for message in messages:
        read = PendingRead(message.frm, message.context, raft.log.committed)
        if alone:
            answer(raft, read)
        else:
            raft.reads.add(read, raft.id)
    if not alone:
        raft.broadcast_heartbeat()


def release_postponed(raft: Raft) -> None:
    """The leader has committed in its own term: what waited for that may go its way."""
    if raft.reads.postponed:
        waiting, raft.reads.postponed = raft.reads.postponed, []
        start(raft, waiting)


def follower_read(raft: Raft, message: Message) -> None:
    """A follower passes the read on; without a leader it is lost, and whoever asked asks again."""
    if raft.lead:
        raft.outbox.append(Message(MsgReadIndex, raft.lead, message.frm or raft.id, context=message.context))


def follower_read_answer(raft: Raft, message: Message) -> None:
    """The leader's answer to a read that this member passed on."""
    raft.read_states.append((message.index, message.context))
