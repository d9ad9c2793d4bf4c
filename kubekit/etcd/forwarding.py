"""Forwarding: what only the leader can answer, asked at any member.

Leases are renewed where their time is kept, and only the leader knows how far a learner has come. A member
that does not lead passes such a question on over the peers' connection, waits for a leader if there is none,
and tries again until the request timeout. (Proposals and reads need none of this: Raft forwards them.)
Source: server/etcdserver/v3_server.go (LeaseRenew, waitLeader), server/lease/leasehttp, server.go
(PromoteMember).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.etcd.answer import Answer
from kubekit.etcd.cluster_errors import NoLeader, NotLeader, RequestTimedOut
from kubekit.etcd.errors import EtcdError, NotPrimary

if TYPE_CHECKING:
    from kubekit.etcd.replica import Replica

PAUSE = 0.05
"""Seconds between two tries while the leader cannot be reached."""

AtLeader = Callable[[Any, Answer], None]
"""Called with the leading member; answers NotLeader or NotPrimary when it does not lead (any more)."""


def ask_leader(replica: Replica, ask: AtLeader, answer: Answer) -> None:
    """Have the leader answer, wherever it is."""
    loop = replica.loop
    deadline = loop.clock.now() + replica.options.request_timeout

    def later(delay: float) -> None:
        loop.call_later(delay, replica.name, attempt, what="ask the leader again", background=True)

    def attempt() -> None:
        if answer.closed:
            return
        lead = replica.raft.lead
        if loop.clock.now() >= deadline:
            answer(RequestTimedOut() if lead else NoLeader())
            return
        if not lead:
            later(min(replica.options.election, deadline - loop.clock.now()))
            return
        leader = replica if lead == replica.id else _reachable(replica, lead)
        if leader is None:
            later(PAUSE)
            return
        ask(leader, Answer(settle))

    def settle(result: Any) -> None:
        if isinstance(result, NotLeader | NotPrimary):
            later(PAUSE)
        elif isinstance(result, EtcdError) and not replica.running:
            return
        else:
            answer(result)

    attempt()


def _reachable(replica: Replica, id: int) -> Replica | None:
    """The member with an id, if it can be talked to."""
    other = replica.links.members.get(id)
    if other is None or not other.running or not replica.links.open_between(replica, other):
        return None
    return other
