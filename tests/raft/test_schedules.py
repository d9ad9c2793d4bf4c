"""Random schedules of everything that can go wrong, over pure members: the rules of Raft hold in each.

A failure prints its seed; `python -m tests.raft.test_schedules SEED` replays that one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from kubekit.raft import (
    ADD_LEARNER,
    ADD_NODE,
    REMOVE_NODE,
    ConfChange,
    Config,
    ProposalDropped,
    SnapshotOutOfDate,
)
from kubekit.sim import Rng
from tests.raft.fleet import Fleet, Member

SCHEDULES = 6000 if os.environ.get("KUBEKIT_NIGHTLY") else 600
PER_TEST = 100
EVENTS = 1500
HIGHEST_ID = 7


class Schedule:
    """One seed: a fleet, a list of what may happen with weights, and what must hold."""

    def __init__(self, seed: int) -> None:
        self.rng = Rng(seed).child("schedule")
        rng = self.rng
        config = Config(
            election_tick=4,
            pre_vote=rng.random() < 0.8,
            check_quorum=rng.random() < 0.8,
            step_down_on_removal=rng.random() < 0.2,
            max_inflight=rng.choice([1, 2, 8]),
            max_entries_per_message=rng.choice([1, 3, 100]),
        )
        self.fleet = Fleet(rng.choice([1, 2, 3, 3, 3, 4, 5, 5]), config=config, seed=seed)
        self.proposed = 0
        self.reads: dict[str, int] = {}
        """How far anybody knew the log committed when a read began."""
        self.known = 0
        self.changing = rng.random() < 0.5
        self.weights: list[tuple[Callable[[], None], float]] = [
            (self.deliver, 40),
            (self.work, 30),
            (self.tick, 12),
            (self.propose, 6),
            (self.drop, rng.choice([0, 1, 4])),
            (self.duplicate, rng.choice([0, 1, 3])),
            (self.read, 4),
            (self.cut, rng.choice([0, 0.5, 1])),
            (self.heal, 0.7),
            (self.crash, rng.choice([0, 0.5, 1])),
            (self.restart, 1.5),
            (self.snapshot, 1),
            (self.transfer, 0.4),
            (self.campaign, rng.choice([0.1, 0.5, 2])),
            (self.fell_leader, rng.choice([0, 0.5, 2])),
            (self.change, rng.choice([1, 3]) if self.changing else 0),
            (self.report, 0.3),
        ]
        self.total = sum(weight for _, weight in self.weights)

    def some(self) -> Member | None:
        running = self.fleet.running
        return self.rng.choice(running) if running else None

    def run(self) -> None:
        for _ in range(EVENTS):
            at = self.rng.random() * self.total
            for event, weight in self.weights:
                at -= weight
                if at < 0:
                    event()
                    break
            self.observe()
        self.fleet.check()
        self.recover()

    def observe(self) -> None:
        for member in self.fleet.running:
            self.known = max(self.known, member.up.commit)
            for index, context in member.read_states:
                assert index >= self.reads[context], f"stale read at {member.id}: {index} {context}"
            member.read_states.clear()

    # What may happen.

    def deliver(self) -> None:
        under_way = self.fleet.under_way
        if under_way:
            # Mostly in order, sometimes not.
            at = 0 if self.rng.random() < 0.7 else self.rng.randint(0, len(under_way) - 1)
            self.fleet.deliver(under_way.pop(at))

    def drop(self) -> None:
        if self.fleet.under_way:
            self.fleet.under_way.pop(self.rng.randint(0, len(self.fleet.under_way) - 1))

    def duplicate(self) -> None:
        if self.fleet.under_way:
            self.fleet.under_way.append(self.rng.choice(self.fleet.under_way))

    def work(self) -> None:
        ready = [member for member in self.fleet.running if member.up.has_ready()]
        if ready:
            self.rng.choice(ready).work(crash_before_sending=self.rng.random() < 0.005)

    def tick(self) -> None:
        # A few in a row, so that timeouts run out in spite of what is under way.
        member = self.some()
        for _ in range(self.rng.choice([1, 1, 2, 5])):
            if member is not None:
                member.up.tick()
                self.fleet.look_at(member)

    def propose(self) -> None:
        member = self.some()
        if member is not None:
            self.proposed += 1
            try:
                member.up.propose(f"p{self.proposed}")
            except ProposalDropped:
                return

    def read(self) -> None:
        member = self.some()
        if member is not None:
            context = f"r{len(self.reads)}"
            self.reads[context] = self.known
            member.up.read_index(context)

    def cut(self) -> None:
        ids = list(self.fleet.members)
        if self.rng.random() < 0.5:
            self.fleet.cut((self.rng.choice(ids), self.rng.choice(ids)))
        else:
            self.rng.shuffle(ids)
            self.fleet.isolate(*ids[: len(ids) // 2])

    def heal(self) -> None:
        self.fleet.heal()

    def crash(self) -> None:
        member = self.some()
        if member is not None:
            member.crash()

    def restart(self) -> None:
        down = [member for member in self.fleet.members.values() if member.raft is None]
        if down:
            self.rng.choice(down).start()

    def snapshot(self) -> None:
        member = self.some()
        if member is not None and member.up.log.pending_snapshot is None:
            try:
                member.take_snapshot(self.rng.choice([0, 0, 3]))
            except SnapshotOutOfDate:
                return

    def transfer(self) -> None:
        member = self.some()
        if member is not None:
            member.up.transfer_leader(self.rng.choice(list(self.fleet.members)))

    def fell_leader(self) -> None:
        """Whoever leads is cut off or crashes, mostly with entries that not all have."""
        leader = self.fleet.leader
        if leader is None:
            return
        if self.rng.random() < 0.5:
            self.fleet.heal()
            self.fleet.isolate(leader.id)
        else:
            self.fleet.members[leader.id].crash()

    def campaign(self) -> None:
        member = self.some()
        if member is not None:
            member.up.campaign()

    def report(self) -> None:
        member = self.some()
        if member is not None:
            other = self.rng.choice(list(self.fleet.members))
            if self.rng.random() < 0.5:
                member.up.report_unreachable(other)
            else:
                member.up.report_snapshot(other, failed=self.rng.random() < 0.5)

    def change(self) -> None:
        leader = self.fleet.leader
        if leader is None:
            return
        conf = leader.conf_state
        free = [id for id in range(1, HIGHEST_ID + 1) if id not in self.fleet.members]
        chance = self.rng.random()
        if chance < 0.35 and free:
            change = ConfChange(self.rng.choice([ADD_NODE, ADD_LEARNER]), free[0])
            self.fleet.add(free[0])
        elif chance < 0.6 and conf.learners:
            change = ConfChange(ADD_NODE, self.rng.choice(conf.learners))
        elif len(conf.voters) > 1:
            change = ConfChange(REMOVE_NODE, self.rng.choice(conf.voters + conf.learners))
        else:
            return
        try:
            self.rng.choice(self.fleet.running).up.propose_conf_change(change)
        except ProposalDropped:
            return

    # And then all is well again.

    def recover(self) -> None:
        """With everything healed the members agree again, and nothing that was committed is gone."""
        fleet = self.fleet
        fleet.heal()
        for member in fleet.members.values():
            if member.raft is None:
                member.start()
        fleet.settle()
        for _ in range(200):
            fleet.tick()
            fleet.report_snapshots(failed=True)
            self.observe()
            leader = fleet.leader
            if leader is None:
                continue
            if leader.id not in leader.voters:
                fleet.members[leader.id].crash()  # a removed leader stops once the others had time to hear
                continue
            try:
                leader.propose("last")
            except ProposalDropped:
                continue
            fleet.settle()
            belong = leader.conf_state.voters + leader.conf_state.learners
            if all(fleet[id].applied == leader.commit for id in belong) and (
                fleet.history[leader.commit].data == "last"
            ):
                break
        else:
            if self.waits_for_a_removed_member():
                return
            raise AssertionError(f"no agreement: {[(m.id, m.up.role, m.up.voters) for m in fleet.running]}")
        fleet.check()
        assert self.known <= leader.commit
        for id in belong:
            state = fleet.members[id].state
            assert state == [fleet.history[i].data for i in range(1, leader.commit + 1)]

    def waits_for_a_removed_member(self) -> bool:
        """Whether all hangs on a change that took a voter away which the voters that stay did not hear of.

        A change takes effect where it is applied. If the member that goes applied it and nobody else did,
        the others still ask for its vote, and it may refuse for ever because its log is longer. The
        original has this too; a server that is removed therefore goes on for a while before it stops.
        """
        newest = max(self.fleet.running, key=lambda member: member.up.applied)
        stay = [self.fleet[id] for id in newest.conf.voters]
        behind = [
            raft for raft in stay if raft.applied < newest.up.applied and raft.voters != newest.conf.voters
        ]
        return newest.id not in newest.conf.voters and len(behind) > (len(stay) - 1) // 2


@pytest.mark.parametrize("first", range(0, SCHEDULES, PER_TEST))
def test_the_rules_hold_in_every_schedule(first: int) -> None:
    for seed in range(first, first + PER_TEST):
        try:
            Schedule(seed).run()
        except Exception as error:
            raise AssertionError(
                f"seed {seed}: {error!r}; replay: python -m tests.raft.test_schedules {seed}"
            ) from error


if __name__ == "__main__":
    Schedule(int(sys.argv[1])).run()
    print("holds")
