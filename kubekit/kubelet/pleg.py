"""The pod lifecycle event generator: how the kubelet finds out what its containers did.

About once a second it compares what the runtime holds with what it saw before, refreshes the cache from which
pods are synced, and reports each difference. Right after a sync it looks at that pod at once. A second in
which nothing changed costs nothing: the runtime marks the pods that did. The cache is what a sync sees, so a
container that lived between two looks is never seen running. Source: `pkg/kubelet/pleg/generic.go`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from kubekit.kubelet.runtime import READY, RUNNING, PodStatus, Runtime
from kubekit.sim import Handle, Loop

RELIST_SECONDS = 1.02
"""A look begins one second after the last one has ended, and takes a little itself."""

STARTED, DIED, REMOVED, CHANGED = "ContainerStarted", "ContainerDied", "ContainerRemoved", "ContainerChanged"


class PodLifecycleEvent(NamedTuple):
    """Something happened to a container (or sandbox) of a pod."""

    uid: str
    type: str
    id: str


class Pleg:
    """Watches the runtime of one node for one kubelet; `notify` gets each event."""

    def __init__(
        self, loop: Loop, owner: str, runtime: Runtime, notify: Callable[[PodLifecycleEvent], None]
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._runtime = runtime
        self._notify = notify
        self._seen: dict[str, dict[str, str]] = {}  # uid -> container or sandbox id -> state
        self._dirty: dict[str, None] = {}
        self._tick: Handle | None = None
        self._start = loop.clock.now()
        self.cache: dict[str, PodStatus] = {}

    def start(self) -> None:
        """Look at everything once and from now on hear of changes."""
        self._runtime.on_change = self.mark
        for uid in list(self._runtime.pods):
            self.relist(uid)

    def stop(self) -> None:
        """Hear nothing any more."""
        if self._runtime.on_change == self.mark:
            self._runtime.on_change = None

    def status(self, uid: str) -> PodStatus:
        """The pod as it was at the last look."""
        found = self.cache.get(uid)
        return found if found is not None else PodStatus(uid, (), (), (), self._loop.clock.now())

    def mark(self, uid: str) -> None:
        """Something of this pod changed: see it at the next look."""
        self._dirty[uid] = None
        if self._tick is None:
            passed = self._loop.clock.now() - self._start
            wait = RELIST_SECONDS * (math.floor(passed / RELIST_SECONDS + 1e-6) + 1) - passed
            self._tick = self._loop.call_later(wait, self._owner, self._relist_all, what="the next relist")

    def request_relist(self, uid: str) -> None:
        """Look at one pod in the next turn (a sync has just changed it)."""
        self._loop.call_soon(self._owner, self.relist, uid, what="relist of one pod")

    def refresh(self, uid: str) -> PodStatus:
        """Look at a pod now, without reporting: the next look still reports what changed."""
        status = self.cache[uid] = self._runtime.pod_status(uid)
        return status

    def relist(self, uid: str) -> None:
        """Look at one pod now, refresh the cache and report what changed."""
        self._dirty.pop(uid, None)
        if not self._dirty and self._tick is not None:
            self._tick.cancel()
            self._tick = None
        status = self.refresh(uid)
        old = self._seen.get(uid, {})
        new = {container.id: container.state for container in status.containers}
        for sandbox in status.sandboxes:
            new[sandbox.id] = RUNNING if sandbox.state == READY else "exited"
        if new:
            self._seen[uid] = new
        else:
            self._seen.pop(uid, None)
            self.cache.pop(uid, None)
        for id, state in new.items():
            if old.get(id) != state:
                type = STARTED if state == RUNNING else DIED if state == "exited" else CHANGED
                self._notify(PodLifecycleEvent(uid, type, id))
        for id in old:
            if id not in new:
                self._notify(PodLifecycleEvent(uid, REMOVED, id))

    def forget(self, uid: str) -> None:
        """Drop the cache of a pod that is gone."""
        self.cache.pop(uid, None)
        self._seen.pop(uid, None)

    def _relist_all(self) -> None:
        self._tick = None
        dirty, self._dirty = self._dirty, {}
        for uid in dirty:
            self.relist(uid)
