"""Clocks: where every component gets its time from.

A component never asks the operating system what time it is. It holds a `Clock` and calls `now()`. In a
notebook the clock is virtual and moves only when the event loop moves it; served to a terminal it is the
wall clock. Do not call `VirtualClock.advance_to` from a component: only `Loop` may move time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

DEFAULT_START = "2026-01-01T00:00:00Z"
"""Where the virtual clock starts when nothing else is said."""


class Clock(Protocol):
    """What a component may ask of time."""

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def elapsed(self) -> float:
        """Seconds since this clock was made: the `t` that views and records print."""
        ...


class VirtualClock:
    """A clock that stands still until the loop moves it.

    >>> clock = VirtualClock()
    >>> clock.advance_to(clock.now() + 90)
    >>> rfc3339(clock.now()), clock.elapsed()
    ('2026-01-01T00:01:30Z', 90.0)
    """

    __slots__ = ("_now", "_start")

    def __init__(self, start: str | float = DEFAULT_START) -> None:
        self._start = parse_rfc3339(start) if isinstance(start, str) else float(start)
        self._now = self._start

    def now(self) -> float:
        """Unix time in seconds."""
        return self._now

    def elapsed(self) -> float:
        """Seconds of virtual time since the start."""
        return self._now - self._start

    def advance_to(self, when: float) -> None:
        """Move to `when` (Unix seconds); time never goes back."""
        if when > self._now:
            self._now = when


class WallClock:
    """The machine's clock, for clusters that are served to real programs.

    Reads the wall once and then follows the monotonic clock, so that a corrected system time never makes
    timers fire twice or run backwards.
    """

    __slots__ = ("_monotonic", "_start")

    def __init__(self) -> None:
        self._start = time.time()
        self._monotonic = time.monotonic()

    def now(self) -> float:
        """Unix time in seconds."""
        return self._start + self.elapsed()

    def elapsed(self) -> float:
        """Seconds since this clock was made."""
        return time.monotonic() - self._monotonic


_seconds_cache: tuple[int, str] = (0, "1970-01-01T00:00:00Z")


def rfc3339(seconds: float) -> str:
    """Unix seconds as the API's `Time`: whole seconds, UTC, e.g. ``2026-01-01T00:00:00Z``."""
    global _seconds_cache
    whole = int(seconds)
    # Thousands of objects are stamped in the same second; formatting it once is a measurable saving.
    cached = _seconds_cache
    if cached[0] == whole:
        return cached[1]
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _seconds_cache = (whole, text)
    return text


def rfc3339_micro(seconds: float) -> str:
    """Unix seconds as the API's `MicroTime`: six digits, UTC."""
    micros = round(seconds * 1_000_000)
    return f"{rfc3339(micros // 1_000_000)[:-1]}.{micros % 1_000_000:06d}Z"


def parse_rfc3339(text: str) -> float:
    """The Unix seconds of an RFC 3339 time; raises ValueError when it is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00") if text.endswith("Z") else text).timestamp()
