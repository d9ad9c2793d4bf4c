"""Resource scoring over columns: the array forms of `resource_scoring`, figure for figure.

Whole numbers are compared and divided as 64-bit integers; where an amount is so large that a product would
leave them, the answer is None and the caller asks node by node. This is no plugin, so it has no line in the
registry.

Source: as `resource_scoring`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubekit.scheduler.framework.node_table import EXACT, Array, NodeTable
from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE
from kubekit.scheduler.framework.resources import is_scalar

FigureColumns = list[tuple[Array, Array, Array]]
"""For each resource: allocated without the pod, with it, and allocatable; where that is 0 it is left out."""


def allocatable_column(table: NodeTable, name: str) -> Array:
    """What each node has of a resource; raises OverflowError when 64 bits do not hold it."""
    return table.column(("allocatable", name), lambda node: node.allocatable.get(name))


def requested_column(table: NodeTable, name: str) -> Array:
    """What the pods on each node request of a resource; raises OverflowError likewise."""
    return table.column(("requested", name), lambda node: node.requested.get(name))


def figure_columns(
    table: NodeTable, resources: Sequence[str], wanted: Sequence[int], with_defaults: bool
) -> FigureColumns | None:
    """`figures` of all nodes; None when the numbers are too large."""
    np, found = table.np, []
    try:
        for name, amount in zip(resources, wanted, strict=True):
            capacity = allocatable_column(table, name)
            if name == "cpu" and with_defaults:
                used = table.column("nonzero cpu", lambda node: node.nonzero_cpu)
            elif name == "memory" and with_defaults:
                used = table.column("nonzero memory", lambda node: node.nonzero_memory)
            elif name not in ("cpu", "memory") and amount == 0 and is_scalar(name):
                capacity = used = np.zeros(table.size, dtype=np.int64)
            else:
                used = requested_column(table, name)
            if max(int(capacity.max()), int(used.max()) + amount) >= EXACT or int(used.min()) < 0:
                return None
            found.append((used, used + amount, capacity))
    except OverflowError:
        return None
    return found


def least_allocated_array(np: Any, columns: FigureColumns, weights: Sequence[int]) -> Array:
    """The freer the better."""

    def value(requested: Array, capacity: Array) -> Array:
        free = np.maximum(capacity - requested, 0)
        return np.asarray(free * MAX_NODE_SCORE // np.maximum(capacity, 1))

    return _average(np, columns, weights, value)


def most_allocated_array(np: Any, columns: FigureColumns, weights: Sequence[int]) -> Array:
    """The fuller the better."""

    def value(requested: Array, capacity: Array) -> Array:
        return np.asarray(np.minimum(requested, capacity) * MAX_NODE_SCORE // np.maximum(capacity, 1))

    return _average(np, columns, weights, value)


def _average(
    np: Any, columns: FigureColumns, weights: Sequence[int], value: Callable[[Array, Array], Array]
) -> Array:
    total: Any = 0
    weight_sum: Any = 0
    for (_, requested, capacity), weight in zip(columns, weights, strict=True):
        counts = capacity > 0
        total = total + np.where(counts, value(requested, capacity) * weight, 0)
        weight_sum = weight_sum + counts * weight
    return np.where(weight_sum > 0, total // np.maximum(weight_sum, 1), 0)


ARRAY_STRATEGIES: dict[str, Callable[[Any, FigureColumns, Sequence[int]], Array]] = {
    "LeastAllocated": least_allocated_array,
    "MostAllocated": most_allocated_array,
}
"""The strategies that have an array form, by name."""


def balanced_array(np: Any, columns: FigureColumns) -> Array | None:
    """How much more even the use of two resources becomes; None unless all nodes have both."""
    if len(columns) != 2 or any(int(capacity.min()) <= 0 for _, _, capacity in columns):
        return None

    def evenness(which: int) -> Array:
        first, second = (np.minimum(1.0, figures[which] / figures[2]) for figures in columns)
        return np.trunc((1 - np.abs((first - second) / 2)) * MAX_NODE_SCORE)

    half = MAX_NODE_SCORE // 2
    gain = np.trunc((half + evenness(1) - evenness(0)) / 2)
    return (half + gain).astype(np.int64)
