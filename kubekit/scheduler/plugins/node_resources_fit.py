"""NodeResourcesFit: a pod goes only where everything it requests is free, and rather where much is.

What counts is what pods *request*, never what they use. A request larger than the whole node can never fit,
so preemption is not tried there; a node that is merely full may be emptied.

Source: pkg/scheduler/framework/plugins/noderesources/fit.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kubekit.scheduler.config_validation import fit_problems
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    DELETE,
    NODE,
    POD,
    UPDATE_NODE_ALLOCATABLE,
    UPDATE_POD_SCALE_DOWN,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Handle, Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.resources import (
    Resource,
    is_extended,
    pod_requests,
    to_milli,
    to_units,
)
from kubekit.scheduler.framework.status import Code, PluginError, Status
from kubekit.scheduler.plugins.resource_columns import (
    ARRAY_STRATEGIES,
    allocatable_column,
    figure_columns,
    requested_column,
)
from kubekit.scheduler.plugins.resource_scoring import DEFAULT_RESOURCES, STRATEGIES, figures

Obj = dict[str, Any]

TOO_MANY_PODS = "Too many pods"
INSUFFICIENT = "Insufficient {}"
PRE_SCORE = "PreScoreNodeResourcesFit"


class NodeResourcesFit(Plugin):
    """Filters by free resources, scores by what would be left.

    Arguments: `ignoredResources`, `ignoredResourceGroups` (extended resources that another component
    accounts for), `scoringStrategy` {type, resources [{name, weight}], requestedToCapacityRatio {shape}}.
    """

    name = "NodeResourcesFit"

    def __init__(self, handle: Handle, args: Obj) -> None:
        super().__init__(handle, args)
        if problems := fit_problems(args):
            raise PluginError(problems)
        self.ignored = frozenset(args.get("ignoredResources") or ())
        self.ignored_groups = frozenset(args.get("ignoredResourceGroups") or ())
        strategy = args.get("scoringStrategy") or {}
        kind = strategy.get("type") or "LeastAllocated"
        resources = strategy.get("resources") or DEFAULT_RESOURCES
        self.resources = [spec["name"] for spec in resources]
        self.kind = kind
        self.weights = [int(spec.get("weight") or 1) for spec in resources]
        self.scorer = STRATEGIES[kind](self.weights, strategy)

    def events(self) -> list[EventWithHint]:
        """Resources that become free, or a larger or new node."""
        return [
            EventWithHint(ClusterEvent(POD, DELETE | UPDATE_POD_SCALE_DOWN), self.after_pod_event),
            EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_ALLOCATABLE), self.after_node_change),
        ]

    def after_pod_event(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when a pod with a node went, or gave back something this pod needs."""
        if new is None:
            spec, status = (old or {}).get("spec") or {}, (old or {}).get("status") or {}
            return bool(spec.get("nodeName") or status.get("nominatedNodeName"))
        if new["metadata"].get("uid") == pod.pod["metadata"].get("uid"):
            return True
        if old is None or not (new.get("spec") or {}).get("nodeName"):
            return False
        before, after = pod_requests(old, use_status=True), pod_requests(new, use_status=True)
        wanted = pod_requests(pod.pod, use_status=True)
        return any(
            amount and to_milli(before.get(name, 0)) > to_milli(after.get(name, 0))
            for name, amount in wanted.items()
        )

    def after_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the pod would fit the empty node, and the node grew in what the pod needs."""
        if new is None:
            return False
        now = NodeInfo.of(new)
        if self._insufficient(pod.fit_request, now, frozenset(), frozenset()):
            return False
        if old is None:
            return True
        had, has, wanted = NodeInfo.of(old).allocatable, now.allocatable, pod.fit_request
        if has.allowed_pods > had.allowed_pods:
            return True
        names = ("cpu", "memory", "ephemeral-storage", *wanted.scalar)
        return any(wanted.get(name) > 0 and has.get(name) > had.get(name) for name in names)

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()]:
        """Nothing but requests and what the node has matters."""
        return ()

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """The request is computed once per pod and kept in its PodInfo."""
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node where something is missing, and say all that is."""
        wanted, free = pod.fit_request, node.allocatable
        used = node.requested
        if (  # the common case in one look: nothing unusual is asked for, and all fits
            not wanted.scalar
            and len(node.pods) < free.allowed_pods
            and wanted.milli_cpu <= free.milli_cpu - used.milli_cpu
            and wanted.memory <= free.memory - used.memory
            and wanted.ephemeral_storage <= free.ephemeral_storage - used.ephemeral_storage
        ):
            return None
        missing = self._insufficient(wanted, node, self.ignored, self.ignored_groups)
        if not missing:
            return None
        return _refusal(tuple(missing))

    def _is_ignored(self, name: str) -> bool:
        return is_extended(name) and (name in self.ignored or name.split("/", 1)[0] in self.ignored_groups)

    @staticmethod
    def _insufficient(
        wanted: Resource, node: NodeInfo, ignored: frozenset[str], ignored_groups: frozenset[str]
    ) -> list[tuple[str, bool]]:
        """(reason, whether even the empty node would be too small) of each resource that is missing."""
        missing: list[tuple[str, bool]] = []
        if len(node.pods) + 1 > node.allocatable.allowed_pods:
            missing.append((TOO_MANY_PODS, False))
        for name in ("cpu", "memory", "ephemeral-storage", *wanted.scalar):
            amount = wanted.get(name)
            if amount <= 0:
                continue
            if is_extended(name) and (name in ignored or name.split("/", 1)[0] in ignored_groups):
                continue  # somebody else accounts for it
            capacity = node.allocatable.get(name)
            if amount > capacity - node.requested.get(name):
                missing.append((INSUFFICIENT.format(name), amount > capacity))
        return missing

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """What the pod adds to each scored resource, with defaults for containers without requests."""
        exact = pod.scored_amounts
        wanted = tuple(
            to_milli(exact.get(name, 0)) if name == "cpu" else to_units(exact.get(name, 0))
            for name in self.resources
        )
        state.write(PRE_SCORE, wanted)
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The strategy's score; kept as long as neither node nor request changes."""
        wanted: tuple[int, ...] = state.data[PRE_SCORE]
        key = (self, wanted)
        known: int | None = node.memo.get(key)
        if known is None:
            known = node.memo[key] = self.scorer(figures(node, self.resources, wanted, with_defaults=True))
        return known

    # -- for all nodes at once ---------------------------------------------------------------------

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """`filter` for all nodes, kept for pods with the same request."""
        wanted = pod.fit_request
        names = ["cpu", "memory", "ephemeral-storage", *wanted.scalar]
        amounts = tuple((name, wanted.get(name)) for name in names)

        def build() -> Array:
            codes = self._missing_everywhere(table, amounts)
            if codes is not None:
                return codes
            answers = (self.filter(state, pod, node) for node in table.nodes)
            return table.np.fromiter(map(table.code_of, answers), table.np.int16, table.size)

        key = ("fit", amounts, self.ignored, self.ignored_groups)
        codes = table.status_column(key, self.name, lambda node: self.filter(state, pod, node), build)
        return codes if codes.any() else None

    def _missing_everywhere(self, table: NodeTable, amounts: tuple[tuple[str, int], ...]) -> Array | None:
        """The status codes by comparing columns; None when amounts are too large for that."""
        np, kinds = table.np, table.np.zeros(table.size, dtype=table.np.int64)
        reasons: list[tuple[str, bool]] = [(TOO_MANY_PODS, False)]
        try:
            pods = table.column("pods", lambda node: len(node.pods))
            kinds += pods + 1 > table.column("allowed pods", lambda node: node.allocatable.allowed_pods)
            for name, amount in amounts:
                if amount <= 0 or self._is_ignored(name):
                    continue
                capacity, used = allocatable_column(table, name), requested_column(table, name)
                never = amount > capacity
                missing = amount > capacity - used
                kinds += (missing & ~never) * np.int64(1 << len(reasons))
                kinds += (missing & never) * np.int64(2 << len(reasons))
                reasons += [(INSUFFICIENT.format(name), False), (INSUFFICIENT.format(name), True)]
        except OverflowError:
            return None
        if len(reasons) > 60:
            return None
        found, places = np.unique(kinds, return_inverse=True)
        codes = []
        for kind in found.tolist():
            parts = tuple(reason for bit, reason in enumerate(reasons) if kind >> bit & 1)
            codes.append(table.code_of(_refusal(parts) if parts else None))
        return np.array(codes, dtype=np.int16)[places]

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """`score` for many nodes, kept for pods with the same request."""
        wanted: tuple[int, ...] = state.data[PRE_SCORE]
        strategy = ARRAY_STRATEGIES.get(self.kind)

        def build() -> Array:
            if strategy is not None:
                columns = figure_columns(table, self.resources, wanted, with_defaults=True)
                if columns is not None:
                    return strategy(table.np, columns, self.weights)
            scores = (self.score(state, pod, node) for node in table.nodes)
            return table.np.fromiter(scores, table.np.int64, table.size)

        return table.column((self, wanted), lambda node: self.score(state, pod, node), "int64", build)[rows]


@lru_cache(maxsize=256)
def _refusal(missing: tuple[tuple[str, bool], ...]) -> Status:
    """The status for what is missing: made once, since a full cluster refuses a pod on every node alike."""
    hopeless = any(never for _, never in missing)
    code = Code.UNSCHEDULABLE_AND_UNRESOLVABLE if hopeless else Code.UNSCHEDULABLE
    return Status(code, *(reason for reason, _ in missing), plugin=NodeResourcesFit.name)
