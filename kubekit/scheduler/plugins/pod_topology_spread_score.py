"""The scoring half of PodTopologySpread: how crowded the domains of a node are.

Each soft constraint adds (pods in the node's domain) x log(number of domains + 2) + (maxSkew - 1): with many
domains a single pod weighs more. Hosts are counted one by one, other domains once. Called by
`pod_topology_spread`; no plugin of its own.

Source: pkg/scheduler/framework/plugins/podtopologyspread/scoring.go.
"""

from __future__ import annotations

import math

from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.plugins.spread_constraints import HOSTNAME, Constraint, count_pods, has_all_keys


class PreScoreState:
    """Per constraint: the matching pods of each domain, and the domain count's weight."""

    __slots__ = ("constraints", "counts", "ignored", "weights")

    def __init__(
        self,
        constraints: list[Constraint],
        counts: list[dict[str, int]],
        weights: list[float],
        ignored: set[str],
    ) -> None:
        self.constraints = constraints
        self.counts = counts
        self.weights = weights
        self.ignored = ignored
        """Names of feasible nodes that lack one of the labels."""

    def score(self, pod: PodInfo, node: NodeInfo) -> int:
        """The crowdedness of one node."""
        if node.name in self.ignored:
            return 0
        total = 0.0
        for constraint, counts, weight in zip(self.constraints, self.counts, self.weights, strict=True):
            value = node.labels.get(constraint.key)
            if value is not None:
                if constraint.key == HOSTNAME:
                    count = count_pods(node, constraint.selector, pod.namespace)
                else:
                    count = counts.get(value, 0)
                total += count * weight + (constraint.max_skew - 1)
        whole = int(total)
        return whole + (total - whole >= 0.5)

    def normalize(self, nodes: list[NodeInfo], scores: list[int]) -> list[int]:
        """Turn crowdedness round: 100 for the least crowded, 0 for nodes without the labels."""
        counted = [score for node, score in zip(nodes, scores, strict=True) if node.name not in self.ignored]
        lowest, highest = min(counted, default=0), max(counted, default=0)
        result: list[int] = []
        for node, score in zip(nodes, scores, strict=True):
            if node.name in self.ignored:
                result.append(0)
            elif highest == 0:
                result.append(MAX_NODE_SCORE)
            else:
                result.append(MAX_NODE_SCORE * (highest + lowest - score) // highest)
        return result


def prepare(
    pod: PodInfo,
    constraints: list[Constraint],
    feasible: list[NodeInfo],
    nodes: list[NodeInfo],
    all_keys: bool,
) -> PreScoreState:
    """Count, over all nodes, the matching pods in the domains that feasible nodes belong to."""
    counts: list[dict[str, int]] = [{} for _ in constraints]
    ignored: set[str] = set()
    for node in feasible:
        if all_keys and not has_all_keys(node.labels, constraints):
            ignored.add(node.name)
            continue
        for constraint, domain in zip(constraints, counts, strict=True):
            if constraint.key != HOSTNAME:
                domain.setdefault(node.labels.get(constraint.key, ""), 0)
    weights = []
    for constraint, domain in zip(constraints, counts, strict=True):
        size = len(feasible) - len(ignored) if constraint.key == HOSTNAME else len(domain)
        weights.append(math.log(size + 2))
    wide = [(c, domain) for c, domain in zip(constraints, counts, strict=True) if c.key != HOSTNAME]
    if wide:
        for node in nodes:
            if all_keys and not has_all_keys(node.labels, constraints):
                continue
            for constraint, domain in wide:
                value = node.labels.get(constraint.key, "")
                if value in domain and constraint.includes(pod, node):
                    domain[value] += count_pods(node, constraint.selector, pod.namespace)
    return PreScoreState(constraints, counts, weights, ignored)
