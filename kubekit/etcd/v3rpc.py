"""v3rpc: the calls of etcd's API, messages in and messages out.

`Server.call("KV/Put", request)` answers a request message with a response message or raises an `EtcdError`;
the JSON gateway and gRPC both stand on it. Here requests are checked for size and for who asks, in etcd's
order: sense, size, leave, and only then the store. In-process users do not need this: they call `KVStore`.
Source: server/etcdserver/api/v3rpc, server/etcdserver/v3_server.go, server/etcdserver/apply/auth.go.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.etcd.auth import READ, WRITE, AuthStore, Identity
from kubekit.etcd.auth_calls import AuthCalls
from kubekit.etcd.calls import REQUESTS as REQUESTS
from kubekit.etcd.conversion import header, message_of, operation_of
from kubekit.etcd.errors import LeaseNotFound, LeaseOverdue, RequestTooLarge, Unimplemented
from kubekit.etcd.key_value import varint
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.lease import Lease
from kubekit.etcd.membership import MemberInfo, cluster_id, default_member
from kubekit.etcd.messages import Message
from kubekit.etcd.operation import DeleteRange, Operation, Put, Range, Txn
from kubekit.etcd.protobuf import encode

MAX_REQUEST_BYTES = 1536 * 1024
"""How long a request may be as an entry of the log."""

MAX_MESSAGE_BYTES = MAX_REQUEST_BYTES + 512 * 1024
"""How long a message may be on the wire."""


class Server:
    """One member's answers to clients."""

    def __init__(
        self,
        store: KVStore,
        auth: AuthStore | None = None,
        members: tuple[MemberInfo, ...] = (default_member(),),
        raft_term: int = 2,
    ) -> None:
        self.store = store
        self.auth = auth if auth is not None else AuthStore(store.clock)
        self.members = members
        self.raft_term = raft_term
        self._cluster_id = cluster_id(member.id for member in members)
        self._calls: dict[str, Callable[[Message, Identity | None], Message]] = {
            "KV/Range": self._range,
            "KV/Put": lambda request, who: self._write("put", request, who),
            "KV/DeleteRange": lambda request, who: self._write("delete_range", request, who),
            "KV/Txn": lambda request, who: self._write("txn", request, who),
            "KV/Compact": self._compact,
            "Lease/LeaseGrant": self._grant,
            "Lease/LeaseRevoke": self._revoke,
            "Lease/LeaseKeepAlive": self._keep_alive,
            "Lease/LeaseTimeToLive": self._time_to_live,
            "Lease/LeaseLeases": self._leases,
            "Maintenance/HashKV": self._hash_kv,
            "Cluster/MemberList": self._member_list,
            **AuthCalls(self.auth).calls(),
        }

    def call(self, name: str, request: Message, token: str = "") -> Message:
        """Answer one call, e.g. ``KV/Range``; `token` says who asks. Raises EtcdError."""
        handler = self._calls.get(name)
        if handler is None:
            raise Unimplemented(f"unknown method {name.rpartition('/')[2]}")
        response = handler(request, self.auth.identify(token))
        # Whoever does not say which revision he saw answers as of now; only the member list has none.
        response.setdefault("header", header(self.store.revision))
        self.fill(response["header"])
        return response

    def fill(self, head: Message) -> None:
        """Put the member's name into a response header."""
        head.update(cluster_id=self._cluster_id, member_id=self.members[0].id, raft_term=self.raft_term)

    def permit_read(self, token: str, key: bytes, range_end: bytes) -> None:
        """Let a watch of a range pass. Raises EtcdError."""
        self.auth.permit(self.auth.identify(token), READ, key, range_end)

    def _range(self, request: Message, who: Identity | None) -> Message:
        operation = operation_of("range", request)
        self.store.check(operation)
        self._permit(operation, who)
        return message_of(self.store.apply(operation))

    def _write(self, kind: str, request: Message, who: Identity | None) -> Message:
        operation = operation_of(kind, request)
        self.store.check(operation)
        if not (isinstance(operation, Txn) and _reads_only(operation)):
            check_size(_REQUEST_NAMES[kind], request)
        self._permit(operation, who)
        return message_of(self.store.apply(operation))

    def _permit(self, operation: Operation | None, who: Identity | None) -> None:
        """Let an operation pass that touches only what its user may touch. Raises EtcdError."""
        auth = self.auth
        if not auth.enabled:
            return
        if isinstance(operation, Range):
            auth.permit(who, READ, operation.key, operation.range_end)
        elif isinstance(operation, Put):
            auth.permit(who, WRITE, operation.key)
            self._permit_lease(who, operation.lease)
            if operation.prev_kv:
                auth.permit(who, READ, operation.key)
        elif isinstance(operation, DeleteRange):
            auth.permit(who, WRITE, operation.key, operation.range_end)
            if operation.prev_kv:
                auth.permit(who, READ, operation.key, operation.range_end)
        elif isinstance(operation, Txn):
            for compare in operation.compares:
                auth.permit(who, READ, compare.key, compare.range_end)
            for inner in (*operation.success, *operation.failure):
                self._permit(inner, who)

    def _permit_lease(self, who: Identity | None, id: int) -> None:
        """Who may not write a lease's keys may neither end it nor tie more keys to it."""
        lease = self.store.leases.lookup(id)
        if lease is not None:
            self._permit_keys(who, WRITE, lease)

    def _permit_keys(self, who: Identity | None, type: int, lease: Lease) -> None:
        if not self.auth.is_admin(who):
            for key in lease.keys:
                self.auth.permit(who, type, key)

    def _compact(self, request: Message, who: Identity | None) -> Message:
        self.auth.permit_admin(who)
        self.store.compact(request.get("revision", 0))
        return {}

    def _grant(self, request: Message, who: Identity | None) -> Message:
        self.auth.require_user(who)
        lease = self.store.leases.grant(request.get("TTL", 0), request.get("ID", 0))
        return {"ID": lease.id, "TTL": lease.ttl}

    def _revoke(self, request: Message, who: Identity | None) -> Message:
        self.auth.require_user(who)
        self._permit_lease(who, request.get("ID", 0))
        self.store.leases.revoke(request.get("ID", 0))
        return {}

    def _keep_alive(self, request: Message, who: Identity | None) -> Message:
        id = request.get("ID", 0)
        self.auth.require_user(who)
        self._permit_lease(who, id)
        # The header is made before the renewal: it must not claim a later revision than that saw.
        head = header(self.store.revision)
        try:
            ttl = self.store.leases.renew(id)
        except LeaseOverdue:
            self.store.leases.revoke(id)
            ttl = 0
        except LeaseNotFound:
            ttl = 0
        return {"header": head, "ID": id, "TTL": ttl}

    def _time_to_live(self, request: Message, who: Identity | None) -> Message:
        id = request.get("ID", 0)
        self.auth.require_user(who)
        lease = self.store.leases.lookup(id)
        if lease is None:
            return {"ID": id, "TTL": -1}
        message: Message = {"ID": id, "TTL": self.store.leases.remaining(lease), "grantedTTL": lease.ttl}
        if request.get("keys"):
            self._permit_keys(who, READ, lease)
            message["keys"] = list(lease.keys)
        return message

    def _leases(self, request: Message, who: Identity | None) -> Message:
        self.auth.require_user(who)
        leases = self.store.leases.leases()
        for lease in leases:
            self._permit_keys(who, READ, lease)
        return {"leases": [{"ID": lease.id} for lease in leases]}

    def _hash_kv(self, request: Message, who: Identity | None) -> Message:
        self.auth.permit_admin(who)
        found = self.store.hash_kv(request.get("revision", 0))
        return {
            "hash": found.hash,
            "compact_revision": found.compact_revision,
            "hash_revision": found.revision,
        }

    def _member_list(self, request: Message, who: Identity | None) -> Message:
        self.auth.require_user(who)
        members = [
            {
                "ID": member.id,
                "name": member.name,
                "peerURLs": list(member.peer_urls),
                "clientURLs": list(member.client_urls),
                "isLearner": member.learner,
            }
            for member in self.members
        ]
        return {"header": {}, "members": members}


_REQUEST_NAMES = {"put": "PutRequest", "delete_range": "DeleteRangeRequest", "txn": "TxnRequest"}


def _reads_only(txn: Txn) -> bool:
    """Whether a transaction does not go through the log; one with nested transactions always does."""
    return all(isinstance(operation, Range) for branch in (txn.success, txn.failure) for operation in branch)


_ENTRY_HEAD = 13
"""Bytes of a log entry's own header: two tags, a length and the nine bytes of a request id."""


def check_size(name: str, request: Message) -> None:
    """Refuse a request that is too long as an entry of the log. Raises RequestTooLarge."""
    size = len(encode(name, request))
    if _ENTRY_HEAD + 1 + len(varint(size)) + size > MAX_REQUEST_BYTES:
        raise RequestTooLarge
