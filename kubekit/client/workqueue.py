"""The work queue: keys that wait for a reconcile, each at most once, with retries that wait longer each time.

Any number of events about one object leave one key; what happened does not matter, only that something did.
A key that is added while it is being worked on runs once more afterwards. When `reconcile(key)` raises a
refusal of the API server (or finds nobody there) the key comes back after 5 ms, then 10 ms, doubling up to
1000 s; success forgets the failures. Modelled on client-go's util/workqueue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from kubekit.api.status_error import StatusError
from kubekit.sim import Handle, Loop

BASE_DELAY = 0.005
MAX_DELAY = 1000.0
PATIENCE = 1.0
"""Retries that wait longer than this (seconds) are background timers: a learner does not wait for them."""

WorkerError = (StatusError, OSError)
"""What a reconcile may raise to be retried; anything else is a bug in the engine and is not hidden."""


class WorkQueue:
    """Keys in order, each once; `reconcile(key)` runs on the owner's turn, one key a turn.

    `on_failure(key, error, delay)` is called when a reconcile failed and will be retried in `delay` seconds.
    """

    def __init__(
        self,
        loop: Loop,
        owner: str,
        reconcile: Callable[[str], Any],
        *,
        base_delay: float = BASE_DELAY,
        max_delay: float = MAX_DELAY,
        name: str = "",
        on_failure: Callable[[str, Exception, float], None] | None = None,
    ) -> None:
        self.loop = loop
        self.owner = owner
        self.name = name
        self.processing: str | None = None
        """The key that is being worked on now."""
        self.held = False
        """While held, keys queue up and none runs (caches have not synced yet)."""
        self._reconcile = reconcile
        self._on_failure = on_failure
        self._base_delay = base_delay
        self._max_delay = max_delay
        self._queue: deque[str] = deque()
        self._causes: dict[str, int | None] = {}  # the dirty keys, each with what led to it first
        self._delayed: dict[str, Handle] = {}
        self._failures: dict[str, int] = {}
        self._failed = False  # whether the present reconcile has counted its key's failure itself
        self._scheduled = 0
        self._closed = False
        self._what = f"reconcile of {name}" if name else "reconcile"

    # -- adding -----------------------------------------------------------------------------------------

    def add(self, key: str) -> None:
        """Work on `key` soon; nothing new when it is waiting already."""
        if key in self._causes or self._closed:
            return
        self._causes[key] = self.loop.trace.cause
        if key == self.processing:
            return
        self._queue.append(key)
        self._wake()

    def add_after(self, key: str, seconds: float, *, background: bool = False) -> None:
        """Work on `key` in `seconds`; of several such wishes the earliest counts."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        waiting = self._delayed.get(key)
        if waiting is not None:
            if waiting.when <= self.loop.clock.now() + seconds:
                return
            waiting.cancel()
        self._delayed[key] = self.loop.call_later(
            seconds, self.owner, self._due, key, what=f"{self._what} {key}", background=background
        )

    def add_rate_limited(self, key: str) -> float:
        """Count a failure of `key` and work on it again after its delay, which is returned (seconds)."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        if key == self.processing:
            self._failed = True
        delay = min(self._max_delay, self._base_delay * 2.0 ** min(failures, 60))
        self.add_after(key, delay, background=delay > PATIENCE)
        return delay

    def forget(self, key: str) -> None:
        """The next failure of `key` counts as its first."""
        self._failures.pop(key, None)

    def failures(self, key: str) -> int:
        """How often `key` has failed in a row."""
        return self._failures.get(key, 0)

    # -- looking ----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._queue)

    def snapshot(self) -> dict[str, Any]:
        """What waits, what runs, what comes back when (seconds from now) and what has failed how often."""
        now = self.loop.clock.now()
        return {
            "waiting": list(self._queue),
            "processing": self.processing,
            "delayed": {key: round(handle.when - now, 6) for key, handle in self._delayed.items()},
            "failures": dict(self._failures),
        }

    # -- running ----------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Let keys queue up without working on them."""
        self.held = True

    def release(self) -> None:
        """Work on what queued up."""
        self.held = False
        while self._scheduled < len(self._queue):
            self._schedule()

    def close(self) -> None:
        """Stop: forget all keys."""
        self._closed = True
        for handle in self._delayed.values():
            handle.cancel()
        self._delayed.clear()
        self._queue.clear()
        self._causes.clear()

    def _wake(self) -> None:
        if not self.held and self._scheduled < len(self._queue):
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled += 1
        self.loop.call_soon(self.owner, self._work, what=self._what)

    def _due(self, key: str) -> None:
        self._delayed.pop(key, None)
        self.add(key)

    def _work(self) -> None:
        self._scheduled -= 1
        if self.held or not self._queue:
            return
        key = self._queue.popleft()
        self.loop.trace.cause = self._causes.pop(key, None)
        self.processing = key
        self._failed = False
        try:
            self._reconcile(key)
        except WorkerError as error:
            delay = self.add_rate_limited(key)
            if self._on_failure is not None:
                self._on_failure(key, error, delay)
        else:
            if not self._failed:
                self._failures.pop(key, None)
        finally:
            self.processing = None
            if key in self._causes:
                self._queue.append(key)
                self._wake()
