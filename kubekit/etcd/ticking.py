"""Ticking: a member's heartbeat interval, and rest when nothing would come of it.

Each running member ticks every heartbeat interval from its start on: a leader sends its sign of life, the
others count towards an election. In a cluster that is well, hours of that change nothing, so the members
*rest*: no tick is run while the leader leads a quorum of members that all have everything, nothing is under
way, and no link is cut or slow. Whatever could change that (a member or a link that changes, a change of the
membership, a vote) wakes them first, and then every counter stands where the ticks would have brought it:
elections begin at the same moment as if nobody had rested.
Source: server/etcdserver/raft.go (tick), server.go (adjustTicks); raft.go (tickHeartbeat, tickElection).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kubekit.raft.progress import REPLICATE
from kubekit.sim import Handle

if TYPE_CHECKING:
    from kubekit.etcd.links import Links
    from kubekit.etcd.replica import Replica

LOOK_FOR_PEERS = 0.05
"""Seconds between two looks whether a member that starts is connected."""

LOOKS = 100
"""Looks before it gives up."""


class Ticking:
    """One member's ticks: at `phase` + n intervals."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._phase = 0.0
        self._done = 0
        self._timer: Handle | None = None

    def start(self) -> None:
        """Tick from now on."""
        replica = self._replica
        self._phase = replica.loop.clock.now()
        self._done = 0
        self._set()
        if replica.options.initial_election_tick_advance and len(replica.raft.voters) > 1:
            self._look_for_peers(LOOKS)

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wake(self) -> None:
        """Something is about to change: end the rest, if the members rest."""
        self._replica.links.rest.wake()

    def rest_if_possible(self) -> bool:
        """Let all members rest if this one leads a cluster that is well; whether they do."""
        return self._replica.links.rest.begin(self._replica)

    def _set(self) -> None:
        replica = self._replica
        due = self._phase + (self._done + 1) * replica.options.heartbeat
        self._timer = replica.loop.call_later(
            due - replica.loop.clock.now(), replica.name, self._tick, what="tick", background=True
        )

    def _tick(self) -> None:
        self._timer = None
        replica = self._replica
        if replica.raft.lead == replica.id and self.rest_if_possible():
            return
        # A paused member's ticks are lost, like a stopped clock's.
        self._done = max(self._done + 1, self._passed())
        self._set()
        replica.raft.tick()
        replica.drive()

    def _passed(self) -> int:
        """How many ticks have fallen due since the start."""
        elapsed = self._replica.loop.clock.now() - self._phase
        return math.floor(elapsed / self._replica.options.heartbeat + 1e-6)

    def _look_for_peers(self, left: int) -> None:
        """Members that find each other at the start need not wait a whole election timeout."""
        replica = self._replica

        def look() -> None:
            peers = [id for id in replica.membership.by_id if id != replica.id]
            connected = sum(replica.connected_since(id) is not None for id in peers)
            if connected > 1:
                for _ in range(replica.options.election_ticks - 2):
                    replica.raft.tick()
                replica.drive()
            elif left > 1:
                self._look_for_peers(left - 1)

        replica.loop.call_later(
            LOOK_FOR_PEERS, replica.name, look, what="look for connected peers", background=True
        )

    # -- resting ----------------------------------------------------------------------------------------

    def skip(self) -> tuple[int, float]:
        """Count the ticks that fell due during a rest: how many, and the time of the last one."""
        passed = self._passed()
        skipped, self._done = max(0, passed - self._done), max(passed, self._done)
        self.stop()
        self._set()
        return skipped, self._phase + self._done * self._replica.options.heartbeat

    def since(self, when: float) -> int:
        """How many ticks fell due after a moment, up to now."""
        interval = self._replica.options.heartbeat
        return self._passed() - math.floor((when - self._phase) / interval + 1e-6)


class Rest:
    """Whether the members of one cluster rest."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._leader: Replica | None = None
        """The leader, while they rest."""

    @property
    def resting(self) -> bool:
        """Whether no ticks are run."""
        return self._leader is not None

    def begin(self, leader: Replica) -> bool:
        """Rest if the leader's cluster is well; whether it is."""
        if not self._well(leader):
            return False
        self._leader = leader
        for replica in self._running():
            replica.ticking.stop()
        return True

    def wake(self) -> None:
        """Tick again, from where the ticks would have brought everybody."""
        leader, self._leader = self._leader, None
        if leader is None:
            return
        ticks, last = leader.ticking.skip()
        raft = leader.raft
        checks, raft.election_elapsed = divmod(raft.election_elapsed + ticks, raft.config.election_tick)
        running = self._running()
        heard = {replica.id for replica in running}
        for id, progress in raft.progress.items():
            if id != raft.id and ticks:
                # Whoever runs has answered the last heartbeat; of the others, the last check forgot.
                progress.recent_active = id in heard or (progress.recent_active and not checks)
        for replica in running:
            if replica is not leader:
                skipped, _ = replica.ticking.skip()
                counted = replica.ticking.since(last) if ticks else replica.raft.election_elapsed + skipped
                replica.raft.election_elapsed = max(0, counted)

    def _running(self) -> list[Replica]:
        return [replica for replica in self._links.members.values() if replica.state == "running"]

    def _well(self, leader: Replica) -> bool:
        """Whether ticks would change nothing."""
        raft, links = leader.raft, self._links
        if raft.role != "leader" or raft.transferee or not links.plain:
            return False
        last, voters = raft.log.last_index, 0
        for replica in links.members.values():
            if replica.state == "paused":
                return False
            if replica.state != "running":
                continue
            other = replica.raft
            if not (
                other.lead == raft.id
                and other.term == raft.term
                and other.commit == last == replica.applied
                and replica.serving
                and not replica.reads.busy
                and not len(replica.proposals)
                and other.id in raft.progress
            ):
                return False
            progress = raft.progress[other.id]
            if other is not raft and (progress.match != last or progress.state != REPLICATE):
                return False
            voters += other.id in raft.voters
        return voters >= len(raft.voters) // 2 + 1
