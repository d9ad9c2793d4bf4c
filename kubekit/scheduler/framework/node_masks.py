"""Node selectors over all rows: which nodes a pod's nodeSelector and node affinity mean, as masks.

The array form of `framework/selector`: each requirement is asked once for each value of its label
(`NodeTable.satisfies`), and masks are combined as the selector combines requirements.

Source: component-helpers scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.selector import (
    NodeSelector,
    NodeTerm,
    PreferredTerms,
    RequiredNodeAffinity,
    Requirement,
    Selector,
    holds,
)


def term_mask(table: NodeTable, term: NodeTerm) -> Array:
    """The rows that satisfy one nodeSelectorTerm."""
    np = table.np
    mask = np.full(table.size, not term.never)
    if not term.never:
        for requirement in term.labels:
            mask &= table.satisfies(requirement)
        for requirement in term.fields:
            mask &= _by_name(table, requirement)
    return mask


def _by_name(table: NodeTable, requirement: Requirement) -> Array:
    return table.column(
        ("field", requirement), lambda node: holds(requirement, {"metadata.name": node.name}), bool
    )


def selector_mask(table: NodeTable, selector: NodeSelector) -> Array:
    """The rows that satisfy at least one term."""
    mask = table.np.zeros(table.size, dtype=bool)
    for term in selector.terms:
        mask |= term_mask(table, term)
    return mask


def labels_mask(table: NodeTable, selector: Selector) -> Array:
    """The rows whose labels satisfy a label selector."""
    mask = table.np.full(table.size, not selector.nothing)
    if not selector.nothing:
        for requirement in selector.requirements:
            mask &= table.satisfies(requirement)
    return mask


def required_mask(table: NodeTable, required: RequiredNodeAffinity) -> Array | None:
    """The rows a pod may use as far as node selectors go; None when it asks for nothing."""
    mask: Array | None = None
    if required.node_selector is not None:
        mask = labels_mask(table, required.node_selector)
    if required.affinity is not None:
        wanted = selector_mask(table, required.affinity)
        mask = wanted if mask is None else mask & wanted
    return mask


def preferred_scores(table: NodeTable, preferred: PreferredTerms, rows: Array) -> Array:
    """For each of `rows` the sum of the weights of the terms that hold."""
    total = table.np.zeros(len(rows), dtype=table.np.int64)
    for term, weight in preferred.terms:
        total += term_mask(table, term)[rows] * weight
    return total
