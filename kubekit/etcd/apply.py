"""Applier: one member's state machine. Entry after entry of the log changes it, on every member alike.

`apply(request, index)` does what a committed entry asks for and gives the result, or the EtcdError with which
it is refused: a refusal is a result like any other, all members come to the same. In etcd's order an entry
meets the alarms, then the question who asked, then the store; a write that exceeds the quota is done all the
same, but its result says so, and whoever applies it raises the alarm.

Nothing here waits, sends or looks at the clock. Do not call it for an entry twice: `Member` knows how far
it has come.
Source: server/etcdserver/apply/uber_applier.go, apply.go, apply_auth.go, corrupt.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.alarms import NOSPACE, AlarmStore
from kubekit.etcd.auth import AuthStore, Identity
from kubekit.etcd.auth_calls import AuthApplier
from kubekit.etcd.errors import EtcdError, NoSpace
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.membership import Membership
from kubekit.etcd.messages import Message
from kubekit.etcd.operation import DeleteIf, PutIf, Range, Txn, TxnResult
from kubekit.etcd.permission import permit, permit_lease
from kubekit.etcd.quota import KEY_OVERHEAD, LEASE_COST, Quota, cost
from kubekit.etcd.raft_request import NEEDS_ADMIN, RaftRequest

Applied = Any
"""A result of the store (for operations), the fields of a response message, or an EtcdError."""


class Applier:
    """Applies entries to the parts of one member."""

    def __init__(
        self, store: KVStore, auth: AuthStore, alarms: AlarmStore, membership: Membership, quota: Quota
    ) -> None:
        self.store = store
        self.auth = auth
        self.alarms = alarms
        self.membership = membership
        self.quota = quota
        self._handlers: dict[str, Callable[[Any, Identity | None, int], Any]] = {
            "compaction": self._compact,
            "lease_grant": self._grant,
            "lease_revoke": self._revoke,
            "lease_checkpoint": self._checkpoint,
            "alarm": self._alarm,
            "cluster_version_set": self._version,
            "cluster_member_attr_set": self._publish,
            "downgrade_info_set": self._downgrade,
            "downgrade_version_test": lambda body, who, index: {},
            **AuthApplier(auth).handlers(),
        }
        for kind in ("range", "put", "delete_range", "txn"):
            self._handlers[kind] = self._operate

    def apply(self, request: RaftRequest, index: int) -> Applied:
        """Do one entry's request; `index` is the entry's."""
        kind, body = request.kind, request.body
        try:
            if isinstance(body, PutIf | DeleteIf):
                result = self._swiftly(body)
                if result is not None:
                    return result
                body = body.txn
            growth = self._growth(kind, body)
            self.alarms.check(kind, growth)
            who = Identity(request.username, request.auth_revision) if request.username else None
            if kind in NEEDS_ADMIN:
                self.auth.permit_admin(who)
            fits = growth == 0 or self.quota.available(growth)
            result = self._handlers[kind](body, who, index)
        except EtcdError as error:
            return error
        return result if fits else NoSpace()

    def _swiftly(self, body: PutIf | DeleteIf) -> TxnResult | None:
        """An API server's write where nothing stands in its way; whoever proposed it needs no more to know
        than whether it was done."""
        store = self.store
        if self.auth.enabled or self.alarms.get():
            return None
        if isinstance(body, DeleteIf):
            revision = store.delete_if(body.key, body.mod_revision)
        elif self.quota.available(KEY_OVERHEAD + len(body.key) + len(body.value)):
            revision = store.put_if(*body[:3], lease=body.lease)
        else:
            return None
        return TxnResult(revision > 0, [], revision or store.revision)

    def _growth(self, kind: str, body: Any) -> int:
        if kind in ("put", "txn"):
            return cost(body)
        return LEASE_COST if kind == "lease_grant" else 0

    @property
    def full(self) -> bool:
        """Whether the alarm of a full store is on, of whatever member."""
        return bool(self.alarms.get(NOSPACE))

    def _operate(self, body: Any, who: Identity | None, index: int) -> Applied:
        permit(self.auth, self.store, who, body)
        return self.store.apply(body)

    def _compact(self, body: Message, who: Identity | None, index: int) -> Message:
        self.store.compact(body.get("revision", 0))
        return {}

    def _grant(self, body: Message, who: Identity | None, index: int) -> Message:
        lease = self.store.leases.grant(body.get("TTL", 0), body.get("ID", 0))
        return {"ID": lease.id, "TTL": lease.ttl}

    def _revoke(self, body: Message, who: Identity | None, index: int) -> Message:
        id = body.get("ID", 0)
        permit_lease(self.auth, self.store, who, id)
        self.store.leases.revoke(id)
        return {}

    def _checkpoint(self, body: Message, who: Identity | None, index: int) -> Message:
        for checkpoint in body.get("checkpoints", []):
            self.store.leases.checkpoint(checkpoint.get("ID", 0), checkpoint.get("remaining_TTL", 0))
        return {}

    def _alarm(self, body: Message, who: Identity | None, index: int) -> Message:
        return self.alarms.apply(body)

    # -- what the cluster knows of itself ---------------------------------------------------------------

    def _version(self, body: Message, who: Identity | None, index: int) -> Message:
        self.membership.version = body.get("ver", "")
        return {}

    def _publish(self, body: Message, who: Identity | None, index: int) -> Message:
        attributes = body.get("member_attributes", {})
        self.membership.publish(
            body.get("member_ID", 0), attributes.get("name", ""), attributes.get("client_urls", ())
        )
        return {}

    def _downgrade(self, body: Message, who: Identity | None, index: int) -> Message:
        self.membership.downgrade_target = body.get("ver", "") if body.get("enabled") else ""
        return {}


def without_reads(request: RaftRequest) -> RaftRequest:
    """A transaction as a member applies it whose answer nobody waits for here: without its plain reads.

    Reads of a revision stay: they may refuse the whole transaction, and all members must agree on that.
    """
    body = request.body
    if not isinstance(body, Txn):
        return request
    success, failure = [
        [operation for operation in branch if not (isinstance(operation, Range) and not operation.revision)]
        for branch in (body.success, body.failure)
    ]
    if len(success) == len(body.success) and len(failure) == len(body.failure):
        return request
    return request._replace(body=body._replace(success=success, failure=failure))
