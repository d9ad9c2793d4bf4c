"""MemberWatch: the watch streams that clients hold open at one member.

A stream lives as long as its connection: when the member goes, all of them end, and the clients open new ones
elsewhere, from the revision after the last one that they saw. A client that *requires a leader* is also sent
away by a member that has been without one for three election timeouts, because such a member may be cut off
and tell nothing new for ever.
Source: server/etcdserver/api/v3rpc/interceptor.go (monitorLeader), watch.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubekit.etcd.cluster_errors import ConnectionRefused, NoLeader, NotForLearner
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.etcd.v3rpc import Who
from kubekit.etcd.watch_stream import PROGRESS_INTERVAL, WatchStream
from kubekit.sim import Handle

if TYPE_CHECKING:
    from kubekit.etcd.client import EtcdClient
    from kubekit.etcd.member import Member

Ended = Callable[[EtcdError], None]

PATIENCE = 3
"""Election timeouts without a leader after which streams that require one are ended."""


class MemberStream(WatchStream):
    """One client's stream at one member."""

    def __init__(
        self,
        streams: Streams,
        member: Member,
        send: Callable[[Message], None],
        token: Who,
        ended: Ended | None,
        requires_leader: bool,
    ) -> None:
        def deliver(response: Message) -> None:
            member.calls.fill(response["header"])
            send(response)

        super().__init__(member.store, deliver, lambda key, end: member.calls.permit_read(token, key, end))
        self._streams = streams
        self._ended = ended
        self.requires_leader = requires_leader

    def close(self) -> None:
        """The client has gone."""
        super().close()
        self._streams.forget(self)

    def end(self, error: EtcdError) -> None:
        """The member ends the stream."""
        self.close()
        if self._ended is not None:
            self._ended(error)


class Streams:
    """All streams of one member."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._open: dict[MemberStream, None] = {}
        self._clients: dict[EtcdClient, None] = {}
        """Clients within the process; they require a leader, as kube-apiserver does."""
        self._progress: Handle | None = None
        self._leaderless: Handle | None = None
        member.after_change.append(self._leader_changed)

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def open(
        self, send: Callable[[Message], None], token: Who, ended: Ended | None, requires_leader: bool
    ) -> MemberStream:
        """A new stream. Raises ConnectionRefused, NotForLearner, NoLeader."""
        member = self._member
        if member.state != "running" or not member.serving:
            raise ConnectionRefused(member.client_address)
        if member.learner:
            raise NotForLearner
        if requires_leader and not member.raft.lead:
            raise NoLeader
        stream = MemberStream(self, member, send, token, ended, requires_leader)
        self._open[stream] = None
        if self._progress is None:
            self._set_progress()
        return stream

    def attach(self, client: EtcdClient) -> None:
        """A client has connected; it is told when the connection ends."""
        self._clients[client] = None

    def detach(self, client: EtcdClient) -> None:
        """A client has left."""
        self._clients.pop(client, None)

    def forget(self, stream: MemberStream) -> None:
        """A stream was closed."""
        self._open.pop(stream, None)

    def end(self, error: EtcdError) -> None:
        """The member goes: all streams end."""
        for timer in (self._progress, self._leaderless):
            if timer is not None:
                timer.cancel()
        self._progress = self._leaderless = None
        for stream in list(self._open):
            stream.end(error)
        for client in list(self._clients):
            client.lost()

    def _set_progress(self) -> None:
        member = self._member
        self._progress = member.loop.call_later(
            PROGRESS_INTERVAL, member.name, self._tell_progress, what="tell watchers how far", background=True
        )

    def _tell_progress(self) -> None:
        self._progress = None
        for stream in list(self._open):
            stream.progress_tick()
        if self._open:
            self._set_progress()

    def _leader_changed(self) -> None:
        member = self._member
        if member.raft.lead:
            if self._leaderless is not None:
                self._leaderless.cancel()
                self._leaderless = None
        elif self._leaderless is None and (
            self._clients or any(stream.requires_leader for stream in self._open)
        ):
            self._leaderless = member.loop.call_later(
                PATIENCE * member.options.election,
                member.name,
                self._send_away,
                what="streams that require a leader",
                background=True,
            )

    def _send_away(self) -> None:
        self._leaderless = None
        for stream in list(self._open):
            if stream.requires_leader:
                stream.end(NoLeader())
        for client in list(self._clients):
            client.lost()
