"""NodeUnschedulable: a cordoned node takes no new pods, unless they tolerate being unschedulable.

`kubectl cordon` sets `spec.unschedulable`; DaemonSet pods tolerate the taint that stands for it.

Source: pkg/scheduler/framework/plugins/nodeunschedulable.
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
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import Status, unresolvable
from kubekit.scheduler.plugins.taints import tolerated

Obj = dict[str, Any]

UNSCHEDULABLE = unresolvable("node(s) were unschedulable")
TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeUnschedulable(Plugin):
    """Filters cordoned nodes."""

    name = "NodeUnschedulable"

    def events(self) -> list[EventWithHint]:
        """A node that is (now) schedulable, or a toleration added to the pod."""
        return [
            EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_TAINT), self.after_node_change),
            EventWithHint(ClusterEvent(POD, UPDATE_POD_TOLERATION), self.after_toleration),
        ]

    def after_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the node came schedulable, or was uncordoned."""
        cordoned = bool(((new or {}).get("spec") or {}).get("unschedulable"))
        was_cordoned = old is None or bool((old.get("spec") or {}).get("unschedulable"))
        return was_cordoned and not cordoned

    def after_toleration(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the pod itself now tolerates cordoned nodes."""
        if new is None or new["metadata"].get("uid") != pod.pod["metadata"].get("uid"):
            return False
        return tolerated((new.get("spec") or {}).get("tolerations") or [], TAINT)

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()]:
        """Nothing but tolerations and the node's spec matters."""
        return ()

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a cordoned node."""
        if not node.unschedulable or tolerated(pod.tolerations, TAINT):
            return None
        return UNSCHEDULABLE

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """The same for all nodes."""
        cordoned = table.column("unschedulable", lambda node: node.unschedulable, bool)
        if not cordoned.any() or tolerated(pod.tolerations, TAINT):
            return None
        return table.refuse(cordoned, UNSCHEDULABLE.by(self.name))
