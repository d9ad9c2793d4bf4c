"""Followers for which the log does not reach back far enough."""

from __future__ import annotations

import pytest

from kubekit.raft import (
    ADD_LEARNER,
    ConfChange,
    Config,
    ConfState,
    Entry,
    HardState,
    Log,
    Message,
    Raft,
    Snapshot,
)
from kubekit.sim import Rng
from tests.raft.fleet import Fleet

CONF = ConfState((1, 2, 3))


def lagging(entries: int = 6, keep: int = 0) -> Fleet:
    """Leader 1 has compacted what follower 3 has missed."""
    fleet = Fleet(3)
    fleet.elect(1)
    fleet.isolate(3)
    for n in range(entries):
        fleet[1].propose(n)
    fleet.settle()
    fleet.members[1].take_snapshot(keep)
    fleet.heal()
    return fleet


def follower(terms: list[int], commit: int) -> Raft:
    """Member 2 with this log, in the term of its last entry."""
    entries = [Entry(t, n) for n, t in enumerate(terms, 1)]
    log = Log.restore(Snapshot(0, 0, CONF), HardState(terms[-1], 0, commit), entries)
    return Raft(2, log, Config(), Rng(2))


def snap(index: int, term: int, conf: ConfState = CONF, *, at: int) -> Message:
    return Message("MsgSnap", 2, 1, at, snapshot=Snapshot(index, term, conf, ("state",)))


def test_a_snapshot_brings_a_follower_back() -> None:
    fleet = lagging()
    fleet.tick(1, 1)
    assert fleet.members[3].state == fleet.members[1].state
    assert fleet[3].log.snapshot.index == 10 and fleet[3].log.first_index == 11
    assert repr(fleet[1].progress[3]) == "StateReplicate match=10 next=11"
    fleet[1].propose("after")
    fleet.settle()
    assert fleet.members[3].state[-1] == "after"


def test_a_little_behind_needs_none() -> None:
    fleet = lagging(keep=6)
    fleet.tick(1, 1)
    assert fleet[3].log.snapshot.index == 0
    assert fleet.members[3].state == fleet.members[1].state


def test_nothing_is_sent_while_a_snapshot_is_on_its_way() -> None:
    fleet = lagging()
    fleet[1].tick()
    for _ in range(5):
        fleet.exchange(hold="MsgSnap")
    assert [m.type for m in fleet.under_way] == ["MsgSnap"]
    assert repr(fleet[1].progress[3]) == "StateSnapshot match=4 next=11 paused pendingSnap=10"
    fleet[1].propose("x")
    fleet[1].tick()
    fleet.members[1].work()
    assert [m.type for m in fleet.under_way if m.to == 3] == ["MsgSnap", "MsgHeartbeat"]
    fleet.settle()
    assert fleet.members[3].state[-1] == "x"


@pytest.mark.parametrize(("failed", "next"), [(True, 5), (False, 11)])
def test_the_transport_reports_how_it_went(failed: bool, next: int) -> None:
    fleet = lagging()
    fleet[1].tick()
    for _ in range(5):
        fleet.exchange(hold="MsgSnap")
    assert [m.type for m in fleet.under_way] == ["MsgSnap"]
    fleet.under_way.clear()
    fleet[1].report_snapshot(3, failed=failed)
    assert repr(fleet[1].progress[3]) == f"StateProbe match=4 next={next} paused"
    fleet.tick(2, 1)  # the next answer to a heartbeat opens the way again
    assert fleet.members[3].state == fleet.members[1].state


def test_a_report_about_nothing_is_ignored() -> None:
    fleet = Fleet(3)
    fleet.elect(1)
    fleet[1].report_snapshot(2)
    fleet[1].report_snapshot(9)
    fleet[1].report_unreachable(9)
    assert fleet[1].progress[2].state == "replicate"


def test_a_member_that_is_silent_gets_no_snapshot() -> None:
    fleet = lagging()
    fleet.isolate(3)
    fleet.tick(20, 1, 2)
    assert not fleet[1].progress[3].recent_active
    fleet[1].report_unreachable(3)
    fleet[1].propose("x")
    assert {m.to for m in fleet.exchange()} == {2}
    assert repr(fleet[1].progress[3]) == "StateProbe match=4 next=5 inactive"
    fleet.heal()
    fleet.tick(1, 1)
    assert fleet.members[3].state == fleet.members[1].state


def test_a_newer_snapshot_replaces_log_and_membership() -> None:
    raft = follower([1, 1, 1], commit=1)
    raft.step(snap(7, 2, ConfState((1, 2), (5,)), at=2))
    assert (raft.commit, raft.log.last_index, raft.log.last_term) == (7, 7, 2)
    assert raft.conf_state == ConfState((1, 2), (5,))
    ready = raft.ready()
    assert ready.snapshot is not None and ready.snapshot.index == 7
    assert ready.committed == [] and ready.entries == []
    assert ready.hard_state == HardState(2, 0, 7) and ready.must_sync
    assert [repr(m) for m in ready.messages] == ["2->1 MsgAppResp Term:2 Log:0/7"]
    assert not raft.has_ready()
    raft.advance(ready)
    assert raft.applied == 7 and not raft.has_ready()


def test_nobody_campaigns_over_a_snapshot_that_is_not_stored() -> None:
    raft = follower([1, 1, 1], commit=1)
    raft.step(snap(7, 2, at=2))
    raft.campaign()
    assert raft.role == "follower"
    raft.advance(raft.ready())
    raft.campaign()
    assert raft.role == "pre-candidate"


def test_an_old_snapshot_is_answered_with_what_is_committed() -> None:
    raft = follower([1, 1, 1], commit=2)
    raft.step(snap(2, 1, at=1))
    ready = raft.ready()
    assert ready.snapshot is None
    assert [repr(m) for m in ready.messages] == ["2->1 MsgAppResp Term:1 Log:0/2"]


def test_a_snapshot_of_what_the_log_holds_only_commits() -> None:
    raft = follower([1, 1, 1], commit=1)
    raft.step(snap(3, 1, at=1))
    ready = raft.ready()
    assert ready.snapshot is None and [e.index for e in ready.committed] == [1, 2, 3]
    assert [repr(m) for m in ready.messages] == ["2->1 MsgAppResp Term:1 Log:0/3"]


@pytest.mark.parametrize("message", [snap(7, 2, ConfState((1, 3)), at=2), Message("MsgSnap", 2, 1, 2)])
def test_a_snapshot_of_others_is_ignored(message: Message) -> None:
    raft = follower([1, 1, 1], commit=1)
    raft.step(message)
    assert raft.log.last_index == 3 and raft.ready().snapshot is None


def test_a_learner_may_come_by_snapshot() -> None:
    fleet = Fleet(1)
    fleet.elect(1)
    fleet[1].propose("x")
    fleet.settle()
    fleet.members[1].take_snapshot()
    fleet.add(2)
    fleet[1].propose_conf_change(ConfChange(ADD_LEARNER, 2))
    fleet.settle()
    assert fleet[2].learner and fleet.members[2].state == fleet.members[1].state
    assert fleet[2].log.snapshot.index > 0


def test_a_member_restarts_from_its_snapshot() -> None:
    fleet = lagging()
    fleet.tick(1, 1)
    for n in ("a", "b"):
        fleet[1].propose(n)
    fleet.settle()
    for id in (1, 2, 3):
        state = list(fleet.members[id].state)
        fleet.members[id].crash()
        fleet.members[id].start()
        fleet.settle()
        assert fleet.members[id].state[: len(state) - 1] == state[:-1]
        assert fleet[id].conf_state == CONF
    fleet.tick(60)
    assert len({str(member.state) for member in fleet.running}) == 1
