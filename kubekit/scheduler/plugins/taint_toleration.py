"""TaintToleration: nodes push pods away with taints; pods answer with tolerations.

An untolerated NoSchedule or NoExecute taint refuses the node. Untolerated PreferNoSchedule taints are
counted, and the node with the fewest gets the highest score.

Source: pkg/scheduler/framework/plugins/tainttoleration.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    NODE,
    POD,
    UPDATE_NODE_TAINT,
    UPDATE_POD_TOLERATION,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Plugin, normalize, normalize_array
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import Status, unresolvable
from kubekit.scheduler.plugins.taints import (
    frozen,
    hard_taints,
    thawed,
    tolerated,
    untolerated,
    untolerated_rows,
)

Obj = dict[str, Any]

UNTOLERATED = unresolvable("node(s) had untolerated taint(s)")
PRE_SCORE = "PreScoreTaintToleration"


class TaintToleration(Plugin):
    """Filters by hard taints, scores by soft ones."""

    name = "TaintToleration"

    def events(self) -> list[EventWithHint]:
        """Taints that go away, or a toleration added to the pod."""
        return [
            EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_TAINT), self.after_node_change),
            EventWithHint(ClusterEvent(POD, UPDATE_POD_TOLERATION), self.after_toleration),
        ]

    def after_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the node refused the pod before and does not now."""
        was_refused = old is None or untolerated(pod.tolerations, hard_taints(old)) is not None
        return was_refused and untolerated(pod.tolerations, hard_taints(new)) is None

    def after_toleration(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when it is this pod that tolerates more."""
        return new is not None and new["metadata"].get("uid") == pod.pod["metadata"].get("uid")

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()]:
        """Nothing but tolerations and the node's taints matters."""
        return ()

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node with a hard taint that the pod does not tolerate."""
        if not node.hard_taints or untolerated(pod.tolerations, node.hard_taints) is None:
            return None
        return UNTOLERATED

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """The same for all nodes; nodes with the same taints are asked about once."""
        refused = untolerated_rows(table, pod.tolerations)
        return None if refused is None else table.refuse(refused, UNTOLERATED.by(self.name))

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Keep the tolerations that can matter for PreferNoSchedule."""
        soft = [t for t in pod.tolerations if not t.get("effect") or t["effect"] == "PreferNoSchedule"]
        state.write(PRE_SCORE, soft)
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How many soft taints of the node the pod does not tolerate."""
        if not node.soft_taints:
            return 0
        tolerations = state.read(PRE_SCORE)
        return sum(not tolerated(tolerations, taint) for taint in node.soft_taints)

    def normalize_score(
        self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo], scores: list[int]
    ) -> list[int]:
        """The fewer the better."""
        return normalize(scores, reverse=True)

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """The same for many nodes; nodes with the same taints are asked about once."""
        groups = table.groups("soft taints", lambda node: frozen(node.soft_taints))
        if not groups.values:
            return table.np.zeros(len(rows), dtype=table.np.int64)
        soft = state.read(PRE_SCORE)
        counts = [sum(not tolerated(soft, taint) for taint in thawed(value)) for value in groups.values]
        return groups.spread(table.np.array(counts), 0, rows)

    def normalize_arrays(
        self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array, scores: Array
    ) -> Array:
        """The fewer the better."""
        return normalize_array(scores, table.np, reverse=True)
