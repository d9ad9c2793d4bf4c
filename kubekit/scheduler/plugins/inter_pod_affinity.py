"""InterPodAffinity: pods that want to be near other pods, or far from them.

"Near" is a topology: all nodes with the same value of a label (a zone, a host). PreFilter counts, for each
(label, value), the pods that the incoming pod's required terms mean, and the terms of pods already there that
mean the incoming pod; Filter only looks the node's values up. AddPod and RemovePod keep the counts right when
preemption asks "what if". Preferred terms score, in both directions (`inter_pod_affinity_score`).

The first pod of a group that wants to be near itself may go anywhere: else no group could ever begin.

Source: pkg/scheduler/framework/plugins/interpodaffinity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    DELETE,
    NODE,
    POD,
    UPDATE_NODE_LABEL,
    UPDATE_POD_LABEL,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Handle, Plugin
from kubekit.scheduler.framework.pod_info import NO_LABELS, AffinityTerm, PodInfo
from kubekit.scheduler.framework.status import SKIP, Status, unresolvable, unschedulable
from kubekit.scheduler.plugins.affinity_columns import (
    AVOIDS,
    KEEPS_AWAY,
    PREFERS,
    REQUIRES,
    ExistingTerms,
    Sums,
    term_sums,
)
from kubekit.scheduler.plugins.inter_pod_affinity_score import TopologyScores, scale, scale_array, score_pod

Obj = dict[str, Any]
Pair = tuple[str, str]
"""A topology: label key and value."""

NAME = "InterPodAffinity"
AFFINITY = unresolvable("node(s) didn't match pod affinity rules").by(NAME)
ANTI_AFFINITY = unschedulable("node(s) didn't match pod anti-affinity rules").by(NAME)
EXISTING_ANTI_AFFINITY = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules").by(NAME)
PRE_FILTER = "PreFilterInterPodAffinity"
PRE_SCORE = "PreScoreInterPodAffinity"
HARD_ARRAYS, SOFT_ARRAYS = "PreFilterInterPodAffinity/arrays", "PreScoreInterPodAffinity/arrays"


class Counts(dict[Pair, int]):
    """How many pods count in each topology; pairs that nobody counts in are absent."""

    def change(self, node: NodeInfo, key: str, by: int) -> None:
        """Count in the topology that the node belongs to under `key`, if it has that label."""
        value = node.labels.get(key)
        if value is not None:
            pair = (key, value)
            total = self.get(pair, 0) + by
            if total:
                self[pair] = total
            else:
                self.pop(pair, None)


class PreFilterState:
    """The incoming pod's terms, and the three counts."""

    __slots__ = (
        "affinity",
        "affinity_counts",
        "anti_affinity",
        "anti_counts",
        "existing_counts",
        "ns_labels",
        "pod",
    )

    def __init__(
        self,
        pod: PodInfo,
        affinity: tuple[AffinityTerm, ...],
        anti_affinity: tuple[AffinityTerm, ...],
        ns_labels: Mapping[str, str],
    ) -> None:
        self.pod = pod
        self.affinity = affinity
        self.anti_affinity = anti_affinity
        self.ns_labels = ns_labels
        self.affinity_counts = Counts()
        self.anti_counts = Counts()
        self.existing_counts = Counts()

    def count(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        """Count (or with -1 no longer count) a pod on a node."""
        self.count_existing(other, node, by)
        self.count_incoming(other, node, by)

    def count_existing(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        """Terms of `other` that keep the incoming pod away."""
        for term in other.required_anti_affinity:
            if term.matches(self.pod, self.ns_labels):
                self.existing_counts.change(node, term.topology_key, by)

    def count_incoming(self, other: PodInfo, node: NodeInfo, by: int) -> None:
        """The incoming pod's own terms that mean `other`."""
        if matches_all(self.affinity, other):
            for term in self.affinity:
                self.affinity_counts.change(node, term.topology_key, by)
        for term in self.anti_affinity:
            if term.matches(other):
                self.anti_counts.change(node, term.topology_key, by)

    def clone(self) -> PreFilterState:
        """A copy whose counts may change."""
        copy = PreFilterState(self.pod, self.affinity, self.anti_affinity, self.ns_labels)
        copy.affinity_counts = Counts(self.affinity_counts)
        copy.anti_counts = Counts(self.anti_counts)
        copy.existing_counts = Counts(self.existing_counts)
        return copy


def matches_all(terms: tuple[AffinityTerm, ...], pod: PodInfo) -> bool:
    """Whether there are terms, and all of them mean this pod."""
    return bool(terms) and all(term.matches(pod) for term in terms)


class InterPodAffinity(Plugin):
    """Filters by required pod (anti-)affinity, scores by preferred.

    Arguments: `hardPodAffinityWeight` (what an existing pod's *required* affinity to the incoming pod is
    worth in scoring), `ignorePreferredTermsOfExistingPods`.
    """

    name = NAME

    def __init__(self, handle: Handle, args: Obj) -> None:
        super().__init__(handle, args)
        weight = args.get("hardPodAffinityWeight")
        self.hard_weight = 1 if weight is None else int(weight)
        self.ignore_existing = bool(args.get("ignorePreferredTermsOfExistingPods"))

    # -- events ------------------------------------------------------------------------------------

    def events(self) -> list[EventWithHint]:
        """Pods that come, go or change labels, and nodes with other labels."""
        pods = ClusterEvent(POD, ADD | UPDATE_POD_LABEL | DELETE)
        return [
            EventWithHint(pods, self.after_pod_change),
            EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_LABEL), self.after_node_change),
        ]

    def after_pod_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when a wanted pod came, or an unwanted one went."""
        before, after = PodInfo(old) if old else None, PodInfo(new) if new else None
        if before and after and after.uid == pod.uid:
            return True
        for other in (before, after):
            if other is not None and not other.node_name and not other.nominated_node:
                return False
        wanted, unwanted = pod.required_affinity, pod.required_anti_affinity
        if before and after:
            came = not matches_all(wanted, before) and matches_all(wanted, after)
            went = matches_all(unwanted, before) and not matches_all(unwanted, after)
            return came or went
        if after:
            return matches_all(wanted, after)
        if before is None:
            return True
        return matches_all(unwanted, before) or matches_all(before.required_anti_affinity, pod)

    def after_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the node joined another topology that a term is about."""
        labels = ((new or {}).get("metadata") or {}).get("labels") or {}
        had = ((old or {}).get("metadata") or {}).get("labels") or {}
        for term in pod.required_affinity:
            value = labels.get(term.topology_key)
            if value is not None and (old is None or had.get(term.topology_key) != value):
                return True
        for term in pod.required_anti_affinity:
            before = had.get(term.topology_key)
            if old is None or (before is not None and before != labels.get(term.topology_key)):
                return True
        return False

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """Nobody has anything to do with it as long as no pod has terms; else all pods matter."""
        return None if pod.with_affinity or self.handle.snapshot.with_affinity else ()

    # -- filtering ---------------------------------------------------------------------------------

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Count once; skip when nobody has a required term that matters."""
        guarded = self.handle.snapshot.with_required_anti_affinity
        if not guarded and not pod.required_affinity and not pod.required_anti_affinity:
            return SKIP
        data = PreFilterState(
            pod,
            self.with_namespaces(pod.required_affinity),
            self.with_namespaces(pod.required_anti_affinity),
            self.namespace_labels(pod.namespace),
        )
        for node in guarded.values():
            for other in node.pods_with_required_anti_affinity:
                data.count_existing(other, node, 1)
        if data.affinity or data.anti_affinity:
            for node in nodes:
                for other in node.pods:
                    data.count_incoming(other, node, 1)
        elif not data.existing_counts:
            return SKIP
        state.write(PRE_FILTER, data)
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """What if `other` were on the node too."""
        state.read(PRE_FILTER).count(other, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """What if `other` were gone."""
        state.read(PRE_FILTER).count(other, node, -1)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Look the node's topologies up in the counts."""
        data: PreFilterState = state.read(PRE_FILTER)
        labels = node.labels
        if data.affinity and not self._near(data, labels):
            return AFFINITY
        if data.anti_counts:
            for term in data.anti_affinity:
                value = labels.get(term.topology_key)
                if value is not None and data.anti_counts.get((term.topology_key, value), 0) > 0:
                    return ANTI_AFFINITY
        if data.existing_counts:
            for pair in labels.items():
                if data.existing_counts.get(pair, 0) > 0:
                    return EXISTING_ANTI_AFFINITY
        return None

    @staticmethod
    def _near(data: PreFilterState, labels: Mapping[str, str]) -> bool:
        found = True
        for term in data.affinity:
            value = labels.get(term.topology_key)
            if value is None:
                return False
            if data.affinity_counts.get((term.topology_key, value), 0) <= 0:
                found = False
        return found or (not data.affinity_counts and matches_all(data.affinity, data.pod))

    def pre_filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Status | None:
        """`pre_filter` with columns: for each term the counts by topology."""
        guarded = self.handle.snapshot.with_required_anti_affinity
        if not guarded and not pod.required_affinity and not pod.required_anti_affinity:
            return SKIP
        existing = Sums(table)
        if guarded:
            ns_labels = self.namespace_labels(pod.namespace)
            for counted in ExistingTerms.of(table).matching(KEEPS_AWAY, pod, ns_labels):
                existing.add_counted(counted)
        wanted = self.with_namespaces(pod.required_affinity)
        unwanted = self.with_namespaces(pod.required_anti_affinity)
        if not wanted and not unwanted and not existing:
            return SKIP
        near = [(term.topology_key, term_sums(table, term, wanted)) for term in wanted]
        far = [(term.topology_key, term_sums(table, term, (term,))) for term in unwanted]
        alone = not any(sums.any() for _, sums in near) and matches_all(wanted, pod)
        state.write(HARD_ARRAYS, (near, alone, far, existing))
        state.later(lambda: self.pre_filter(state, pod, table.nodes))
        return None

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """`filter` for all nodes."""
        near, alone, far, existing = state.data[HARD_ARRAYS]
        codes: Array | None = None
        for key, sums in near:
            away = sums < 0 if alone else sums <= 0
            codes = table.first(codes, table.refuse_values(key, away, AFFINITY.by(self.name), without=True))
        for key, sums in far:
            codes = table.first(codes, table.refuse_values(key, sums > 0, ANTI_AFFINITY.by(self.name)))
        for key, sums in existing.by_key.items():
            codes = table.first(
                codes, table.refuse_values(key, sums > 0, EXISTING_ANTI_AFFINITY.by(self.name))
            )
        return codes

    # -- scoring -----------------------------------------------------------------------------------

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Sum up the weights in each topology; skip when there are none."""
        has_wishes = bool(pod.preferred_affinity or pod.preferred_anti_affinity)
        if not has_wishes and (self.ignore_existing or not self.handle.snapshot.with_affinity):
            return SKIP
        scores: TopologyScores = {}
        wanted = self.with_namespaces(pod.preferred_affinity)
        unwanted = self.with_namespaces(pod.preferred_anti_affinity)
        ns_labels = self.namespace_labels(pod.namespace)
        looked_at: Iterable[NodeInfo] = (
            self.handle.snapshot.nodes if has_wishes else self.handle.snapshot.with_affinity.values()
        )
        for node in looked_at:
            if node.labels:
                for other in node.pods if has_wishes else node.pods_with_affinity:
                    score_pod(scores, pod, wanted, unwanted, other, node.labels, ns_labels, self.hard_weight)
        if not scores:
            return SKIP
        state.write(PRE_SCORE, scores)
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The sum over the topologies that the node belongs to; may be negative."""
        total = 0
        labels = node.labels
        for key, by_value in state.data[PRE_SCORE].items():
            value = labels.get(key)
            if value is not None:
                total += by_value.get(value, 0)
        return total

    def normalize_score(
        self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo], scores: list[int]
    ) -> list[int]:
        """From the lowest (0) to the highest (100)."""
        return scale(scores)

    def pre_score_arrays(
        self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array
    ) -> Status | None:
        """`pre_score` with columns."""
        has_wishes = bool(pod.preferred_affinity or pod.preferred_anti_affinity)
        somebody = bool(self.handle.snapshot.with_affinity)
        if not has_wishes and (self.ignore_existing or not somebody):
            return SKIP
        total = Sums(table)
        for terms, sign in ((pod.preferred_affinity, 1), (pod.preferred_anti_affinity, -1)):
            for term in self.with_namespaces(terms):
                sums = term_sums(table, term, (term,))
                if sums.any():
                    total.add(term.topology_key, sums * (sign * term.weight))
        if somebody:
            existing, ns_labels = ExistingTerms.of(table), self.namespace_labels(pod.namespace)
            if self.hard_weight > 0:
                for counted in existing.matching(REQUIRES, pod, ns_labels):
                    total.add_counted(counted, self.hard_weight)
            for kind, sign in ((PREFERS, 1), (AVOIDS, -1)):
                for counted in existing.matching(kind, pod, ns_labels):
                    total.add_counted(counted, sign * counted.term.weight)
        if not total:
            return SKIP
        state.write(SOFT_ARRAYS, total)
        return None

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """`score` for many nodes."""
        total: Sums = state.data[SOFT_ARRAYS]
        return total.over(rows)

    def normalize_arrays(
        self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array, scores: Array
    ) -> Array:
        """`normalize_score` for many nodes."""
        return scale_array(scores, table.np)

    # -- namespaces --------------------------------------------------------------------------------

    def with_namespaces(self, terms: tuple[AffinityTerm, ...]) -> tuple[AffinityTerm, ...]:
        """The terms with the namespaces that their namespaceSelector selects now."""
        if not terms or all(
            term.namespace_selector.nothing or term.namespace_selector.empty for term in terms
        ):
            return terms
        namespaces = self.handle.lister("namespaces").list()
        return tuple(
            term
            if term.namespace_selector.empty
            else term.also_in(
                ns["metadata"]["name"]
                for ns in namespaces
                if term.namespace_selector.matches(ns["metadata"].get("labels") or NO_LABELS)
            )
            for term in terms
        )

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace, none if it is not known."""
        found = self.handle.lister("namespaces").get(namespace)
        return NO_LABELS if found is None else found["metadata"].get("labels") or NO_LABELS
