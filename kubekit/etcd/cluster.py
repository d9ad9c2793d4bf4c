"""EtcdCluster: the members of one etcd, and what lies between them.

    etcd = EtcdCluster(loop, 3)
    etcd.start()
    etcd.member("etcd-2").crash()
    etcd.client().put(b"key", b"value")

With one member the cluster stands for it: `start`, `stop`, `crash`, `pause` and `resume` act on all members.
Source: server/etcdserver, server/embed.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.etcd.client import EtcdClient
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.member import Member, MemberPlan
from kubekit.sim import Loop

SOLE = MemberPlan("default", ("http://localhost:2380",), ("http://localhost:2379",), "etcd")
"""A member that is started without flags."""


class EtcdCluster:
    """One etcd cluster on a loop."""

    def __init__(
        self, loop: Loop, members: int | Sequence[MemberPlan] = 1, *, token: str = "etcd-cluster"
    ) -> None:
        self.loop = loop
        self.name = "etcd"
        self.token = token
        plans = plans_of(members) if isinstance(members, int) else list(members)
        self.members = {plan.name: Member(loop, plan, token=token) for plan in plans}

    def member(self, name: str) -> Member:
        """A member by its name or its component's. Raises KeyError with a sentence."""
        for member in self.members.values():
            if name in (member.plan.name, member.name):
                return member
        raise KeyError(f"there is no member {name!r}; there are {', '.join(self.members)}")

    @property
    def leader(self) -> Member | None:
        """The member that leads, if one does."""
        return next((member for member in self.members.values() if member.running), None)

    @property
    def store(self) -> KVStore:
        """The store of the leader, or of the member that has come furthest: for those who only look."""
        leader = self.leader
        if leader is None:
            leader = max(self.members.values(), key=lambda member: (member.running, member.store.revision))
        return leader.store

    def client(self, endpoints: Sequence[str] | None = None, name: str = "") -> EtcdClient:
        """A client of the whole cluster, or of some members."""
        return EtcdClient(self, endpoints, name)

    # -- all members at once ----------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The state of the only member; of several: running while one runs."""
        states = {member.state for member in self.members.values()}
        return "running" if "running" in states else next(iter(states))

    @property
    def running(self) -> bool:
        """Whether a member runs."""
        return self.state == "running"

    def start(self) -> None:
        """Start every member."""
        for member in self.members.values():
            member.start()

    def stop(self) -> None:
        """Stop every member in order."""
        for member in self.members.values():
            member.stop()

    def crash(self) -> None:
        """Crash every member."""
        for member in self.members.values():
            member.crash()

    def pause(self) -> None:
        """Freeze every member."""
        for member in self.members.values():
            member.pause()

    def resume(self) -> None:
        """Let every paused member go on."""
        for member in self.members.values():
            member.resume()


def plans_of(count: int) -> list[MemberPlan]:
    """The plans of `count` members: one without flags, or etcd-1, etcd-2 ... on hosts of their own."""
    if count == 1:
        return [SOLE]
    return [
        MemberPlan(f"etcd-{n}", (f"http://192.168.0.{20 + n}:2380",), (f"http://192.168.0.{20 + n}:2379",))
        for n in range(1, count + 1)
    ]
