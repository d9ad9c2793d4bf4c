"""ClientWatch: one watch of a client, across the members that it is connected to one after the other.

It knows the first revision that it has not been told of. When the connection breaks it waits; at the next
member it goes on from there.
Source: client/v3/watch.go (watchGrpcStream.resume).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubekit.etcd.errors import Compacted
from kubekit.etcd.key_value import Event
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.watch import Watcher

if TYPE_CHECKING:
    from kubekit.etcd.client import EtcdClient


class ClientWatch:
    """A watch of ``[key, range_end)``; made by `EtcdClient.watch`, ended with `cancel`."""

    def __init__(
        self,
        client: EtcdClient,
        key: bytes,
        range_end: bytes,
        next_revision: int,
        callback: Callable[[list[Event]], None],
        prev_kv: bool,
        hidden: tuple[int, ...],
        on_compacted: Callable[[int], None] | None,
    ) -> None:
        self._client = client
        self.key = key
        self.range_end = range_end
        self.next_revision = next_revision
        """The first revision that it has not been told of."""
        self._callback = callback
        self._prev_kv = prev_kv
        self._hidden = hidden
        self._on_compacted = on_compacted
        self._watcher: Watcher | None = None
        self.cancelled = False

    def open(self, store: KVStore, first: bool = False) -> None:
        """Go on at a member's store. Raises Compacted when it is the first one and the past is gone."""
        self.close()
        if self.next_revision == 0:
            self.next_revision = store.revision + 1
        try:
            self._watcher = store.watch(
                self.key,
                self.range_end,
                self.next_revision,
                self._deliver,
                prev_kv=self._prev_kv,
                hidden=self._hidden,
            )
        except Compacted as error:
            if first:
                raise
            self.cancel()
            if self._on_compacted is not None:
                self._on_compacted(error.compact_revision)

    def _deliver(self, events: list[Event]) -> None:
        self.next_revision = events[-1].kv.mod_revision + 1
        self._callback(events)

    def close(self) -> None:
        """The connection is gone; wait for the next."""
        if self._watcher is not None:
            # A quiet watch has been told of nothing for long, and of everything: it need not go back to
            # what has been compacted since. The original hears as much by progress notifications.
            self.next_revision = max(self.next_revision, self._watcher.told_until() + 1)
            self._watcher.cancel()
            self._watcher = None

    def cancel(self) -> None:
        """End the watch. May be called twice."""
        if not self.cancelled:
            self.cancelled = True
            self.close()
            self._client.forget(self)
