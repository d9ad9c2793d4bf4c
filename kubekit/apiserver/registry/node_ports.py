"""Node ports: ports that every node opens for a Service, each given to one Service only.

Which ports are taken follows from the Services in the cache: an index of this file's, kept as they change.
Where several API servers share a store, that index alone would give one port away twice; there each port is
also claimed in the `port_table`, and given back with `release`.
Free ports are drawn at random from the upper part of the range; the lower 1/32 (16 to 128 ports) is left
for those who choose by hand. Upstream: pkg/registry/core/service/portallocator.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubekit.apiserver.registry.port_table import PortTable
from kubekit.apiserver.watch_cache import CacheEvent, WatchCache
from kubekit.sim import Rng

Obj = dict[str, Any]

DRY_RUN_BASE = 32768

TAKEN = "provided port is already allocated"


class PortError(Exception):
    """A port cannot be had; the text says why."""


def ports_of(service: Obj | None) -> list[int]:
    """All node ports that a Service holds."""
    spec = (service or {}).get("spec") or {}
    found = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if spec.get("healthCheckNodePort"):
        found.append(spec["healthCheckNodePort"])
    return found


class NodePorts:
    """The allocator of one server."""

    def __init__(
        self, cache: WatchCache, valid: tuple[int, int], rng: Rng, table: PortTable | None = None
    ) -> None:
        """`table`: where ports are claimed, for a server that is not alone."""
        self.low, self.high = valid
        self.table = table
        self.rng = rng
        self._cache = cache
        self._taken: dict[int, int] | None = None
        cache.changes.append(self._changed)

    def _changed(self, event: CacheEvent) -> None:
        if self._taken is None:
            return
        for port in ports_of(event.old):
            left = self._taken.get(port, 0) - 1
            if left > 0:
                self._taken[port] = left
            else:
                self._taken.pop(port, None)
        for port in ports_of(event.new):
            self._taken[port] = self._taken.get(port, 0) + 1

    def forget(self) -> None:
        """The cache was filled anew."""
        self._taken = None

    def taken(self) -> dict[int, int]:
        """The ports that Services hold now, with how many times."""
        if self._taken is None:
            self._taken = {}
            for service in self._cache.span():
                for port in ports_of(service):
                    self._taken[port] = self._taken.get(port, 0) + 1
        return self._taken

    def take(self, port: int, mine: set[int], dry_run: bool = False) -> int:
        """One particular port; `mine` are those taken in this write; raises `PortError`."""
        if not self.low <= port <= self.high:
            text = (
                f"provided port is not in the valid range. The range of valid ports is {self.low}-{self.high}"
            )
            raise PortError(text)
        if port in self.taken() or port in mine or not (dry_run or self._claim(port)):
            raise PortError(TAKEN)
        mine.add(port)
        return port

    def _claim(self, port: int) -> bool:
        return self.table is None or self.table.claim(port)

    def release(self, ports: Iterable[int]) -> None:
        """Give ports back that a write took or a Service held."""
        if self.table is not None:
            self.table.release(ports)

    def repair(self) -> None:
        """Bring the table in line with the Services that there are."""
        if self.table is not None:
            self.table.repair(set(self.taken()))

    def take_any(self, mine: set[int], dry_run: bool = False, held: Iterable[int] = ()) -> int:
        """A free port, none of `held`; raises `PortError`. A dry run draws none: it shows a number that no
        port can have."""
        if dry_run:
            port = max(mine | set(held), default=DRY_RUN_BASE) + 1
            mine.add(port)
            return port
        size = self.high - self.low + 1
        band = 0 if size <= 16 else max(16, min(128, size // 32))
        taken = {*self.taken(), *held}
        if self.table is not None:
            taken |= self.table.taken()
        for low, count in ((self.low + band, size - band), (self.low, band)):
            start = int(self.rng.random() * count)
            for step in range(count):
                port = low + (start + step) % count
                if port not in taken and port not in mine and self._claim(port):
                    mine.add(port)
                    return port
        raise PortError("range is full")
