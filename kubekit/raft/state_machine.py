"""One member's Raft: messages and ticks in, messages and things to store and to apply out. Nothing else.

It knows no network, no disk and no clock. The program that holds it calls `tick` at even intervals, `step`
with each message that arrives, and whenever `has_ready` says so:

    ready = raft.ready()
    store ready.snapshot, ready.entries, ready.hard_state      (and sync them if ready.must_sync)
    send ready.messages                                        (after storing, never before)
    apply ready.snapshot, then ready.committed in order        (raft.apply_conf_change for CONF_CHANGE)
    answer ready.read_states                                   (once that index is applied)
    raft.advance(ready)

Between `ready` and `advance` it may be stepped and ticked, but not asked for another `ready`. The parts
are told in their own files: `roles`, `election`, `replication`, `following`, `membership`, `read_only`.

Source: go.etcd.io/raft v3.6, raft.go and rawnode.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.raft import election, following, membership, proposing, read_only, replication, transfer
from kubekit.raft.config import Config
from kubekit.raft.errors import ProposalDropped, RaftError
from kubekit.raft.log import Log
from kubekit.raft.messages import (
    CONF_CHANGE,
    LOCAL,
    NORMAL,
    RESPONSES,
    ConfChange,
    ConfState,
    Entry,
    HardState,
    Message,
    MsgApp,
    MsgAppResp,
    MsgHeartbeat,
    MsgHeartbeatResp,
    MsgPreVote,
    MsgPreVoteResp,
    MsgProp,
    MsgReadIndex,
    MsgReadIndexResp,
    MsgSnap,
    MsgSnapStatus,
    MsgTimeoutNow,
    MsgTransferLeader,
    MsgUnreachable,
    MsgVote,
    MsgVoteResp,
)
from kubekit.raft.progress import Progress
from kubekit.raft.read_only import ReadQueue
from kubekit.raft.ready import Ready
from kubekit.raft.roles import CANDIDATE, FOLLOWER, LEADER, PRE_CANDIDATE, become_follower
from kubekit.sim import Rng


class Raft:
    """A member `id` (not 0) with its log; `rng` draws its election timeouts.

    `role` is "follower", "pre-candidate", "candidate" or "leader"; `lead` the leader's id, 0 if unknown;
    `voters` and `others` are ids, ascending; `progress` means something on a leader only, `votes` on a
    candidate only. All of these are to be read, not set.
    """

    __slots__ = (
        "_hard_state",
        "_in_progress",
        "append_due",
        "config",
        "election_elapsed",
        "election_timeout",
        "heartbeat_elapsed",
        "id",
        "lead",
        "learner",
        "log",
        "others",
        "outbox",
        "pending_conf_index",
        "progress",
        "read_states",
        "reads",
        "rng",
        "role",
        "term",
        "to_self",
        "transferee",
        "vote",
        "voters",
        "votes",
    )

    def __init__(self, id: int, log: Log, config: Config, rng: Rng) -> None:
        if id <= 0:
            raise ValueError("cannot use none as id")
        self.id = id
        self.log = log
        self.config = config
        self.rng = rng
        self.term = log.hard_state.term
        self.vote = log.hard_state.vote
        self.lead = 0
        self.role = FOLLOWER
        self.learner = False
        self.voters: tuple[int, ...] = ()
        self.others: tuple[int, ...] = ()
        self.progress: dict[int, Progress] = {}
        self.votes: dict[int, bool] = {}
        self.transferee = 0
        self.pending_conf_index = 0
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.election_timeout = config.election_tick
        self.append_due = False
        self.reads = ReadQueue()
        self.outbox: list[Message] = []
        self.to_self: list[Message] = []
        self.read_states: list[tuple[int, Any]] = []
        self._in_progress: list[Message] | None = None
        membership.adopt(self, log.snapshot.conf_state)
        become_follower(self, self.term, 0)
        self._hard_state = self.hard_state  # the commit index of a snapshot needs no storing

    @property
    def commit(self) -> int:
        """The index up to which this member knows the log committed."""
        return self.log.committed

    @property
    def applied(self) -> int:
        """The index up to which the program above has applied the log."""
        return self.log.applied

    @property
    def conf_state(self) -> ConfState:
        """The membership as this member has applied it."""
        return membership.conf_state(self)

    @property
    def hard_state(self) -> HardState:
        """What has to be on disk before anybody hears of it."""
        return HardState(self.term, self.vote, self.log.committed)

    def bootstrap(self, changes: list[ConfChange]) -> None:
        """The first lines of a new cluster's log: one ADD_NODE for each first member, committed in term 1.

        Every first member must be given the same. Raises RaftError if the log is not empty.
        """
        if self.log.last_index:
            raise RaftError("can't bootstrap a nonempty Storage")
        become_follower(self, 1, 0)
        entries = [Entry(1, index, CONF_CHANGE, change) for index, change in enumerate(changes, 1)]
        self.log.append(entries)
        self.log.committed = len(entries)
        conf = self.conf_state
        for change in changes:
            conf = membership.changed(conf, change)
        membership.adopt(self, conf)

    # Time and messages.

    def tick(self) -> None:
        """One unit of time has passed."""
        self.election_elapsed += 1
        if self.role != LEADER:
            if self.election_elapsed >= self.election_timeout and election.promotable(self):
                self.election_elapsed = 0
                self.campaign()
            return
        self.heartbeat_elapsed += 1
        if self.election_elapsed >= self.config.election_tick:
            self.election_elapsed = 0
            if self.config.check_quorum and not replication.leader_check_quorum(self):
                become_follower(self, self.term, 0)
                return
            self.transferee = 0
        if self.heartbeat_elapsed >= self.config.heartbeat_tick:
            self.heartbeat_elapsed = 0
            self.broadcast_heartbeat()

    def step(self, message: Message) -> None:
        """Take a message from another member. What makes no sense any more is ignored, as in any network.

        Raises LogLost or LogConflict if this member's log contradicts what it once acknowledged.
        """
        type = message.type
        if type in LOCAL or (type in RESPONSES and message.frm not in self.progress):
            return
        try:
            self._handle(message)
        except ProposalDropped:
            return  # a proposal that a follower passed on; whoever made it waits and finds out

    def _handle(self, message: Message) -> None:
        term = message.term
        if term and term != self.term and not election.admit_term(self, message):
            return
        handler = HANDLERS[self.role].get(message.type)
        if handler is not None:
            handler(self, message)

    # What the program above wants.

    def propose(self, data: Any) -> None:
        """Have `data` put into the log; it comes out of `ready` as a committed entry, or is lost.

        Raises ProposalDropped if no leader is known, or the leader takes nothing now.
        """
        self._handle(Message(MsgProp, frm=self.id, entries=[Entry(0, 0, NORMAL, data)]))

    def propose_batch(self, batch: list[Any]) -> None:
        """The same for several at once: they stand in the log one after the other."""
        self._handle(Message(MsgProp, frm=self.id, entries=[Entry(0, 0, NORMAL, data) for data in batch]))

    def propose_conf_change(self, change: ConfChange) -> None:
        """Propose a membership change. If an earlier one is not applied yet, an empty entry takes its place.

        Raises ProposalDropped as `propose` does.
        """
        self._handle(Message(MsgProp, frm=self.id, entries=[Entry(0, 0, CONF_CHANGE, change)]))

    def read_index(self, context: Any) -> None:
        """Ask for a point in the log that is safe to read at; (index, context) comes in `read_states`.

        Nothing comes if there is no leader, or a message is lost: ask again.
        """
        self._handle(Message(MsgReadIndex, context=context))

    def transfer_leader(self, id: int) -> None:
        """Have `id` lead, if it is a voter; given up after an election timeout."""
        self._handle(Message(MsgTransferLeader, frm=id))

    def campaign(self) -> None:
        """Try to become leader now."""
        election.hup(self, pre_vote=self.config.pre_vote)

    def report_unreachable(self, id: int) -> None:
        """A message to `id` could not be sent."""
        self._handle(Message(MsgUnreachable, frm=id))

    def report_snapshot(self, id: int, *, failed: bool = False) -> None:
        """A snapshot to `id` has been handed over, or could not be."""
        self._handle(Message(MsgSnapStatus, frm=id, reject=failed))

    def apply_conf_change(self, change: ConfChange) -> ConfState:
        """A committed change takes effect; called while applying, before `advance`.

        With `node_id` 0 nothing changes. Raises WrongConfChange if no voter would be left.
        """
        return membership.switch(self, membership.changed(self.conf_state, change))

    def broadcast_heartbeat(self) -> None:
        """A leader's sign of life, now."""
        replication.broadcast_heartbeat(self)

    # Handing out.

    def has_ready(self) -> bool:
        """Whether `ready` would hold anything; not between `ready` and `advance`."""
        if self._in_progress is not None:
            return False
        if self.outbox or self.append_due or self.to_self or self.read_states:
            return True
        log, stored = self.log, self._hard_state
        return (
            log.stable < log.last_index
            or log.applied < log.committed
            or log.pending_snapshot is not None
            or stored.commit != log.committed
            or stored.term != self.term
            or stored.vote != self.vote
        )

    def ready(self) -> Ready:
        """Everything that is to be stored, sent and applied now. Call `advance` with it when that is done."""
        if self._in_progress is not None:
            raise RaftError("ready called again before advance")
        if self.append_due:
            replication.send_due(self)
        hard_state: HardState | None = self.hard_state
        previous = self._hard_state
        if hard_state == previous:
            hard_state = None
        log = self.log
        ready = Ready(
            hard_state,
            log.unstable(),
            log.pending_snapshot,
            log.to_apply(),
            self.outbox,
            self.read_states,
            previous,
        )
        self.outbox = []
        self.read_states = []
        self._in_progress, self.to_self = self.to_self, []
        if hard_state is not None:
            self._hard_state = hard_state
        return ready

    def advance(self, ready: Ready) -> None:
        """What `ready` held is stored, sent and applied. Now one's own entries and one's own vote count."""
        if self._in_progress is None:
            raise RaftError("advance called without ready")
        own, self._in_progress = self._in_progress, None
        log = self.log
        for message in own:
            self._handle(message)
        if ready.entries:
            last = ready.entries[-1]
            log.stable_to(last.index, last.term)
        if ready.snapshot is not None:
            log.snapshot_stored(ready.snapshot)
            log.applied_to(ready.snapshot.index)
        if ready.committed:
            log.applied_to(ready.committed[-1].index)


Handler = Callable[[Raft, Message], None]

_FROM_LEADER: dict[str, Handler] = {
    MsgApp: following.take_entries,
    MsgHeartbeat: following.take_heartbeat,
    MsgSnap: following.take_snapshot,
    MsgVote: election.give_vote,
    MsgPreVote: election.give_vote,
}

HANDLERS: dict[str, dict[str, Handler]] = {
    FOLLOWER: _FROM_LEADER
    | {
        MsgProp: proposing.follower_proposal,
        MsgTransferLeader: transfer.follower_transfer,
        MsgTimeoutNow: election.take_timeout_now,
        MsgReadIndex: read_only.follower_read,
        MsgReadIndexResp: read_only.follower_read_answer,
    },
    PRE_CANDIDATE: _FROM_LEADER | {MsgProp: proposing.candidate_proposal, MsgPreVoteResp: election.take_vote},
    CANDIDATE: _FROM_LEADER | {MsgProp: proposing.candidate_proposal, MsgVoteResp: election.take_vote},
    LEADER: {
        MsgVote: election.give_vote,
        MsgPreVote: election.give_vote,
        MsgProp: proposing.leader_proposal,
        MsgAppResp: replication.leader_append_response,
        MsgHeartbeatResp: replication.leader_heartbeat_response,
        MsgSnapStatus: replication.leader_snapshot_status,
        MsgUnreachable: replication.leader_unreachable,
        MsgTransferLeader: transfer.leader_transfer,
        MsgReadIndex: read_only.leader_read,
    },
}
"""Which role does what with which message; what is not listed is ignored."""
