"""Sharing out seats fairly: everybody the same fraction of what they would like, within their bounds.

`fair(total, wishes)` gives the fraction and what everybody gets. What one gets is the fraction of the target,
but no less than the lower and no more than the upper bound; the fraction is such that all of it adds up to
the total. Upstream: apiserver/pkg/util/flowcontrol/conc_alloc.go.

    three wish for 10, 20 and 30, each within 5..40, and there are 90: half as much again would be 15, 30 and
    40, which leaves 5 over; a fraction of 1.667 gives 16.7, 33.3 and 40
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MIN_TARGET = 0.001
"""A smaller target counts as this: nobody may divide by zero."""


class Wish(NamedTuple):
    """What one level would like, and the bounds of what it may get, in seats."""

    target: float
    lower: float
    upper: float

    def given(self, fraction: float) -> float:
        """What it gets at a fraction."""
        return max(self.lower, min(self.upper, fraction * max(self.target, MIN_TARGET)))

    def bounds(self) -> tuple[float, float]:
        """The fractions from which on it gets more than its lower bound, and no more than its upper one."""
        target = max(self.target, MIN_TARGET)
        return self.lower / target, self.upper / target


def fair(total: float, wishes: Sequence[Wish]) -> tuple[float, list[float]] | None:
    """(The fraction, what each gets); None where the bounds do not let it add up."""
    if not wishes or sum(one.lower for one in wishes) > total or sum(one.upper for one in wishes) < total:
        return None
    turns = sorted({bound for one in wishes for bound in one.bounds()})
    fraction = turns[0]
    for turn in turns[1:]:
        if sum(one.given(turn) for one in wishes) >= total:
            break
        fraction = turn
    # From here to the next turn the sum is a straight line: it rises with the targets that no bound holds.
    rising = 0.0
    for one in wishes:
        lowest, highest = one.bounds()
        if lowest <= fraction < highest:
            rising += max(one.target, MIN_TARGET)
    if rising:
        fraction += (total - sum(one.given(fraction) for one in wishes)) / rising
    return fraction, [one.given(fraction) for one in wishes]
