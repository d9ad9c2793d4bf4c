"""Permission: whether a user may do an operation, once auth is enabled.

Asked in two places: by whoever answers a read, and by every member that applies a write, so that a right
that was taken away while the write travelled counts as taken away.
Source: server/etcdserver/apply/apply_auth.go.
"""

from __future__ import annotations

from kubekit.etcd.auth import READ, WRITE, AuthStore, Identity
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.lease import Lease
from kubekit.etcd.operation import DeleteRange, Operation, Put, Range, Txn


def permit(auth: AuthStore, store: KVStore, who: Identity | None, operation: Operation | None) -> None:
    """Let an operation pass that touches only what its user may touch. Raises UserEmpty, AuthOldRevision,
    PermissionDenied."""
    if not auth.enabled:
        return
    if isinstance(operation, Range):
        auth.permit(who, READ, operation.key, operation.range_end)
    elif isinstance(operation, Put):
        auth.permit(who, WRITE, operation.key)
        permit_lease(auth, store, who, operation.lease)
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
            permit(auth, store, who, inner)


def permit_lease(auth: AuthStore, store: KVStore, who: Identity | None, id: int) -> None:
    """Who may not write a lease's keys may neither end it nor tie more keys to it."""
    lease = store.leases.lookup(id) if id else None
    if lease is not None:
        permit_keys(auth, who, WRITE, lease)


def permit_keys(auth: AuthStore, who: Identity | None, type: int, lease: Lease) -> None:
    """Let pass who may READ or WRITE every key of a lease."""
    if not auth.is_admin(who):
        for key in lease.keys:
            auth.permit(who, type, key)
