"""LeaseExpiry: the timer that lets leases run out on a loop.

etcd looks twice a second for leases that are over. Here one background timer is set for the next moment at
which such a look would find something, so a quiet store costs nothing when the virtual clock leaps by
hours. Make one beside a store that runs; `stop` it with the member. What a look does is `act`: a store that
stands alone revokes what is over, the leader of a cluster asks `expired` and `due_checkpoints` and sends both
through the log.
Source: server/lease/lessor.go (runLoop).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from kubekit.etcd.kvstore import KVStore
from kubekit.sim import Handle, Loop

LOOK_EVERY = 0.5
"""Seconds between two looks."""


class LeaseExpiry:
    """Looks after the leases of one store when their time is over."""

    def __init__(
        self, loop: Loop, store: KVStore, owner: str = "etcd", act: Callable[[], object] | None = None
    ) -> None:
        self._loop = loop
        self._store = store
        self._owner = owner
        self._act = act if act is not None else store.leases.expire
        self._timer: Handle | None = None
        self._began = loop.clock.now()
        store.leases.on_change = self._set
        self._set()

    def stop(self) -> None:
        """Let leases run on without end, as when no member is the leader."""
        self._store.leases.on_change = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        due = self._store.leases.next_look()
        if due is None:
            return
        looks = math.ceil((due - self._began) / LOOK_EVERY)
        when = self._began + looks * LOOK_EVERY
        if self._timer is not None:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        delay = max(0.0, when - self._loop.clock.now())
        self._timer = self._loop.call_later(
            delay, self._owner, self._look, what="look for leases that are over", background=True
        )

    def _look(self) -> None:
        self._timer = None
        self._act()
        self._set()
