"""The port table: which node ports are taken, kept in the store, for API servers that share one.

Each server's own index of Services lags behind what another server has just done, so a port is only had by
writing it into this one object, on the condition that nobody else has written it since it was read. A server
that died between taking a port and storing its Service leaves a leak; `repair` gives back what no Service has
held at three looks in a row, and takes what Services hold and the table does not know.

The object is what the original keeps: a RangeAllocation whose `data` is the set of ports as one big number,
bit n for the n-th port of the range.

    range 30000-32767, ports 30000 and 30009 taken    ->    data: AgE=   (the number 0b1000000001)

Upstream: pkg/registry/core/service/portallocator (allocator.go, storage/storage.go, controller/repair.go),
pkg/registry/core/service/allocator/storage.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

from kubekit.apiserver.storage import PREFIX, Storage

Obj = dict[str, Any]

KEY = f"{PREFIX}/ranges/servicenodeports"

LOOKS = 3
"""At how many looks in a row a taken port must be without a Service before it is given back."""

REPAIR_SECONDS = 180.0
"""Seconds between two looks."""


class PortTable:
    """The table of one range of ports."""

    def __init__(self, storage: Storage, low: int, high: int) -> None:
        self._storage = storage
        self._low, self._high = low, high
        self._leaks: dict[int, int] = {}

    def taken(self) -> set[int]:
        """The taken ports, read from the store. Raises StoreUnavailable."""
        return self._ports(self._storage.get(KEY))

    def claim(self, port: int) -> bool:
        """Take a port; False when somebody has it. Raises StoreUnavailable."""
        return self._change(lambda ports: None if port in ports else ports | {port})

    def release(self, ports: Iterable[int]) -> None:
        """Give ports back. Raises StoreUnavailable."""
        gone = set(ports)
        if gone:
            self._change(lambda ports: ports - gone if ports & gone else None)

    def repair(self, held: set[int]) -> None:
        """Bring the table in line with what Services hold. Raises StoreUnavailable."""
        inside = {port for port in held if self._low <= port <= self._high}

        def repaired(ports: set[int]) -> set[int] | None:
            leaked = ports - inside
            self._leaks = {port: self._leaks.get(port, 0) + 1 for port in leaked}
            wanted = (ports | inside) - {port for port, looks in self._leaks.items() if looks >= LOOKS}
            return None if wanted == ports else wanted

        self._change(repaired)

    def _change(self, change: Callable[[set[int]], set[int] | None]) -> bool:
        """Write what `change` makes of the present ports, again while others write; None: leave it."""
        while True:
            found = self._storage.get(KEY)
            wanted = change(self._ports(found))
            if wanted is None:
                return False
            obj = self._object(wanted)
            if found is None:
                written = self._storage.create(KEY, obj)
            else:
                written = self._storage.update(KEY, obj, int(found["metadata"]["resourceVersion"]))
            if written is not None:
                return True

    def _ports(self, found: Obj | None) -> set[int]:
        if found is None or found.get("range") != self._range:
            return set()
        bits = int.from_bytes(base64.b64decode(found.get("data") or ""), "big")
        return {self._low + place for place in range(self._high - self._low + 1) if bits >> place & 1}

    def _object(self, ports: set[int]) -> Obj:
        bits = sum(1 << (port - self._low) for port in ports)
        data = base64.b64encode(bits.to_bytes((bits.bit_length() + 7) // 8, "big")).decode()
        return {
            "kind": "RangeAllocation",
            "apiVersion": "v1",
            "metadata": {},
            "range": self._range,
            "data": data,
        }

    @property
    def _range(self) -> str:
        return f"{self._low}-{self._high}"
