"""The driver: lets the wall clock move an engine that otherwise moves by itself.

A served cluster keeps its virtual clock, but the driver makes it follow real time: whatever falls due runs
when it falls due. It sleeps until the next event, so a cluster at rest costs nothing. One lock guards the
engine; the notebook's own thread takes the same lock when it runs the loop or makes a request.

An engine has one driver, however many doors are open (the API server's, etcd's): get it with `driver_of`.
Each door runs it in its own asyncio loop; one drives, the others wait for their turn, in case it closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import traceback
import weakref
from typing import NamedTuple

from kubekit.sim import Loop, WallClock

LONGEST_SLEEP = 5.0
"""Seconds after which the driver looks again although nothing is due."""

SHORTEST_SLEEP = 0.001
"""Seconds: what falls due within a millisecond runs together."""

SLICE = 500
"""Events that run before waiting requests get their turn."""


class _Seat(NamedTuple):
    """A door that runs a driver: its asyncio loop, and what tells it that its turn to drive has come."""

    asyncio: asyncio.AbstractEventLoop
    called: asyncio.Event


class Driver:
    """Runs one engine in step with the wall clock, inside an asyncio loop."""

    def __init__(self, loop: Loop, follow_real_time: bool = False, speed: float = 1.0) -> None:
        """`follow_real_time`: the engine's clock shows the real time of day; otherwise it goes on from where
        it stands, `speed` virtual seconds a second (0: time stands still)."""
        self.loop = loop
        self.lock = threading.RLock()
        self._wall = WallClock()
        self._follows = follow_real_time
        self._speed = 1.0 if follow_real_time else speed
        self._real_zero = 0.0 if follow_real_time else self._wall.now()
        self._zero = 0.0 if follow_real_time else loop.clock.now()
        self._awake: asyncio.Event | None = None
        self._asyncio: asyncio.AbstractEventLoop | None = None
        self._seats: list[_Seat] = []
        self._seating = threading.Lock()

    @property
    def in_use(self) -> bool:
        """Whether a door runs it."""
        return bool(self._seats)

    @property
    def speed(self) -> float:
        """Virtual seconds that pass in a second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        """Change the pace from now on; any thread may do so."""
        with self.lock:
            now = self.loop.clock.now()
            self._zero = max(self.target(), now) if speed else now
            self._real_zero = self._wall.now()
            self._speed = speed
        self.wake()

    def target(self) -> float:
        """The Unix seconds that the engine's clock should show now."""
        return self._zero + (self._wall.now() - self._real_zero) * self._speed

    async def run(self) -> None:
        """Drive until cancelled; while another door drives, wait."""
        seat = _Seat(asyncio.get_running_loop(), asyncio.Event())
        self.loop.lock = self.lock
        with self._seating:
            self._seats.append(seat)
        try:
            while self._seats[0] is not seat:
                await seat.called.wait()
                seat.called.clear()
            await self._drive()
        finally:
            with self._seating:
                self._seats.remove(seat)
                following = self._seats[0] if self._seats else None
            if following is not None:
                with contextlib.suppress(RuntimeError):  # its loop may just have ended
                    following.asyncio.call_soon_threadsafe(following.called.set)

    async def _drive(self) -> None:
        self._asyncio = asyncio.get_running_loop()
        self._awake = asyncio.Event()
        self.loop.wake = self.wake
        try:
            while True:
                self._awake.clear()
                try:
                    pause = self._turn()
                except Exception:
                    # An engine bug must not close the door: say what it is, and go on with the next event.
                    print("kubekit: this is a bug of the engine:", file=sys.stderr)
                    traceback.print_exc()
                    pause = SHORTEST_SLEEP
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
            target = self.target()
            if loop.clock.now() > target and not self._follows:
                # Somebody moved the clock by hand: go on from where it stands.
                self._zero, self._real_zero = loop.clock.now(), self._wall.now()
                target = self._zero
            due = loop.next_due()
            if due is not None and due <= target:
                loop.advance(max(0.0, due - loop.clock.now()))
                return 0.0
            loop.advance(max(0.0, target - loop.clock.now()))
            due = loop.next_due()
            if due is None or not self._speed:
                return LONGEST_SLEEP
            return min(LONGEST_SLEEP, max(SHORTEST_SLEEP, (due - self.target()) / self._speed))


_DRIVERS: weakref.WeakKeyDictionary[Loop, Driver] = weakref.WeakKeyDictionary()
_FINDING = threading.Lock()


def driver_of(loop: Loop, follow_real_time: bool = False, speed: float = 1.0) -> Driver:
    """The driver of an engine: the one that a door runs already (at its pace), else a new one."""
    with _FINDING:
        found = _DRIVERS.get(loop)
        if found is None or not found.in_use:
            found = _DRIVERS[loop] = Driver(loop, follow_real_time, speed)
        return found
