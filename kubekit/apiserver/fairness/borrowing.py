"""Borrowing: every ten seconds the levels' seats are shared out anew.

`share_out(levels)` sets `current` of each level. A level keeps what its configuration does not let it lend,
and as many of its nominal seats as it needed at once since the last time; what is then left goes to all in
proportion to what they need. Demand is weighed over time as well in the original: here no request takes any
of the cluster's time, so that the average demand is 0 and only the high watermark counts. Upstream:
apiserver/pkg/util/flowcontrol/apf_controller.go (updateBorrowingLocked).
"""

from __future__ import annotations

from collections.abc import Iterable

from kubekit.apiserver.fairness.allocation import Wish, fair
from kubekit.apiserver.fairness.level import Level

PERIOD = 10.0
"""Seconds between two times."""


def share_out(levels: Iterable[Level]) -> float:
    """Share all seats out; gives the fraction of its target that every unbound level gets (0: none was)."""
    limited: list[Level] = []
    total = left = 0
    for level in levels:
        level.watermark, level.high = level.high, level.taken
        total += level.nominal
        if level.limit is None:
            left -= max(level.lower, level.watermark)
            continue
        limited.append(level)
        level.target = float(_needed(level))
    left += total
    least, needed = sum(level.lower for level in limited), sum(_needed(level) for level in limited)
    if left <= least:
        for level in limited:
            level.current = level.lower
        return 0.0
    if left <= needed:
        part = (left - least) / (needed - least)
        for level in limited:
            level.current = level.lower + int((_needed(level) - level.lower) * part + 0.5)
        return 0.0
    found = fair(total, [Wish(level.target, _needed(level), level.upper) for level in limited])
    if found is None:
        # The levels may not borrow as much as the others lend: all stays as it is.
        return 0.0
    fraction, given = found
    for level, seats in zip(limited, given, strict=True):
        level.current = int(seats + 0.5)
    return fraction


def _needed(level: Level) -> int:
    """What a level keeps in any case."""
    return max(level.lower, min(level.nominal, level.watermark))
