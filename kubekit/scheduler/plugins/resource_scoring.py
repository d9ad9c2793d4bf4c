"""Resource scoring strategies: how full a node would be with the pod on it, as a score from 0 to 100.

`LeastAllocated` spreads, `MostAllocated` packs, `RequestedToCapacityRatio` follows a given shape; all three
average over resources with weights. Balanced allocation (the other plugin that scores resources) is here too.
A strategy is one function and one line in `STRATEGIES`. This is no plugin, so it has no line in the registry.

Source: pkg/scheduler/framework/plugins/noderesources/{least,most}_allocated.go,
requested_to_capacity_ratio.go, balanced_allocation.go, resource_allocation.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE
from kubekit.scheduler.framework.resources import is_scalar

Obj = dict[str, Any]
Figures = tuple[int, int, int]
"""Of one resource: allocated without the pod, with it, and allocatable; allocatable 0 leaves it out."""
Scorer = Callable[[Sequence[Figures]], int]

DEFAULT_RESOURCES: list[Obj] = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
MAX_SHAPE_SCORE = 10


def figures(
    node: NodeInfo, resources: Sequence[str], wanted: Sequence[int], with_defaults: bool
) -> list[Figures]:
    """What each resource would be used to. `with_defaults` counts containers without requests as small."""
    result: list[Figures] = []
    allocatable, requested = node.allocatable, node.requested
    for name, amount in zip(resources, wanted, strict=True):
        if name == "cpu":
            capacity = allocatable.milli_cpu
            used = node.nonzero_cpu if with_defaults else requested.milli_cpu
        elif name == "memory":
            capacity = allocatable.memory
            used = node.nonzero_memory if with_defaults else requested.memory
        elif amount == 0 and is_scalar(name):
            capacity = used = 0  # an extended resource that the pod does not ask for says nothing about it
        else:
            capacity, used = allocatable.get(name), requested.get(name)
        result.append((used, used + amount, capacity) if capacity else (0, 0, 0))
    return result


def least_allocated(weights: Sequence[int], args: Obj) -> Scorer:
    """The freer the better.

    >>> least_allocated([1, 1], {})([(0, 500, 2000), (0, 1, 4)])
    75
    """

    def score(rows: Sequence[Figures]) -> int:
        total = weight_sum = 0
        for (_, requested, capacity), weight in zip(rows, weights, strict=True):
            if capacity:
                if requested <= capacity:
                    total += (capacity - requested) * MAX_NODE_SCORE // capacity * weight
                weight_sum += weight
        return total // weight_sum if weight_sum else 0

    return score


def most_allocated(weights: Sequence[int], args: Obj) -> Scorer:
    """The fuller the better: packs pods on few nodes."""

    def score(rows: Sequence[Figures]) -> int:
        total = weight_sum = 0
        for (_, requested, capacity), weight in zip(rows, weights, strict=True):
            if capacity:
                total += min(requested, capacity) * MAX_NODE_SCORE // capacity * weight
                weight_sum += weight
        return total // weight_sum if weight_sum else 0

    return score


def requested_to_capacity_ratio(weights: Sequence[int], args: Obj) -> Scorer:
    """A broken line over the utilisation in per cent, given as points with scores from 0 to 10."""
    points = [
        (int(point.get("utilization", 0)), int(point.get("score", 0)) * (MAX_NODE_SCORE // MAX_SHAPE_SCORE))
        for point in (args.get("requestedToCapacityRatio") or {}).get("shape") or ()
    ]

    def score(rows: Sequence[Figures]) -> int:
        total = weight_sum = 0
        for (_, requested, capacity), weight in zip(rows, weights, strict=True):
            if capacity:
                used = 100 if requested > capacity else requested * 100 // capacity
                value = broken_line(points, used)
                if value > 0:
                    total += value * weight
                    weight_sum += weight
        return (2 * total + weight_sum) // (2 * weight_sum) if weight_sum else 0

    return score


def broken_line(points: Sequence[tuple[int, int]], x: int) -> int:
    """The value at `x` of the line through the points, level outside.

    >>> broken_line([(0, 0), (50, 100), (100, 20)], 75)
    60
    """
    for index, (right, value) in enumerate(points):
        if x <= right:
            if index == 0:
                return value
            left, start = points[index - 1]
            rise = (value - start) * (x - left)
            return start + int(rise / (right - left))
    return points[-1][1] if points else 0


STRATEGIES: dict[str, Callable[[Sequence[int], Obj], Scorer]] = {
    "LeastAllocated": least_allocated,
    "MostAllocated": most_allocated,
    "RequestedToCapacityRatio": requested_to_capacity_ratio,
}
"""Scoring strategies by the name that the configuration uses."""


def balanced(rows: Sequence[Figures]) -> int:
    """How much more even the use of the resources becomes: 75 for no change, from 50 to 100."""
    before: list[float] = []
    after: list[float] = []
    for used, requested, capacity in rows:
        if capacity:
            before.append(used / capacity if used < capacity else 1.0)
            after.append(requested / capacity if requested < capacity else 1.0)
    half = MAX_NODE_SCORE // 2
    return half + int((half + _evenness(after) - _evenness(before)) / 2)


def _evenness(fractions: Sequence[float]) -> int:
    """100 when these fractions of all resources are used alike, less by their standard deviation."""
    deviation = 0.0
    if len(fractions) == 2:
        deviation = abs((fractions[0] - fractions[1]) / 2)
    elif len(fractions) > 2:
        total = 0.0
        for fraction in fractions:
            total += fraction
        mean = total / len(fractions)
        squares = 0.0
        for fraction in fractions:
            squares += (fraction - mean) * (fraction - mean)
        deviation = math.sqrt(squares / len(fractions))
    return int((1 - deviation) * MAX_NODE_SCORE)
