"""What the slice controllers wrote, until their cache shows it.

A cache that is a moment behind would make a controller write the same slice twice. So the generation of each
written slice is remembered, and a Service is left alone while the cache shows an older one. Source:
k8s.io/endpointslice/util/endpointslice_tracker.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj

GONE = -1
"""Stands for the generation of a slice whose deletion is awaited."""


class SliceTracker:
    """Generations of slices by Service and name."""

    def __init__(self) -> None:
        self._written: dict[str, dict[str, int]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._written.clear()

    def forget(self, key: str) -> None:
        """The Service is gone."""
        self._written.pop(key, None)

    def wrote(self, key: str, made: Obj) -> None:
        """A slice was created or updated; `made` is the answer."""
        meta = made["metadata"]
        self._written.setdefault(key, {})[meta["name"]] = meta.get("generation", 0)

    def deleted(self, key: str, name: str) -> None:
        """A slice's deletion was asked for."""
        self._written.setdefault(key, {})[name] = GONE

    def saw_deletion(self, key: str, name: str) -> bool:
        """The cache shows that a slice is gone; whether that was asked for."""
        return self._written.get(key, {}).pop(name, None) == GONE

    def is_foreign(self, key: str, one: Obj) -> bool:
        """Whether a slice as the cache shows it is not what was written last, but newer or not known."""
        meta = one["metadata"]
        written = self._written.get(key, {}).get(meta["name"])
        return written is None or meta.get("generation", 0) > written

    def is_stale(self, key: str, slices: list[Obj]) -> bool:
        """Whether the cache's slices of a Service are older than what was written."""
        written = self._written.get(key)
        if not written:
            return False
        seen = {one["metadata"]["name"]: one["metadata"].get("generation", 0) for one in slices}
        return any(
            name in seen if generation == GONE else seen.get(name, 0) < generation
            for name, generation in written.items()
        )
