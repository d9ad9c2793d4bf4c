"""The event loop: one ordered queue of what happens next, and when.

Everything a component does is a callback that it scheduled here under its own name (its *owner*), so one
component can be paused, stepped or dropped without touching the others. Events run in the order of their
time, then of their scheduling. The virtual clock moves only inside `advance`, `run_until` and
`run_until_quiet`; a callback must never block, sleep or run the loop again.

Timers come in two sorts. A *foreground* timer is something a learner waits for (an image pull, a rate-limited
sync) and `run_until_quiet` moves time to reach it. A *background* timer (heartbeats, resyncs, restart
back-offs) would go on for ever, so quiet means: only background timers are left.
"""

from __future__ import annotations

import functools
import heapq
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Concatenate, ParamSpec, TypeVar

from kubekit.sim.clock import Clock, VirtualClock
from kubekit.sim.faults import Faults
from kubekit.sim.handle import Handle
from kubekit.sim.lane import Lane
from kubekit.sim.rng import Rng
from kubekit.sim.trace import Trace

QUIET_HORIZON = 300.0
"""Seconds of virtual time after which `run_until_quiet` stops although foreground timers remain."""


P = ParamSpec("P")
R = TypeVar("R")


def _locked(method: Callable[Concatenate[Loop, P], R]) -> Callable[Concatenate[Loop, P], R]:
    """Hold the engine's lock while events run: when it is served, two threads may run them."""

    @functools.wraps(method)
    def run(self: Loop, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return run


class Stalled(RuntimeError):
    """A run could not make progress; the text says what waits for what."""


class Loop:
    """An ordered event loop over a clock, with the cluster's chance, faults and trace.

    >>> loop = Loop()
    >>> seen = []
    >>> _ = loop.call_later(5, "demo", seen.append, "five seconds later")
    >>> _ = loop.call_soon("demo", seen.append, "now")
    >>> loop.run_until_quiet()
    >>> seen, loop.clock.elapsed()
    (['now', 'five seconds later'], 5.0)
    """

    def __init__(self, clock: Clock | None = None, seed: int = 0, trace_size: int = 50_000) -> None:
        self.clock: Clock = clock if clock is not None else VirtualClock()
        self.rng = Rng(seed)
        self.faults = Faults()
        self.trace = Trace(self.clock, trace_size)
        self.steps = 0
        self.on_error: Callable[[Handle, Exception], None] | None = None
        """What to do when a callback raises; without it the exception goes to whoever runs the loop."""
        self.wake: Callable[[], None] | None = None
        """Called when something was scheduled from outside the loop's own run (serving sets it)."""
        self.lock: AbstractContextManager[Any] = nullcontext()
        """Held while events run; a served cluster has two threads that may run them, and a real lock."""
        self._ready: deque[Handle] = deque()
        self._timers: list[Handle] = []
        self._foreground: list[Handle] = []  # the foreground ones again: thousands of heartbeats lie between
        self._posted: deque[tuple[str, Callable[..., Any], tuple[Any, ...], str]] = deque()
        self._seq = 0
        self._paused: dict[str, deque[Handle]] = {}
        self._lanes: dict[str, Lane] = {}
        self._running = False

    # -- scheduling -------------------------------------------------------------------------------------

    def call_soon(self, owner: str, fn: Callable[..., Any], *args: Any, what: str = "") -> Handle:
        """Run `fn(*args)` after everything that is ready already, without moving time."""
        self._seq += 1
        handle = Handle(self.clock.now(), self._seq, owner, fn, args, what, False, self.trace.cause)
        self._ready.append(handle)
        if owner in self._lanes:
            self._lanes[owner].add(handle)
        if not self._running and self.wake is not None:
            self.wake()
        return handle

    def call_later(
        self,
        delay: float,
        owner: str,
        fn: Callable[..., Any],
        *args: Any,
        what: str = "",
        background: bool = False,
    ) -> Handle:
        """Run `fn(*args)` when `delay` seconds have passed."""
        self._seq += 1
        when = self.clock.now() + max(0.0, delay)
        handle = Handle(when, self._seq, owner, fn, args, what, background, self.trace.cause)
        heapq.heappush(self._timers, handle)
        if not background:
            heapq.heappush(self._foreground, handle)
            if owner in self._lanes:
                self._lanes[owner].add_timer(handle)
        if not self._running and self.wake is not None:
            self.wake()
        return handle

    def every(
        self,
        period: float,
        owner: str,
        fn: Callable[[], Any],
        what: str = "",
        jitter: float = 0.0,
    ) -> Handle:
        """Run `fn()` every `period` seconds (plus up to `jitter` x period) until the handle is cancelled.

        A background timer always. The first run is one period from now; its cause is none: time itself.
        """
        self._seq += 1
        spread = period * jitter * self.rng.random() if jitter else 0.0
        handle = Handle(self.clock.now() + period + spread, self._seq, owner, fn, (), what, True, None)

        def run() -> None:
            fn()
            if not handle.cancelled:
                self._seq += 1
                handle.seq = self._seq
                extra = period * jitter * self.rng.random() if jitter else 0.0
                handle.when = self.clock.now() + period + extra
                heapq.heappush(self._timers, handle)

        handle.fn = run
        handle.what = what or getattr(fn, "__qualname__", "")
        heapq.heappush(self._timers, handle)
        return handle

    def post(self, owner: str, fn: Callable[..., Any], *args: Any, what: str = "") -> None:
        """Run `fn(*args)` in the engine's next turn; the one method that any thread may call, at any time."""
        self._posted.append((owner, fn, args, what))
        if self.wake is not None:
            self.wake()

    # -- running ----------------------------------------------------------------------------------------

    @_locked
    def step(self, owner: str | None = None) -> bool:
        """Run one event; with `owner`, one event of that component even while it is paused.

        Returns False when nothing is ready. Time does not move.
        """
        self._collect_due()
        if owner is not None:
            held = self._paused.get(owner)
            while held:
                handle = held.popleft()
                if not handle.cancelled:
                    self._run(handle)
                    return True
            for handle in self._ready:
                if handle.owner == owner and not handle.cancelled:
                    self._ready.remove(handle)
                    self._run(handle)
                    return True
            return False
        handle_or_none = self._next_ready()
        if handle_or_none is None:
            return False
        self._run(handle_or_none)
        return True

    @_locked
    def run_ready(self, limit: int = 10_000_000) -> int:
        """Run everything that is ready now, and what that makes ready, without moving time."""
        done = 0
        self._collect_due()
        while done < limit and (handle := self._next_ready()) is not None:
            self._run(handle)
            done += 1
            if not self._ready:
                self._collect_due()
        return done

    @_locked
    def run_until_quiet(self, max_seconds: float = QUIET_HORIZON) -> None:
        """Run until only background timers are left, moving time to each foreground timer.

        Stops after `max_seconds` of virtual time at the latest, leaving what is still due later.
        """
        deadline = self.clock.now() + max_seconds
        self.run_ready()
        while (due := self._next_foreground(deadline)) is not None:
            self._move_to(due)
            self.run_ready()

    @_locked
    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, running everything that falls due on the way, in order."""
        deadline = self.clock.now() + seconds
        self.run_ready()
        while (handle := self._peek_timer()) is not None and handle.when <= deadline:
            self._move_to(handle.when)
            self.run_ready()
        self._move_to(deadline)

    @_locked
    def run_until(self, condition: Callable[[], bool], timeout: float = QUIET_HORIZON) -> None:
        """Run, moving time as needed, until `condition()` holds.

        Raises `Stalled`, with a report of what waits for what, when `timeout` seconds of virtual time have
        passed or nothing is left that could change anything.
        """
        deadline = self.clock.now() + timeout
        if condition():
            return
        while True:
            self._collect_due()
            while (handle := self._next_ready()) is not None:
                self._run(handle)
                if condition():
                    return
            timer = self._peek_timer()
            if timer is None:
                raise Stalled(f"nothing is left to happen, and the condition does not hold\n{self.report()}")
            if timer.when > deadline:
                self._move_to(deadline)
                raise Stalled(
                    f"the condition does not hold after {timeout:g} s of virtual time\n{self.report()}"
                )
            self._move_to(timer.when)

    @property
    def running(self) -> bool:
        """Whether an event is being run: whoever is called now stands in it."""
        return self._running

    def lane(self, owners: Iterable[str], lane: Lane | None = None) -> Lane:
        """Put owners into a lane, a new one or a given one; see `kubekit.sim.lane`."""
        lane = lane if lane is not None else Lane()
        self._lanes.update(dict.fromkeys(owners, lane))
        return lane

    @_locked
    def run_lane(self, lane: Lane, condition: Callable[[], bool], *, delayed: bool = True) -> bool:
        """Run a lane's events alone, also within another event, until `condition()` holds; whether it does.

        Stops when nothing of the lane is ready, or, with `delayed`, under way. The virtual clock moves only
        to what is under way; on the wall clock that is not waited for but taken as arrived.
        """
        while not condition():
            handle = lane.next(self._paused, delayed)
            if handle is None:
                return False
            self._move_to(handle.when)
            self._run(handle)
            handle.cancelled = True  # it is still in the loop's own queue
            while self._ready and self._ready[0].cancelled:
                self._ready.popleft()
        return True

    def next_due(self) -> float | None:
        """Unix seconds of the next event (now, if one is ready), or None: for a driver on the wall clock."""
        if self._ready or self._posted:
            return self.clock.now()
        timer = self._peek_timer()
        return timer.when if timer is not None else None

    # -- one component alone ----------------------------------------------------------------------------

    def pause(self, owner: str) -> None:
        """Hold back all events of one component; they keep their order."""
        self._paused.setdefault(owner, deque())

    def resume(self, owner: str) -> None:
        """Let a paused component go on with what was held back."""
        held = self._paused.pop(owner, None)
        if held:
            self._ready.extendleft(reversed(held))
            if owner in self._lanes:
                self._lanes[owner].ready.extendleft(reversed(held))

    def paused(self, owner: str) -> bool:
        """Whether the component is paused."""
        return owner in self._paused

    def drop(self, owner: str) -> None:
        """Forget every event and timer of a component: it crashed or was stopped."""
        for handle in self._ready:
            if handle.owner == owner:
                handle.cancelled = True
        for handle in self._timers:
            if handle.owner == owner:
                handle.cancelled = True
        for handle in self._paused.pop(owner, ()):
            handle.cancelled = True

    def waiting(self, owner: str | None = None) -> list[Handle]:
        """What is scheduled (of one component), in the order in which it will run; held events first."""
        held = [handle for queue in self._paused.values() for handle in queue]
        found = held + list(self._ready) + sorted(self._timers)
        return [h for h in found if not h.cancelled and (owner is None or h.owner == owner)]

    def report(self) -> str:
        """Plain lines that say what waits for what: for a run that makes no progress."""
        now = self.clock.now()
        lines = [
            f"{owner} is paused and holds {len(held)} event(s) back"
            + (f", next: {held[0].describe()}" if held else "")
            for owner, held in sorted(self._paused.items())
        ]
        for handle in sorted(h for h in self._timers if not h.cancelled)[:8]:
            sort = "background" if handle.background else "foreground"
            lines.append(f"{handle.owner} waits {handle.when - now:.3f} s for {handle.describe()} ({sort})")
        return "\n".join(lines) or "no component waits for anything"

    # -- inside -----------------------------------------------------------------------------------------

    def _run(self, handle: Handle) -> None:
        before, was_running = self.trace.cause, self._running
        self.trace.cause = handle.cause
        self._running = True
        self.steps += 1
        handle.done = True
        try:
            handle.fn(*handle.args)
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(handle, error)
        finally:
            self.trace.cause = before
            self._running = was_running

    def _next_ready(self) -> Handle | None:
        while self._ready:
            handle = self._ready.popleft()
            if handle.cancelled:
                continue
            if self._paused and (held := self._paused.get(handle.owner)) is not None:
                held.append(handle)
                continue
            return handle
        return None

    def _peek_timer(self) -> Handle | None:
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0] if self._timers else None

    def _collect_due(self) -> None:
        while self._posted:
            owner, fn, args, what = self._posted.popleft()
            self.call_soon(owner, fn, *args, what=what)
        now = self.clock.now()
        while self._timers and self._timers[0].when <= now:
            handle = heapq.heappop(self._timers)
            if not handle.cancelled:
                self._ready.append(handle)

    def _next_foreground(self, deadline: float) -> float | None:
        waiting = self._foreground
        while waiting and (waiting[0].cancelled or waiting[0].done):
            heapq.heappop(waiting)
        if not waiting:
            return None
        due = waiting[0].when
        if waiting[0].owner in self._paused:
            free = [h.when for h in waiting if not (h.cancelled or h.done or h.owner in self._paused)]
            if not free:
                return None
            due = min(free)
        if due > deadline:
            return None
        # Background timers that fall due before it run too, in order.
        timer = self._peek_timer()
        return due if timer is None else min(due, timer.when)

    def _move_to(self, when: float) -> None:
        if isinstance(self.clock, VirtualClock):
            self.clock.advance_to(when)
