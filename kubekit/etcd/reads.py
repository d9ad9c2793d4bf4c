"""Reads: when reading here is as good as reading anywhere.

A linearizable read must see every write that was answered before it began, wherever that was. So a member
asks the leader how far the log is committed (which the leader says only after a majority has confirmed that
it still leads), waits until it has applied that much itself, and then reads its own store. All reads that
arrive while one such question is under way share the next one.

A question that is not answered within half a second is asked again; after the request timeout the reads of
this round fail, and when a new leader appears they fail at once: the client asks again.
Source: server/etcdserver/v3_server.go (linearizableReadLoop, requestCurrentIndex).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.etcd.answer import Answer
from kubekit.etcd.cluster_errors import LeaderChanged, RequestTimedOut, ServerStopped
from kubekit.etcd.errors import EtcdError
from kubekit.sim import Handle

if TYPE_CHECKING:
    from kubekit.etcd.replica import Replica

RETRY_AFTER = 0.5
"""Seconds after which an unanswered question is asked again."""


class Reads:
    """One member's linearizable reads; a new object at every start."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._next: list[Answer] = []
        """Reads that wait for the next question."""
        self._round: list[Answer] = []
        """Reads of the question that is under way."""
        self._asked: set[int] = set()
        self._deadline = 0.0
        self._asked_at = 0.0
        self._index = 0
        """What this round must have applied; 0 while the leader has not said."""
        self._timer: Handle | None = None

    @property
    def busy(self) -> bool:
        """Whether a question is under way."""
        return bool(self._round)

    def wait(self, answer: Answer) -> None:
        """Answer None when reading may begin, or an EtcdError."""
        self._next.append(answer)
        if not self._round:
            self._begin()

    def _begin(self) -> None:
        waiting = [answer for answer in self._next if not answer.closed]
        self._next = []
        if not waiting:
            return
        self._round = waiting
        self._asked.clear()
        self._index = 0
        self._deadline = self._replica.loop.clock.now() + self._replica.options.request_timeout
        self._ask()

    def _ask(self) -> None:
        replica = self._replica
        id = replica.proposals.next_id()
        self._asked.add(id)
        self._asked_at = replica.loop.clock.now()
        replica.raft.read_index(id)
        replica.drive()
        if self._round and not self._index and self._timer is None:
            self._set_timer()

    def _set_timer(self) -> None:
        """One timer for all rounds: most rounds end at once, and it need not be set for each."""
        replica = self._replica
        due = min(self._asked_at + RETRY_AFTER, self._deadline)
        self._timer = replica.loop.call_later(
            due - replica.loop.clock.now(),
            replica.name,
            self._late,
            what="a read that the leader has not answered",
            background=True,
        )

    def _late(self) -> None:
        self._timer = None
        if not self._round or self._index:
            return
        now = self._replica.loop.clock.now()
        if now >= self._deadline:
            self._finish(RequestTimedOut())
        elif now >= self._asked_at + RETRY_AFTER:
            self._ask()
        else:
            self._set_timer()

    # -- what the member tells --------------------------------------------------------------------------

    def confirmed(self, index: int, id: int) -> None:
        """The leader has answered a question; old ones are no matter."""
        if self._round and id in self._asked and not self._index:
            self._index = index
            self.applied(self._replica.applied)

    def applied(self, index: int) -> None:
        """This member has applied the log up to `index`."""
        if self._index and index >= self._index:
            self._finish(None)

    def leader_changed(self) -> None:
        """There is another leader: it does not know of the question."""
        if self._round and not self._index:
            self._finish(LeaderChanged())

    def first_commit(self) -> None:
        """The leader has committed in its own term and can answer now: ask again."""
        if self._round and not self._index:
            self._ask()

    def fail_all(self, error: EtcdError | None = None) -> None:
        """The member goes."""
        waiting, self._next, self._round = self._round + self._next, [], []
        if self._timer is not None:
            self._timer.cancel()
        for answer in waiting:
            answer(error or ServerStopped())

    def _finish(self, result: EtcdError | None) -> None:
        done, self._round, self._index = self._round, [], 0
        for answer in done:
            answer(result)
        if self._next and not self._round:
            self._begin()
