"""The follower's part: take entries, heartbeats and snapshots from the leader.

Source: go.etcd.io/raft v3.6, raft.go (handleAppendEntries, handleHeartbeat, handleSnapshot, restore).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.raft.membership import adopt
from kubekit.raft.messages import Message, MsgAppResp, MsgHeartbeatResp, Snapshot
from kubekit.raft.roles import FOLLOWER, become_follower

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft


def hear_leader(raft: Raft, message: Message) -> None:
    """A message of this term's leader: follow it, and wait a whole timeout again."""
    if raft.role == FOLLOWER:
        raft.election_elapsed = 0
        raft.lead = message.frm
    else:
        become_follower(raft, message.term, message.frm)


def take_entries(raft: Raft, message: Message) -> None:
    """MsgApp."""
    hear_leader(raft, message)
    log = raft.log
    if message.index < log.committed:
        raft.outbox.append(Message(MsgAppResp, message.frm, raft.id, raft.term, index=log.committed))
        return
    agreed = log.maybe_append(message.index, message.log_term, message.commit, message.entries)
    if agreed is not None:
        raft.outbox.append(Message(MsgAppResp, message.frm, raft.id, raft.term, index=agreed))
        return
    hint, term = log.find_conflict_by_term(min(message.index, log.last_index), message.log_term)
    raft.outbox.append(
        Message(
            MsgAppResp,
            message.frm,
            raft.id,
            raft.term,
            log_term=term,
            index=message.index,
            reject=True,
            reject_hint=hint,
        )
    )


def take_heartbeat(raft: Raft, message: Message) -> None:
    """MsgHeartbeat. Raises LogLost if this member once acknowledged more than it has."""
    hear_leader(raft, message)
    raft.log.commit_to(message.commit)
    raft.outbox.append(Message(MsgHeartbeatResp, message.frm, raft.id, raft.term, context=message.context))


def take_snapshot(raft: Raft, message: Message) -> None:
    """MsgSnap."""
    hear_leader(raft, message)
    log = raft.log
    restored = message.snapshot is not None and restore(raft, message.snapshot)
    index = log.last_index if restored else log.committed
    raft.outbox.append(Message(MsgAppResp, message.frm, raft.id, raft.term, index=index))


def restore(raft: Raft, snapshot: Snapshot) -> bool:
    """Stand on a snapshot, unless it is old, or does not know this member, or the log has all of it."""
    log = raft.log
    if snapshot.index <= log.committed:
        return False
    if raft.id not in snapshot.conf_state.voters and raft.id not in snapshot.conf_state.learners:
        return False
    if log.matches(snapshot.index, snapshot.term):
        log.commit_to(snapshot.index)
        return False
    log.accept_snapshot(snapshot)
    raft.progress = {}
    adopt(raft, snapshot.conf_state)
    return True
