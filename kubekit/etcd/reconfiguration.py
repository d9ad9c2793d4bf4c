"""Reconfiguration: which changes of the membership a member takes, and handing leadership over.

A change that is agreed on takes effect at once, so one that would leave no quorum of members that run can
never be taken back. etcd's strict check refuses it before it is proposed: too few members have ever started,
or too few are connected *for some seconds* (a member that came up just now does not count yet). A learner is
promoted only when it has nearly all of the leader's log, which the leader alone can tell.
Source: server/etcdserver/server.go (mayAddMember, mayRemoveMember, promoteMember, isLearnerReady, MoveLeader,
TryTransferLeadershipOnShutdown), util.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.etcd.answer import Answer
from kubekit.etcd.cluster_errors import (
    BadTransferee,
    LearnerNotReady,
    MemberNotFound,
    NotEnoughStarted,
    NotLeader,
    UnhealthyCluster,
)
from kubekit.etcd.membership import MemberInfo, Promotion
from kubekit.raft import ADD_NODE, ConfChange

if TYPE_CHECKING:
    from kubekit.etcd.replica import Replica

HEALTHY_AFTER = 5.0
"""Seconds that a connection must have stood to count."""

IN_SYNC = 0.9
"""The part of the leader's log that a learner must have to be promoted."""


def may_add(replica: Replica, member: MemberInfo) -> None:
    """Refuse a new member that could cost the quorum. Raises NotEnoughStarted, UnhealthyCluster."""
    if not replica.options.strict_reconfig_check:
        return
    if not member.learner and not replica.membership.ready_to_add():
        raise NotEnoughStarted
    voters = [voter.id for voter in replica.membership.voters()]
    if len(voters) > 1 and _healthy(replica, voters) < (len(voters) + 1) // 2 + 1:
        raise UnhealthyCluster


def may_remove(replica: Replica, id: int) -> None:
    """Refuse a removal that could cost the quorum. Raises NotEnoughStarted, UnhealthyCluster."""
    if not replica.options.strict_reconfig_check or replica.membership.is_learner(id):
        return
    if not replica.membership.ready_to_remove(id):
        raise NotEnoughStarted
    if id != replica.id and replica.connected_since(id) is None:
        return  # it is no part of the quorum that works
    voters = [voter.id for voter in replica.membership.voters()]
    if _healthy(replica, voters) - 1 < 1 + (len(voters) - 1) // 2:
        raise UnhealthyCluster


def _healthy(replica: Replica, ids: list[int]) -> int:
    return replica.links.connected_before(replica, replica.loop.clock.now() - HEALTHY_AFTER, ids)


def promote(replica: Replica, id: int, answer: Answer) -> None:
    """Make a voter of a learner; to be asked at the leader, others answer NotLeader.

    Raises MemberNotFound, LearnerNotReady, NotEnoughStarted.
    """
    raft = replica.raft
    if raft.role != "leader":
        raise NotLeader
    progress = raft.progress.get(id)
    if progress is None:
        raise MemberNotFound
    if progress.match / raft.progress[raft.id].match < IN_SYNC:
        raise LearnerNotReady
    if replica.options.strict_reconfig_check and not replica.membership.ready_to_promote():
        raise NotEnoughStarted
    replica.proposals.propose_change(ConfChange(ADD_NODE, id, Promotion(id)), answer)


def move_leader(replica: Replica, target: int, answer: Answer) -> None:
    """Let another voter lead; answers None when it does, and waits for ever if it never does.

    Raises BadTransferee.
    """
    member = replica.membership.get(target)
    if member is None or member.learner:
        raise BadTransferee

    def look() -> None:
        if answer.closed or replica.raft.lead == target:
            replica.after_change.remove(look)
            answer(None)

    replica.after_change.append(look)
    replica.ticking.wake()
    replica.records.transfer(target)
    replica.raft.transfer_leader(target)
    replica.drive()
    if look in replica.after_change:
        look()


def hand_over(replica: Replica) -> None:
    """Before an orderly stop a leader lets the member lead that it has been connected to for longest.

    Runs the members' events until it does, or until nothing more comes of it.
    """
    raft = replica.raft
    if raft.role != "leader" or len(replica.membership.voters()) < 2:
        return
    connected = [
        (since, voter.id)
        for voter in replica.membership.voters()
        if voter.id != replica.id and (since := replica.connected_since(voter.id)) is not None
    ]
    if not connected:
        return
    _, target = min(connected)
    move_leader(replica, target, Answer(lambda _: None))
    replica.loop.run_lane(replica.links.lane, lambda: raft.lead == target)
