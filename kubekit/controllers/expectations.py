"""Expectations: what a controller has asked for and not yet heard about.

After a controller has created three pods its cache still shows none of them. If it looked again now it would
create three more. So it writes down "three creations, to be observed" and does not change anything until the
watch has delivered them (or five minutes have passed: then it no longer believes that they will come). For
deletions it remembers which pods, so that one deletion is not counted twice. Modelled on
kubernetes/pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubekit.sim import Clock

TIMEOUT = 300.0


class Expectations:
    """Outstanding creations and deletions by the key of the controller's object."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._creations: dict[str, int] = {}
        self._deletions: dict[str, dict[str, None]] = {}
        self._since: dict[str, float] = {}

    def expect_creations(self, key: str, count: int) -> None:
        """`count` creations were asked for; what was expected before is forgotten."""
        self._creations[key] = count
        self._deletions.pop(key, None)
        self._since[key] = self._clock.now()

    def expect_deletions(self, key: str, uids: Iterable[str]) -> None:
        """These objects were asked to go; what was expected before is forgotten."""
        self._deletions[key] = dict.fromkeys(uids)
        self._creations.pop(key, None)
        self._since[key] = self._clock.now()

    def expect(self, key: str, creations: int, uids: Iterable[str]) -> None:
        """Both at once."""
        self._creations[key] = creations
        self._deletions[key] = dict.fromkeys(uids)
        self._since[key] = self._clock.now()

    def creation_observed(self, key: str, count: int = 1) -> None:
        """A creation was seen, or will not come."""
        left = self._creations.get(key)
        if left is not None:
            self._creations[key] = left - count

    def deletion_observed(self, key: str, uid: str) -> None:
        """A deletion was seen, or will not come."""
        waiting = self._deletions.get(key)
        if waiting is not None:
            waiting.pop(uid, None)

    def satisfied(self, key: str) -> bool:
        """Whether everything expected was seen, so that the cache can be believed."""
        since = self._since.get(key)
        if since is None or self._clock.now() - since > TIMEOUT:
            return True
        return self._creations.get(key, 0) <= 0 and not self._deletions.get(key)

    def forget(self, key: str) -> None:
        """The object is gone."""
        self._creations.pop(key, None)
        self._deletions.pop(key, None)
        self._since.pop(key, None)

    def clear(self) -> None:
        """Forget everything: the controller starts anew."""
        self._creations.clear()
        self._deletions.clear()
        self._since.clear()

    def outstanding(self, key: str) -> dict[str, Any]:
        """What is waited for, for the records."""
        return {
            "creations": max(0, self._creations.get(key, 0)),
            "deletions": len(self._deletions.get(key, ())),
        }
