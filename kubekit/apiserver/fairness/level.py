"""A priority level: its seats, what it may lend and borrow, who has a seat, and what it has counted.

Its nominal limit is its part of the server's seats. It keeps at least `lower` of them and may come to have
`upper`; `current` is what it has for now (`borrowing` says so). Upstream: apiserver/pkg/util/flowcontrol
(apf_controller.go, priorityLevelState; fairqueuing/queueset).
"""

from __future__ import annotations

import math
from typing import Any

Obj = dict[str, Any]

NOMINAL_SHARES = 30
"""What a limited level has that names no shares."""


class Level:
    """One priority level."""

    __slots__ = (
        "current",
        "hand_size",
        "high",
        "limit",
        "lower",
        "name",
        "nominal",
        "queues",
        "rejected",
        "served",
        "taken",
        "target",
        "uid",
        "upper",
        "watermark",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.uid = ""
        self.limit: int | None = None
        """`nominal`, or None: as many as come are served at once (exempt)."""
        self.nominal = 0
        """Its part of the server's seats; of an exempt level, what is set aside for it."""
        self.lower = 0
        self.upper = 0
        self.current: int | None = None
        """How many are served at once for now."""
        self.queues = 0
        """Of a level that queues, how many queues it has, and how many of them a flow is dealt; else 0."""
        self.hand_size = 0
        self.taken = 0
        self.high = 0
        """The most seats that were wanted at once since the seats were last shared out."""
        self.watermark = 0
        """The same of the time before that."""
        self.target = 0.0
        """How many seats it was to have, when they were last shared out."""
        self.served: dict[str, int] = {}
        """How many requests of each flow schema were served."""
        self.rejected: dict[tuple[str, str], int] = {}
        """How many requests were sent away, by flow schema and reason."""

    def configure(self, level: Obj, seats: int, shares: int) -> None:
        """Take over what its object says; `seats` are the server's, in so many `shares`."""
        self.uid = level["metadata"].get("uid", "")
        spec = level["spec"]
        exempt = spec.get("type") == "Exempt"
        part: Obj = spec.get("exempt" if exempt else "limited") or {}
        nominal = math.ceil(seats * shares_of(level) / shares)
        self.lower = nominal - _rounded(nominal * part.get("lendablePercent", 0) / 100)
        borrowing = part.get("borrowingLimitPercent")
        self.upper = nominal + (seats if borrowing is None else _rounded(nominal * borrowing / 100))
        queuing = (part.get("limitResponse") or {}).get("queuing") or {}
        self.queues, self.hand_size = queuing.get("queues", 0), queuing.get("handSize", 0)
        if exempt:
            self.limit = self.current = None
        else:
            if self.limit is None:
                self.current = nominal - (nominal - self.lower) // 2
            self.limit = nominal
        self.nominal = nominal

    def reject(self, schema: str) -> None:
        """Count a request that found no seat.

        Who had to queue would wait for the request inside of which it was made, which waits for it: until
        its time is out.
        """
        reason = "time-out" if self.queues else "concurrency-limit"
        if self.queues:
            # Who waits wants a seat, too.
            self.high = max(self.high, self.taken + 1)
        self.rejected[schema, reason] = self.rejected.get((schema, reason), 0) + 1


def shares_of(level: Obj) -> int:
    """The shares of the server's seats that a level has."""
    spec = level["spec"]
    if spec.get("type") == "Exempt":
        return int((spec.get("exempt") or {}).get("nominalConcurrencyShares") or 0)
    return int((spec.get("limited") or {}).get("nominalConcurrencyShares", NOMINAL_SHARES))


def _rounded(value: float) -> int:
    """To the nearest whole number, halves up."""
    return math.floor(value + 0.5)
