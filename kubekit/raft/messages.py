"""What Raft's members say to each other, and what a log consists of: plain values without behaviour.

`Entry`, `ConfChange`, `ConfState`, `Snapshot` and `HardState` are immutable and shared freely: between a
log, the messages that carry it, and the disk. A `Message` is made once by its sender and must not be
changed afterwards by anyone. What an entry's `data` or a snapshot's `data` is, only the state machine
above knows; Raft never looks into it, except that an entry of type CONF_CHANGE holds a `ConfChange`.

Source: go.etcd.io/raft v3.6, raftpb/raft.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

NORMAL: Final = 0
CONF_CHANGE: Final = 1

ADD_NODE: Final = 0
REMOVE_NODE: Final = 1
UPDATE_NODE: Final = 2
ADD_LEARNER: Final = 3

CONF_CHANGE_NAMES: Final = (
    "ConfChangeAddNode",
    "ConfChangeRemoveNode",
    "ConfChangeUpdateNode",
    "ConfChangeAddLearnerNode",
)

# Asked of a member by itself or by the program that holds it; these never travel, but for a proposal and
# a wish for a transfer, which a follower passes on to its leader.
MsgHup: Final = "MsgHup"
MsgBeat: Final = "MsgBeat"
MsgCheckQuorum: Final = "MsgCheckQuorum"
MsgProp: Final = "MsgProp"
MsgTransferLeader: Final = "MsgTransferLeader"
MsgUnreachable: Final = "MsgUnreachable"
MsgSnapStatus: Final = "MsgSnapStatus"
# Elections.
MsgPreVote: Final = "MsgPreVote"
MsgPreVoteResp: Final = "MsgPreVoteResp"
MsgVote: Final = "MsgVote"
MsgVoteResp: Final = "MsgVoteResp"
MsgTimeoutNow: Final = "MsgTimeoutNow"
# Replication.
MsgApp: Final = "MsgApp"
MsgAppResp: Final = "MsgAppResp"
MsgHeartbeat: Final = "MsgHeartbeat"
MsgHeartbeatResp: Final = "MsgHeartbeatResp"
MsgSnap: Final = "MsgSnap"
# Reads.
MsgReadIndex: Final = "MsgReadIndex"
MsgReadIndexResp: Final = "MsgReadIndexResp"

LOCAL: Final = frozenset({MsgHup, MsgBeat, MsgCheckQuorum, MsgUnreachable, MsgSnapStatus})
"""What a member tells itself. Such a message from the network is not believed."""

RESPONSES: Final = frozenset(
    {MsgAppResp, MsgVoteResp, MsgPreVoteResp, MsgHeartbeatResp, MsgReadIndexResp, MsgUnreachable}
)
"""Answers: from a stranger (a member removed meanwhile) they mean nothing."""


class Entry(NamedTuple):
    """One line of the log. (`term`, `index`) names it: two logs that hold an entry of one name hold the
    same entry there, and the same entries before it.

    `data` None is the empty entry that opens each leader's term.
    """

    term: int
    index: int  # type: ignore[assignment]  # tuple.index is not missed
    type: int = NORMAL
    data: Any = None


class ConfChange(NamedTuple):
    """One change of the membership: `type` is ADD_NODE, REMOVE_NODE, UPDATE_NODE or ADD_LEARNER.

    ADD_NODE of a learner promotes it. `node_id` 0 changes nothing (what the program above refused when
    it applied the entry). `context` is for that program; `id` is its number for the change.
    """

    type: int
    node_id: int
    context: Any = None
    id: int = 0


class ConfState(NamedTuple):
    """Who belongs to the cluster: `voters` count for quorums, `learners` only receive. Both ascending."""

    voters: tuple[int, ...] = ()
    learners: tuple[int, ...] = ()


class Snapshot(NamedTuple):
    """The state of the machine after the entry `index` of `term`, in place of all entries up to it."""

    index: int  # type: ignore[assignment]  # tuple.index is not missed
    term: int
    conf_state: ConfState
    data: Any = None


class HardState(NamedTuple):
    """What a member must find again after a crash: term, vote in that term, what it knew committed."""

    term: int = 0
    vote: int = 0
    commit: int = 0


class Message:
    """One message from member `frm` to member `to`. Which fields mean something depends on `type`:

    | type | fields |
    |---|---|
    | MsgApp | `index`, `log_term`: the entry before `entries`; `commit`: what the leader knows committed |
    | MsgAppResp | `index`: agreed up to here; or `reject`: not there, try `reject_hint`, of `log_term` |
    | MsgVote, MsgPreVote | `index`, `log_term`: the candidate's last entry; `context`: CAMPAIGN_TRANSFER |
    | MsgHeartbeat | `commit`, never above what the follower has acknowledged; `context`: reads so far |
    | MsgSnap | `snapshot` |
    | MsgProp, MsgReadIndex | `entries`; for reads `context`, given back with `index` in MsgReadIndexResp |

    `term` is the sender's term (for pre-votes the term it would campaign for); 0 in what is passed on to
    a leader.
    """

    __slots__ = (
        "commit",
        "context",
        "entries",
        "frm",
        "index",
        "log_term",
        "reject",
        "reject_hint",
        "snapshot",
        "term",
        "to",
        "type",
    )

    def __init__(
        self,
        type: str,
        to: int = 0,
        frm: int = 0,
        term: int = 0,
        log_term: int = 0,
        index: int = 0,
        entries: Sequence[Entry] = (),
        commit: int = 0,
        reject: bool = False,
        reject_hint: int = 0,
        snapshot: Snapshot | None = None,
        context: Any = None,
    ) -> None:
        self.type = type
        self.to = to
        self.frm = frm
        self.term = term
        self.log_term = log_term
        self.index = index
        self.entries = entries
        self.commit = commit
        self.reject = reject
        self.reject_hint = reject_hint
        self.snapshot = snapshot
        self.context = context

    def __repr__(self) -> str:
        """One line as raft's own traces print it: `1->2 MsgApp Term:1 Log:1/3 Commit:2 Entries:[1/4]`."""
        text = f"{self.frm}->{self.to} {self.type} Term:{self.term} Log:{self.log_term}/{self.index}"
        if self.reject:
            text += f" Rejected (Hint: {self.reject_hint})"
        if self.commit:
            text += f" Commit:{self.commit}"
        if self.entries:
            text += f" Entries:[{', '.join(f'{e.term}/{e.index}' for e in self.entries)}]"
        if self.snapshot is not None:
            text += f" Snapshot:{self.snapshot.term}/{self.snapshot.index}"
        if self.context is not None:
            text += f" Context:{self.context!r}"
        return text
