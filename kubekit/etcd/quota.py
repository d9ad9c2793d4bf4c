"""Quota: how large a member's file may grow before the cluster refuses to grow further.

Each request that writes has a *cost*, an estimate of the bytes it will add; it is available while the file's
size and the cost stay below the limit. The size is the file's, not what is in use of it: deleting and
compacting free pages inside the file, and only defragmenting makes the file smaller. That is why a full store
needs all three steps, and then its alarm disarmed.

    quota = Quota(limit_bytes, store.size)       # limit 0: etcd's 2 GiB; below 0: none
    quota.available(cost(operation))             # asked before proposing, and again when applying

Source: server/storage/quota.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.etcd.backend_size import BackendSize
from kubekit.etcd.operation import Operation, Put, Txn

DEFAULT_QUOTA_BYTES = 2 * 1024**3

KEY_OVERHEAD = 256
"""Bytes reckoned for what is kept of a key besides key and value."""

LEASE_COST = 64
"""Bytes reckoned for a lease."""


def cost(operation: Operation | None) -> int:
    """The estimated growth in bytes; of a transaction, that of its costlier branch.

    >>> cost(Txn(success=[Put(b"k", b"v")], failure=[Put(b"k", b"long value")]))
    267
    """
    if isinstance(operation, Put):
        return KEY_OVERHEAD + len(operation.key) + len(operation.value)
    if isinstance(operation, Txn):
        return max(_costs(operation.success), _costs(operation.failure))
    return 0


def _costs(operations: Iterable[Operation | None]) -> int:
    return sum(cost(operation) for operation in operations)


class Quota:
    """The limit of one member's file."""

    def __init__(self, limit: int, size: BackendSize) -> None:
        self.limit = limit or DEFAULT_QUOTA_BYTES
        self._size = size

    def available(self, cost: int) -> bool:
        """Whether a request of this cost may still be taken; one that costs nothing always may."""
        return cost == 0 or self.limit < 0 or self._size.bytes + cost < self.limit
