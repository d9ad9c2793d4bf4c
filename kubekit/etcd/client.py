"""EtcdClient: the store as the API server sees it, over the members' client endpoints.

It has the everyday methods of `KVStore` (get, range, put_if, delete_if, txn, watch, compact ...) and asks
whichever member answers: an endpoint that refuses the connection is passed over, the next one is tried. With
one member each call goes straight to it. Errors are `EtcdError` with etcd's words, never a bare one.
Source: client/v3 (client.go, retry_interceptor.go), the balancer's round robin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from kubekit.etcd.errors import EtcdError, RequestTimedOut
from kubekit.etcd.key_value import Event, KeyValue
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.operation import Compare, DeleteResult, Operation, RangeResult, Result, TxnResult
from kubekit.etcd.watch import Watcher

if TYPE_CHECKING:
    from kubekit.etcd.cluster import EtcdCluster
    from kubekit.etcd.member import Member


class EtcdClient:
    """One client of a cluster; `endpoints` are names of members, all of them when nothing is said."""

    def __init__(self, cluster: EtcdCluster, endpoints: Sequence[str] | None = None, name: str = "") -> None:
        self.cluster = cluster
        self.name = name
        self._endpoints = None if endpoints is None else list(endpoints)

    @property
    def endpoints(self) -> list[str]:
        """The members that it may ask, in the order in which it tries them."""
        return list(self.cluster.members) if self._endpoints is None else list(self._endpoints)

    def member(self) -> Member:
        """The member that answers. Raises EtcdError when none does."""
        for name in self.endpoints:
            member = self.cluster.members.get(name)
            if member is not None and member.state == "running":
                return member
        raise RequestTimedOut

    @property
    def store(self) -> KVStore:
        """The answering member's store. Raises EtcdError."""
        return self.member().store

    @property
    def revision(self) -> int:
        """The present revision. Raises EtcdError."""
        return self.store.revision

    @property
    def compacted_revision(self) -> int:
        """The oldest revision that can be read. Raises EtcdError."""
        return self.store.compacted_revision

    def get(self, key: bytes, rev: int = 0) -> KeyValue | None:
        """One key, or None."""
        return self.store.get(key, rev)

    def range(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        rev: int = 0,
        limit: int = 0,
        count_only: bool = False,
        keys_only: bool = False,
    ) -> RangeResult:
        """The keys of a range, as `KVStore.range`."""
        return self.store.range(
            key, range_end, rev=rev, limit=limit, count_only=count_only, keys_only=keys_only
        )

    def put(self, key: bytes, value: bytes, lease: int = 0) -> int:
        """Write one key; the new revision."""
        return self.store.put(key, value, lease)

    def put_if(self, key: bytes, value: bytes, mod_revision: int, lease: int = 0) -> int:
        """Put when the key is at that revision; the new revision, or 0."""
        return self.store.put_if(key, value, mod_revision, lease)

    def delete(self, key: bytes, range_end: bytes = b"") -> DeleteResult:
        """Delete the keys of a range."""
        return self.store.delete(key, range_end)

    def delete_if(self, key: bytes, mod_revision: int) -> int:
        """Delete a key when it is at that revision; the new revision, or 0."""
        return self.store.delete_if(key, mod_revision)

    def txn(
        self,
        compares: Sequence[Compare] = (),
        success: Sequence[Operation | None] = (),
        failure: Sequence[Operation | None] = (),
    ) -> TxnResult:
        """If all comparisons hold do `success`, else `failure`."""
        return self.store.txn(compares, success, failure)

    def apply(self, operation: Operation) -> Result:
        """Do any operation."""
        return self.store.apply(operation)

    def compact(self, rev: int) -> None:
        """Forget what came before a revision."""
        self.store.compact(rev)

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        start_rev: int = 0,
        callback: Callable[[list[Event]], None] = lambda events: None,
        *,
        prev_kv: bool = False,
        hidden: Iterable[int] = (),
    ) -> Watcher:
        """Be told of every change of a range from `start_rev` on."""
        return self.store.watch(key, range_end, start_rev, callback, prev_kv=prev_kv, hidden=hidden)


__all__ = ["EtcdClient", "EtcdError"]
