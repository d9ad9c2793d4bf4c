"""AutoCompaction: when the history is forgotten without anybody asking.

Two modes, named as etcd's flags ``--auto-compaction-mode`` and ``--auto-compaction-retention`` name them:

* ``revision``: every five minutes, all but the newest N revisions.
* ``periodic``: what is older than the period. The revision is noted ten times a period (an hour's period and
  longer ones: every six minutes), the first compaction comes after one whole period, the next ones every
  period, but at least hourly. Each goes to the oldest note: one period old, or at most one interval more.

A state machine without a timer. Its owner, the leader, sleeps until `due`, then calls `look` with the store's
revision, compacts at the revision that this answers (None: nothing to do), and says with `done` whether it
worked. A member that does not lead stays `paused`: its notes go on, so that a new leader has them.

    compaction = AutoCompaction("periodic", retention("periodic", "1h"), now, store.revision)
    loop.call_later(compaction.due - now, ...)

Source: server/etcdserver/api/v3compactor/periodic.go, revision.go; server/embed/etcd.go.
"""

from __future__ import annotations

import re

REVISION_INTERVAL = 300.0
"""Seconds between two looks in mode ``revision``."""

HOUR = 3600.0
_PARTS = 10

PERIODIC, REVISION = "periodic", "revision"

_UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": HOUR}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")


def retention(mode: str, text: str) -> float:
    """The retention that a flag's text means: revisions, or seconds. Raises ValueError with etcd's words.

    A bare number means revisions in mode ``revision``, hours in mode ``periodic``.

    >>> retention("periodic", "2"), retention("periodic", "1h30m"), retention("revision", "1000")
    (7200.0, 5400.0, 1000)
    """
    if re.fullmatch(r"\+?\d+", text):
        if mode == REVISION:
            return int(text)
        if mode == PERIODIC:
            return int(text) * HOUR
        if not mode:
            raise ValueError("--auto-compaction-mode is undefined")
        return 0
    seconds = _duration(text)
    # etcd counts a duration in nanoseconds, also where revisions are meant.
    return int(seconds * 1e9) if mode == REVISION else seconds


def _duration(text: str) -> float:
    """A duration of Go's, in seconds; negative ones too."""
    body = text.lstrip("+-") if text[:1] in ("+", "-") else text
    if body == "0":
        return 0.0
    parts = _DURATION.findall(body)
    if not parts or "".join(map("".join, parts)) != body:
        if re.fullmatch(r"\d+\.?\d*|\.\d+", body):
            raise ValueError(f'error parsing CompactionRetention: time: missing unit in duration "{text}"')
        raise ValueError(f'error parsing CompactionRetention: time: invalid duration "{text}"')
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -seconds if text.startswith("-") else seconds


class AutoCompaction:
    """One member's automatic compaction. Times are Unix seconds."""

    def __init__(self, mode: str, retention: float, now: float, revision: int) -> None:
        """`retention` in revisions or seconds, above 0; `revision` is the store's now."""
        if mode not in (PERIODIC, REVISION):
            raise ValueError(f"unsupported compaction mode {mode}")
        self.mode = mode
        self.retention = retention
        self.paused = False
        """Whether another member leads: looks are made, nothing is compacted."""
        self.interval = REVISION_INTERVAL if mode == REVISION else min(retention, HOUR) / _PARTS
        """Seconds between two looks."""
        self.due = now + self.interval
        """When `look` is to be called."""
        self._wait = retention
        self._last_success = now
        self._last_revision = 0
        self._notes = [revision]

    def look(self, now: float, revision: int) -> int | None:
        """The revision to compact at, or None. `revision` is the store's now; sets the next `due`."""
        self.due = now + self.interval
        return self._by_revision(revision) if self.mode == REVISION else self._by_age(now, revision)

    def done(self, now: float, revision: int, *, success: bool) -> None:
        """Hear how the compaction at `revision` ended; one that was compacted already is a success.

        After a failure the next look tries again.
        """
        if success:
            self._last_revision = revision
            self._last_success = now

    def _by_revision(self, revision: int) -> int | None:
        target = revision - int(self.retention)
        return None if self.paused or target <= 0 or target == self._last_revision else target

    def _by_age(self, now: float, revision: int) -> int | None:
        target = self._notes[0]
        # The note is made after the look: the oldest one is one period old when there are enough of them.
        self._notes.append(revision)
        del self._notes[: -(int(self.retention / self.interval + 1e-9) + 1)]
        if self.paused or now - self._last_success < self._wait - 1e-6 or target == self._last_revision:
            return None
        self._wait = min(self.retention, HOUR)
        return target
