"""Leadership handed over on request, for instance before a leader is stopped: no timeout has to run out.

    leader   stops taking proposals, brings the chosen voter's log up to date, sends MsgTimeoutNow
    voter    campaigns at once, without pre-vote; its votes are marked, so that others give them although
             they hear a leader
    leader   steps down for the higher term; or, after an election timeout, leads on as if nothing was

Source: go.etcd.io/raft v3.6, raft.go (MsgTransferLeader, MsgTimeoutNow).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.raft import replication
from kubekit.raft.messages import Message, MsgTimeoutNow, MsgTransferLeader

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft


def leader_transfer(raft: Raft, message: Message) -> None:
    """MsgTransferLeader names the voter to hand over to as `frm`. A second wish replaces the first."""
    chosen = message.frm
    progress = raft.progress.get(chosen)
    if progress is None or progress.learner or chosen == raft.transferee:
        return
    raft.transferee = 0
    if chosen == raft.id:
        return
    # It must be done within an election timeout, counted from now.
    raft.election_elapsed = 0
    raft.transferee = chosen
    if not hand_over(raft):
        replication.maybe_send_append(raft, chosen, even_if_empty=True)


def hand_over(raft: Raft) -> bool:
    """Let the chosen voter campaign, if it has the whole log. Whether it had."""
    chosen = raft.transferee
    if raft.progress[chosen].match != raft.log.last_index:
        return False
    if raft.append_due:
        replication.send_due(raft)
    raft.outbox.append(Message(MsgTimeoutNow, chosen, raft.id, raft.term))
    return True


def follower_transfer(raft: Raft, message: Message) -> None:
    """Whoever leads decides."""
    if raft.lead:
        raft.outbox.append(Message(MsgTransferLeader, raft.lead, message.frm, raft.term))
