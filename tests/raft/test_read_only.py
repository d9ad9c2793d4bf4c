"""Linearizable reads: a read never finds less than was committed when it began."""

from __future__ import annotations

from kubekit.raft import Config, Message
from tests.raft.fleet import Fleet


def reads(fleet: Fleet, id: int) -> list[tuple[int, str]]:
    found = fleet.members[id].read_states
    fleet.members[id].read_states = []
    return found


def test_a_majority_confirms_a_read_of_the_leader() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].read_index("r")
    fleet.members[1].work()
    assert [(m.type, m.to, m.context) for m in fleet.under_way] == [
        ("MsgHeartbeat", 2, 1),
        ("MsgHeartbeat", 3, 1),
    ]
    assert reads(fleet, 1) == []
    fleet.settle(1, 2)
    assert reads(fleet, 1) == [(4, "r")]
    fleet.settle()
    assert reads(fleet, 1) == []  # the third answer adds nothing


def test_a_follower_asks_its_leader() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.cut((1, 3))
    fleet[1].propose("x")
    fleet.settle()
    fleet.heal()
    fleet[3].read_index("r")
    fleet.settle()
    assert reads(fleet, 3) == [(5, "r")]  # more than it had when it asked
    assert reads(fleet, 1) == []


def test_a_deposed_leader_answers_no_read() -> None:
    fleet = Fleet(3, config=Config(check_quorum=False))
    fleet.elect(1)
    fleet.isolate(1)
    fleet.elect(2)
    fleet[2].propose("x")
    fleet.settle()
    assert fleet[1].role == "leader"
    fleet[1].read_index("r")
    fleet.settle()
    assert reads(fleet, 1) == []
    fleet.heal()
    fleet.tick(2)
    assert fleet[1].role == "follower" and reads(fleet, 1) == []


def test_a_new_leader_lets_reads_wait_for_its_first_commit() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.cut((2, 1), (3, 1))
    fleet[1].propose("x")
    fleet.exchange()
    fleet.exchange()  # 2 and 3 have it; 1 does not hear of it
    fleet.isolate(1)
    fleet[2].election_elapsed = fleet[3].election_elapsed = 10
    fleet[2].campaign()
    for _ in range(20):
        if fleet[2].role != "leader":
            fleet.exchange()
    assert fleet[2].role == "leader" and fleet[2].commit == 4
    fleet[2].read_index("early")
    fleet.members[2].work()
    assert all(m.context is None for m in fleet.under_way if m.type == "MsgHeartbeat")
    fleet.settle()
    assert reads(fleet, 2) == [(6, "early")]  # "x" and the entry that opens the term


def test_several_reads_need_one_round() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    for name in "abc":
        fleet[1].read_index(name)
    fleet[2].read_index("from 2")
    fleet.members[2].work()
    fleet.deliver(fleet.under_way.pop())
    fleet.members[1].work()
    newest = [m for m in fleet.under_way if m.to == 3][-1]
    fleet.under_way.clear()
    fleet.deliver(newest)
    fleet.settle()
    assert reads(fleet, 1) == [(4, "a"), (4, "b"), (4, "c")]
    assert reads(fleet, 2) == [(4, "from 2")]


def test_an_older_round_confirms_only_what_it_knew() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].read_index("a")
    fleet.members[1].work()
    first = [m for m in fleet.under_way if m.to == 2]
    fleet.under_way.clear()
    fleet[1].read_index("b")
    fleet.members[1].work()
    fleet.under_way.clear()
    for message in first:
        fleet.deliver(message)
    fleet.settle()
    assert reads(fleet, 1) == [(4, "a")]
    fleet.tick(1, 1)  # the next heartbeat asks for what is left
    assert reads(fleet, 1) == [(4, "b")]


def test_an_answer_of_an_earlier_term_confirms_nothing() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].read_index("r")
    fleet[1].step(Message("MsgHeartbeatResp", 1, 2, 1, context=1))
    fleet.members[1].work()
    assert reads(fleet, 1) == []


def test_a_lone_voter_needs_nobody() -> None:
    fleet = Fleet(1, learners=[2])
    fleet.elect(1)
    fleet[1].read_index("r")
    fleet[2].read_index("from the learner")
    fleet.settle()
    assert reads(fleet, 1) == [(3, "r")] and reads(fleet, 2) == [(3, "from the learner")]


def test_a_lone_voter_that_comes_back_waits_until_it_knows_what_it_had() -> None:
    """The commit index need not have reached the disk; entries have, and were acknowledged."""
    fleet = Fleet(1)
    fleet.elect(1)
    fleet[1].propose("x")
    fleet.settle()
    disk = fleet.members[1].disk
    disk.hard_state = disk.hard_state._replace(commit=2)
    fleet.members[1].crash()
    fleet.members[1].start()
    fleet.settle()
    fleet[1].campaign()
    for _ in range(10):
        if fleet[1].role != "leader":
            fleet.members[1].work()
    fleet[1].read_index("r")
    assert not fleet[1].read_states
    fleet.settle()
    assert reads(fleet, 1) == [(4, "r")] and fleet.members[1].state[2] == "x"


def test_learners_do_not_confirm() -> None:
    fleet = Fleet(3, learners=[4])
    fleet.elect(1)
    fleet.isolate(1, 4)
    fleet[1].read_index("r")
    fleet.settle()
    assert reads(fleet, 1) == []
    fleet.heal()
    fleet.tick(1, 1)
    assert reads(fleet, 1) == [(5, "r")]


def test_without_a_leader_a_read_is_lost() -> None:
    fleet = Fleet(3)
    for role in ("follower", "pre-candidate"):
        assert fleet[1].role == role
        fleet[1].read_index("r")
        assert not [m for m in fleet[1].outbox if m.type == "MsgReadIndex"]
        fleet[1].campaign()


def test_a_leader_that_steps_down_forgets_its_reads() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].read_index("r")
    fleet[1].step(Message("MsgApp", 1, 2, 7, 2, 4))
    fleet.settle(1)
    assert fleet[1].reads.newest is None and reads(fleet, 1) == []
