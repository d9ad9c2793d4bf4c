"""Leases: keys that go when nobody speaks up for them.

A client is granted a lease for some seconds, attaches keys to it by putting them with its id, and keeps it
alive. A lease that runs out is revoked: its keys are deleted, in one revision, in the order of their bytes.

All members hold the leases, but only the leader's lessor keeps time: it is *primary*. On the others a lease
lasts for ever. A member that becomes leader is promoted and begins every lease anew, because nobody knows
how much of its time had gone; with checkpoints on, the leader now and then writes the remaining time into
the log, and the next leader goes on from there.

The lessor has no timer and, in a cluster, decides nothing: the leader asks `expired` when `next_look` is due
and sends a revocation through the log for each; every member that applies it calls `revoke`. A store that
stands alone calls `expire`, which does both (`kubekit.etcd.expiry.LeaseExpiry` does that on a loop). Do not
delete a lease's keys yourself.
Source: server/lease/lessor.go, lease.go.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable

from kubekit.etcd.errors import LeaseExists, LeaseNotFound, LeaseOverdue, LeaseTtlTooLarge, NotPrimary
from kubekit.sim import Clock

MIN_TTL = 2
"""Seconds. Shorter grants are raised to it: one and a half election timeouts of 1 s, rounded up."""

MAX_TTL = 9_000_000_000
"""Seconds. Longer grants are refused."""

RETRY = 3.0
"""Seconds after which an expired lease that was not revoked is named again."""

REVOKE_RATE = 1000
"""Leases a second that a leader revokes."""

CHECKPOINT_INTERVAL = 300.0
"""Seconds between two checkpoints of a lease."""

CHECKPOINT_BATCH = 1000
"""Checkpoints in one entry of the log."""


def min_ttl(election: float) -> int:
    """The shortest lease, in seconds, that outlives an election; `election` is its timeout in seconds."""
    return math.ceil(1.5 * election)


class Lease:
    """One lease: `ttl` is the granted time in seconds, `expiry` the Unix time when it runs out (infinite
    where no time is kept), `remaining_ttl` the last checkpoint's seconds or 0."""

    __slots__ = ("expiry", "id", "keys", "remaining_ttl", "ttl")

    def __init__(self, id: int, ttl: int, expiry: float = math.inf, remaining_ttl: int = 0) -> None:
        self.id = id
        self.ttl = ttl
        self.expiry = expiry
        self.remaining_ttl = remaining_ttl
        self.keys: dict[bytes, None] = {}
        """The attached keys."""

    @property
    def rest(self) -> int:
        """The seconds that a lease gets when its time begins anew on another leader."""
        return self.remaining_ttl if self.remaining_ttl > 0 else self.ttl


class Lessor:
    """All leases of a store. A new one is primary; a member of a cluster is demoted until it leads."""

    def __init__(self, clock: Clock, delete_keys: Callable[[list[bytes]], None], member_id: int) -> None:
        self._clock = clock
        self._delete_keys = delete_keys
        self._by_id: dict[int, Lease] = {}
        self._due: list[tuple[float, int]] = []
        """When to look at which lease: at its expiry, or later if it was named already."""
        self._looks: dict[int, float] = {}
        """The valid entry of `_due` for each lease."""
        self._checkpoints: list[tuple[float, int]] = []
        self._ids = LeaseIds(member_id, clock.now())
        self.primary = True
        """Whether this lessor keeps time; set by `promote` and `demote`."""
        self.min_ttl = MIN_TTL
        self.checkpoint_interval = 0.0
        """Seconds between two checkpoints; 0: none are made."""
        self.on_change: Callable[[], None] | None = None
        """Called when the next look may have moved."""

    def lookup(self, id: int) -> Lease | None:
        """The lease with this id."""
        return self._by_id.get(id)

    def __contains__(self, id: int) -> bool:
        return id in self._by_id

    def choose_id(self) -> int:
        """An id for a lease that is granted without one."""
        return self._ids.next()

    def grant(self, ttl: int, id: int = 0) -> Lease:
        """Grant a lease for `ttl` seconds; id 0 chooses one, which members of a cluster must not do.

        Raises LeaseExists and LeaseTtlTooLarge.
        """
        if not id:
            id = self.choose_id()
        if ttl > MAX_TTL:
            raise LeaseTtlTooLarge
        if id in self._by_id:
            raise LeaseExists
        lease = self._by_id[id] = Lease(id, max(ttl, self.min_ttl))
        if self.primary:
            self._begin(lease)
            self._plan_checkpoint(lease)
        return lease

    def renew(self, id: int) -> int:
        """Begin the lease's time anew; its granted seconds.

        Raises NotPrimary (the leader must be asked), LeaseNotFound, and LeaseOverdue for a lease that is to
        be revoked: etcd lets the keep-alive wait for that, then answers that there is no such lease. Where
        checkpoints are made, a leader first clears a `remaining_ttl` above 0 through the log.
        """
        if not self.primary:
            raise NotPrimary
        lease = self._by_id.get(id)
        if lease is None:
            raise LeaseNotFound
        if lease.expiry <= self._clock.now():
            raise LeaseOverdue
        self._begin(lease)
        return lease.ttl

    def revoke(self, id: int) -> None:
        """End the lease and delete its keys. Raises LeaseNotFound."""
        lease = self._by_id.pop(id, None)
        if lease is None:
            raise LeaseNotFound
        self._looks.pop(id, None)
        if lease.keys:
            self._delete_keys(sorted(lease.keys))

    def remaining(self, lease: Lease) -> int:
        """Whole seconds that a lease has left; below 0 when it is overdue. Only a primary lessor knows."""
        return int(lease.expiry - self._clock.now()) if lease.expiry < math.inf else lease.ttl

    def leases(self) -> list[Lease]:
        """All leases, the one that runs out first at the front."""
        return sorted(self._by_id.values(), key=lambda lease: lease.expiry)

    # A leader's time

    def promote(self, extend: float = 0.0) -> None:
        """Begin to keep time, as a new leader does: every lease starts anew with `extend` seconds on top.

        Where very many would run out within the same second, the later ones get more time, so that they can
        be revoked at the pace that etcd sets itself.
        """
        self.primary = True
        for lease in self._by_id.values():
            self._begin(lease, extend)
            self._plan_checkpoint(lease)
        if len(self._by_id) >= REVOKE_RATE:
            self._spread(extend)

    def demote(self) -> None:
        """Stop keeping time: all leases last until the next leader says otherwise."""
        self.primary = False
        for lease in self._by_id.values():
            lease.expiry = math.inf
        self._due.clear()
        self._looks.clear()
        self._checkpoints.clear()

    def next_look(self) -> float | None:
        """The Unix time when `expired` or `due_checkpoints` will next have something; None: no such time."""
        while self._due and self._looks.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        looks = [queue[0][0] for queue in (self._due, self._checkpoints) if queue]
        return min(looks, default=None)

    def expired(self, limit: int = REVOKE_RATE // 2) -> list[int]:
        """The leases whose time is over, at most `limit`; each is named again after RETRY seconds."""
        now = self._clock.now()
        found: list[int] = []
        while self._due and len(found) < limit:
            when, id = self._due[0]
            if self._looks.get(id) != when:
                heapq.heappop(self._due)
                continue
            if when > now:
                break
            heapq.heappop(self._due)
            self._plan(id, now + RETRY)
            found.append(id)
        return found

    def expire(self) -> list[int]:
        """Revoke every lease whose time is over; their ids. For a store that stands alone."""
        revoked: list[int] = []
        while found := self.expired():
            for id in found:
                self.revoke(id)
            revoked += found
        return revoked

    def due_checkpoints(self) -> list[tuple[int, int]]:
        """(id, remaining seconds) of leases whose checkpoint is due, for one entry of the log."""
        now = self._clock.now()
        found: list[tuple[int, int]] = []
        while self._checkpoints and self._checkpoints[0][0] <= now and len(found) < CHECKPOINT_BATCH:
            _, id = heapq.heappop(self._checkpoints)
            lease = self._by_id.get(id)
            if lease is not None and lease.expiry > now:
                remaining = math.ceil(lease.expiry - now)
                if remaining < lease.ttl:
                    found.append((id, remaining))
        return found

    def checkpoint(self, id: int, remaining_ttl: int) -> None:
        """Remember how many seconds a lease has left; a lease that is gone is no matter."""
        lease = self._by_id.get(id)
        if lease is not None:
            lease.remaining_ttl = remaining_ttl
            if self.primary:
                self._plan_checkpoint(lease)

    # What the store and its files do

    def restore(self, leases: Iterable[tuple[int, int, int]]) -> None:
        """Take over (id, ttl, remaining_ttl) from a file, in place of all that was; no time is kept yet.

        Keys are attached by the store, which knows them.
        """
        self._by_id = {id: Lease(id, max(ttl, self.min_ttl), math.inf, rest) for id, ttl, rest in leases}
        self.demote()

    def attach(self, id: int, key: bytes) -> None:
        """Tie a key to a lease that exists."""
        self._by_id[id].keys[key] = None

    def detach(self, id: int, key: bytes) -> None:
        """Untie a key; a lease that is being revoked is no longer there, which is fine."""
        lease = self._by_id.get(id)
        if lease is not None:
            lease.keys.pop(key, None)

    def _begin(self, lease: Lease, extend: float = 0.0) -> None:
        lease.expiry = self._clock.now() + extend + lease.rest
        self._plan(lease.id, lease.expiry)
        if self.on_change is not None:
            self.on_change()

    def _plan(self, id: int, when: float) -> None:
        self._looks[id] = when
        heapq.heappush(self._due, (when, id))

    def _plan_checkpoint(self, lease: Lease) -> None:
        if 0 < self.checkpoint_interval < lease.rest:
            heapq.heappush(self._checkpoints, (self._clock.now() + self.checkpoint_interval, lease.id))
            if self.on_change is not None:
                self.on_change()

    def _spread(self, extend: float) -> None:
        now = self._clock.now()
        leases = self.leases()
        base = leases[0].expiry - now
        following = base + 1.0
        pace = 3 * REVOKE_RATE // 4
        count = 0
        for lease in leases:
            remaining = lease.expiry - now
            if remaining > following:
                base, following, count = remaining, remaining + 1.0, 1
                continue
            count += 1
            if count > pace:
                delay = count / pace - (remaining - base)
                following = base + delay
                self._begin(lease, delay + extend)
                self._plan_checkpoint(lease)


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
