"""Member: one etcd process. It is a replica among its peers, and it answers clients.

`submit` takes a call and answers through a callback, once, now or later in virtual time; `call` is the same
for whoever has to wait, `watch` opens a stream. A member that is stopped or crashed refuses the connection, a
paused one keeps everybody waiting, and so does one that has not published itself through the log yet: without
a quorum a member that starts does not serve.

A synchronous `call` made from within an event of the loop lets only the members of etcd go on until it is
answered; when they can only wait, it is refused as timed out at once. Made from outside (a learner's cell),
it lets the whole cluster go on, so elections happen while it waits.

A member can be stopped, crashed, paused and started like every component. Do not write to its `store`.
Source: server/etcdserver/server.go, v3_server.go, server/embed/etcd.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from kubekit.etcd import reconfiguration
from kubekit.etcd.answer import Answer
from kubekit.etcd.auth import Identity
from kubekit.etcd.cluster_errors import (
    ConnectionRefused,
    DeadlineExceeded,
    NoLeader,
    NotForLearner,
    RequestTimedOut,
)
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.forwarding import ask_leader
from kubekit.etcd.kv_calls import raise_alarm
from kubekit.etcd.leader_duties import LeaderDuties
from kubekit.etcd.maintenance_calls import status
from kubekit.etcd.member_watch import MemberStream, Streams
from kubekit.etcd.membership import MemberInfo
from kubekit.etcd.messages import Message
from kubekit.etcd.options import MemberPlan as MemberPlan
from kubekit.etcd.process import Process
from kubekit.etcd.replica import Replica
from kubekit.etcd.snapshot import SnapshotBlobs
from kubekit.etcd.v3rpc import Calls, Who
from kubekit.raft import ConfChange
from kubekit.sim import Stalled, VirtualClock

MOST_SECONDS = 60.0
"""How long a synchronous call without a deadline of its own waits at most."""


class Member(Process):
    """One member of an `EtcdCluster`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.calls = Calls(self)
        self.streams = Streams(self)
        self.duties = LeaderDuties(self)
        self._clients: list[tuple[str, Message, Who, Answer]] = []

    def take_up_duties(self) -> None:
        """Begin what goes on while it runs."""
        self.duties.start()

    def published(self) -> None:
        """Serve the clients that have been waiting."""
        clients, self._clients = self._clients, []
        for call, request, token, answer in clients:
            if not answer.closed:
                self._answer(call, request, token, answer)
        self.links.tell_served()

    def let_go(self, error: EtcdError) -> None:
        """End every stream and every wait."""
        self.duties.stop()
        self.streams.end(error)
        clients, self._clients = self._clients, []
        for _, _, _, answer in clients:
            answer(error)

    def notice(self) -> None:
        """Something has changed: perhaps the version that the cluster should have."""
        super().notice()
        self.duties.noticed()

    def first_commit(self) -> None:
        """A leader can lead now: it sees to the cluster's version."""
        super().first_commit()
        self.duties.first_commit()

    # -- clients ----------------------------------------------------------------------------------------

    @property
    def client_address(self) -> str:
        """Host and port of its first client address."""
        return urlsplit(self.plan.client_urls[0]).netloc if self.plan.client_urls else ""

    @property
    def members(self) -> list[MemberInfo]:
        """The members of the cluster as this one knows them, by id."""
        return self.membership.members()

    @property
    def has_leader(self) -> bool:
        """Whether it knows a leader."""
        return self.running and self.raft.lead != 0

    def submit(
        self,
        call: str,
        request: Message,
        token: Who,
        done: Callable[[Any], object],
        *,
        require_leader: bool = False,
    ) -> Answer:
        """Answer a call, e.g. ``KV/Put``: `done` gets the response message or an EtcdError, once.

        The returned Answer can be cancelled by a client that gives up. With `require_leader` a member that
        knows no leader refuses.
        """
        answer = Answer(done)
        if self.state in ("stopped", "crashed"):
            answer(ConnectionRefused(self.client_address))
        elif self.state == "paused" or not self.serving:
            self._clients.append((call, request, token, answer))
        elif require_leader and not self.raft.lead:
            answer(NoLeader())
        else:
            self._answer(call, request, token, answer)
        return answer

    def _answer(self, call: str, request: Message, token: Who, answer: Answer) -> None:
        if self.membership.is_learner(self.id) and not _for_learners(call, request):
            answer(NotForLearner())
        else:
            self.calls.submit(call, request, token, answer)

    def call(self, call: str, request: Message, token: Who = "", *, timeout: float | None = None) -> Message:
        """Answer a call and wait for it, at most `timeout` seconds of the client's own.

        Raises EtcdError; DeadlineExceeded when `timeout` is over.
        """
        answers: list[Any] = []
        answer = self.submit(call, request, token, answers.append)
        self.wait(answers, answer, timeout)
        if isinstance(answers[0], EtcdError):
            raise answers[0]
        response: Message = answers[0]
        return response

    def wait(self, answers: list[Any], answer: Answer, timeout: float | None = None) -> None:
        """Let time pass until `answers` holds one; see above. Raises RequestTimedOut, DeadlineExceeded."""
        loop, lane = self.loop, self.links.lane
        if not answers:
            loop.run_lane(lane, lambda: bool(answers))
        if not (answers or loop.running) and isinstance(loop.clock, VirtualClock):
            with suppress(Stalled):
                loop.run_until(lambda: bool(answers), MOST_SECONDS if timeout is None else timeout)
        if not loop.running:
            # Whoever asks from outside again and again must leave nothing behind that waits for its turn.
            loop.run_lane(lane, lambda: False, delayed=False)
        if answers:
            return
        answer.cancel()
        raise RequestTimedOut if timeout is None else DeadlineExceeded

    def watch(
        self,
        send: Callable[[Message], None],
        token: Who = "",
        *,
        ended: Callable[[EtcdError], None] | None = None,
        require_leader: bool = False,
    ) -> MemberStream:
        """Open a stream of watches: `send` gets each WatchResponse message.

        `ended` is called when the member ends the stream, because it goes, or, with `require_leader`, when it
        has known no leader for three election timeouts. Raises EtcdError.
        """
        return self.streams.open(send, token, ended, require_leader)

    def snapshot(self) -> Iterator[bytes]:
        """The store as it is now, as the bytes of a snapshot file, in blobs. Raises EtcdError."""
        if not self.running:
            raise ConnectionRefused(self.client_address)
        return iter(SnapshotBlobs(self.capture()))

    def status(self) -> Message:
        """What Maintenance.Status says of this member, also when it does not run."""
        message = status(self)
        self.calls.fill(message.setdefault("header", {}))
        return message

    # -- what the calls stand on (see `node`) -----------------------------------------------------------

    @property
    def term(self) -> int:
        """Raft's term."""
        return self.raft.term

    @property
    def lead(self) -> int:
        """The leader's id, 0 when it knows none."""
        return self.raft.lead

    @property
    def commit(self) -> int:
        """The index up to which the log is committed, as this member knows."""
        return self.raft.commit

    @property
    def learner(self) -> bool:
        """Whether it does not vote."""
        return self.membership.is_learner(self.id)

    def propose(self, kind: str, body: Any, who: Identity | None, answer: Answer) -> None:
        """Have a request agreed on and applied."""
        self.proposals.propose(kind, body, who, answer)

    def raise_alarm(self, answer: Answer) -> None:
        """Say to the cluster that this member is full; the answer is NoSpace."""
        raise_alarm(self, answer)

    def propose_change(self, change: ConfChange, answer: Answer) -> None:
        """Have a change of the membership agreed on and applied."""
        self.ticking.wake()
        self.proposals.propose_change(change, answer)

    def read(self, answer: Answer) -> None:
        """Answer None once reading here is linearizable."""
        self.reads.wait(answer)

    def renew(self, id: int, who: Identity | None, answer: Answer) -> None:
        """Renew a lease at the leader."""
        self.duties.renew(id, who, answer)

    def time_to_live(self, id: int, keys: bool, answer: Answer) -> None:
        """Ask the leader about a lease."""
        self.duties.time_to_live(id, keys, answer)

    def may_add(self, member: MemberInfo) -> None:
        """Raises NotEnoughStarted, UnhealthyCluster."""
        reconfiguration.may_add(self, member)

    def may_remove(self, id: int) -> None:
        """Raises NotEnoughStarted, UnhealthyCluster."""
        reconfiguration.may_remove(self, id)

    def promote(self, id: int, answer: Answer) -> None:
        """Promote a learner, at the leader."""
        ask_leader(self, lambda leader, reply: _attempt(reconfiguration.promote, leader, id, reply), answer)

    def move_leader(self, target: int, answer: Answer) -> None:
        """Let another member lead. Raises BadTransferee."""
        reconfiguration.move_leader(self, target, answer)

    def campaign(self) -> None:
        """Ask for votes now, as after an election timeout without a leader; etcd has no call for this."""
        if self.running:
            self.ticking.wake()
            self.raft.campaign()
            self.drive()

    def clock_now(self) -> float:
        """Unix seconds."""
        return self.loop.clock.now()

    def token_seed(self) -> str:
        """A new number of the cluster's chance."""
        return f"{self.loop.rng.child(self.plan.name).random()}/{self.proposals.next_id()}"


def _attempt(ask: Callable[..., None], leader: Replica, id: int, answer: Answer) -> None:
    try:
        ask(leader, id, answer)
    except EtcdError as error:
        answer(error)


def _for_learners(call: str, request: Message) -> bool:
    """Whether a learner answers a call: only about itself, and what may be old."""
    return call == "Maintenance/Status" or (call == "KV/Range" and request.get("serializable", False))
