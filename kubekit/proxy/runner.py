"""The runner: how often a sync may run. Many events close together become one sync.

`run()` asks for a sync as soon as allowed: at once, or when `min_interval` has passed since the last one.
A sync that failed is tried again after `retry_interval`, and one comes every `max_interval` in any case.
On the virtual clock the wait for a sync is a foreground timer, because a learner waits for it. Source:
pkg/proxy/runner.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.sim import Handle, Loop


class BoundedFrequencyRunner:
    """Calls `work` (which tells whether it succeeded) under `owner`, within bounds."""

    def __init__(
        self,
        loop: Loop,
        owner: str,
        work: Callable[[], bool],
        *,
        min_interval: float,
        retry_interval: float,
        max_interval: float,
    ) -> None:
        self.loop = loop
        self.owner = owner
        self.work = work
        self.min_interval = min_interval
        self.retry_interval = retry_interval
        self.max_interval = max_interval
        self._last = float("-inf")
        self._asked: Handle | None = None
        self._later: Handle | None = None

    def start(self) -> None:
        """Begin to count `max_interval`."""
        self._again_in(self.max_interval)

    def stop(self) -> None:
        """Run nothing more."""
        for handle in (self._asked, self._later):
            if handle is not None:
                handle.cancel()
        self._asked = self._later = None

    def run(self) -> None:
        """Ask for a sync; asking again before it ran changes nothing."""
        if self._asked is not None and not self._asked.cancelled and not self._asked.done:
            return
        wait = self._last + self.min_interval - self.loop.clock.now()
        if wait <= 0:
            self._asked = self.loop.call_soon(self.owner, self._work, what="sync of the rules")
        else:
            self._asked = self.loop.call_later(wait, self.owner, self._work, what="sync of the rules")

    def _work(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None
        if self._later is not None:
            self._later.cancel()
        ok = self.work()
        self._last = self.loop.clock.now()
        self._again_in(self.max_interval if ok else min(self.retry_interval, self.max_interval))

    def _again_in(self, seconds: float) -> None:
        self._later = self.loop.call_later(
            seconds, self.owner, self._work, what="sync that is due in any case", background=True
        )
