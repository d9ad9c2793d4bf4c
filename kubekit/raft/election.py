"""Elections: who may campaign, who may have a vote, and what a message's term means.

A member campaigns when it has not heard of a leader for its election timeout. With pre-vote it first asks
whether the others would vote for it; nobody's term changes for a question, so a member that was cut off
does not disturb a healthy cluster when it comes back. With check-quorum a member that heard of a leader
within an election timeout refuses to hear of candidates at all, unless the leader itself sent them
(`CAMPAIGN_TRANSFER`).

Source: go.etcd.io/raft v3.6, raft.go (Step, hup, campaign, stepCandidate).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kubekit.raft.membership import unapplied_change
from kubekit.raft.messages import (
    Entry,
    Message,
    MsgApp,
    MsgAppResp,
    MsgHeartbeat,
    MsgPreVote,
    MsgPreVoteResp,
    MsgSnap,
    MsgVote,
    MsgVoteResp,
)
from kubekit.raft.quorum import LOST, WON, vote_result
from kubekit.raft.replication import append_entries, broadcast_append
from kubekit.raft.roles import (
    LEADER,
    PRE_CANDIDATE,
    become_candidate,
    become_follower,
    become_leader,
    become_pre_candidate,
)

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft

CAMPAIGN_TRANSFER: Final = "CampaignTransfer"


def promotable(raft: Raft) -> bool:
    """Whether this member may lead: a voter that is not about to be replaced by a snapshot."""
    return raft.id in raft.progress and not raft.learner and raft.log.pending_snapshot is None


def hup(raft: Raft, *, pre_vote: bool, transfer: bool = False) -> None:
    """Campaign, if that is allowed."""
    if raft.role != LEADER and promotable(raft) and not unapplied_change(raft):
        campaign(raft, pre_vote=pre_vote, transfer=transfer)


def campaign(raft: Raft, *, pre_vote: bool, transfer: bool = False) -> None:
    """Ask every voter for its vote, or with `pre_vote` whether it would give it."""
    if pre_vote:
        become_pre_candidate(raft)
        term, ask, own = raft.term + 1, MsgPreVote, MsgPreVoteResp
    else:
        become_candidate(raft)
        term, ask, own = raft.term, MsgVote, MsgVoteResp
    log = raft.log
    for voter in raft.voters:
        if voter == raft.id:
            # One's own vote counts once it is on disk.
            raft.to_self.append(Message(own, voter, voter, term))
        else:
            raft.outbox.append(
                Message(
                    ask,
                    voter,
                    raft.id,
                    term,
                    log.last_term,
                    log.last_index,
                    context=CAMPAIGN_TRANSFER if transfer else None,
                )
            )


def admit_term(raft: Raft, message: Message) -> bool:
    """Compare a message's term with one's own, and step down for a higher one.

    False if the message is done with: too old, or from a candidate while a leader is about.
    """
    type = message.type
    if message.term > raft.term:
        if type in (MsgVote, MsgPreVote):
            in_lease = (
                raft.config.check_quorum
                and raft.lead != 0
                and raft.election_elapsed < raft.config.election_tick
            )
            if in_lease and message.context != CAMPAIGN_TRANSFER:
                return False
        if type == MsgPreVote or (type == MsgPreVoteResp and not message.reject):
            return True
        become_follower(raft, message.term, message.frm if type in (MsgApp, MsgHeartbeat, MsgSnap) else 0)
        return True
    # Older than this term.
    if (raft.config.check_quorum or raft.config.pre_vote) and type in (MsgHeartbeat, MsgApp):
        # A leader of an old term that this member would not follow and, because votes are refused while
        # a leader is about, could not get rid of either. The answer's term makes it step down.
        raft.outbox.append(Message(MsgAppResp, message.frm, raft.id, raft.term))
    elif type == MsgPreVote:
        raft.outbox.append(Message(MsgPreVoteResp, message.frm, raft.id, raft.term, reject=True))
    return False


def give_vote(raft: Raft, message: Message) -> None:
    """MsgVote and MsgPreVote, in any role. Learners vote too: one may have been promoted without having
    heard of it yet, and the candidate may need its vote."""
    pre = message.type == MsgPreVote
    may = (
        raft.vote == message.frm or (raft.vote == 0 and raft.lead == 0) or (pre and message.term > raft.term)
    )
    reply = MsgPreVoteResp if pre else MsgVoteResp
    if may and raft.log.is_up_to_date(message.index, message.log_term):
        # With the term of the question: the asker's own is not changed by a pre-vote, nor ours.
        raft.outbox.append(Message(reply, message.frm, raft.id, message.term))
        if not pre:
            raft.election_elapsed = 0
            raft.vote = message.frm
    else:
        raft.outbox.append(Message(reply, message.frm, raft.id, raft.term, reject=True))


def take_vote(raft: Raft, message: Message) -> None:
    """MsgVoteResp of a candidate, MsgPreVoteResp of a pre-candidate."""
    raft.votes.setdefault(message.frm, not message.reject)
    result = vote_result(raft.voters, raft.votes)
    if result == WON:
        if raft.role == PRE_CANDIDATE:
            campaign(raft, pre_vote=False)
        else:
            become_leader(raft)
            append_entries(raft, [Entry(0, 0)])
            broadcast_append(raft)
    elif result == LOST:
        become_follower(raft, raft.term, 0)


def take_timeout_now(raft: Raft, message: Message) -> None:
    """MsgTimeoutNow: the leader hands over. No pre-vote: this member does not come back from a partition,
    its leader has sent it."""
    hup(raft, pre_vote=False, transfer=True)
