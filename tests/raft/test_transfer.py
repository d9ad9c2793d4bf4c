"""Leadership handed over."""

from __future__ import annotations

import pytest

from kubekit.raft import ADD_NODE, REMOVE_NODE, ConfChange, Config, Message, ProposalDropped
from tests.raft.fleet import Fleet


def led(voters: int = 3, **more: object) -> Fleet:
    fleet = Fleet(voters, **more)  # type: ignore[arg-type]
    fleet.elect(1)
    return fleet


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_a_voter_with_the_whole_log_leads_at_once(asked: int) -> None:
    fleet = led()
    fleet[asked].transfer_leader(3)
    fleet.settle()
    assert (fleet[3].role, fleet[3].term, fleet[1].role, fleet[1].lead) == ("leader", 3, "follower", 3)


def test_no_pre_vote_and_no_lease_stand_in_the_way() -> None:
    fleet = led()
    fleet[1].transfer_leader(2)
    kinds = {(m.type, m.context) for _ in range(10) for m in fleet.exchange()}
    assert fleet[2].role == "leader"
    assert ("MsgTimeoutNow", None) in kinds and ("MsgVote", "CampaignTransfer") in kinds
    assert not any(kind == "MsgPreVote" for kind, _ in kinds)


def test_a_voter_that_is_behind_is_brought_up_first() -> None:
    fleet = led()
    fleet.isolate(3)
    fleet[1].propose("x")
    fleet.settle()
    fleet.heal()
    fleet[1].transfer_leader(3)
    assert not [m for m in fleet[1].outbox if m.type == "MsgTimeoutNow"]
    fleet.tick(1, 1)
    assert fleet[3].role == "leader" and "x" in fleet.members[3].state


def test_even_by_a_snapshot() -> None:
    fleet = led()
    fleet.isolate(3)
    for n in range(5):
        fleet[1].propose(n)
    fleet.settle()
    fleet.members[1].take_snapshot()
    fleet.heal()
    fleet[1].transfer_leader(3)
    fleet.tick(1, 1)
    assert fleet[3].role == "leader" and fleet[3].log.snapshot.index == 9


def test_proposals_are_dropped_meanwhile() -> None:
    fleet = led()
    fleet.isolate(3)
    fleet[1].transfer_leader(3)
    with pytest.raises(ProposalDropped) as raised:
        fleet[1].propose("x")
    assert raised.value.why == "leadership is being handed over to 3"
    fleet[2].propose("y")  # passed on, and dropped there
    fleet.settle()
    assert fleet[1].log.last_index == 4


def test_it_is_given_up_after_an_election_timeout() -> None:
    fleet = led()
    fleet.tick(5)
    fleet.isolate(3)
    fleet[1].transfer_leader(3)
    fleet.tick(9, 1, 2)
    assert fleet[1].transferee == 3
    fleet.tick(1, 1, 2)
    assert fleet[1].transferee == 0 and fleet[1].role == "leader"
    fleet[1].propose("x")
    fleet.settle()
    assert fleet.members[2].state[-1] == "x"


def test_a_second_wish_replaces_the_first() -> None:
    fleet = led()
    fleet.isolate(3)
    fleet[1].transfer_leader(3)
    fleet.tick(5, 1, 2)
    fleet[1].transfer_leader(3)  # the same again does not prolong it
    assert fleet[1].election_elapsed == 5
    fleet[1].transfer_leader(2)
    fleet.settle()
    assert fleet[2].role == "leader"


def test_a_wish_for_the_leader_itself_ends_one_that_is_under_way() -> None:
    fleet = led()
    fleet[1].transfer_leader(1)
    assert fleet[1].transferee == 0
    fleet.isolate(3)
    fleet[1].transfer_leader(3)
    fleet[1].transfer_leader(1)
    assert fleet[1].transferee == 0
    fleet[1].propose("x")


def test_learners_and_strangers_are_no_heirs() -> None:
    fleet = Fleet(3, learners=[4])
    fleet.elect(1)
    for id in (4, 9):
        fleet[1].transfer_leader(id)
        assert fleet[1].transferee == 0
        fleet.settle()
    assert fleet[1].role == "leader"
    fleet[4].step(Message("MsgTimeoutNow", 4, 1, 2))
    assert fleet[4].role == "follower"


def test_without_a_leader_a_wish_is_lost() -> None:
    fleet = Fleet(3)
    fleet[2].transfer_leader(1)
    assert not fleet[2].has_ready()
    fleet[2].campaign()
    fleet[2].transfer_leader(1)
    assert fleet[2].transferee == 0


def test_an_heir_that_is_removed_inherits_nothing() -> None:
    fleet = led(4)
    fleet.isolate(4)
    fleet[1].propose_conf_change(ConfChange(REMOVE_NODE, 4))
    fleet[1].transfer_leader(4)
    fleet.settle()
    assert fleet[1].voters == (1, 2, 3) and fleet[1].transferee == 0


def test_a_change_of_others_does_not_end_it() -> None:
    fleet = led(4)
    fleet.isolate(4)
    fleet[1].propose_conf_change(ConfChange(ADD_NODE, 5))
    fleet[1].transfer_leader(4)
    fleet.settle()
    assert 5 in fleet[1].voters and fleet[1].transferee == 4


def test_a_candidate_ignores_the_word_to_campaign() -> None:
    fleet = Fleet(3, config=Config(pre_vote=False))
    fleet[2].campaign()
    fleet[2].step(Message("MsgTimeoutNow", 2, 1, 2))
    assert (fleet[2].role, fleet[2].term) == ("candidate", 2)
