"""Leases: keys that go when nobody speaks up for them.

A client is granted a lease for some seconds, attaches keys to it by putting them with its id, and keeps it
alive. A lease that runs out is revoked: its keys are deleted, in one revision, in the order of their bytes.

The lessor has no timer. Whoever runs the store asks `next_expiry` and calls `expire` when it is due;
`kubekit.etcd.expiry.LeaseExpiry` does that on a loop. Do not delete a lease's keys yourself.
Source: server/lease/lessor.go.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from kubekit.etcd.errors import LeaseExists, LeaseNotFound, LeaseTtlTooLarge
from kubekit.sim import Clock

MIN_TTL = 2
"""Seconds. Shorter grants are raised to it: one and a half election timeouts of 1 s, rounded up."""

MAX_TTL = 9_000_000_000
"""Seconds. Longer grants are refused."""


class Lease:
    """One lease: `ttl` is the granted time in seconds, `expiry` the Unix time when it runs out."""

    __slots__ = ("expiry", "id", "keys", "ttl")

    def __init__(self, id: int, ttl: int, expiry: float) -> None:
        self.id = id
        self.ttl = ttl
        self.expiry = expiry
        self.keys: dict[bytes, None] = {}
        """The attached keys."""


class Lessor:
    """All leases of a store."""

    def __init__(self, clock: Clock, delete_keys: Callable[[list[bytes]], None], member_id: int) -> None:
        self._clock = clock
        self._delete_keys = delete_keys
        self._by_id: dict[int, Lease] = {}
        self._due: list[tuple[float, int]] = []
        self._ids = LeaseIds(member_id, clock.now())
        self.on_change: Callable[[], None] | None = None
        """Called after a grant or a renewal: the next expiry may have moved."""

    def lookup(self, id: int) -> Lease | None:
        """The lease with this id."""
        return self._by_id.get(id)

    def __contains__(self, id: int) -> bool:
        return id in self._by_id

    def grant(self, ttl: int, id: int = 0) -> Lease:
        """Grant a lease for `ttl` seconds; id 0 chooses one.

        Raises LeaseExists and LeaseTtlTooLarge.
        """
        if not id:
            id = self._ids.next()
        if ttl > MAX_TTL:
            raise LeaseTtlTooLarge
        if id in self._by_id:
            raise LeaseExists
        ttl = max(ttl, MIN_TTL)
        lease = self._by_id[id] = Lease(id, ttl, self._clock.now() + ttl)
        self._schedule(lease)
        return lease

    def renew(self, id: int) -> int:
        """Begin the lease's time anew; its granted seconds. Raises LeaseNotFound, also for an overdue
        lease."""
        lease = self._by_id.get(id)
        if lease is None:
            raise LeaseNotFound
        now = self._clock.now()
        if lease.expiry <= now:
            # It is about to be revoked; etcd lets the keep-alive wait for that.
            self.revoke(id)
            raise LeaseNotFound
        lease.expiry = now + lease.ttl
        self._schedule(lease)
        return lease.ttl

    def revoke(self, id: int) -> None:
        """End the lease and delete its keys. Raises LeaseNotFound."""
        lease = self._by_id.pop(id, None)
        if lease is None:
            raise LeaseNotFound
        if lease.keys:
            self._delete_keys(sorted(lease.keys))

    def remaining(self, lease: Lease) -> int:
        """Whole seconds that a lease has left."""
        return int(lease.expiry - self._clock.now())

    def leases(self) -> list[Lease]:
        """All leases, the one that runs out first at the front."""
        return sorted(self._by_id.values(), key=lambda lease: lease.expiry)

    def next_expiry(self) -> float | None:
        """The Unix time when the next lease runs out; None when there is no lease."""
        while self._due:
            expiry, id = self._due[0]
            lease = self._by_id.get(id)
            if lease is not None and lease.expiry == expiry:
                return expiry
            heapq.heappop(self._due)
        return None

    def expire(self) -> list[int]:
        """Revoke every lease whose time is over; their ids."""
        now = self._clock.now()
        revoked = []
        while (due := self.next_expiry()) is not None and due <= now:
            _, id = heapq.heappop(self._due)
            self.revoke(id)
            revoked.append(id)
        return revoked

    def attach(self, id: int, key: bytes) -> None:
        """Tie a key to a lease that exists."""
        self._by_id[id].keys[key] = None

    def detach(self, id: int, key: bytes) -> None:
        """Untie a key; a lease that is being revoked is no longer there, which is fine."""
        lease = self._by_id.get(id)
        if lease is not None:
            lease.keys.pop(key, None)

    def _schedule(self, lease: Lease) -> None:
        heapq.heappush(self._due, (lease.expiry, lease.id))
        if self.on_change is not None:
            self.on_change()


class LeaseIds:
    """Lease ids as etcd makes them: two bytes of the member, five of the start's milliseconds, one to count.

    Source: pkg/idutil/id.go. The top bit is cleared, so that ids are positive.
    """

    __slots__ = ("_count", "_prefix")

    def __init__(self, member_id: int, started: float) -> None:
        self._prefix = (member_id & 0xFFFF) << 48
        self._count = (int(started * 1000) & 0xFF_FFFF_FFFF) << 8

    def next(self) -> int:
        """The next id, never 0."""
        self._count += 1
        return (self._prefix | (self._count & 0xFFFF_FFFF_FFFF)) & 0x7FFF_FFFF_FFFF_FFFF
