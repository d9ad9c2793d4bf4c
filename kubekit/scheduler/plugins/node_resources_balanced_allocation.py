"""NodeResourcesBalancedAllocation: rather where the pod makes the use of CPU and memory more even.

A node whose memory is full while its CPU idles is wasted. The score compares the node's balance with and
without the pod: 75 means it changes nothing. Pods that request nothing are not scored.

Source: pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Handle, Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import SKIP, Status
from kubekit.scheduler.plugins.resource_columns import balanced_array, figure_columns
from kubekit.scheduler.plugins.resource_scoring import DEFAULT_RESOURCES, balanced, figures

Obj = dict[str, Any]

PRE_SCORE = "PreScoreNodeResourcesBalancedAllocation"


class NodeResourcesBalancedAllocation(Plugin):
    """Scores by evenness of use. Arguments: `resources` [{name, weight}]."""

    name = "NodeResourcesBalancedAllocation"

    def __init__(self, handle: Handle, args: Obj) -> None:
        super().__init__(handle, args)
        self.resources = [spec["name"] for spec in args.get("resources") or DEFAULT_RESOURCES]

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()]:
        """Nothing but requests and what the node has matters."""
        return ()

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Skip a pod that requests none of the resources."""
        wanted = tuple(pod.requests.get(name) for name in self.resources)
        if not any(wanted):
            return SKIP
        state.write(PRE_SCORE, wanted)
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The gain in evenness; kept as long as neither node nor request changes."""
        wanted: tuple[int, ...] = state.data[PRE_SCORE]
        key = (self, wanted)
        known: int | None = node.memo.get(key)
        if known is None:
            known = node.memo[key] = balanced(figures(node, self.resources, wanted, with_defaults=False))
        return known

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """The same for many nodes, kept for pods with the same request."""
        wanted: tuple[int, ...] = state.data[PRE_SCORE]

        def build() -> Array:
            columns = figure_columns(table, self.resources, wanted, with_defaults=False)
            scores = None if columns is None else balanced_array(table.np, columns)
            if scores is not None:
                return scores
            one_by_one = (self.score(state, pod, node) for node in table.nodes)
            return table.np.fromiter(one_by_one, table.np.int64, table.size)

        return table.column((self, wanted), lambda node: self.score(state, pod, node), "int64", build)[rows]
