"""Proposals: the requests that one member has proposed and waits for.

A proposal gets an id, goes into the log (through the leader, wherever that is), comes back when it is
committed and applied here, and then its result is the answer. It may also never come back: the leader that
took it died, a message was lost, there is no quorum. Therefore each has a deadline, after which the answer is
that it timed out, with etcd's guess at the reason; it may still be applied later. While no leader is known,
proposals are held back and go out when there is one.

A change of membership has no deadline of its own: its caller waits as long as he likes.
Source: server/etcdserver/v3_server.go (processInternalRaftRequestOnce), server.go (configure,
parseProposeCtxErr), pkg/wait, pkg/idutil.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from kubekit.etcd.answer import Answer
from kubekit.etcd.auth import Identity
from kubekit.etcd.cluster_errors import (
    ProposalLost,
    RequestTimedOut,
    ServerStopped,
    TimedOutConnectionLost,
    TimedOutLeaderFailure,
    TooManyRequests,
)
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.lease import LeaseIds
from kubekit.etcd.raft_request import RaftRequest
from kubekit.raft import ConfChange, ProposalDropped
from kubekit.sim import Handle

if TYPE_CHECKING:
    from kubekit.etcd.replica import Replica

MAX_GAP = 5000
"""Committed entries that wait to be applied; above it no more proposals are taken."""


class Proposals:
    """One member's open proposals; a new object at every start."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._ids = LeaseIds(replica.id, replica.loop.clock.now())
        self._waiting: dict[int, Answer] = {}
        self._deadlines: deque[tuple[float, float, int]] = deque()
        """(deadline, start, id); in order, because all wait equally long."""
        self._held: deque[tuple[int, RaftRequest | ConfChange]] = deque()
        """What goes out when a leader is known."""
        self._timer: Handle | None = None

    def __len__(self) -> int:
        """How many answers are waited for."""
        return len(self._waiting)

    def next_id(self) -> int:
        """An id that no other request of the cluster has."""
        return self._ids.next()

    def propose(self, kind: str, body: Any, who: Identity | None, answer: Answer) -> None:
        """Propose a request; its result, or why there is none, is the answer."""
        replica = self._replica
        if replica.raft.commit > replica.applied + MAX_GAP:
            answer(TooManyRequests())
            return
        id = self._ids.next()
        user, revision = who if who is not None else ("", 0)
        self._waiting[id] = answer
        self._set_deadline(id)
        self._send(id, RaftRequest(kind, body, id, user, revision))

    def propose_change(self, change: ConfChange, answer: Answer) -> None:
        """Propose a change of the membership; the answer is None or an EtcdError."""
        for id in [id for id, waiting in self._waiting.items() if waiting.closed]:
            del self._waiting[id]
        id = self._ids.next()
        self._waiting[id] = answer
        self._send(id, change._replace(id=id))

    def _send(self, id: int, what: RaftRequest | ConfChange) -> None:
        raft = self._replica.raft
        if not raft.lead:
            self._held.append((id, what))
            return
        try:
            if isinstance(what, ConfChange):
                raft.propose_conf_change(what)
            else:
                raft.propose(what)
        except ProposalDropped:
            self.settle(id, ProposalLost())
            return
        self._replica.drive()

    def leader_known(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, deque()
        for id, what in held:
            if id in self._waiting:
                self._send(id, what)

    def waits_for(self, id: int) -> bool:
        """Whether somebody here waits for this request's result."""
        return id in self._waiting

    def settle(self, id: int, result: Any) -> None:
        """A request has been applied, or will not be: answer it if it was proposed here."""
        answer = self._waiting.pop(id, None)
        if answer is not None:
            answer(result)

    def fail_all(self, error: EtcdError | None = None) -> None:
        """The member goes: nobody is left waiting."""
        waiting, self._waiting = self._waiting, {}
        self._deadlines.clear()
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
        for answer in waiting.values():
            answer(error or ServerStopped())

    # -- deadlines --------------------------------------------------------------------------------------

    def _set_deadline(self, id: int) -> None:
        deadlines, waiting = self._deadlines, self._waiting
        while deadlines and deadlines[0][2] not in waiting:
            deadlines.popleft()
        now = self._replica.loop.clock.now()
        deadlines.append((now + self._replica.options.request_timeout, now, id))
        if self._timer is None:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._deadlines:
            loop = self._replica.loop
            self._timer = loop.call_later(
                self._deadlines[0][0] - loop.clock.now(),
                self._replica.name,
                self._expire,
                what="requests that have waited too long",
                background=True,
            )

    def _expire(self) -> None:
        self._timer = None
        now = self._replica.loop.clock.now()
        deadlines = self._deadlines
        while deadlines and (deadlines[0][0] <= now or deadlines[0][2] not in self._waiting):
            _, start, id = deadlines.popleft()
            if id in self._waiting:
                self.settle(id, self.timed_out(start))
        self._set_timer()

    def timed_out(self, start: float) -> EtcdError:
        """Why a request that began at `start` (Unix seconds) may have timed out."""
        replica = self._replica
        elected = replica.leader_since
        if elected - 2 * replica.options.election < start < elected:
            return TimedOutLeaderFailure()
        lead = replica.raft.lead
        if lead == replica.id:
            members = replica.membership.by_id
            if replica.links.connected_before(replica, start, members) < len(members) // 2 + 1:
                return TimedOutConnectionLost()
        elif lead and not replica.links.connected_before(replica, start, [lead]):
            return TimedOutConnectionLost()
        return RequestTimedOut()
