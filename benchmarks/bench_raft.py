"""raft: members joined by nothing but function calls, each with its log in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from kubekit.raft import Config, ConfState, Log, Raft
from kubekit.sim import Rng

PROPOSALS = 20_000
BATCH = 100
READS = 10_000


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Group:
    """Members that hand their messages to each other at once."""

    def __init__(self, size: int) -> None:
        conf = ConfState(tuple(range(1, size + 1)))
        self.members = {id: Raft(id, Log(conf), Config(), Rng(id)) for id in conf.voters}
        self.applied = dict.fromkeys(conf.voters, 0)
        self.reads = 0
        self.leader = self.members[1]
        self.leader.campaign()
        self.settle()
        assert self.leader.role == "leader"

    def settle(self) -> None:
        """Work until nobody has anything left to do."""
        busy = True
        while busy:
            busy = False
            for raft in self.members.values():
                while raft.has_ready():
                    busy = True
                    ready = raft.ready()
                    self.applied[raft.id] += len(ready.committed)
                    self.reads += len(ready.read_states)
                    for message in ready.messages:
                        self.members[message.to].step(message)
                    raft.advance(ready)

    def one_by_one(self) -> None:
        """Each proposal is applied everywhere before the next is made."""
        for number in range(PROPOSALS):
            self.leader.propose(number)
            self.settle()

    def in_batches(self) -> None:
        """Many clients at once."""
        for _ in range(PROPOSALS // BATCH):
            for number in range(BATCH):
                self.leader.propose(number)
            self.settle()

    def read(self) -> None:
        """Linearizable reads, one by one."""
        for number in range(READS):
            self.leader.read_index(number)
            self.settle()


def rows() -> list[tuple[str, float, str]]:
    """(what, figure, unit) for each measurement."""
    measured = []
    for size in (1, 3, 5):
        group = Group(size)
        measured.append(
            (f"raft: {size} members, proposals one by one", PROPOSALS / seconds(group.one_by_one), "/s")
        )
        assert set(group.applied.values()) == {PROPOSALS + 1}
    group = Group(3)
    measured.append(
        (f"raft: 3 members, proposals by {BATCH} at once", PROPOSALS / seconds(group.in_batches), "/s")
    )
    measured.append(("raft: 3 members, linearizable reads", READS / seconds(group.read), "/s"))
    assert set(group.applied.values()) == {PROPOSALS + 1} and group.reads == READS
    return measured
