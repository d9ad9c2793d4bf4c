"""Who belongs, and how that changes."""

from __future__ import annotations

import pytest

from kubekit.raft import (
    ADD_LEARNER,
    ADD_NODE,
    CONF_CHANGE,
    NORMAL,
    REMOVE_NODE,
    UPDATE_NODE,
    ConfChange,
    Config,
    ConfState,
    Entry,
    Log,
    Message,
    ProposalDropped,
    Raft,
    RaftError,
    WrongConfChange,
)
from kubekit.raft.membership import changed
from kubekit.sim import Rng
from tests.raft.fleet import Fleet


@pytest.mark.parametrize(
    ("voters", "learners", "type", "node", "then"),
    [
        ((1, 2), (), ADD_NODE, 3, ((1, 2, 3), ())),
        ((1, 2), (), ADD_NODE, 2, ((1, 2), ())),
        ((1, 2), (3,), ADD_NODE, 3, ((1, 2, 3), ())),
        ((1, 2), (), ADD_LEARNER, 3, ((1, 2), (3,))),
        ((1, 2), (3,), ADD_LEARNER, 3, ((1, 2), (3,))),
        ((1, 2), (), ADD_LEARNER, 2, ((1,), (2,))),
        ((1, 2), (3,), REMOVE_NODE, 3, ((1, 2), ())),
        ((1, 2), (3,), REMOVE_NODE, 1, ((2,), (3,))),
        ((1, 2), (), REMOVE_NODE, 9, ((1, 2), ())),
        ((1, 2), (3,), UPDATE_NODE, 1, ((1, 2), (3,))),
        ((1, 2), (3,), REMOVE_NODE, 0, ((1, 2), (3,))),  # refused by the program above
        ((), (), ADD_NODE, 5, ((5,), ())),
        ((9, 3), (), ADD_NODE, 5, ((3, 5, 9), ())),
    ],
)
def test_one_change_at_a_time(
    voters: tuple[int, ...],
    learners: tuple[int, ...],
    type: int,
    node: int,
    then: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    assert changed(ConfState(voters, learners), ConfChange(type, node)) == ConfState(*then)


@pytest.mark.parametrize(
    ("conf", "change", "why"),
    [
        (ConfState((1,)), ConfChange(REMOVE_NODE, 1), "removed all voters"),
        (ConfState((1,)), ConfChange(ADD_LEARNER, 1), "removed all voters"),
        (ConfState(), ConfChange(ADD_LEARNER, 1), "removed all voters"),
        (ConfState((1,)), ConfChange(7, 1), "unexpected conf type 7"),
    ],
)
def test_a_change_that_leaves_no_voters_is_refused(conf: ConfState, change: ConfChange, why: str) -> None:
    with pytest.raises(WrongConfChange, match=why):
        changed(conf, change)


def test_a_new_cluster_begins_with_its_members_in_the_log() -> None:
    raft = Raft(1, Log(), Config(), Rng(1))
    members = [ConfChange(ADD_NODE, id, f"m{id}") for id in (1, 2, 3)]
    raft.bootstrap(members)
    ready = raft.ready()
    assert ready.entries == ready.committed == [Entry(1, n, CONF_CHANGE, m) for n, m in enumerate(members, 1)]
    assert ready.hard_state is not None and ready.must_sync
    assert (ready.hard_state.term, ready.hard_state.commit) == (1, 3)
    assert raft.conf_state == ConfState((1, 2, 3))
    for member in members:
        assert raft.apply_conf_change(member) == ConfState((1, 2, 3))
    raft.advance(ready)
    with pytest.raises(RaftError, match="can't bootstrap a nonempty Storage"):
        raft.bootstrap(members)


def test_a_voter_is_added_by_way_of_learning() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].propose("x")
    fleet.settle()
    fleet.add(4)
    fleet[1].propose_conf_change(ConfChange(ADD_LEARNER, 4, "http://four"))
    fleet.settle()
    for id in (1, 2, 3, 4):
        assert fleet[id].conf_state == ConfState((1, 2, 3), (4,))
    assert fleet[4].learner and fleet.members[4].state == fleet.members[1].state
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 4))
    fleet.settle()
    assert fleet[4].conf_state == ConfState((1, 2, 3, 4)) and not fleet[4].learner
    fleet[4].election_elapsed = fleet[2].election_elapsed = fleet[3].election_elapsed = 20
    fleet.elect(4)


def test_a_newcomer_counts_only_once_the_change_is_applied() -> None:
    fleet = Fleet(1)
    fleet.elect(1)
    fleet.add(2)
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 2))
    fleet.settle(1)  # decided by 1 alone
    assert fleet[1].voters == (1, 2)
    fleet[1].propose("x")
    fleet.settle(1)
    assert fleet[1].log.last_index > fleet[1].commit
    fleet.settle()
    assert fleet[1].commit == fleet[1].log.last_index == fleet[2].commit


def test_a_newcomer_has_time_to_answer() -> None:
    """It counts as active at first, else a leader of two would step down before it has said a word."""
    fleet = Fleet(1)
    fleet.elect(1)
    fleet.tick(9)
    fleet.add(2)
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 2))
    fleet.settle(1)
    fleet[1].tick()
    assert fleet[1].role == "leader"


def test_a_second_change_must_wait_for_the_first() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(1)
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 4))
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 5))
    types = [entry.type for entry in fleet[1].log.entries(5, 7)]
    assert types == [CONF_CHANGE, NORMAL]
    assert fleet[1].log.entries(6, 7)[0].data is None
    fleet.heal()
    fleet.settle()
    fleet.tick(1)
    assert fleet[1].voters == (1, 2, 3, 4)
    fleet[1].propose_conf_change(ConfChange(REMOVE_NODE, 4))
    fleet.settle()
    assert fleet[1].voters == (1, 2, 3)


def test_two_changes_in_one_message_are_not_both_taken() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    changes = [Entry(0, 0, CONF_CHANGE, ConfChange(ADD_NODE, id)) for id in (4, 5)]
    fleet[1].step(Message("MsgProp", 1, 2, entries=changes))
    assert [e.type for e in fleet[1].log.entries(5, 7)] == [CONF_CHANGE, NORMAL]
    assert [e.type for e in changes] == [CONF_CHANGE, CONF_CHANGE]  # the sender's message stays as it was


def test_a_new_leader_waits_until_all_it_found_is_applied() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.cut((2, 1), (3, 1))
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 4))
    fleet.exchange()
    fleet.exchange()  # 2 and 3 have it and do not know it committed
    fleet.isolate(1)
    fleet[2].election_elapsed = fleet[3].election_elapsed = 10
    fleet[2].campaign()
    for _ in range(20):
        if fleet[2].role != "leader":
            fleet.exchange()
    assert fleet[2].role == "leader" and fleet[2].voters == (1, 2, 3)
    fleet[2].propose_conf_change(ConfChange(ADD_NODE, 5))
    fleet.settle()
    assert fleet[2].voters == (1, 2, 3, 4)
    fleet[2].propose_conf_change(ConfChange(ADD_NODE, 5))
    fleet.settle()
    assert fleet[2].log.entries(8, 9)[0].type == CONF_CHANGE


def test_removing_a_voter_may_commit_what_waited_for_it() -> None:
    fleet = Fleet(2)
    fleet.elect(1)
    fleet[1].propose_conf_change(ConfChange(REMOVE_NODE, 2))
    fleet.members[1].work()
    fleet[1].propose("x")
    fleet.settle(2)
    fleet.cut((2, 1))
    arrived, fleet.under_way = fleet.under_way, []
    fleet.heal()
    fleet.cut((1, 2))
    for message in arrived:
        fleet.deliver(message)
    fleet.settle()
    assert fleet[1].voters == (1,) and fleet[1].commit == fleet[1].log.last_index
    assert fleet.members[1].state[-1] == "x"


def test_a_removed_member_never_campaigns_again() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].propose_conf_change(ConfChange(REMOVE_NODE, 3))
    fleet.settle()
    assert fleet[3].voters == (1, 2)
    fleet.tick(100)
    assert fleet[3].role == "follower" and fleet[1].role == "leader" and fleet[1].term == 2


def test_a_removed_member_that_did_not_hear_of_it_disturbs_nobody() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(3)
    fleet[1].propose_conf_change(ConfChange(REMOVE_NODE, 3))
    fleet.settle()
    fleet.tick(50)
    fleet.heal()
    fleet.tick(50)
    assert fleet[3].role != "leader" and fleet[1].role == "leader" and fleet[1].term == 2
    fleet[1].step(Message("MsgAppResp", 1, 3, 2, index=99))  # its words mean nothing any more
    fleet[1].step(Message("MsgAppResp", 1, 3, 9, index=99))
    assert fleet[1].role == "leader" and 3 not in fleet[1].progress


@pytest.mark.parametrize("change", [ConfChange(REMOVE_NODE, 1), ConfChange(ADD_LEARNER, 1)])
def test_a_removed_leader_leads_on_without_counting(change: ConfChange) -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].propose("before")
    fleet[1].propose_conf_change(change)
    fleet[1].propose("behind")
    fleet.settle()
    assert fleet[1].voters == fleet[2].voters == fleet[3].voters == (2, 3)
    assert fleet[1].role == "leader" and fleet.members[2].state[-1] == "behind"
    if change.type == REMOVE_NODE:
        with pytest.raises(ProposalDropped):
            fleet[1].propose("after")
    fleet.tick(30)
    assert fleet[1].role == "leader"  # others are heard; its server is to stop it
    fleet.isolate(1)
    fleet.tick(60)
    assert fleet.leader is not None and fleet.leader.id in (2, 3)


@pytest.mark.parametrize("change", [ConfChange(REMOVE_NODE, 1), ConfChange(ADD_LEARNER, 1)])
def test_or_it_steps_down_if_told_so(change: ConfChange) -> None:
    fleet = Fleet(3, config=Config(step_down_on_removal=True))
    fleet.elect(1)
    fleet[1].propose_conf_change(change)
    fleet.settle()
    assert fleet[1].role == "follower" and fleet[1].voters == (2, 3)
    fleet.tick(60)
    assert fleet.leader is not None and fleet.leader.id in (2, 3)


def test_a_follower_passes_a_change_on() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[3].propose_conf_change(ConfChange(REMOVE_NODE, 2))
    fleet.settle()
    assert fleet[1].voters == (1, 3)


def test_a_change_that_was_refused_above_changes_nothing() -> None:
    fleet = Fleet(2)
    fleet.elect(1)
    before = fleet[1].progress[2]
    assert fleet[1].apply_conf_change(ConfChange(REMOVE_NODE, 0)) == ConfState((1, 2))
    assert fleet[1].progress[2] is before


def test_progress_survives_a_change() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    before = repr(fleet[1].progress[2])
    fleet.add(4)
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 4))
    fleet.settle()
    assert before == "StateReplicate match=4 next=5"
    assert repr(fleet[1].progress[2]) == "StateReplicate match=5 next=6"
    assert fleet[1].others == (2, 3, 4) and fleet[2].others == (1, 3, 4)
