"""NodePorts: two pods cannot have the same host port on one node.

A port on 0.0.0.0 conflicts with the same port and protocol on any address.

Source: pkg/scheduler/framework/plugins/nodeports.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import ADD, DELETE, NODE, POD, ClusterEvent, EventWithHint
from kubekit.scheduler.framework.node_info import NodeInfo, UsedPorts
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo, host_ports
from kubekit.scheduler.framework.status import SKIP, Status, unschedulable

Obj = dict[str, Any]

PORT_TAKEN = unschedulable("node(s) didn't have free ports for the requested pod ports")


class NodePorts(Plugin):
    """Filters by free host ports."""

    name = "NodePorts"

    def events(self) -> list[EventWithHint]:
        """A pod that gives ports back, or a new node."""
        return [
            EventWithHint(ClusterEvent(POD, DELETE), self.after_pod_deleted),
            EventWithHint(ClusterEvent(NODE, ADD)),
        ]

    def after_pod_deleted(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the deleted pod held a port that this one wants."""
        spec, status = (old or {}).get("spec") or {}, (old or {}).get("status") or {}
        if not spec.get("nodeName") and not status.get("nominatedNodeName"):
            return False
        freed = UsedPorts()
        for port in host_ports(spec):
            freed.add(port)
        return any(freed.conflicts(port) for port in pod.ports)

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()]:
        """Nothing but host ports matters."""
        return ()

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Skip for a pod without host ports."""
        return None if pod.ports else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node where a wanted port is taken."""
        for port in pod.ports:
            if node.used_ports.conflicts(port):
                return PORT_TAKEN
        return None

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """The same for all nodes."""
        ports = pod.ports

        def taken(node: NodeInfo) -> bool:
            return any(node.used_ports.conflicts(port) for port in ports)

        return table.refuse(table.column(("ports", ports), taken, bool), PORT_TAKEN.by(self.name))
