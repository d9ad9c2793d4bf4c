"""How fast an autoscaler goes: it remembers what was recommended and done, and holds a new size back by it.

Without a `behavior` the highest recommendation of the last five minutes counts, and a workload at most
doubles at a time. With one each direction has its own window and its own policies: so many pods or percent in
a period. Source: pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubekit.api.meta import Obj

WINDOW = 300.0
"""Seconds for which a recommendation to have more pods holds, where the autoscaler says nothing of it."""
FACTOR, LEAST = 2, 4
HIGHER = "recent recommendations were higher than current one, applying the highest recent recommendation"
LOWER = "recent recommendations were lower than current one, applying the lowest recent recommendation"
TOO_FAST_UP = "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"
TOO_FAST_DOWN = "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"
TOO_MANY = "TooManyReplicas", "the desired replica count is more than the maximum replica count"
TOO_FEW = "TooFewReplicas", "the desired replica count is less than the minimum replica count"
WITHIN = "DesiredWithinRange", "the desired count is within the acceptable range"
READY = "ReadyForNewScale", "recommended size matches current size"

Said = tuple[str, str]
"""A reason and a message."""
Moments = list[tuple[float, int]]
"""Numbers, each with when it was."""


@dataclass(frozen=True)
class Wish:
    """What the metrics recommend, and within which bounds."""

    key: str
    current: int
    proposed: int
    minimum: int
    maximum: int
    behavior: Obj | None


class Pace:
    """The recommendations and changes of all autoscalers, and what they allow."""

    def __init__(self) -> None:
        self._recommended: dict[str, Moments] = {}
        self._ups: dict[str, Moments] = {}
        self._downs: dict[str, Moments] = {}

    def clear(self) -> None:
        """Forget everything."""
        for one in (self._recommended, self._ups, self._downs):
            one.clear()

    def forget(self, key: str) -> None:
        """The autoscaler is gone."""
        for one in (self._recommended, self._ups, self._downs):
            one.pop(key, None)

    def begin(self, key: str, current: int, now: float) -> None:
        """The size that was found first counts as recommended."""
        self._recommended.setdefault(key, [(now, current)])

    def normalize(self, wish: Wish, now: float) -> tuple[int, Said, bool, Said]:
        """(the size that may be had now, how able to scale it is, whether it was limited, by what)."""
        if wish.behavior is None:
            steady, able = self._steady(wish, now)
            size, why = _bounded(wish, steady)
        else:
            steady, able = self._steady_by(wish, wish.behavior, now)
            size, why = self._paced(wish, steady, wish.behavior, now)
        return size, able, size != steady, why

    def scaled(self, wish: Wish, size: int, now: float) -> None:
        """Remember a change of the size, where policies ask for such."""
        if wish.behavior is None:
            return
        up = size > wish.current
        events = self._ups if up else self._downs
        policies = wish.behavior["scaleUp" if up else "scaleDown"].get("policies") or ()
        longest = max((policy["periodSeconds"] for policy in policies), default=0)
        _replace_old(events.setdefault(wish.key, []), now - longest, (now, abs(size - wish.current)))

    # -- windows ----------------------------------------------------------------------------------------

    def _steady(self, wish: Wish, now: float) -> tuple[int, Said]:
        history = self._recommended.setdefault(wish.key, [])
        steady = max([wish.proposed, *(size for at, size in history if at >= now - WINDOW)])
        _replace_old(history, now - WINDOW, (now, wish.proposed))
        return steady, READY if steady == wish.proposed else ("ScaleDownStabilized", HIGHER)

    def _steady_by(self, wish: Wish, behavior: Obj, now: float) -> tuple[int, Said]:
        history = self._recommended.setdefault(wish.key, [])
        up_since = now - (behavior["scaleUp"].get("stabilizationWindowSeconds") or 0)
        seconds = behavior["scaleDown"].get("stabilizationWindowSeconds")
        down_since = now - (WINDOW if seconds is None else seconds)
        lowest = min([wish.proposed, *(size for at, size in history if at > up_since)])
        highest = max([wish.proposed, *(size for at, size in history if at > down_since)])
        steady = min(max(wish.current, lowest), highest)
        _replace_old(history, min(up_since, down_since), (now, wish.proposed))
        if steady == wish.proposed:
            return steady, READY
        held_up = wish.proposed >= wish.current
        return steady, ("ScaleUpStabilized", LOWER) if held_up else ("ScaleDownStabilized", HIGHER)

    # -- rates ------------------------------------------------------------------------------------------

    def _paced(self, wish: Wish, steady: int, behavior: Obj, now: float) -> tuple[int, Said]:
        current = wish.current
        if steady > current:
            limit = max(current, self._limit(wish, behavior["scaleUp"], True, now))
            most, why = (limit, TOO_FAST_UP) if wish.maximum > limit else (wish.maximum, TOO_MANY)
            return (most, why) if steady > most else (steady, WITHIN)
        if steady < current:
            limit = min(current, self._limit(wish, behavior["scaleDown"], False, now))
            least, why = (limit, TOO_FAST_DOWN) if wish.minimum < limit else (wish.minimum, TOO_FEW)
            return (least, why) if steady < least else (steady, WITHIN)
        return steady, WITHIN

    def _limit(self, wish: Wish, rules: Obj, up: bool, now: float) -> int:
        """The farthest that the policies allow to go; that of several which `selectPolicy` wants."""
        chosen = rules.get("selectPolicy", "Max")
        if chosen == "Disabled":
            return wish.current
        limits = []
        for policy in rules.get("policies") or ():
            since = now - policy["periodSeconds"]
            added = _sum_after(self._ups.get(wish.key, ()), since)
            removed = _sum_after(self._downs.get(wish.key, ()), since)
            begun = wish.current - added + removed
            limits.append(_step(begun, policy, up))
        farthest: Callable[[Sequence[int]], int] = max if up is (chosen != "Min") else min
        return farthest(limits) if limits else wish.current


def _step(begun: int, policy: Obj, up: bool) -> int:
    value: int = policy["value"]
    if policy["type"] == "Pods":
        return begun + value if up else begun - value
    return math.ceil(begun * (1 + value / 100)) if up else int(begun * (1 - value / 100))


def _bounded(wish: Wish, steady: int) -> tuple[int, Said]:
    limit = max(FACTOR * wish.current, LEAST)
    most, why = (limit, TOO_FAST_UP) if wish.maximum > limit else (wish.maximum, TOO_MANY)
    if steady < wish.minimum:
        return wish.minimum, TOO_FEW
    return (most, why) if steady > most else (steady, WITHIN)


def _sum_after(moments: Sequence[tuple[float, int]], since: float) -> int:
    return sum(number for at, number in moments if at > since)


def _replace_old(moments: Moments, since: float, new: tuple[float, int]) -> None:
    """One that is too old makes room for the new one."""
    for position in range(len(moments) - 1, -1, -1):
        if moments[position][0] < since:
            moments[position] = new
            return
    moments.append(new)
