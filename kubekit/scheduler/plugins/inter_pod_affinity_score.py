"""The scoring half of InterPodAffinity: what each topology is worth to the incoming pod.

Every pod that is already there may add to the topologies of its node, in five ways: the incoming pod prefers
to be near it or far from it; it requires, prefers, or prefers not to be near the incoming pod. Called by
`inter_pod_affinity`; no plugin of its own.

Source: pkg/scheduler/framework/plugins/interpodaffinity/scoring.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubekit.scheduler.framework.node_table import Array
from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE
from kubekit.scheduler.framework.pod_info import NO_LABELS, AffinityTerm, PodInfo

TopologyScores = dict[str, dict[str, int]]
"""Label key, label value, sum of weights."""


def score_pod(
    scores: TopologyScores,
    pod: PodInfo,
    wanted: tuple[AffinityTerm, ...],
    unwanted: tuple[AffinityTerm, ...],
    other: PodInfo,
    labels: Mapping[str, str],
    ns_labels: Mapping[str, str],
    hard_weight: int,
) -> None:
    """Add what `other`, on a node with these labels, means for `pod`."""
    for term in wanted:
        _add(scores, term, term.weight, other, NO_LABELS, labels)
    for term in unwanted:
        _add(scores, term, -term.weight, other, NO_LABELS, labels)
    if hard_weight > 0:
        for term in other.required_affinity:
            _add(scores, term, hard_weight, pod, ns_labels, labels)
    for term in other.preferred_affinity:
        _add(scores, term, term.weight, pod, ns_labels, labels)
    for term in other.preferred_anti_affinity:
        _add(scores, term, -term.weight, pod, ns_labels, labels)


def _add(
    scores: TopologyScores,
    term: AffinityTerm,
    weight: int,
    meant: PodInfo,
    ns_labels: Mapping[str, str],
    labels: Mapping[str, str],
) -> None:
    value = labels.get(term.topology_key)
    if value is not None and term.matches(meant, ns_labels):
        by_value = scores.setdefault(term.topology_key, {})
        by_value[value] = by_value.get(value, 0) + weight


def scale(scores: list[int]) -> list[int]:
    """Spread the scores over 0 to 100.

    >>> scale([-3, 0, 7]), scale([5, 5])
    ([0, 30, 100], [0, 0])
    """
    lowest, highest = min(scores), max(scores)
    span = highest - lowest
    if span <= 0:
        return [0] * len(scores)
    return [int(MAX_NODE_SCORE * ((score - lowest) / span)) for score in scores]


def scale_array(scores: Array, np: Any) -> Array:
    """`scale` for an array."""
    lowest, highest = int(scores.min()), int(scores.max())
    span = highest - lowest
    if span <= 0:
        return np.zeros(len(scores), dtype=np.int64)
    return np.trunc(MAX_NODE_SCORE * ((scores - lowest) / span)).astype(np.int64)
