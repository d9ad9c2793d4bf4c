"""Work on volumes that failed is put off, each time for longer.

A claim or a volume is looked at again and again; the work itself (to provision, say) is only tried when the
time since its last failure is up, and nothing is said about it until then. Source:
pkg/util/goroutinemap/exponentialbackoff.
"""

from __future__ import annotations

from kubekit.sim import Clock

FIRST, LONGEST = 0.5, 122.0


class Operations:
    """What failed, by name: when and for how long it is put off."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: dict[str, tuple[float, float]] = {}

    def may_start(self, name: str) -> bool:
        """Whether the work may be tried now."""
        since, wait = self._failed.get(name, (0.0, -1.0))
        return self._clock.elapsed() - since > wait

    def failed(self, name: str) -> None:
        """The work was tried in vain."""
        wait = self._failed[name][1] * 2 if name in self._failed else FIRST
        self._failed[name] = (self._clock.elapsed(), min(wait, LONGEST))

    def succeeded(self, name: str) -> None:
        """The work is done: a later failure starts anew."""
        self._failed.pop(name, None)

    def clear(self) -> None:
        """Forget everything, as a restart does."""
        self._failed.clear()
