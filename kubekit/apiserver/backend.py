"""Backends: the two sorts of store that `Storage` can stand on.

`StoreBackend` wraps anything with the interface of `kubekit.etcd.KVStore`: the embedded store, a cluster's
client, or a real etcd behind the same methods. It turns keys into bytes and etcd's errors into this
room's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.apiserver.storage import Compacted, Deliver, Future, Stored, StoreUnavailable
from kubekit.etcd import DELETE, EtcdError, FutureRevision, prefix_end
from kubekit.etcd import Compacted as EtcdCompacted
from kubekit.etcd.client import EtcdClient


class StoreBackend:
    """A `KVStore` as the `Backend` of a `Storage`."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self._put_if = store.put_if
        self._load = getattr(store, "load", None)
        self._refresh = getattr(store, "refresh", None)
        self.shared = getattr(store, "shared", self._refresh is not None)
        """Whether others write to the store too, so that what they write must be asked for."""

    def revision(self) -> int:
        """The present revision."""
        try:
            return int(self.store.revision)
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error

    def get(self, key: str) -> Stored | None:
        """One key."""
        try:
            found = self.store.get(key.encode())
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error
        return None if found is None else Stored(key, found.value, found.mod_revision)

    def get_prefix(
        self, prefix: str, revision: int = 0, start: str = "", limit: int = 0
    ) -> tuple[list[Stored], int]:
        """Keys under a prefix in order, and the count of all from `start` on."""
        first = (start or prefix).encode()
        end = prefix_end(prefix.encode())
        if first >= end:
            return [], 0
        try:
            found = self.store.range(first, end, rev=revision, limit=limit)
        except EtcdCompacted as error:
            raise Compacted(error.compact_revision) from error
        except FutureRevision as error:
            raise Future(str(error)) from error
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error
        return [Stored(kv.key.decode(), kv.value, kv.mod_revision) for kv in found.kvs], found.count

    def load(self, prefix: str) -> tuple[list[Stored], int]:
        """Everything under a prefix as of one revision, and that revision."""
        if self._load is None:
            return self.get_prefix(prefix)[0], self.revision()
        first = prefix.encode()
        try:
            found, revision = self._load(first, prefix_end(first))
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error
        return [Stored(kv.key.decode(), kv.value, kv.mod_revision) for kv in found], revision

    def refresh(self) -> None:
        """Hear of everything that was written before; at once where there is one writer."""
        if self._refresh is not None:
            try:
                self._refresh()
            except EtcdError as error:
                raise StoreUnavailable(str(error)) from error

    def put_if(self, key: str, value: bytes, mod_revision: int, lease: int = 0) -> int:
        """Put when the key is at that revision (0: absent); the new revision or 0."""
        try:
            return int(self._put_if(key.encode(), value, mod_revision, lease))
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error

    def grant(self, ttl: int) -> int:
        """A new lease for some seconds; its id."""
        try:
            return int(self.store.grant(ttl))
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error

    def delete_if(self, key: str, mod_revision: int) -> int:
        """Delete when the key is at that revision; the new revision or 0."""
        try:
            return int(self.store.delete_if(key.encode(), mod_revision))
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error

    def watch(
        self,
        prefix: str,
        start_revision: int,
        deliver: Deliver,
        lost: Callable[[], None] | None = None,
    ) -> Callable[[], None]:
        """Every change under a prefix; `lost` is called once when the watch has ended because what it was to
        tell next is gone: the store was compacted, or restored as if it had been."""

        def told(events: list[Any]) -> None:
            for kind, kv, _ in events:
                deliver(kv.key.decode(), None if kind == DELETE else kv.value, kv.mod_revision)

        data = prefix.encode()
        try:
            if lost is not None and isinstance(self.store, EtcdClient):
                watcher = self.store.watch(
                    data, prefix_end(data), start_revision, told, on_compacted=lambda _: lost()
                )
            else:
                watcher = self.store.watch(data, prefix_end(data), start_revision, told)
        except EtcdError as error:
            raise StoreUnavailable(str(error)) from error
        end: Callable[[], None] = watcher.cancel
        return end
