"""One random schedule of faults over a whole etcd cluster, and what its clients saw of it.

From a seed follow the size of the cluster, what its clients do to a few keys, and everything that goes wrong
meanwhile: members crash (one with its disk) and come back, are frozen, handed over, added, removed and
replaced; links are cut, one way or both, and slow. Then all is healed, and `verdict` says what does not hold:

- every client's view of every key is linearizable;
- each acknowledged write is in the store, at the revision that the acknowledgement named;
- whoever watches sees each change once, in order, with none left out;
- all members hold the same, and have a leader.

In every third schedule the members write etcd's own files, and a crash is a power cut: what they had not
synced is lost, or kept in part.

`python -m tests.faults.schedule SEED` runs one and prints what happened.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import kubekit.etcd.replica
from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.cluster_errors import BootstrapError, MemberNotFound, MemberNotLearner
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.member import Member
from kubekit.etcd.options import Options
from kubekit.sim import Loop, VirtualClock
from tests.faults.clients import KEYS, Client, Watcher, everything
from tests.faults.files import Files
from tests.faults.linearizability import History

SECONDS = 25.0
"""How long things go wrong."""
TO_RECOVER = 60.0
MOST_MEMBERS = 60
"""More than ever come and go."""
MEMORY_SNAPSHOT = 10
"""Fewer entries than usual, so that members that are behind need a snapshot soon."""


class Schedule:
    """What follows from one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.loop = Loop(VirtualClock(), seed=seed, trace_size=100)
        self.rng = self.loop.rng.child("schedule")
        size = self.rng.choice([3, 3, 5])
        on_files = seed % 3 == 2
        options = Options(
            snapshot_count=40,
            snapshot_catchup_entries=self.rng.choice([5, 20, 1000]),
            # Members that come back are compared: none may be taken for one that differs.
            initial_corrupt_check=on_files,
        )
        self.disks: dict[str, Files] = {}
        if on_files:
            names = [f"etcd-{n}" for n in range(1, MOST_MEMBERS + 1)]
            self.disks = {name: Files(self.rng.child(f"disk of {name}")) for name in names}
        self.etcd = EtcdCluster(self.loop, size, options=options, disks=self.disks)
        self.history = History()
        self.happened: list[str] = []
        self.gone: set[str] = set()
        """Members that were removed, or have lost their disk."""
        self.changing = False
        """Whether a change of the membership is under way; there is one at a time."""
        self.next_member = size + 1
        self.values = 0
        self.latency = self.rng.choice([0.0, 0.002, 0.02, 0.06])
        """Seconds that every message takes, so that what clients do overlaps."""
        self.etcd.start()
        self.loop.advance(2.0)
        self.quicken()
        self.clients = [Client(self, f"client-{n}") for n in range(1, self.rng.randint(3, 5) + 1)]
        self.watchers = [Watcher(self, f"watcher-{n}") for n in (1, 2)]
        kinds = [
            self.crash,
            self.crash,
            self.pause,
            self.cut_one_way,
            self.partition,
            self.slow,
            self.hand_over,
            self.crash_all,
            self.lose_disk,
            self.grow,
            self.shrink,
        ]
        # Each seed has its own weather: some of these, the more often the fewer they are.
        self.rng.shuffle(kinds)
        self.kinds = kinds[: self.rng.randint(2, 6)]

    def new_value(self) -> bytes:
        self.values += 1
        return b"%d" % self.values

    def say(self, text: str) -> None:
        self.happened.append(f"{self.loop.clock.elapsed():8.3f}s {text}")

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        self.loop.call_later(seconds, "faults", what, what="a fault")

    def quicken(self, *pairs: tuple[str, str]) -> None:
        """Make links (or all) as quick as they are in this schedule."""
        names = sorted(self.etcd.members)
        for a, b in pairs or [(a, b) for a in names for b in names if a < b]:
            self.etcd.mend(a, b)
            if self.latency:
                self.etcd.slow(a, b, self.latency * self.rng.uniform(0.5, 1.5))

    # -- whom it may hit --------------------------------------------------------------------------------

    def belonging(self) -> list[Member]:
        return [member for name, member in self.etcd.members.items() if name not in self.gone]

    def well(self) -> list[Member]:
        return [member for member in self.belonging() if member.running]

    def victim(self) -> Member | None:
        """A member that may fall so that a majority still runs."""
        well = self.well()
        return self.rng.choice(well) if len(well) - 1 > len(self.belonging()) // 2 else None

    def two(self) -> tuple[str, str]:
        names = [member.plan.name for member in self.belonging()]
        self.rng.shuffle(names)
        return names[0], names[1]

    # -- faults -----------------------------------------------------------------------------------------

    def start(self, member: Member) -> None:
        if member.plan.name in self.gone or member.state not in ("crashed", "stopped"):
            return
        try:
            member.start()
            self.say(f"{member.plan.name} starts")
        except BootstrapError as error:
            self.say(f"{member.plan.name} does not start: {error}")

    def crash(self) -> None:
        if member := self.victim():
            self.say(f"{member.plan.name} crashes")
            member.crash()
            self.later(self.rng.choice([0.0, 0.3, 2.0, 6.0]), lambda: self.start(member))

    def crash_all(self) -> None:
        self.say("all crash")
        for member in self.belonging():
            member.crash()
            self.later(self.rng.uniform(0.0, 2.0), lambda member=member: self.start(member))  # type: ignore[misc]

    def pause(self) -> None:
        if member := self.victim():
            self.say(f"{member.plan.name} is frozen")
            member.pause()

            def resume() -> None:
                if member.state == "paused":
                    self.say(f"{member.plan.name} goes on")
                    member.resume()

            self.later(self.rng.choice([0.2, 1.5, 4.0, 8.0]), resume)

    def cut_one_way(self) -> None:
        a, b = self.two()
        self.say(f"{a} -> {b} is cut")
        self.etcd.cut(a, b, one_way=True)
        self.later(self.rng.uniform(0.2, 8.0), lambda: self.quicken((a, b)))

    def partition(self) -> None:
        names = [member.plan.name for member in self.belonging()]
        self.rng.shuffle(names)
        some, others = names[: len(names) // 2], names[len(names) // 2 :]
        self.say(f"{some} and {others} are cut apart")
        self.etcd.partition(some, others)

        def mend() -> None:
            self.quicken(*[(a, b) for a in some for b in others])

        self.later(self.rng.uniform(0.5, 8.0), mend)

    def slow(self) -> None:
        a, b = self.two()
        seconds = self.rng.choice([0.01, 0.08, 0.5, 1.5])
        self.say(f"{a} - {b} takes {seconds} s")
        self.etcd.slow(a, b, seconds)
        self.later(self.rng.uniform(1.0, 8.0), lambda: self.quicken((a, b)))

    def hand_over(self) -> None:
        leader, well = self.etcd.leader, self.well()
        if leader is not None and well:
            target = self.rng.choice(well)
            self.say(f"{leader.plan.name} hands over to {target.plan.name}")
            leader.submit("Maintenance/MoveLeader", {"targetID": target.id}, "", lambda _: None)

    # -- changes of the membership ----------------------------------------------------------------------

    def lose_disk(self) -> None:
        """One machine is lost for good, and another takes its place. Only one at a time: Raft promises
        nothing once a majority has lost what it had."""
        member = self.victim()
        if member is None or self.changing:
            return
        name = member.plan.name
        self.say(f"{name} is lost with its disk")
        member.crash(lose_disk=True)
        self.gone.add(name)
        self.changing = True
        self.remove(member.id, lambda: self.add(self.finish))

    def grow(self) -> None:
        if not self.changing and len(self.belonging()) < 6:
            self.changing = True
            self.add(self.finish)

    def shrink(self) -> None:
        well = self.well()
        if not self.changing and len(well) == len(self.belonging()) > 3:
            member = self.rng.choice(well)
            self.changing = True
            self.gone.add(member.plan.name)
            self.remove(member.id, self.finish)

    def finish(self) -> None:
        self.changing = False

    def insist(self, call: str, request: dict[str, Any], then: Callable[[Any], None]) -> None:
        """Ask one member after the other until it is done (or turns out to have been)."""
        done = False

        def ask() -> None:
            if done:
                return
            self.later(2.0, ask)
            if well := self.well():
                self.rng.choice(well).submit(call, request, "", answered)

        def answered(result: Any) -> None:
            nonlocal done
            # The answer to an earlier attempt may have been lost.
            was_done = isinstance(result, MemberNotFound | MemberNotLearner)
            if not done and (was_done or not isinstance(result, EtcdError)):
                done = True
                self.say(f"{call} {request} is done")
                then(result)

        ask()

    def remove(self, id: int, then: Callable[[], None]) -> None:
        self.insist("Cluster/MemberRemove", {"ID": id}, lambda _: then())

    def add(self, then: Callable[[], None]) -> None:
        name = f"etcd-{self.next_member}"
        url = f"https://192.168.0.{20 + self.next_member}:2380"
        self.next_member += 1
        learner = self.rng.random() < 0.6
        done = False

        def ask() -> None:
            # An addition whose answer was lost may be there already; then a second one is refused.
            if done:
                return
            self.later(2.0, ask)
            well = self.well()
            if not well:
                return
            member = self.rng.choice(well)
            if any(url in info.peer_urls for info in member.members):
                begin()
            else:
                request = {"peerURLs": [url], "isLearner": learner}
                member.submit("Cluster/MemberAdd", request, "", lambda _: None)

        def begin() -> None:
            nonlocal done
            try:
                member = self.etcd.join(name, component=name)
            except (BootstrapError, KeyError) as error:
                self.etcd.members.pop(name, None)
                self.say(f"{name} does not join yet: {error}")
                return
            done = True
            self.say(f"{name} joins" + (" as a learner" if learner else ""))
            if learner:
                self.insist("Cluster/MemberPromote", {"ID": member.id}, lambda _: then())
            else:
                then()

        ask()

    # -- running ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let things go wrong, heal everything, and wait until all is well."""
        with mock.patch.object(kubekit.etcd.replica, "MEMORY_SNAPSHOT", MEMORY_SNAPSHOT):
            self._run()

    def _run(self) -> None:
        at = 0.0
        while at < SECONDS:
            pause = self.rng.uniform(0.2, 6.0 / len(self.kinds))
            self.loop.advance(pause)
            at += pause
            self.rng.choice(self.kinds)()
        self.say("all is healed")
        self.etcd.heal()
        for member in self.belonging():
            member.resume()
            self.start(member)
        for client in self.clients:
            client.stopped = True
        self.loop.advance(12.0)
        for _ in range(int(TO_RECOVER)):
            if not self.changing and self.agreed():
                break
            self.loop.advance(1.0)
        for client in self.clients:
            for key in KEYS:
                client.ask("get", key, None, "KV/Range", {"key": key})
                self.loop.advance(0.1)

    def agreed(self) -> bool:
        members = self.belonging()
        return (
            self.etcd.leader is not None
            and all(member.running and member.serving for member in members)
            and len({member.applied for member in members}) == 1
            and len({member.commit for member in members}) == 1
        )

    def verdict(self) -> str | None:
        """None, or what does not hold."""
        if self.changing or not self.agreed():
            return f"no agreement after {TO_RECOVER:.0f} s: {self.etcd!r}"
        members = self.belonging()
        if len({member.store.hash_kv(0).hash for member in members}) != 1:
            return "members hold different things"
        for client in self.clients:
            for revision, key, value in client.acknowledged:
                for member in members:
                    kept = member.store.get(key, revision)
                    if (kept.value if kept else None) != value or (kept and kept.mod_revision != revision):
                        return f"{member.plan.name} lost {key!r} = {value!r} of revision {revision}: {kept}"
        written = everything(members[0].store)
        for watcher in self.watchers:
            if watcher.seen != written:
                missed = [event for event in written if event not in watcher.seen]
                return f"{watcher.name} missed {missed[:5]} or saw others: {watcher.seen[-5:]}"
        return self.history.anomaly()


def check(seed: int) -> Schedule:
    """Run one schedule. Raises AssertionError with all there is to say."""
    schedule = Schedule(seed)
    try:
        schedule.run()
        wrong = schedule.verdict()
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
        if len(sys.argv) > 1 and sys.argv[0].endswith("schedule.py"):
            raise
    if wrong:
        happened = "\n".join(schedule.happened)
        raise AssertionError(
            f"seed {seed}: {wrong}\n\nwhat happened:\n{happened}\n\n"
            f"replay it: python -m tests.faults.schedule {seed}"
        )
    return schedule


if __name__ == "__main__":
    done = check(int(sys.argv[1]))
    print("\n".join(done.happened))
    print(f"{len(done.history.operations)} operations; it holds")
