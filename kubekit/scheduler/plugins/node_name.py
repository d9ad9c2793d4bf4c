"""NodeName: a pod that names its node fits nowhere else.

A pod created with `spec.nodeName` never reaches the scheduler; this filter guards the case that it does.

Source: pkg/scheduler/framework/plugins/nodename.
"""

from __future__ import annotations

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import ADD, NODE, ClusterEvent, EventWithHint
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import Status, unresolvable

OTHER_NODE = unresolvable("node(s) didn't match the requested node name")


class NodeName(Plugin):
    """Filters by `spec.nodeName`."""

    name = "NodeName"

    def events(self) -> list[EventWithHint]:
        """Only a new node can be the one that was asked for."""
        return [EventWithHint(ClusterEvent(NODE, ADD))]

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()]:
        """Nothing but the two names matters."""
        return ()

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse every node but the named one."""
        wanted = pod.spec.get("nodeName")
        return None if not wanted or wanted == node.name else OTHER_NODE

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """The same for all nodes."""
        wanted = pod.spec.get("nodeName")
        if not wanted:
            return None
        row = self.handle.snapshot.row_of(wanted)
        return table.refuse(table.everything != (-1 if row is None else row), OTHER_NODE.by(self.name))
