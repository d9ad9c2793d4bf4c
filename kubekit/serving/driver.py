"""The driver: lets the wall clock move an engine that otherwise moves by itself.

A served cluster keeps its virtual clock, but the driver makes it follow real time: whatever falls due runs
when it falls due. It sleeps until the next event, so a cluster at rest costs nothing. One lock guards the
engine; the notebook's own thread takes the same lock when it runs the loop or makes a request.
"""

from __future__ import annotations

import asyncio
import threading

from kubekit.sim import Loop, WallClock

LONGEST_SLEEP = 5.0
"""Seconds after which the driver looks again although nothing is due."""

SLICE = 2_000
"""Events that run before waiting requests get their turn."""


class Driver:
    """Runs one engine in step with the wall clock, inside an asyncio loop."""

    def __init__(self, loop: Loop, follow_real_time: bool = False) -> None:
        """`follow_real_time`: the engine's clock shows the real time of day; otherwise it goes on from where
        it stands, one virtual second a second."""
        self.loop = loop
        self.lock = threading.RLock()
        self._wall = WallClock()
        self._offset = 0.0 if follow_real_time else loop.clock.now() - self._wall.now()
        self._awake: asyncio.Event | None = None
        self._asyncio: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Drive until cancelled."""
        self._asyncio = asyncio.get_running_loop()
        self._awake = asyncio.Event()
        self.loop.lock = self.lock
        self.loop.wake = self.wake
        try:
            while True:
                self._awake.clear()
                pause = self._turn()
                if pause > 0:
                    try:
                        await asyncio.wait_for(self._awake.wait(), pause)
                    except TimeoutError:
                        continue
                else:
                    await asyncio.sleep(0)
        finally:
            self.loop.wake = None

    def wake(self) -> None:
        """Look at the queue now: something was scheduled from outside. Any thread may call it."""
        if self._asyncio is not None and self._awake is not None and not self._asyncio.is_closed():
            self._asyncio.call_soon_threadsafe(self._awake.set)

    def _turn(self) -> float:
        """Run what is due; returns the seconds until something else is (0: there is more to do now)."""
        with self.lock:
            loop = self.loop
            if loop.run_ready(SLICE) >= SLICE:
                return 0.0
            target = self._wall.now() + self._offset
            due = loop.next_due()
            if due is not None and due <= target:
                loop.advance(max(0.0, due - loop.clock.now()))
                return 0.0
            loop.advance(max(0.0, target - loop.clock.now()))
            due = loop.next_due()
            if due is None:
                return LONGEST_SLEEP
            return min(LONGEST_SLEEP, max(0.001, due - self._wall.now() - self._offset))
