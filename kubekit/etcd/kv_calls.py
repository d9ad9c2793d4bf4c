"""KVCalls: Range, Put, DeleteRange, Txn and Compact.

A read is done here, after `Node.read` has said that this node has caught up, or at once when the client asks
for a *serializable* one and takes what may be old. Everything else is proposed. A transaction that only reads
is a read. A full store refuses growth before it is even proposed, and raises its alarm.
Source: server/etcdserver/api/v3rpc/key.go, quota.go; server/etcdserver/v3_server.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.alarms import ACTIVATE, NOSPACE
from kubekit.etcd.answer import Answer, step, then
from kubekit.etcd.auth import Identity
from kubekit.etcd.conversion import message_of, operation_of
from kubekit.etcd.errors import AuthOldRevision, NoSpace
from kubekit.etcd.messages import Message
from kubekit.etcd.node import Node
from kubekit.etcd.operation import Operation, Range, Txn
from kubekit.etcd.permission import permit
from kubekit.etcd.quota import cost
from kubekit.etcd.request_size import check_size

Who = str | Identity


class KVCalls:
    """The calls on keys."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def calls(self) -> dict[str, Callable[[Message, Who, Answer], None]]:
        """Each call by its name."""
        return {
            "KV/Range": self._range,
            "KV/Put": lambda request, who, answer: self._write("put", "PutRequest", request, who, answer),
            "KV/DeleteRange": lambda request, who, answer: self._write(
                "delete_range", "DeleteRangeRequest", request, who, answer
            ),
            "KV/Txn": lambda request, who, answer: self._write("txn", "TxnRequest", request, who, answer),
            "KV/Compact": self._compact,
        }

    def _range(self, request: Message, who: Who, answer: Answer) -> None:
        operation = operation_of("range", request)
        self._node.store.check(operation)
        self._read(operation, request.get("serializable", False), who, answer)

    def _read(self, operation: Operation, serializable: bool, who: Who, answer: Answer) -> None:
        node = self._node

        def read(_: Any) -> None:
            auth = node.auth
            identity = auth.identify(who)
            permit(auth, node.store, identity, operation)
            result = node.store.apply(operation)
            if identity is not None and identity.revision and identity.revision != auth.revision:
                raise AuthOldRevision
            answer(message_of(result))

        if serializable:
            read(None)
        else:
            node.read(step(answer, read))

    def _write(self, kind: str, name: str, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        operation = operation_of(kind, request)
        growth = cost(operation)
        if growth and not node.quota.available(growth):
            raise_alarm(node, answer)
            return
        node.store.check(operation)
        if isinstance(operation, Txn) and only_reads(operation):
            self._read(operation, _serializable(request), who, answer)
            return
        identity = node.auth.identify(who)
        check_size(name, request)
        node.propose(kind, operation, identity, then(answer, message_of))

    def _compact(self, request: Message, who: Who, answer: Answer) -> None:
        node = self._node
        identity = node.auth.identify(who)
        node.auth.permit_admin(identity)
        node.propose("compaction", request, identity, answer)


def raise_alarm(node: Node, answer: Answer) -> None:
    """Say to the whole cluster that this node is full, and refuse what came."""
    alarm = {"action": ACTIVATE, "memberID": node.id, "alarm": NOSPACE}
    node.propose("alarm", alarm, None, Answer(lambda _: answer(NoSpace())))


def only_reads(txn: Txn) -> bool:
    """Whether a transaction does not go through the log; one with nested transactions always does."""
    return all(isinstance(operation, Range) for branch in (txn.success, txn.failure) for operation in branch)


def _serializable(request: Message) -> bool:
    """Whether every read of a transaction that only reads may be old."""
    return all(
        inner.get("request_range", {}).get("serializable", False)
        for branch in ("success", "failure")
        for inner in request.get(branch, ())
    )
