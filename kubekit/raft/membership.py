"""Who belongs to the cluster, and how that changes: one member at a time.

Two majorities of memberships that differ by one voter always share a member, so a single change needs no
period in which both rule. A change travels through the log like any entry and takes effect on each member
when that member applies it; until the leader has applied one, it takes no second (`pending_conf_index`).

    learner --ADD_NODE--> voter      ADD_LEARNER of a voter demotes it      REMOVE_NODE forgets either

Joint consensus (ConfChangeV2), with which the library can change several voters at once, is not here:
etcd does not use it.

Source: go.etcd.io/raft v3.6, confchange/confchange.go and raft.go (switchToConfig).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubekit.raft.errors import WrongConfChange
from kubekit.raft.messages import (
    ADD_LEARNER,
    ADD_NODE,
    CONF_CHANGE,
    REMOVE_NODE,
    UPDATE_NODE,
    ConfChange,
    ConfState,
    Entry,
)
from kubekit.raft.progress import Progress
from kubekit.raft.replication import broadcast_append, maybe_commit, maybe_send_append
from kubekit.raft.roles import LEADER, become_follower

if TYPE_CHECKING:
    from kubekit.raft.state_machine import Raft


def changed(conf: ConfState, change: ConfChange) -> ConfState:
    """The membership after a change. Raises WrongConfChange if no voter would be left.

    >>> changed(ConfState((1, 2), (3,)), ConfChange(ADD_NODE, 3))
    ConfState(voters=(1, 2, 3), learners=())
    >>> changed(ConfState((1, 2), ()), ConfChange(ADD_LEARNER, 7))
    ConfState(voters=(1, 2), learners=(7,))
    >>> changed(ConfState((1, 2), ()), ConfChange(REMOVE_NODE, 2))
    ConfState(voters=(1,), learners=())
    """
    node = change.node_id
    voters, learners = set(conf.voters), set(conf.learners)
    if change.type not in (ADD_NODE, REMOVE_NODE, UPDATE_NODE, ADD_LEARNER):
        raise WrongConfChange(f"unexpected conf type {change.type}")
    if node and change.type != UPDATE_NODE:
        voters.discard(node)
        learners.discard(node)
        if change.type == ADD_NODE:
            voters.add(node)
        elif change.type == ADD_LEARNER:
            learners.add(node)
    if not voters:
        raise WrongConfChange("removed all voters")
    return ConfState(tuple(sorted(voters)), tuple(sorted(learners)))


def conf_state(raft: Raft) -> ConfState:
    """The membership as this member has applied it."""
    return ConfState(raft.voters, tuple(sorted(i for i, pr in raft.progress.items() if pr.learner)))


def adopt(raft: Raft, conf: ConfState) -> None:
    """Take over a membership: from a snapshot, at the start, or after a change."""
    known = raft.progress
    members: dict[int, Progress] = {}
    for node in sorted(conf.voters + conf.learners):
        progress = known.get(node)
        if progress is None:
            # The newcomer is probed from the end of the log, and has a whole election timeout to answer
            # before it counts as silent.
            progress = Progress(max(raft.log.last_index, 1), raft.config.max_inflight)
            progress.recent_active = True
        progress.learner = node in conf.learners
        members[node] = progress
    raft.progress = members
    raft.voters = conf.voters
    raft.others = tuple(node for node in members if node != raft.id)
    raft.learner = raft.id in conf.learners


def switch(raft: Raft, conf: ConfState) -> ConfState:
    """Adopt a membership and do what follows from it: a leader that has gone steps down, what the new
    majority has is committed, newcomers are sent to at once, a transfer to somebody who left ends."""
    adopt(raft, conf)
    if raft.role != LEADER:
        return conf
    if raft.id not in conf.voters:
        if raft.config.step_down_on_removal:
            become_follower(raft, raft.term, 0)
        return conf
    if maybe_commit(raft):
        broadcast_append(raft)
    else:
        for node in raft.others:
            maybe_send_append(raft, node, even_if_empty=False)
    if raft.transferee and raft.transferee not in conf.voters:
        raft.transferee = 0
    return conf


def admit(raft: Raft, entries: Sequence[Entry]) -> Sequence[Entry]:
    """The proposed entries, with a change that comes too early replaced by an empty entry.

    The caller learns of it as etcd's does: nothing happens under the change's id.
    """
    for position, entry in enumerate(entries):
        if entry.type == CONF_CHANGE:
            if raft.pending_conf_index > raft.log.applied:
                entries = [*entries[:position], Entry(0, 0), *entries[position + 1 :]]
            else:
                raft.pending_conf_index = raft.log.last_index + position + 1
    return entries


def unapplied_change(raft: Raft) -> bool:
    """Whether a committed change waits to be applied: until then this member may not campaign."""
    return any(entry.type == CONF_CHANGE for entry in raft.log.to_apply())
