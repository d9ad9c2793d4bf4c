"""PodTopologySpread: pods of one kind spread evenly over zones, hosts, or any other label.

A constraint names a label, the pods that count (a selector) and the greatest allowed *skew*: how many more
there may be in one domain than in the emptiest. `DoNotSchedule` constraints filter, `ScheduleAnyway`
constraints score (`pod_topology_spread_score`). Pods without constraints of their own, but with a Service or
ReplicaSet, get mild default ones over hosts and zones.

Source: pkg/scheduler/framework/plugins/podtopologyspread.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    DELETE,
    NODE,
    POD,
    UPDATE_NODE_LABEL,
    UPDATE_NODE_TAINT,
    UPDATE_POD_LABEL,
    UPDATE_POD_TOLERATION,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Handle, Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import SKIP, Status, unresolvable, unschedulable
from kubekit.scheduler.plugins.pod_topology_spread_score import PreScoreState, prepare
from kubekit.scheduler.plugins.spread_columns import SoftSpread, hard_domains
from kubekit.scheduler.plugins.spread_constraints import (
    SYSTEM_DEFAULTS,
    Constraint,
    count_pods,
    default_selector,
    has_all_keys,
    own_constraints,
)

Obj = dict[str, Any]

NAME = "PodTopologySpread"
SKEWED = unschedulable("node(s) didn't match pod topology spread constraints").by(NAME)
NO_LABEL = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)").by(
    NAME
)
PRE_FILTER = "PreFilterPodTopologySpread"
PRE_SCORE = "PreScorePodTopologySpread"
HARD_ARRAYS, SOFT_ARRAYS = "PreFilterPodTopologySpread/arrays", "PreScorePodTopologySpread/arrays"


class PreFilterState:
    """Per constraint: how many matching pods each domain has."""

    __slots__ = ("constraints", "counts")

    def __init__(self, constraints: list[Constraint], counts: list[dict[str, int]]) -> None:
        self.constraints = constraints
        self.counts = counts

    def least(self, index: int) -> int:
        """How many the emptiest domain has; 0 while there are fewer domains than `minDomains`."""
        counts = self.counts[index]
        if not counts:
            return 2**31 - 1 if self.constraints[index].min_domains <= 0 else 0
        return 0 if len(counts) < self.constraints[index].min_domains else min(counts.values())

    def clone(self) -> PreFilterState:
        """A copy whose counts may change."""
        return PreFilterState(self.constraints, [dict(counts) for counts in self.counts])


class PodTopologySpread(Plugin):
    """Filters by hard constraints, scores by soft ones.

    Arguments: `defaultConstraints`, `defaultingType` ("System" or "List").
    """

    name = NAME

    def __init__(self, handle: Handle, args: Obj) -> None:
        super().__init__(handle, args)
        self.system_defaulted = (args.get("defaultingType") or "System") == "System"
        self.defaults: list[Obj] = (
            SYSTEM_DEFAULTS if self.system_defaulted else list(args.get("defaultConstraints") or ())
        )

    # -- events ------------------------------------------------------------------------------------

    def events(self) -> list[EventWithHint]:
        """Pods that count come, go or change; nodes that make up domains too."""
        pods = ClusterEvent(POD, ADD | UPDATE_POD_LABEL | UPDATE_POD_TOLERATION | DELETE)
        nodes = ClusterEvent(NODE, ADD | DELETE | UPDATE_NODE_LABEL | UPDATE_NODE_TAINT)
        return [EventWithHint(pods, self.after_pod_change), EventWithHint(nodes, self.after_node_change)]

    def after_pod_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the number of pods that count changed somewhere."""
        for other in (old, new):
            if other is not None and not _involved(other, pod):
                return False
        constraints = self.constraints(pod, "DoNotSchedule")
        had = (old or {}).get("metadata", {}).get("labels") or {}
        has = (new or {}).get("metadata", {}).get("labels") or {}
        if old is not None and new is not None:
            if (
                _uid(new) == pod.uid
                and old["spec"].get("tolerations") != new["spec"].get("tolerations")
                and any(constraint.honors_taints for constraint in constraints)
            ):
                return True
            return any(c.selector.matches(had) != c.selector.matches(has) for c in constraints)
        return any(constraint.selector.matches(has if new is not None else had) for constraint in constraints)

    def after_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when domains changed."""
        constraints = self.constraints(pod, "DoNotSchedule")
        had = (old or {}).get("metadata", {}).get("labels") or {}
        has = (new or {}).get("metadata", {}).get("labels") or {}
        counted = old is not None and has_all_keys(had, constraints)
        counts = new is not None and has_all_keys(has, constraints)
        if old is None or new is None or counted != counts:
            return counted or counts
        moved = any(had.get(c.key) != has.get(c.key) for c in constraints)
        taints = ((old.get("spec") or {}).get("taints") or []) != (
            (new.get("spec") or {}).get("taints") or []
        )
        return counts and (moved or taints)

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """A pod without constraints does not concern it; else all pods that it means matter."""
        if pod.spec.get("topologySpreadConstraints"):
            return None
        return () if not self.defaults or default_selector(pod, self.handle).empty else None

    # -- filtering ---------------------------------------------------------------------------------

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Count matching pods in each domain; skip without hard constraints."""
        constraints = self.constraints(pod, "DoNotSchedule")
        if not constraints:
            return SKIP
        counts: list[dict[str, int]] = [{} for _ in constraints]
        for node in nodes:
            if not has_all_keys(node.labels, constraints):
                continue
            for constraint, domain in zip(constraints, counts, strict=True):
                if constraint.includes(pod, node):
                    value = node.labels[constraint.key]
                    domain[value] = domain.get(value, 0) + count_pods(
                        node, constraint.selector, pod.namespace
                    )
        state.write(PRE_FILTER, PreFilterState(constraints, counts))
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """What if `other` were on the node too."""
        self._change(state.read(PRE_FILTER), pod, other, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """What if `other` were gone."""
        self._change(state.read(PRE_FILTER), pod, other, node, -1)

    @staticmethod
    def _change(data: PreFilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, by: int) -> None:
        if other.namespace != pod.namespace or not has_all_keys(node.labels, data.constraints):
            return
        for constraint, domain in zip(data.constraints, data.counts, strict=True):
            if constraint.selector.matches(other.labels) and constraint.includes(pod, node):
                value = node.labels[constraint.key]
                domain[value] = domain.get(value, 0) + by

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node whose domain would then have too many more than the emptiest."""
        data: PreFilterState = state.read(PRE_FILTER)
        for index, constraint in enumerate(data.constraints):
            value = node.labels.get(constraint.key)
            if value is None:
                return NO_LABEL
            itself = 1 if constraint.selector.matches(pod.labels) else 0
            if data.counts[index].get(value, 0) + itself - data.least(index) > constraint.max_skew:
                return SKEWED
        return None

    def pre_filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Status | None:
        """`pre_filter` with columns."""
        constraints = self.constraints(pod, "DoNotSchedule")
        if not constraints:
            return SKIP
        state.write(HARD_ARRAYS, hard_domains(table, pod, constraints))
        state.later(lambda: self.pre_filter(state, pod, table.nodes))
        return None

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """`filter` for all nodes."""
        codes: Array | None = None
        for constraint, sums, least in state.data[HARD_ARRAYS]:
            key, itself = constraint.key, 1 if constraint.selector.matches(pod.labels) else 0
            if (values := table.codes(key)).missing:
                codes = table.first(codes, table.refuse(values.rows < 0, NO_LABEL.by(self.name)))
            crowded = sums > constraint.max_skew + least - itself
            codes = table.first(codes, table.refuse_values(key, crowded, SKEWED.by(self.name)))
        return codes

    # -- scoring -----------------------------------------------------------------------------------

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Count matching pods in the domains of the feasible nodes; skip without soft constraints."""
        constraints = self.constraints(pod, "ScheduleAnyway")
        if not constraints:
            return SKIP
        all_keys = bool(pod.spec.get("topologySpreadConstraints")) or not self.system_defaulted
        state.write(PRE_SCORE, prepare(pod, constraints, nodes, self.handle.snapshot.nodes, all_keys))
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How crowded the node's domains are."""
        data: PreScoreState = state.data[PRE_SCORE]
        return data.score(pod, node)

    def normalize_score(
        self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo], scores: list[int]
    ) -> list[int]:
        """The least crowded becomes 100."""
        data: PreScoreState = state.data[PRE_SCORE]
        return data.normalize(nodes, scores)

    def pre_score_arrays(
        self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array
    ) -> Status | None:
        """`pre_score` with columns."""
        constraints = self.constraints(pod, "ScheduleAnyway")
        if not constraints:
            return SKIP
        all_keys = bool(pod.spec.get("topologySpreadConstraints")) or not self.system_defaulted
        state.write(SOFT_ARRAYS, SoftSpread(table, pod, constraints, rows, all_keys))
        return None

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """`score` for many nodes."""
        data: SoftSpread = state.data[SOFT_ARRAYS]
        return data.score(table.np)

    def normalize_arrays(
        self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array, scores: Array
    ) -> Array:
        """`normalize_score` for many nodes."""
        data: SoftSpread = state.data[SOFT_ARRAYS]
        return data.normalize(table.np, scores)

    # -- constraints -------------------------------------------------------------------------------

    def constraints(self, pod: PodInfo, action: str) -> list[Constraint]:
        """The pod's own constraints of this kind; without any, the defaults if it belongs to something."""
        if pod.spec.get("topologySpreadConstraints"):
            return own_constraints(pod, action)
        defaults = [c for c in self.defaults if c.get("whenUnsatisfiable") == action]
        if not defaults:
            return []
        selector = default_selector(pod, self.handle)
        if selector.empty:
            return []
        return [Constraint(c, pod.labels, selector) for c in defaults]


def _uid(pod: Obj) -> str:
    metadata = pod["metadata"]
    return str(metadata.get("uid") or f"{metadata.get('namespace', '')}/{metadata['name']}")


def _involved(other: Obj, pod: PodInfo) -> bool:
    """Whether `other` could count: it is the pod itself, or has a place and shares the namespace."""
    if _uid(other) == pod.uid:
        return True
    placed = (other.get("spec") or {}).get("nodeName") or (other.get("status") or {}).get("nominatedNodeName")
    return bool(placed) and other["metadata"].get("namespace", "") == pod.namespace
