"""Back-off: how long to wait before trying the same thing again.

One entry a key (a container, an image). The wait doubles at each failure from 10 s to 300 s and is forgotten
when nothing has happened for twice the longest wait (client-go `util/flowcontrol.Backoff`, with the kubelet's
figures). The caller passes the time; nothing here sets a timer.
"""

from __future__ import annotations

INITIAL_SECONDS = 10.0
LONGEST_SECONDS = 300.0
FORGET_AFTER_SECONDS = 600.0
"""A container that ran this long starts again from the initial wait."""


class Backoff:
    """Waits by key.

    >>> backoff = Backoff()
    >>> backoff.next("c", ended_at=0.0, now=0.5)
    >>> backoff.in_backoff_since("c", 5.0, 7.0), backoff.in_backoff_since("c", 5.0, 16.0)
    (True, False)
    """

    __slots__ = ("_entries", "initial", "longest")

    def __init__(self, initial: float = INITIAL_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        self.initial = initial
        self.longest = longest
        self._entries: dict[str, tuple[float, float]] = {}  # key -> (wait, last update)

    def get(self, key: str) -> float:
        """The present wait of a key in seconds, 0 if there is none."""
        return self._entries.get(key, (0.0, 0.0))[0]

    def next(self, key: str, ended_at: float, now: float) -> None:
        """Note a new try after a failure: the wait doubles, or starts again after a long good run."""
        entry = self._entries.get(key)
        if entry is None or ended_at - entry[1] > FORGET_AFTER_SECONDS:
            wait = self.initial
        else:
            wait = min(entry[0] * 2, self.longest)
        self._entries[key] = (wait, now)

    def in_backoff_since(self, key: str, since: float, now: float) -> bool:
        """Whether the wait, counted from `since` (e.g. when the container ended), still runs."""
        entry = self._entries.get(key)
        if entry is None or since - entry[1] > FORGET_AFTER_SECONDS:
            return False
        return now - since < entry[0]

    def in_backoff_since_update(self, key: str, now: float) -> bool:
        """Whether the wait, counted from the last failure, still runs."""
        entry = self._entries.get(key)
        if entry is None or now - entry[1] > FORGET_AFTER_SECONDS:
            return False
        return now - entry[1] < entry[0]

    def forget(self, prefix: str) -> None:
        """Drop all keys of a pod that is gone."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            del self._entries[key]
