"""Links: the cables between members, and the messages that are under way on them.

Each message is one event of the loop, owned by the member that it goes to: a paused member's messages queue
up, a stepped one takes them one by one, and `in_flight` shows what is under way. A link has two directions;
each can be cut (what is sent is lost, and nobody is told) or slow (what is sent arrives later, in order).

A member also knows since when it has been *connected* to each other one. A process that has gone is noticed
at once, because its connections break; a cut only after five seconds without an answer. etcd asks this before
it lets the membership change, and when it says why a request timed out.
Source: server/etcdserver/api/rafthttp (transport.go, peer.go, stream.go, peer_status.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.etcd.ticking import Rest
from kubekit.raft.messages import (
    Message,
    MsgHeartbeat,
    MsgHeartbeatResp,
    MsgPreVote,
    MsgPreVoteResp,
    MsgSnap,
    MsgVote,
    MsgVoteResp,
)
from kubekit.sim import Handle, Loop

if TYPE_CHECKING:
    from kubekit.etcd.replica import Replica

NOTICED_AFTER = 5.0
"""Seconds after which a member gives up a connection on which nothing comes back."""

MOST_UNDER_WAY = 4096
"""Messages that wait for one member at most; further ones are lost."""

_REPEATED = frozenset({MsgHeartbeat, MsgHeartbeatResp, MsgPreVote, MsgPreVoteResp, MsgVote, MsgVoteResp})
"""What is said again and again where something is wrong: nobody's work waits for it."""

_ALIVE = ("running", "paused")

Pair = tuple[str, str]


class Flight(NamedTuple):
    """A message under way; times are Unix seconds."""

    sender: Replica
    target: Replica
    message: Message
    sent: float
    due: float

    def __repr__(self) -> str:
        return f"{self.sender.plan.name} -> {self.target.plan.name}: {self.message!r}"


class Lost(NamedTuple):
    """Why a message will not arrive."""

    message: Message
    why: str


class Links:
    """All links of one cluster. Ends are named as the members are."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.lane = loop.lane(())
        self.members: dict[int, Replica] = {}
        """Who can be reached under which id; members enter themselves when they start."""
        self.changes = 0
        """How often members have entered."""
        self.rest = Rest(self)
        self.on_serving: list[Callable[[], None]] = []
        """Called when a member has begun to serve clients."""
        self._cut: dict[Pair, float] = {}
        self._slow: dict[Pair, float] = {}
        self._last_due: dict[Pair, float] = {}
        self._broken: dict[frozenset[str], float] = {}
        self._mended: dict[frozenset[str], float] = {}
        self._under_way: dict[str, int] = {}

    def enter(self, member: Replica) -> None:
        """A member listens at its port from now on, under its id."""
        for id in [id for id, other in self.members.items() if other is member and id != member.id]:
            del self.members[id]
        self.members[member.id] = member
        self.changes += 1
        self.loop.lane([member.name], self.lane)

    def tell_served(self) -> None:
        """A member serves clients: whoever looks for one may find it."""
        for notify in self.on_serving:
            notify()

    # -- what can be done to links ----------------------------------------------------------------------

    def cut(self, a: str, b: str, *, one_way: bool = False) -> None:
        """Lose everything that `a` sends to `b`, and, unless `one_way`, the other way round."""
        self.rest.wake()
        now = self.loop.clock.now()
        for pair in ((a, b),) if one_way else ((a, b), (b, a)):
            self._cut.setdefault(pair, now)
            for handle in self._handles():
                flight = handle.args[0]
                if (flight.sender.plan.name, flight.target.plan.name) == pair:
                    handle.cancel()
                    self._under_way[flight.target.name] -= 1
        self._broken.setdefault(frozenset((a, b)), now)

    def mend(self, a: str, b: str) -> None:
        """Make a link whole and quick again, in both directions."""
        self.rest.wake()
        for pair in ((a, b), (b, a)):
            self._cut.pop(pair, None)
            self._slow.pop(pair, None)
        since = self._broken.pop(frozenset((a, b)), None)
        now = self.loop.clock.now()
        if since is not None and now - since >= NOTICED_AFTER:
            self._mended[frozenset((a, b))] = now

    def slow(self, a: str, b: str, seconds: float) -> None:
        """Let what is sent between two members take `seconds`, each way; 0 makes it quick again."""
        self.rest.wake()
        for pair in ((a, b), (b, a)):
            if seconds > 0:
                self._slow[pair] = seconds
            else:
                self._slow.pop(pair, None)

    # -- what there is to see ---------------------------------------------------------------------------

    @property
    def plain(self) -> bool:
        """Whether nothing is cut or slow, and nothing under way."""
        return not (self._cut or self._slow or any(self._under_way.values()))

    def is_cut(self, a: str, b: str) -> bool:
        """Whether what `a` sends to `b` is lost."""
        return (a, b) in self._cut

    def cut_between(self, sender: Replica, id: int) -> bool:
        """Whether what a member sends to the member `id` is lost without anybody being told."""
        target = self.members.get(id)
        return target is not None and (sender.plan.name, target.plan.name) in self._cut

    def open_between(self, a: Replica, b: Replica) -> bool:
        """Whether a question of `a` reaches `b` and its answer comes back."""
        names = (a.plan.name, b.plan.name)
        return names not in self._cut and names[::-1] not in self._cut

    def broken(self) -> list[dict[str, Any]]:
        """Every direction that is cut or slow: {"from", "to", "cut", "slow"}."""
        pairs = sorted(self._cut.keys() | self._slow.keys())
        return [
            {"from": a, "to": b, "cut": (a, b) in self._cut, "slow": self._slow.get((a, b), 0.0)}
            for a, b in pairs
        ]

    def delays_of(self, name: str) -> dict[str, float]:
        """The seconds that messages of a member take to others, where that is any time at all."""
        return {b: seconds for (a, b), seconds in self._slow.items() if a == name} if self._slow else {}

    @property
    def in_flight(self) -> list[Flight]:
        """The messages under way, in the order in which they will arrive."""
        return [handle.args[0] for handle in self._handles()]

    def _handles(self) -> Iterator[Handle]:
        for handle in self.loop.waiting():
            if handle.fn == self._deliver:
                yield handle

    def connected_since(self, a: Replica, b: Replica) -> float | None:
        """The Unix time since when two members have been connected; None when they are not."""
        if a.state not in _ALIVE or b.state not in _ALIVE:
            return None
        pair = frozenset((a.plan.name, b.plan.name))
        broken = self._broken.get(pair)
        if broken is not None and self.loop.clock.now() - broken >= NOTICED_AFTER:
            return None
        return max(a.started_at, b.started_at, self._mended.get(pair, 0.0))

    def connected_before(self, a: Replica, when: float, ids: Iterable[int]) -> int:
        """To how many of some members, itself included, `a` has been connected since before a moment."""
        found = 0
        for id in ids:
            other = self.members.get(id)
            since = self.connected_since(a, other) if other is not None else None
            found += id == a.id or (since is not None and since < when)
        return found

    # -- sending ----------------------------------------------------------------------------------------

    def send(self, sender: Replica, messages: Iterable[Message]) -> list[Lost]:
        """Send a member's messages; those that are lost at once, with the reason."""
        lost: list[Lost] = []
        quick = not (self._cut or self._slow)
        loop, under_way = self.loop, self._under_way
        for message in messages:
            target = self.members.get(message.to)
            why = self._refused(sender, target)
            if why or target is None:
                lost.append(Lost(message, why))
                continue
            waiting = under_way.get(target.name, 0)
            if waiting >= MOST_UNDER_WAY:
                lost.append(Lost(message, f"too much waits for {target.plan.name}"))
                continue
            pair = (sender.plan.name, target.plan.name)
            if not quick and pair in self._cut:
                lost.append(Lost(message, "the link is cut"))
                continue
            under_way[target.name] = waiting + 1
            now = loop.clock.now()
            if quick and not self._last_due:
                loop.call_soon(
                    target.name, self._deliver, Flight(sender, target, message, now, now), what=message.type
                )
                continue
            due = max(now + self._slow.get(pair, 0.0), self._last_due.get(pair, 0.0))
            flight = Flight(sender, target, message, now, due)
            if due > now:
                self._last_due[pair] = due
                background = message.type in _REPEATED and message.context is None
                loop.call_later(
                    due - now, target.name, self._deliver, flight, what=message.type, background=background
                )
            else:
                self._last_due.pop(pair, None)
                loop.call_soon(target.name, self._deliver, flight, what=message.type)
        return lost

    def _refused(self, sender: Replica, target: Replica | None) -> str:
        """Why a member takes nothing from this sender; empty when it does."""
        if target is None:
            return "nobody listens there"
        if target.state not in _ALIVE:
            return f"{target.plan.name} is {target.state}"
        if sender.id in target.membership.removed:
            sender.was_removed()
            return f"{sender.plan.name} has been removed from the cluster"
        if sender.cluster_id != target.cluster_id:
            return "it belongs to another cluster"
        return ""

    def _deliver(self, flight: Flight) -> None:
        target = flight.target
        self._under_way[target.name] -= 1
        # A paused member's events run only when somebody steps it; then it does what it would have done.
        if target.state in _ALIVE and self.members.get(flight.message.to) is target:
            target.receive(flight.message)
            if flight.message.type == MsgSnap and flight.sender.state in _ALIVE:
                flight.sender.snapshot_sent(flight.message.to, failed=False)

    def forget(self, member: Replica) -> None:
        """What is under way to a member is lost: it is going."""
        flights = [handle.args[0] for handle in self._handles() if handle.owner == member.name]
        self._under_way.pop(member.name, None)
        for flight in flights:
            if flight.message.type == MsgSnap and flight.sender.state in _ALIVE:
                flight.sender.snapshot_sent(flight.message.to, failed=True)
