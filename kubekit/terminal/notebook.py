"""A cluster's own kubectl: the program with the cluster's server, clock and waiting behind it.

`kubectl_of(cluster)` makes it once per cluster and keeps it, so that the namespace chosen with
`config set-context --current` stays. The magics call this; nothing here knows IPython.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from kubekit.sim import Loop, Stalled
from kubekit.terminal.cli.files import Files, FolderFiles
from kubekit.terminal.kubectl import ADMIN, Kubectl

SLACK = 1e-6
"""Seconds beyond the next event: at today's Unix times, sums of floating-point seconds fall that short."""


class LoopPump:
    """Waiting lets the loop run: everybody else gets on with what they have to do."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """The engine's lock; another one once the cluster is served."""
        return self.loop.lock

    def share(self) -> None:
        """Make the engine's lock a real one, unless it is served and has one already."""
        if isinstance(self.loop.lock, nullcontext):
            self.loop.lock = threading.RLock()

    def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Run until the condition holds; False after `timeout` seconds of virtual time.

        The condition asks the server, so it is looked at whenever the loop has come to rest, not after each
        event.
        """
        clock = self.loop.clock
        deadline = clock.now() + timeout
        self.loop.run_ready()
        while not condition():
            left = deadline - clock.now()
            if left <= 0:
                return False
            due = self.loop.next_due()
            step = left if due is None else min(left, max(0.0, due - clock.now()))
            self.loop.advance(step + SLACK)
        return True

    def quiet(self, timeout: float) -> None:
        """Run until only heartbeats are left."""
        try:
            self.loop.run_until_quiet(timeout)
        except Stalled:
            return


_known: weakref.WeakKeyDictionary[Any, Kubectl] = weakref.WeakKeyDictionary()


def kubectl_of(cluster: Any, files: Files | None = None) -> Kubectl:
    """The kubectl of a `kubekit.Cluster` (made at the first call)."""
    found = _known.get(cluster)
    if found is None:
        found = _known[cluster] = Kubectl(
            cluster.apiserver,
            user=ADMIN,
            clock=cluster.loop.clock,
            pump=LoopPump(cluster.loop),
            files=files or FolderFiles(),
            server=f"https://{getattr(cluster.apiserver, 'address', '127.0.0.1:6443')}",
            seed=cluster.settings.seed,
            environment=os.environ,
        )
    return found
