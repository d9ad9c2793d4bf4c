"""EtcdCluster: the members of one etcd, and the links between them.

    etcd = EtcdCluster(loop, 3)                     # etcd-1, etcd-2, etcd-3, on hosts of their own
    etcd.start()
    etcd.member("etcd-2").crash(); etcd.member("etcd-2").start()
    etcd.partition(["etcd-1"], ["etcd-2", "etcd-3"]); etcd.slow("etcd-2", "etcd-3", 0.2); etcd.heal()
    etcd.leader, etcd.in_flight, etcd.store
    etcd.client().put(b"key", b"value")

`start`, `stop`, `crash`, `pause` and `resume` act on all members: with one member the cluster stands for it.
A further member is added as in etcd: first to the membership (``Cluster/MemberAdd``), then `join` starts it.
Nothing is decided here; members decide.
Source: server/etcdserver, server/embed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubekit.etcd.client import EtcdClient
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.link_records import LinkRecords
from kubekit.etcd.links import Flight, Links
from kubekit.etcd.member import Member
from kubekit.etcd.options import MemberPlan, Options
from kubekit.etcd.storage import MemberStorage
from kubekit.sim import Loop

SOLE = MemberPlan("default", ("http://localhost:2380",), ("http://localhost:2379",), "etcd")
"""A member that is started without flags."""

HOSTS = "192.168.0.{}"
FIRST_HOST = 21
"""Members of a larger cluster have hosts of their own from here on."""


class EtcdCluster:
    """One etcd cluster on a loop."""

    def __init__(
        self,
        loop: Loop,
        members: int | Sequence[MemberPlan] = 1,
        *,
        token: str = "etcd-cluster",
        options: Options | None = None,
        disks: Mapping[str, MemberStorage] | None = None,
    ) -> None:
        self.loop = loop
        self.name = "etcd"
        self.token = token
        self.options = options if options is not None else Options()
        self.links = Links(loop)
        self.links.on_serving.append(self._served)
        self.members: dict[str, Member] = {}
        """Every member that was made, by its name, also those that were removed from the membership."""
        self._clients: dict[EtcdClient, None] = {}
        self._records = LinkRecords(self)
        self._disks = dict(disks or {})
        plans = plans_of(members) if isinstance(members, int) else list(members)
        initial = tuple((plan.name, plan.peer_urls) for plan in plans)
        for plan in plans:
            self._make(plan if plan.initial_cluster else plan._replace(initial_cluster=initial))

    def _make(self, plan: MemberPlan) -> Member:
        member = Member(self.loop, plan, self.links, self.options, self.token, self._disks.get(plan.name))
        self.members[plan.name] = member
        return member

    # -- members ----------------------------------------------------------------------------------------

    def member(self, name: str) -> Member:
        """A member by its name or its component's. Raises KeyError with a sentence."""
        for member in self.members.values():
            if name in (member.plan.name, member.name):
                return member
        raise KeyError(f"there is no member {name!r}; there are {', '.join(self.members)}")

    @property
    def leader(self) -> Member | None:
        """The running member that leads in the highest term, if one does."""
        leaders = [m for m in self.members.values() if m.running and m.raft.role == "leader"]
        return max(leaders, key=lambda member: member.raft.term, default=None)

    @property
    def store(self) -> KVStore:
        """The store of the leader, or of the member that has come furthest: for those who only look."""
        if len(self.members) == 1:
            return next(iter(self.members.values())).store
        member = self.leader or max(self.members.values(), key=lambda m: (m.running, m.applied))
        return member.store

    def add_member(self, plan: MemberPlan) -> Member:
        """Make a member as planned; its own `start` brings it up, or says why it cannot.

        Raises KeyError when there is a member of this name that has not been removed.
        """
        known = self.members.get(plan.name)
        if known is not None and known.state not in ("stopped", "crashed"):
            raise KeyError(f"there is a running member {plan.name!r} already")
        return self._make(plan)

    def join(self, name: str, client_urls: Sequence[str] = (), *, component: str = "") -> Member:
        """Start a member that was added to the membership and has not started yet.

        What ``etcdctl member add`` prints is worked out from the membership: the peer addresses of the one
        member without a name are its own. Raises BootstrapError, and KeyError when no such member waits.
        """
        source = self.leader or next((m for m in self.members.values() if m.running and m.serving), None)
        if source is None:
            raise KeyError("no member runs that could say whom the cluster expects")
        # One that has started here may still be without a name there: it has not been able to say it yet.
        here = {member.id for member in self.members.values()}
        waiting = [info for info in source.members if not info.started and info.id not in here]
        mine = [info for info in waiting if any(name in url for url in info.peer_urls)] or waiting
        if not mine:
            raise KeyError(f"no member {name!r} is expected: add it first")
        info = mine[0]
        initial = tuple(
            (name if other.id == info.id else other.name or f"{other.id:x}", other.peer_urls)
            for other in source.members
        )
        urls = tuple(client_urls) or tuple(url.replace(":2380", ":2379") for url in info.peer_urls)
        member = self.add_member(MemberPlan(name, info.peer_urls, urls, component, initial, existing=True))
        member.start()
        return member

    # -- links ------------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> list[Flight]:
        """The messages under way between members."""
        return self.links.in_flight

    def cut(self, a: str, b: str, one_way: bool = False) -> None:
        """Cut the link between two members, or only what `a` sends to `b`."""
        self._known(a, b)
        self.links.cut(a, b, one_way=one_way)
        self._records.cut(a, b, one_way)

    def mend(self, a: str, b: str) -> None:
        """Make one link whole and quick again."""
        self._known(a, b)
        self.links.mend(a, b)
        self._records.mended(a, b)

    def slow(self, a: str, b: str, seconds: float) -> None:
        """Let messages between two members take some seconds each way; 0 makes the link quick again."""
        self._known(a, b)
        self.links.slow(a, b, seconds)
        self._records.slow(a, b, seconds)

    def partition(self, *groups: Sequence[str]) -> None:
        """Cut all links between members of different groups; members in no group are one group more."""
        named = [name for group in groups for name in group]
        self._known(*named)
        sides = [list(group) for group in groups]
        if rest := [name for name in self.members if name not in named]:
            sides.append(rest)
        for number, side in enumerate(sides):
            for other in sides[number + 1 :]:
                for a in side:
                    for b in other:
                        self.links.cut(a, b)
        self._records.partitioned(sides)

    def heal(self) -> None:
        """Make every link whole and quick again."""
        for a in self.members:
            for b in self.members:
                if a < b:
                    self.links.mend(a, b)
        self._records.healed()

    def _known(self, *names: str) -> None:
        for name in names:
            if name not in self.members:
                raise KeyError(f"there is no member {name!r}; there are {', '.join(self.members)}")

    # -- clients ----------------------------------------------------------------------------------------

    def client(self, endpoints: Sequence[str] | None = None, name: str = "") -> EtcdClient:
        """A client of the whole cluster, or of some members."""
        made = EtcdClient(self, endpoints, name)
        self._clients[made] = None
        return made

    def forget(self, client: EtcdClient) -> None:
        """A client was closed."""
        self._clients.pop(client, None)

    def _served(self) -> None:
        for client in list(self._clients):
            client.reconnect()

    def clients(self) -> dict[str, list[str]]:
        """Who holds connections: {member: names of clients}."""
        held: dict[str, list[str]] = {name: [] for name in self.members}
        for client in self._clients:
            if client.connected_to:
                held[client.connected_to].append(client.name or "client")
        return held

    # -- all members at once ----------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The state of the only member; of several: running while one runs."""
        states = [member.state for member in self.members.values()]
        return "running" if "running" in states else states[0]

    @property
    def running(self) -> bool:
        """Whether a member runs."""
        return self.state == "running"

    @property
    def since(self) -> float:
        """Seconds since the loop's start at which the last member changed its state."""
        return max(member.since for member in self.members.values())

    def start(self) -> None:
        """Start every member. Raises BootstrapError for the first that does not start, after trying all."""
        failures: list[BootstrapError] = []
        for member in self.members.values():
            if self.removed(member):
                continue
            try:
                member.start()
            except BootstrapError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def removed(self, member: Member) -> bool:
        """Whether the others have taken a member out of the membership."""
        return any(
            member.id in other.membership.removed for other in self.members.values() if other is not member
        )

    def stop(self) -> None:
        """Stop every member in order."""
        for member in self.members.values():
            member.stop()

    def crash(self, lose_disk: bool = False) -> None:
        """Crash every member."""
        for member in self.members.values():
            member.crash(lose_disk)

    def pause(self) -> None:
        """Freeze every member."""
        for member in self.members.values():
            member.pause()

    def resume(self) -> None:
        """Let every paused member go on."""
        for member in self.members.values():
            member.resume()

    def __repr__(self) -> str:
        parts = []
        for member in self.members.values():
            role = member.raft.role if member.running else member.state
            parts.append(f"{member.plan.name} {role}")
        return f"etcd: {', '.join(parts)}"


def plans_of(count: int) -> list[MemberPlan]:
    """The plans of `count` members: one without flags, or etcd-1, etcd-2 ... on hosts of their own."""
    if count == 1:
        return [SOLE]
    hosts = [(f"etcd-{n + 1}", HOSTS.format(FIRST_HOST + n)) for n in range(count)]
    return [MemberPlan(name, (f"https://{ip}:2380",), (f"https://{ip}:2379",)) for name, ip in hosts]
