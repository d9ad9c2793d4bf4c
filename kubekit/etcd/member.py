"""Member: one etcd process. It holds a store and answers clients.

`submit` takes a call and answers through a callback, once, now or later; `call` is the same for whoever can
wait. A member can be stopped, crashed, paused and started like every component. Do not write to its `store`
past these doors.
Source: server/etcdserver/server.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kubekit.etcd.auth import AuthStore
from kubekit.etcd.errors import EtcdError, RequestTimedOut
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.membership import MemberInfo, member_id
from kubekit.etcd.messages import Message
from kubekit.etcd.v3rpc import Server
from kubekit.etcd.watch_stream import WatchStream
from kubekit.sim import Component, Loop

Done = Callable[[Message | EtcdError], None]


class MemberPlan(NamedTuple):
    """How a member is started: etcd's flags of these names. `component` is its name in the cluster's list
    of components, the member's own when it is empty."""

    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    component: str = ""


class Member(Component):
    """One member of an `EtcdCluster`."""

    def __init__(self, loop: Loop, plan: MemberPlan, *, token: str = "etcd-cluster") -> None:
        super().__init__(loop, plan.component or plan.name)
        self.plan = plan
        self.id = member_id(plan.peer_urls, token)
        self.store = KVStore(loop.clock, self.id)
        self.auth = AuthStore(loop.clock)
        self.server = Server(
            self.store, self.auth, (MemberInfo(self.id, plan.name, plan.peer_urls, plan.client_urls),)
        )
        self._expiry: LeaseExpiry | None = None

    @property
    def members(self) -> Sequence[MemberInfo]:
        """The members of the cluster as this one knows them."""
        return self.server.node.membership.members()

    def submit(self, call: str, request: Message, token: str, done: Done) -> None:
        """Answer a call, e.g. ``KV/Put``: `done` gets the response message or an EtcdError, once."""
        try:
            response = self.call(call, request, token)
        except EtcdError as error:
            done(error)
        else:
            done(response)

    def call(self, call: str, request: Message, token: str = "") -> Message:
        """Answer a call and wait for it. Raises EtcdError."""
        if not self.running:
            raise RequestTimedOut
        return self.server.call(call, request, token)

    def watch(self, send: Callable[[Message], None], token: str = "") -> WatchStream:
        """Open a stream of watches: `send` gets each WatchResponse message."""

        def deliver(response: Message) -> None:
            self.server.fill(response["header"])
            send(response)

        return WatchStream(self.store, deliver, lambda key, end: self.server.permit_read(token, key, end))

    def snapshot(self) -> Iterator[bytes]:
        """The store as the bytes of a snapshot file, in blobs."""
        raise NotImplementedError

    def status(self) -> Message:
        """What Maintenance.Status answers."""
        return self.call("Maintenance/Status", {})

    def on_start(self) -> None:
        """Begin to let leases expire."""
        self._expiry = LeaseExpiry(self.loop, self.store, self.name)

    def on_stop(self) -> None:
        """Nobody watches over leases while etcd is down; they expire when it is back."""
        if self._expiry is not None:
            self._expiry.stop()
            self._expiry = None

    def on_crash(self) -> None:
        """The same: a dead member lets nothing expire."""
        self.on_stop()
