"""v3rpc: the calls of etcd's API, messages in and messages out.

`Calls(node).submit("KV/Put", request, token, answer)` answers a request message with a response message or an
`EtcdError`; the JSON gateway, gRPC and etcdctl all stand on it. Here requests are checked for sense and size
and for who asks, in etcd's order, before anything is agreed on; what an agreed request does stands in
`apply`. The calls themselves are in `kv_calls`, `lease_calls`, `user_calls`, `cluster_calls` and
`maintenance_calls`. In-process users of a store do not need this: they call `KVStore`.
Source: server/etcdserver/api/v3rpc, server/etcdserver/v3_server.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubekit.etcd.answer import Answer, step
from kubekit.etcd.auth import READ, AuthStore, Identity
from kubekit.etcd.calls import REQUESTS as REQUESTS
from kubekit.etcd.cluster_calls import ClusterCalls
from kubekit.etcd.errors import EtcdError, Unimplemented
from kubekit.etcd.kv_calls import KVCalls
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.lease_calls import LeaseCalls
from kubekit.etcd.maintenance_calls import MaintenanceCalls
from kubekit.etcd.membership import MemberInfo, default_member
from kubekit.etcd.messages import Message
from kubekit.etcd.node import Node, StandaloneNode
from kubekit.etcd.request_size import MAX_MESSAGE_BYTES as MAX_MESSAGE_BYTES
from kubekit.etcd.request_size import MAX_REQUEST_BYTES as MAX_REQUEST_BYTES
from kubekit.etcd.user_calls import UserCalls

Who = str | Identity
"""Who asks: a token, or what a client's certificate says; an empty token is nobody."""


class Calls:
    """One node's answers to clients."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._calls: dict[str, Callable[[Message, Who, Answer], None]] = {
            **KVCalls(node).calls(),
            **LeaseCalls(node).calls(),
            **UserCalls(node).calls(),
            **ClusterCalls(node).calls(),
            **MaintenanceCalls(node).calls(),
        }

    def submit(self, name: str, request: Message, token: Who, done: Callable[[Any], object]) -> Answer:
        """Answer one call, e.g. ``KV/Range``: `done` gets the response or an EtcdError, once."""

        whole = done if isinstance(done, Answer) else Answer(done)

        def filled(result: Any) -> None:
            self.fill(result.setdefault("header", {}))
            whole(result)

        answer = step(whole, filled)
        handler = self._calls.get(name)
        if handler is None:
            answer(Unimplemented(f"unknown method {name.rpartition('/')[2]}"))
            return answer
        try:
            handler(request, token, answer)
        except EtcdError as error:
            answer(error)
        return answer

    def fill(self, head: Message) -> None:
        """Put the member's name into a response header; who said no revision answers as of now.

        The header of a member list, which is read from no revision, has none; it says so with None.
        """
        node = self.node
        head["cluster_id"], head["member_id"], head["raft_term"] = node.cluster_id, node.id, node.term
        if head.setdefault("revision", node.store.revision) is None:
            del head["revision"]

    def permit_read(self, token: Who, key: bytes, range_end: bytes) -> None:
        """Let a watch of a range pass. Raises EtcdError."""
        auth = self.node.auth
        auth.permit(auth.identify(token), READ, key, range_end)


class Server(Calls):
    """The calls on one store that stands alone: each is answered before it returns."""

    def __init__(
        self,
        store: KVStore,
        auth: AuthStore | None = None,
        members: Sequence[MemberInfo] = (default_member(),),
        raft_term: int = 2,
    ) -> None:
        super().__init__(StandaloneNode(store, auth, members, raft_term))
        self.store = store

    def call(self, name: str, request: Message, token: Who = "") -> Message:
        """Answer one call. Raises EtcdError."""
        answers: list[Any] = []
        self.submit(name, request, token, answers.append)
        if isinstance(answers[0], EtcdError):
            raise answers[0]
        response: Message = answers[0]
        return response
