"""Topology spread over columns: which rows count for a constraint, and how many pods each domain has.

The array form of what `spread_constraints` and `pod_topology_spread_score` find out node by node. No plugin
of its own.

Source: as those.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from kubekit.scheduler.framework.node_masks import required_mask
from kubekit.scheduler.framework.node_table import Array, NodeTable, domain_sums
from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE
from kubekit.scheduler.framework.pod_counts import PodCount
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.plugins.spread_constraints import HOSTNAME, Constraint
from kubekit.scheduler.plugins.taints import untolerated_rows


class Domains(NamedTuple):
    """Of one constraint: matching pods by the code of the domain, and how many the emptiest has."""

    constraint: Constraint
    sums: Array
    least: int


def counts_of(table: NodeTable, constraint: Constraint, namespace: str) -> PodCount:
    """The pods that count; terminating ones do not."""
    selector = constraint.selector

    def means(pod: PodInfo) -> bool:
        if selector.empty or pod.terminating or pod.namespace != namespace:
            return False
        return selector.matches(pod.labels)

    return table.count(("spread", selector.key, namespace), means)


def members(table: NodeTable, constraints: list[Constraint]) -> Array | None:
    """The rows that belong to a domain of every constraint; None for all."""
    mask: Array | None = None
    for constraint in constraints:
        codes = table.codes(constraint.key)
        if codes.missing:
            mask = codes.rows >= 0 if mask is None else mask & (codes.rows >= 0)
    return mask


def included(table: NodeTable, constraint: Constraint, pod: PodInfo, among: Array | None) -> Array | None:
    """Those of the rows whose pods count for a constraint; None for all."""
    if constraint.honors_affinity:
        usable = required_mask(table, pod.required_nodes)
        if usable is not None:
            among = usable if among is None else among & usable
    if constraint.honors_taints:
        refused = untolerated_rows(table, pod.tolerations)
        if refused is not None:
            among = ~refused if among is None else among & ~refused
    return among


def hard_domains(table: NodeTable, pod: PodInfo, constraints: list[Constraint]) -> list[Domains]:
    """What PreFilter finds out, for each constraint."""
    np, everyone, found = table.np, members(table, constraints), []
    for constraint in constraints:
        among = included(table, constraint, pod, everyone)
        counts, codes = counts_of(table, constraint, pod.namespace), table.codes(constraint.key)
        if among is None:
            sums, there = counts.sums(constraint.key), codes.present
        else:
            sums, rows = domain_sums(table, constraint.key, counts.rows, among), codes.rows[among]
            there = np.bincount(rows[rows >= 0], minlength=len(codes.values)) > 0
        size = int(np.count_nonzero(there))
        if not size:
            least = 2**31 - 1 if constraint.min_domains <= 0 else 0
        else:
            least = 0 if size < constraint.min_domains else int(sums[there].min())
        found.append(Domains(constraint, sums, least))
    return found


class SoftSpread:
    """What PreScore finds out: per constraint the crowdedness that each feasible row adds."""

    __slots__ = ("crowd", "ignored")

    def __init__(
        self, table: NodeTable, pod: PodInfo, constraints: list[Constraint], rows: Array, all_keys: bool
    ) -> None:
        np = table.np
        everyone = members(table, constraints) if all_keys else None
        self.ignored: Array | None = None if everyone is None else ~everyone[rows]
        kept = rows if self.ignored is None else rows[~self.ignored]
        self.crowd: Any = np.zeros(len(rows))
        for constraint in constraints:
            codes = table.codes(constraint.key)
            counts = counts_of(table, constraint, pod.namespace)
            here = codes.rows.take(rows)
            if constraint.key == HOSTNAME:
                weight = math.log(len(kept) + 2)
                crowd = counts.rows.take(rows)
            else:
                # A node without the label stands in the domain "", with those whose label is empty.
                empty = codes.numbers.get("", -1)
                domains = codes.rows.take(kept)
                if codes.missing:
                    domains = np.where(domains < 0, empty, domains)
                weight = math.log(np.count_nonzero(np.bincount(domains + 1)) + 2)
                among = included(table, constraint, pod, everyone)
                if among is None:
                    sums = counts.sums(constraint.key)
                else:
                    sums = domain_sums(table, constraint.key, counts.rows, among)
                if empty >= 0 and codes.missing:
                    outside = codes.rows < 0 if among is None else among & (codes.rows < 0)
                    sums = sums.copy()
                    sums[empty] += int(counts.rows[outside].sum())
                crowd = sums.take(here) if len(sums) else np.zeros(len(rows), dtype=np.int64)
            crowded = self.crowd + (crowd * weight + (constraint.max_skew - 1))
            self.crowd = np.where(here >= 0, crowded, self.crowd) if codes.missing else crowded
        if self.ignored is not None:
            self.crowd = np.where(self.ignored, 0.0, self.crowd)

    def score(self, np: Any) -> Array:
        """The crowdedness, rounded half up."""
        whole = np.trunc(self.crowd)
        return (whole + (self.crowd - whole >= 0.5)).astype(np.int64)

    def normalize(self, np: Any, scores: Array) -> Array:
        """The least crowded becomes 100, nodes without the labels 0."""
        counted = scores if self.ignored is None else scores[~self.ignored]
        lowest, highest = (int(counted.min()), int(counted.max())) if len(counted) else (0, 0)
        if highest == 0:
            result = np.full(len(scores), MAX_NODE_SCORE)
        else:
            result = MAX_NODE_SCORE * (highest + lowest - scores) // highest
        if self.ignored is not None:
            result = np.where(self.ignored, 0, result)
        return result
