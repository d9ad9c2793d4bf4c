"""Who becomes leader, who gets votes, and what higher and lower terms do."""

from __future__ import annotations

import pytest

from kubekit.raft import Config, ConfState, Entry, HardState, Log, Message, Raft
from kubekit.sim import Rng
from tests.raft.fleet import Fleet

OLD_WAY = Config(pre_vote=False, check_quorum=False)


def alone(config: Config = OLD_WAY, *, term: int = 3, vote: int = 0, terms: tuple[int, ...] = (1, 2)) -> Raft:
    """Member 1 of three, with these entries, and nobody to talk to."""
    log = Log(ConfState((1, 2, 3)))
    log.append([Entry(t, n) for n, t in enumerate(terms, 1)])
    log.stable = log.last_index
    log.hard_state = HardState(term, vote, 0)
    return Raft(1, log, config, Rng(1))


def answers(raft: Raft) -> list[tuple[str, int, int, bool]]:
    ready = raft.ready()
    raft.advance(ready)
    return [(m.type, m.to, m.term, m.reject) for m in ready.messages]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("pre_vote", [False, True])
def test_a_candidate_with_a_majority_leads(size: int, pre_vote: bool) -> None:
    fleet = Fleet(size, config=Config(pre_vote=pre_vote))
    minority = list(range(2, 2 + (size - 1) // 2))
    fleet.isolate(*minority)
    raft = fleet.elect(1)
    assert (raft.role, raft.term, raft.lead, raft.vote) == ("leader", 2, 1, 1)
    for id in set(fleet.members) - set(minority):
        assert fleet[id].lead == 1 and fleet[id].term == 2
    # The term opens with an empty entry, which is committed.
    assert fleet.history[size + 1] == Entry(2, size + 1)


@pytest.mark.parametrize("pre_vote", [False, True])
def test_without_a_majority_nobody_leads(pre_vote: bool) -> None:
    fleet = Fleet(4, config=Config(pre_vote=pre_vote))
    fleet.isolate(1, 2)
    fleet[1].campaign()
    fleet.settle()
    assert fleet[1].role == ("pre-candidate" if pre_vote else "candidate")
    assert fleet[1].term == (1 if pre_vote else 2)
    assert fleet[1].votes == {1: True, 2: True}


def test_a_majority_of_refusals_ends_a_campaign() -> None:
    for pre_vote, asked, expected in ((True, "MsgPreVoteResp", 3), (False, "MsgVoteResp", 4)):
        raft = alone(Config(pre_vote=pre_vote))
        raft.campaign()
        answers(raft)
        for member in (2, 3):
            raft.step(Message(asked, 1, member, raft.term, reject=True))
        assert (raft.role, raft.term, raft.lead) == ("follower", expected, 0)


def test_the_first_answer_of_a_member_counts() -> None:
    raft = alone()
    raft.campaign()
    answers(raft)
    raft.step(Message("MsgVoteResp", 1, 2, raft.term, reject=True))
    raft.step(Message("MsgVoteResp", 1, 2, raft.term))
    assert raft.role == "candidate" and raft.votes == {1: True, 2: False}


def test_a_stranger_has_no_vote() -> None:
    raft = alone()
    raft.campaign()
    answers(raft)
    raft.step(Message("MsgVoteResp", 1, 9, raft.term))
    assert raft.role == "candidate" and 9 not in raft.votes


def test_ones_own_vote_counts_once_it_is_stored() -> None:
    fleet = Fleet(1)
    raft = fleet[1]
    raft.campaign()
    ready = raft.ready()  # pre-vote needs nothing stored
    assert raft.role == "pre-candidate" and ready.hard_state is None
    raft.advance(ready)
    assert raft.role == "candidate"
    ready = raft.ready()
    assert ready.hard_state is not None and ready.must_sync
    assert (ready.hard_state.term, ready.hard_state.vote, raft.role) == (2, 1, "candidate")
    raft.advance(ready)
    assert raft.role == "leader"


def test_timeouts_are_drawn_between_one_and_two_election_timeouts() -> None:
    seen = set()
    for seed in range(200):
        raft = Raft(1, Log(ConfState((1, 2, 3))), Config(election_tick=10), Rng(seed))
        ticks = 0
        while not raft.has_ready():
            raft.tick()
            ticks += 1
        seen.add(ticks)
    assert seen == set(range(10, 20))


def test_a_leader_is_found_and_kept() -> None:
    fleet = Fleet(5, seed=4)
    fleet.tick(60)
    leader = fleet.leader
    assert leader is not None
    term = leader.term
    fleet.tick(300)
    assert fleet.leader is leader and leader.term == term
    assert {member.up.lead for member in fleet.running} == {leader.id}


def test_when_the_leader_falls_another_is_found() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.members[1].crash()
    fleet.tick(60)
    leader = fleet.leader
    assert leader is not None and leader.id in (2, 3) and leader.term > 2


@pytest.mark.parametrize(
    ("vote", "index", "log_term", "granted"),
    [
        (0, 2, 2, True),
        (0, 9, 2, True),
        (0, 1, 3, True),
        (0, 1, 2, False),  # shorter
        (0, 9, 1, False),  # older
        (2, 2, 2, True),  # asked again
        (3, 2, 2, False),  # given away
    ],
)
def test_a_vote_is_given_once_a_term_to_a_log_as_good(
    vote: int, index: int, log_term: int, granted: bool
) -> None:
    raft = alone(vote=vote)
    raft.step(Message("MsgVote", 1, 2, 3, log_term, index))
    assert answers(raft) == [("MsgVoteResp", 2, 3, not granted)]
    assert raft.vote == (2 if granted else vote)


def test_no_vote_in_a_term_that_has_a_leader() -> None:
    raft = alone()
    raft.step(Message("MsgHeartbeat", 1, 3, 3))
    answers(raft)
    raft.step(Message("MsgVote", 1, 2, 3, 2, 2))
    assert answers(raft) == [("MsgVoteResp", 2, 3, True)]


@pytest.mark.parametrize("vote", [0, 2, 3])
def test_a_pre_vote_is_answered_for_its_own_term_and_binds_nobody(vote: int) -> None:
    raft = alone(Config(), vote=vote)
    raft.step(Message("MsgPreVote", 1, 2, 5, 2, 2))
    raft.step(Message("MsgPreVote", 1, 3, 5, 2, 2))
    raft.step(Message("MsgPreVote", 1, 3, 5, 1, 2))
    assert answers(raft) == [
        ("MsgPreVoteResp", 2, 5, False),
        ("MsgPreVoteResp", 3, 5, False),
        ("MsgPreVoteResp", 3, 3, True),  # a refusal tells the term here
    ]
    assert (raft.term, raft.vote) == (3, vote)


def test_a_vote_outlives_a_crash() -> None:
    fleet = Fleet(3, config=OLD_WAY)
    fleet.members[1].crash()
    fleet.send([Message("MsgVote", 3, 1, 5, 1, 3)])
    fleet.settle(3)
    fleet.under_way.clear()
    fleet.members[3].crash()
    fleet.members[3].start()
    assert (fleet[3].term, fleet[3].vote) == (5, 1)
    fleet[3].step(Message("MsgVote", 3, 2, 5, 9, 9))
    assert [m.reject for m in fleet[3].ready().messages] == [True]


def test_a_member_that_comes_back_disturbs_nobody() -> None:
    """With pre-vote its term does not run away while it is cut off."""
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(3)
    fleet.tick(100, 3)
    assert (fleet[3].role, fleet[3].term) == ("pre-candidate", 2)
    fleet.heal()
    fleet.tick(3)
    assert (fleet[1].role, fleet[1].term, fleet[3].lead) == ("leader", 2, 1)


def test_without_pre_vote_it_does() -> None:
    fleet = Fleet(3, config=OLD_WAY)
    fleet.elect(1)
    fleet.isolate(3)
    fleet.tick(60, 3)
    assert fleet[3].term > 2
    fleet.heal()
    fleet[3].campaign()
    fleet.settle()
    assert fleet[1].role == "follower" and fleet[1].term == fleet[3].term > 2


def test_whoever_hears_a_leader_refuses_to_hear_of_candidates() -> None:
    fleet = Fleet(3, config=Config(pre_vote=False))
    fleet.elect(1)
    for member in (1, 2):
        fleet[member].step(Message("MsgVote", member, 3, 7, 9, 99))
        assert fleet[member].term == 2 and not fleet[member].has_ready()
    # An election timeout without a sign of the leader ends that.
    for _ in range(10):
        fleet[2].tick()
    fleet[2].outbox.clear()
    fleet[2].step(Message("MsgVote", 2, 3, 7, 9, 99))
    assert fleet[2].term == 7 and fleet[2].vote == 3


def test_a_stuck_candidate_is_freed_by_its_leader() -> None:
    """Votes are refused near a leader, so a member of a higher term answers the leader instead."""
    fleet = Fleet(3, config=Config(pre_vote=False))
    fleet.elect(1)
    fleet.isolate(3)
    fleet[3].campaign()
    fleet.settle()
    assert fleet[3].term == 3
    fleet.heal()
    fleet.tick(1, 1)  # the leader's heartbeat of term 2 is answered with term 3
    assert (fleet[1].role, fleet[1].term) == ("follower", 3)
    fleet.tick(60)
    assert fleet.leader is not None and fleet.leader.term > 3


def test_a_leader_that_hears_of_no_majority_steps_down() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(1)
    fleet.tick(9, 1)
    assert fleet[1].role == "leader"  # the answers to its election still count
    fleet.tick(11, 1)
    assert (fleet[1].role, fleet[1].term, fleet[1].lead) == ("follower", 2, 0)
    one_way = Fleet(3)
    one_way.elect(1)
    one_way.cut((2, 1), (3, 1))
    one_way.tick(20, 1)
    assert one_way[1].role == "follower"


def test_one_follower_of_two_is_enough() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(3)
    fleet.tick(100, 1, 2)
    assert fleet[1].role == "leader"


def test_without_check_quorum_it_stays() -> None:
    fleet = Fleet(3, config=Config(check_quorum=False))
    fleet.elect(1)
    fleet.isolate(1)
    fleet.tick(100, 1)
    assert fleet[1].role == "leader"


@pytest.mark.parametrize("type", ["MsgApp", "MsgHeartbeat", "MsgSnap"])
def test_a_leaders_word_ends_a_campaign_of_its_term(type: str) -> None:
    raft = alone()
    raft.campaign()
    answers(raft)
    raft.step(Message(type, 1, 3, raft.term, 2, 2))
    assert (raft.role, raft.lead, raft.term, raft.vote) == ("follower", 3, 4, 1)


@pytest.mark.parametrize(
    ("config", "type", "answer"),
    [
        (Config(), "MsgApp", [("MsgAppResp", 2, 3, False)]),
        (Config(), "MsgHeartbeat", [("MsgAppResp", 2, 3, False)]),
        (Config(), "MsgPreVote", [("MsgPreVoteResp", 2, 3, True)]),
        (Config(), "MsgVote", []),
        (Config(), "MsgSnap", []),
        (OLD_WAY, "MsgApp", []),
        (OLD_WAY, "MsgHeartbeat", []),
        (OLD_WAY, "MsgPreVote", [("MsgPreVoteResp", 2, 3, True)]),
    ],
)
def test_what_a_message_of_an_older_term_gets(
    config: Config, type: str, answer: list[tuple[str, int, int, bool]]
) -> None:
    raft = alone(config)
    raft.step(Message(type, 1, 2, 2, 1, 1))
    assert answers(raft) == answer
    assert (raft.term, raft.lead, raft.log.last_index) == (3, 0, 2)


def test_a_granted_pre_vote_of_a_later_term_changes_no_term_but_a_refusal_does() -> None:
    raft = alone(Config())
    raft.step(Message("MsgPreVoteResp", 1, 2, 9))
    assert raft.term == 3
    raft.step(Message("MsgPreVoteResp", 1, 2, 9, reject=True))
    assert (raft.term, raft.role) == (9, "follower")


def test_who_may_not_campaign() -> None:
    fleet = Fleet(2, learners=[3])
    fleet[3].campaign()
    fleet.tick(50, 3)
    assert (fleet[3].role, fleet[3].term, fleet[3].learner) == ("follower", 1, True)
    newcomer = fleet.add(4)
    newcomer.up.campaign()
    assert newcomer.up.role == "follower" and not newcomer.up.has_ready()


def test_a_learner_gives_its_vote_when_asked() -> None:
    """Whoever asks may know that it has been promoted."""
    fleet = Fleet(2, learners=[3])
    fleet[3].step(Message("MsgVote", 3, 2, 5, 9, 9))
    assert [(m.type, m.reject) for m in fleet[3].ready().messages] == [("MsgVoteResp", False)]


def test_nobody_campaigns_over_a_change_that_is_not_applied() -> None:
    raft = Raft(1, Log(), OLD_WAY, Rng(1))
    raft.bootstrap([])
    fleet = Fleet(3)
    committed = fleet[1].log.entries(1, 4)
    late = Raft(1, Log.restore(None, HardState(1, 0, 3), committed), OLD_WAY, Rng(1))
    late.progress, late.voters = fleet[1].progress, (1, 2, 3)
    late.campaign()
    assert late.role == "follower"
    late.log.applied_to(3)
    late.campaign()
    assert late.role == "candidate"


def test_a_leader_does_not_campaign() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].campaign()
    assert fleet[1].role == "leader" and fleet[1].term == 2
