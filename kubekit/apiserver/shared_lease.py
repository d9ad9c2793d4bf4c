"""SharedLease: the etcd lease that objects get which are not to stay, as Events.

Such an object lives as long as its lease, and etcd itself deletes it afterwards; the API server only hears of
the deletion as everybody does. A lease for each Event would be far too many, so one is used again for a
minute and is granted for that minute more: an Event lives for an hour (--event-ttl), or up to a minute
longer. Ask for `id` right before the write.

    grant 3660 s at 12:00:00  ->  Events written until 12:01:00 are gone at 13:01:00

Source: apiserver/pkg/storage/etcd3/lease_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.sim import Clock

REUSE_SECONDS = 60
REUSE_SHARE = 0.05
"""A lease is used again for this share of its time, and for REUSE_SECONDS at most."""

MOST_OBJECTS = 1000
"""How many objects may hang on one lease."""


class SharedLease:
    """Leases for objects that live for `ttl` seconds; `grant(seconds)` gives a new lease's id."""

    def __init__(self, clock: Clock, grant: Callable[[int], int], ttl: int) -> None:
        self._clock = clock
        self._grant = grant
        self.ttl = ttl
        self._id = 0
        self._until = 0.0
        self._objects = 0

    def id(self) -> int:
        """The lease for an object that is written now; 0 when objects stay. Raises what `grant` raises."""
        ttl = self.ttl
        if not ttl:
            return 0
        more = min(int(REUSE_SHARE * ttl), REUSE_SECONDS)
        now = self._clock.now()
        self._objects += 1
        # The second condition: the clock has not been set back since.
        if now + ttl < self._until <= now + ttl + more and self._objects <= MOST_OBJECTS:
            return self._id
        self._id = self._grant(ttl + more)
        self._until = now + ttl + more
        self._objects = 1
        return self._id

    def forget(self) -> None:
        """Begin anew, as an API server that starts does."""
        self._id, self._until, self._objects = 0, 0.0, 0
