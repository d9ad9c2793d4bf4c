"""The contract with the program above: ready, advance, proposals, settings, bad input."""

from __future__ import annotations

import pytest

from kubekit.raft import (
    Config,
    ConfState,
    Entry,
    HardState,
    Log,
    Message,
    ProposalDropped,
    Raft,
    RaftError,
    Snapshot,
)
from kubekit.sim import Rng
from tests.raft.fleet import Fleet


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"heartbeat_tick": 0}, "heartbeat tick must be greater than 0"),
        ({"election_tick": 1}, "election tick must be greater than heartbeat tick"),
        ({"max_inflight": 0}, "max inflight messages must be greater than 0"),
        ({"max_entries_per_message": 0}, "max entries per message must be greater than 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Config(**settings)  # type: ignore[arg-type]


def test_an_id_is_needed() -> None:
    with pytest.raises(ValueError, match="cannot use none as id"):
        Raft(0, Log(), Config(), Rng(1))


def test_nothing_is_ready_at_first_and_after_everything_is_done() -> None:
    fleet = Fleet(3)
    assert not any(member.up.has_ready() for member in fleet.running)
    fleet.elect(1)
    assert not any(member.up.has_ready() for member in fleet.running)


def test_a_restart_has_nothing_to_store() -> None:
    snapshot = Snapshot(4, 2, ConfState((1, 2, 3)))
    assert not Raft(1, Log.restore(snapshot, HardState(), []), Config(), Rng(1)).has_ready()
    raft = Raft(1, Log.restore(snapshot, HardState(3, 2, 5), [Entry(2, 5)]), Config(), Rng(1))
    ready = raft.ready()
    assert [e.index for e in ready.committed] == [5]
    assert ready.hard_state is None and ready.entries == [] and (raft.term, raft.vote) == (3, 2)


def test_ready_and_advance_take_turns() -> None:
    raft = Fleet(3)[1]
    raft.campaign()
    ready = raft.ready()
    assert not raft.has_ready()
    with pytest.raises(RaftError, match="ready called again before advance"):
        raft.ready()
    raft.advance(ready)
    with pytest.raises(RaftError, match="advance called without ready"):
        raft.advance(ready)


def test_the_hard_state_comes_when_it_changes_and_must_be_synced_for_terms_and_votes() -> None:
    fleet = Fleet(3)
    raft = fleet[2]
    raft.step(Message("MsgVote", 2, 1, 5, 1, 3))
    ready = raft.ready()
    assert ready.hard_state == HardState(5, 1, 3) and ready.must_sync
    raft.advance(ready)
    raft.step(Message("MsgHeartbeat", 2, 1, 5))
    ready = raft.ready()
    assert ready.hard_state is None and not ready.must_sync
    raft.advance(ready)
    raft.step(Message("MsgApp", 2, 1, 5, 1, 3, [Entry(5, 4)], 3))
    ready = raft.ready()
    assert ready.hard_state is None and ready.must_sync  # entries
    raft.advance(ready)
    raft.step(Message("MsgHeartbeat", 2, 1, 5, commit=4))
    ready = raft.ready()
    assert ready.hard_state == HardState(5, 1, 4) and not ready.must_sync  # may be lost: found again


def test_a_vote_leaves_only_with_the_state_that_remembers_it() -> None:
    raft = Fleet(3)[2]
    raft.step(Message("MsgVote", 2, 1, 5, 1, 3))
    ready = raft.ready()
    assert [m.type for m in ready.messages] == ["MsgVoteResp"] and ready.hard_state is not None


def test_what_is_replaced_while_it_is_being_stored_is_handed_out_again() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    raft = fleet[2]
    entry = fleet[1].log.entries(4, 5)[0]
    raft.step(Message("MsgApp", 2, 1, 2, 2, 4, [entry._replace(index=5, data="old")], 4))
    ready = raft.ready()
    raft.step(Message("MsgApp", 2, 3, 3, 2, 4, [entry._replace(term=3, index=5, data="new")], 4))
    raft.advance(ready)
    assert [e.data for e in raft.ready().entries] == ["new"]


def test_reads_and_messages_are_handed_out_once() -> None:
    fleet = Fleet(1)
    raft = fleet.elect(1)
    raft.read_index("r")
    ready = raft.ready()
    assert ready.read_states == [(2, "r")]
    raft.advance(ready)
    assert not raft.has_ready()


def test_a_proposal_without_a_leader_is_dropped() -> None:
    fleet = Fleet(3)
    with pytest.raises(ProposalDropped) as raised:
        fleet[1].propose("x")
    assert str(raised.value) == "raft proposal dropped" and raised.value.why == "no leader at term 1"
    fleet[1].campaign()
    with pytest.raises(ProposalDropped):
        fleet[1].propose("x")


def test_a_follower_passes_proposals_on() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[2].propose("x")
    fleet.settle()
    assert fleet.members[3].state[-1] == "x"
    closed = Fleet(3, config=Config(forward_proposals=False))
    closed.elect(1)
    with pytest.raises(ProposalDropped):
        closed[2].propose("x")


@pytest.mark.parametrize("type", ["MsgHup", "MsgBeat", "MsgCheckQuorum", "MsgUnreachable", "MsgSnapStatus"])
def test_what_a_member_tells_itself_is_not_believed_from_outside(type: str) -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    before = repr(fleet[1].progress), fleet[2].role
    for id in (1, 2):
        fleet[id].step(Message(type, id, 3, 0))
        assert not fleet[id].has_ready()
    assert (repr(fleet[1].progress), fleet[2].role) == before


@pytest.mark.parametrize("role", ["follower", "pre-candidate", "candidate", "leader"])
def test_no_message_of_any_kind_breaks_any_role(role: str) -> None:
    from kubekit.raft import messages

    kinds = [value for name, value in vars(messages).items() if name.startswith("Msg")]
    for kind in [*kinds, "MsgOfTheFuture"]:
        for term in (0, 1, 2, 3):
            fleet = Fleet(3, config=Config(pre_vote=role == "pre-candidate"))
            if role == "leader":
                fleet.elect(1)
            elif role != "follower":
                fleet[1].campaign()
                fleet.settle(1)
            assert fleet[1].role == role
            for stranger in (2, 9):
                fleet[1].step(Message(kind, 1, stranger, term, 1, 1))
                fleet[1].step(Message(kind, 1, stranger, term, 7, 99, reject=True, reject_hint=88))
            fleet.settle(1)
            fleet.check()


def test_a_member_without_a_cluster_waits() -> None:
    raft = Raft(4, Log(), Config(), Rng(1))
    for _ in range(100):
        raft.tick()
    raft.campaign()
    assert (raft.role, raft.term, raft.conf_state) == ("follower", 0, ConfState())
    assert not raft.has_ready()


def test_messages_show_themselves_on_one_line() -> None:
    fleet = Fleet(3)
    assert repr(Message("MsgAppResp", 1, 2, 3, 4, 5, reject=True, reject_hint=6)) == (
        "2->1 MsgAppResp Term:3 Log:4/5 Rejected (Hint: 6)"
    )
    fleet.elect(1)
    snapshot = fleet.members[1].fresh_snapshot()
    assert repr(Message("MsgSnap", 2, 1, 2, snapshot=snapshot)) == (
        "1->2 MsgSnap Term:2 Log:0/0 Snapshot:2/4"
    )
    assert repr(Message("MsgHeartbeat", 2, 1, 2, commit=4, context=7)) == (
        "1->2 MsgHeartbeat Term:2 Log:0/0 Commit:4 Context:7"
    )


def test_the_same_seed_gives_the_same_run() -> None:
    def run(seed: int) -> str:
        fleet = Fleet(5, seed=seed)
        said = []
        for _ in range(40):
            for member in fleet.running:
                member.up.tick()
            said += [repr(message) for message in fleet.exchange()]
        return "\n".join(said)

    assert run(5) == run(5) and run(5) != run(6)
