"""The compactor: every five minutes an API server lets etcd forget what is older than five minutes.

Several API servers share the work without talking: all look at one key, and who finds its version as he
remembers it moves it on and compacts; the others see that somebody did, and only remember the new version.

    version 3, as I remember   ->  put (version 4), compact what was the revision five minutes ago
    version 4, I remember 3    ->  nothing, remember 4

So whoever watches or pages may be five minutes behind, and never more than ten; who is later gets 410 Gone
and lists anew. The store is anything with `txn` and `compact` of `kubekit.etcd.KVStore`. Source:
apiserver/pkg/storage/etcd3/compact.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.operation import COMPARE_VERSION, EQUAL, Compare, Put, Range, RangeResult
from kubekit.sim import Handle, Loop

KEY = b"compact_rev_key"


class Compactor:
    """The compactor of one API server."""

    def __init__(self, loop: Loop, owner: str, store: Any, seconds: float) -> None:
        """`seconds` between two compactions; 0: never."""
        self._loop = loop
        self._owner = owner
        self._store = store
        self._seconds = seconds
        self._version = 0
        self._revision = 0
        self._timer: Handle | None = None

    def start(self) -> None:
        """Begin, knowing nothing of what was compacted earlier."""
        self.stop()
        self._version = self._revision = 0
        if self._seconds > 0:
            self._timer = self._loop.every(self._seconds, self._owner, self.turn, what="compact etcd")

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def turn(self) -> None:
        """Once: compact, or see that somebody else does."""
        try:
            self._turn()
        except EtcdError:
            return  # next time; nothing depends on it

    def _turn(self) -> None:
        answer = self._store.txn(
            [Compare(KEY, COMPARE_VERSION, EQUAL, self._version)],
            [Put(KEY, str(self._revision).encode())],
            [Range(KEY)],
        )
        if not answer.succeeded:
            looked = answer.responses[0]
            assert isinstance(looked, RangeResult)
            self._version = looked.kvs[0].version if looked.kvs else 0
            self._revision = answer.revision
            return
        self._version += 1
        before, self._revision = self._revision, answer.revision
        if before:
            self._store.compact(before)
