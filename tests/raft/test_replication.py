"""How the leader spreads its log, and when it commits."""

from __future__ import annotations

import pytest

from kubekit.raft import Config, ConfState, Entry, HardState, Log, Message, ProposalDropped, Raft
from kubekit.sim import Rng
from tests.raft.fleet import Fleet


def applied(fleet: Fleet, id: int) -> list[str]:
    return [data for data in fleet.members[id].state if isinstance(data, str)]


def shown(messages: list[Message]) -> list[str]:
    return [repr(message) for message in messages]


def member(terms: list[int], *, id: int = 1, term: int = 0) -> Raft:
    """One of three, with a stored log of entries of these terms."""
    log = Log(ConfState((1, 2, 3)))
    log.append([Entry(t, n) for n, t in enumerate(terms, 1)])
    log.stable = log.last_index
    log.hard_state = HardState(term or (terms[-1] if terms else 0), 0, 0)
    return Raft(id, log, Config(pre_vote=False, check_quorum=False), Rng(id))


def lead(raft: Raft) -> Raft:
    """Have it elected, with everything it sent so far taken away."""
    raft.campaign()
    raft.advance(raft.ready())
    raft.step(Message("MsgVoteResp", 1, 2, raft.term))
    raft.advance(raft.ready())
    assert raft.role == "leader"
    return raft


def exchange(a: Raft, b: Raft) -> list[str]:
    """Let two members talk until they have nothing more to say; what they said."""
    said: list[str] = []
    members = {a.id: a, b.id: b}
    while any(raft.has_ready() for raft in members.values()):
        for raft in members.values():
            if raft.has_ready():
                ready = raft.ready()
                raft.advance(ready)
                for message in ready.messages:
                    if message.to in members:
                        said.append(repr(message))
                        members[message.to].step(message)
    return said


def test_what_a_majority_has_is_applied_by_all_in_order() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    for n in range(5):
        fleet[1].propose(f"p{n}")
    fleet.settle()
    for id in (1, 2, 3):
        assert applied(fleet, id) == ["p0", "p1", "p2", "p3", "p4"]


def test_the_messages_of_one_put() -> None:
    """Entries out, acknowledgements back, the commit index out, and its acknowledgements back."""
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].propose("x")
    assert shown([message for _ in range(9) for message in fleet.exchange()]) == [
        "1->2 MsgApp Term:2 Log:2/4 Commit:4 Entries:[2/5]",
        "1->3 MsgApp Term:2 Log:2/4 Commit:4 Entries:[2/5]",
        "2->1 MsgAppResp Term:2 Log:0/5",
        "3->1 MsgAppResp Term:2 Log:0/5",
        "1->2 MsgApp Term:2 Log:2/5 Commit:5",
        "1->3 MsgApp Term:2 Log:2/5 Commit:5",
        "2->1 MsgAppResp Term:2 Log:0/5",
        "3->1 MsgAppResp Term:2 Log:0/5",
    ]


def test_a_leader_alone_commits_nothing() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(1)
    fleet[1].propose("x")
    fleet.settle()
    assert (fleet[1].commit, fleet[1].log.last_index) == (4, 5)
    fleet.heal()
    fleet.tick(1, 1)
    assert all(applied(fleet, id) == ["x"] for id in (1, 2, 3))


def test_a_leaders_own_entries_count_once_they_are_stored() -> None:
    raft = Fleet(1).elect(1)
    raft.propose("x")
    ready = raft.ready()
    assert [e.data for e in ready.entries] == ["x"] and ready.committed == [] and ready.must_sync
    raft.propose("y")  # meanwhile
    raft.advance(ready)
    assert raft.commit == 3
    ready = raft.ready()
    assert [e.data for e in ready.committed] == ["x"] and [e.data for e in ready.entries] == ["y"]
    raft.advance(ready)
    assert raft.commit == 4


def test_an_entry_of_an_earlier_term_is_not_committed_by_counting() -> None:
    """Figure 8 of the Raft paper: it is committed along with the first of the leader's own term."""
    leader = lead(member([1, 2], term=3))
    assert (leader.term, leader.log.last_index) == (4, 3)
    leader.step(Message("MsgAppResp", 1, 2, 4, index=2))
    assert leader.commit == 0  # 2/2 is on a majority now
    leader.step(Message("MsgAppResp", 1, 2, 4, index=3))
    assert leader.commit == 3


FIGURE_7 = {
    "a": [1, 1, 1, 4, 4, 5, 5, 6, 6],
    "b": [1, 1, 1, 4],
    "c": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "d": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    "e": [1, 1, 1, 4, 4, 4, 4],
    "f": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    "empty": [],
}


@pytest.mark.parametrize("name", FIGURE_7)
def test_any_follower_is_brought_to_the_leaders_log(name: str) -> None:
    leader = member([1, 1, 1, 4, 4, 5, 5, 6, 6, 6], term=7)
    follower = member(FIGURE_7[name], id=2, term=7)
    lead(leader)
    leader.tick()
    exchange(leader, follower)
    assert follower.log.entries(1, 12) == leader.log.entries(1, 12)
    assert follower.log.last_index == leader.log.last_index == 11 == follower.commit
    assert leader.progress[2].state == "replicate"


@pytest.mark.parametrize(
    ("leaders", "followers", "probes"),
    [
        ([1, 3, 3, 3, 5, 5, 5, 5, 5], [1, 1, 1, 1, 2, 2], [9, 1]),  # the leader skips what cannot agree
        ([1, 3, 3, 3, 3, 3, 3, 3, 7], [1, 3, 3, 4, 4, 5, 5, 5, 6], [9, 8, 3]),  # and so does the follower
        ([1, 1, 1, 1, 1], [], [5, 0]),
        ([1, 1, 1, 1, 1], [1, 1], [5, 2]),
    ],
)
def test_few_questions_find_where_two_logs_part(
    leaders: list[int], followers: list[int], probes: list[int]
) -> None:
    leader, follower = member(leaders, term=9), member(followers, id=2, term=9)
    lead(leader)
    leader.progress[2].become_probe()
    leader.progress[2].next = len(leaders) + 1
    said = exchange(leader, follower)
    leader.tick()
    said += exchange(leader, follower)
    refused = [line for line in said if "Rejected" in line]
    asked = [int(line.split("Log:")[1].split()[0].split("/")[1]) for line in refused]
    assert asked == probes[:-1]
    agreed = next(line for line in said if line.startswith("1->2 MsgApp ") and f"/{probes[-1]} " in line)
    assert f"Entries:[{leader.log.term(probes[-1] + 1)}/{probes[-1] + 1}" in agreed
    assert follower.log.last_index == leader.log.last_index


def test_proposals_made_together_travel_together() -> None:
    fleet = Fleet(3, config=Config(max_entries_per_message=4))
    fleet.elect(1)
    for n in range(10):
        fleet[1].propose(n)
    sizes = [len(m.entries) for m in fleet[1].ready().messages if m.to == 2]
    assert sizes == [4, 4, 2]


def test_the_window_limits_what_is_under_way() -> None:
    fleet = Fleet(3, config=Config(max_inflight=2, max_entries_per_message=1))
    fleet.elect(1)
    for n in range(5):
        fleet[1].propose(n)
    fleet.members[1].work()
    assert [len(m.entries) for m in fleet.under_way if m.to == 2] == [1, 1]
    assert repr(fleet[1].progress[2]) == "StateReplicate match=4 next=7 paused inflight=2[full]"
    first = next(m for m in fleet.under_way if m.to == 2)
    fleet.deliver(first)
    fleet.members[2].work()
    fleet.deliver(fleet.under_way.pop())
    assert repr(fleet[1].progress[2]) == "StateReplicate match=5 next=7 inflight=1"
    fleet.members[1].work()
    assert fleet[1].progress[2].next == 8  # one arrived, the next one left
    fleet.settle()
    assert [data for data in fleet.members[3].state if isinstance(data, int)] == [0, 1, 2, 3, 4]


def test_a_window_whose_messages_are_all_lost_opens_again() -> None:
    fleet = Fleet(3, config=Config(max_inflight=2, max_entries_per_message=1))
    fleet.elect(1)
    fleet.isolate(3)
    for n in range(4):
        fleet[1].propose(n)
        fleet.settle()
    assert repr(fleet[1].progress[3]) == "StateReplicate match=4 next=7 paused inflight=2[full]"
    fleet.heal()
    fleet.tick(1, 1)  # the answer to a heartbeat lets an empty message through, which is refused
    assert repr(fleet[1].progress[3]) == "StateReplicate match=8 next=9"
    assert fleet.members[3].state == fleet.members[1].state


def test_an_unreachable_follower_is_probed() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].report_unreachable(2)
    assert repr(fleet[1].progress[2]) == "StateProbe match=4 next=5"
    fleet[1].propose("a")
    fleet[1].propose("b")
    fleet.members[1].work()
    fleet[1].propose("c")
    fleet.members[1].work()
    entries = {id: [len(m.entries) for m in fleet.under_way if m.to == id] for id in (2, 3)}
    assert entries == {2: [2], 3: [2, 1]}
    fleet.settle()
    assert fleet[1].progress[2].state == "replicate"
    # All is there already, but an answer to a heartbeat must lead back too.
    fleet[1].report_unreachable(2)
    fleet.tick(1, 1)
    assert fleet[1].progress[2].state == "replicate"


def test_a_heartbeat_tells_no_more_than_is_acknowledged() -> None:
    """The follower's log may differ above that."""
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(3)
    fleet[1].propose("x")
    fleet.settle()
    fleet[1].tick()
    beats = {m.to: m.commit for m in fleet[1].ready().messages}
    assert beats == {2: 5, 3: 4}


def test_a_heartbeat_alone_tells_of_commits() -> None:
    raft = member([1, 1], id=2)
    raft.step(Message("MsgHeartbeat", 2, 1, 1, commit=2))
    assert raft.commit == 2 and raft.lead == 1
    assert shown(raft.ready().messages) == ["2->1 MsgHeartbeatResp Term:1 Log:0/0"]


def test_a_follower_that_missed_the_commit_index_is_told_when_it_answers() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.cut((3, 1))
    fleet[1].propose("x")
    fleet.members[1].work()
    for message in fleet.under_way:
        fleet.deliver(message)
    fleet.under_way.clear()
    fleet.members[3].work()  # its acknowledgement stays under way for a while
    late = fleet.under_way.pop()
    fleet.cut((1, 3))
    fleet.settle()
    assert fleet[1].commit == 5 and fleet[3].commit == 4
    fleet.heal()
    fleet[1].progress[3].sent_commit = 4  # what it was told is lost
    fleet.deliver(late)
    fleet.settle()
    assert fleet[3].commit == 5


def test_late_and_doubled_messages_change_nothing() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].propose("x")
    fleet.members[1].work()
    doubled = list(fleet.under_way)
    fleet[1].propose("y")
    fleet.settle()
    for message in doubled:
        fleet.deliver(message)
    fleet.settle()
    assert [applied(fleet, id) for id in (1, 2, 3)] == [["x", "y"]] * 3
    fleet.check()


def test_a_deposed_leaders_tail_is_replaced() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(1)
    fleet[1].propose("lost")
    fleet.settle()
    fleet.members[2].up.election_elapsed = 10
    fleet.members[3].up.election_elapsed = 10
    fleet.elect(2)
    fleet[2].propose("kept")
    fleet.settle()
    fleet.heal()
    fleet.tick(2)
    assert [applied(fleet, id) for id in (1, 2, 3)] == [["kept"]] * 3


def test_too_much_that_waits_is_refused() -> None:
    fleet = Fleet(3, config=Config(max_uncommitted=3))
    fleet.elect(1)
    fleet.isolate(1)
    for n in range(3):
        fleet[1].propose(n)
    with pytest.raises(ProposalDropped, match="raft proposal dropped"):
        fleet[1].propose(3)
    fleet.heal()
    fleet.tick(1)
    fleet[1].propose(4)
    fleet[1].propose_batch([5, 6])
    with pytest.raises(ProposalDropped):
        fleet[1].propose_batch([7, 8])
    fleet.settle()
    fleet[1].propose_batch([9] * 5)  # however large, if nothing waits


def test_learners_receive_but_do_not_count() -> None:
    fleet = Fleet(3, learners=[4])
    fleet.elect(1)
    fleet.isolate(1, 4)
    fleet[1].propose("x")
    fleet.settle()
    assert fleet[1].progress[4].match == 6 and fleet[1].commit == 5
    fleet.heal()
    fleet.tick(1)
    assert applied(fleet, 4) == ["x"]


def test_an_acknowledgement_of_what_the_leader_does_not_have_is_ignored() -> None:
    leader = lead(member([1, 2], term=3))
    leader.step(Message("MsgAppResp", 1, 2, 4, index=7))
    assert leader.progress[2].match == 0 and leader.progress[2].recent_active
    leader.tick()
    exchange(leader, member([1, 2], id=2, term=3))
    assert leader.progress[2].match == 3
