"""Proposals: taken by the leader, passed on by followers, refused where no leader is known.

A proposal is not acknowledged. It comes back as a committed entry, or never: its leader may be deposed
before a majority has it. Who proposed marks its data to recognise it, and stops waiting after a while.

Source: go.etcd.io/raft v3.6, raft.go (MsgProp).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.raft.errors import ProposalDropped
from kubekit.raft.membership import admit
from kubekit.raft.messages import Message, MsgProp
from kubekit.raft.replication import append_entries, broadcast_append

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft


def leader_proposal(raft: Raft, message: Message) -> None:
    """Put it at the end of the log and spread it."""
    if raft.id not in raft.progress:
        raise ProposalDropped("this leader has been removed")
    if raft.transferee:
        raise ProposalDropped(f"leadership is being handed over to {raft.transferee:x}")
    if not append_entries(raft, admit(raft, message.entries)):
        raise ProposalDropped("too many entries wait to be committed")
    broadcast_append(raft)


def candidate_proposal(raft: Raft, message: Message) -> None:
    """There is no leader."""
    raise ProposalDropped(f"no leader at term {raft.term}")


def follower_proposal(raft: Raft, message: Message) -> None:
    """Pass it on. Whether the leader takes it, this member does not learn."""
    if not raft.lead:
        raise ProposalDropped(f"no leader at term {raft.term}")
    if not raft.config.forward_proposals:
        raise ProposalDropped("this follower does not pass proposals on")
    raft.outbox.append(Message(MsgProp, raft.lead, message.frm, entries=message.entries))
