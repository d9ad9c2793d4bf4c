"""What the node lifecycle controller remembers of each node and each zone.

`NodeHealth` says when a node was last heard of (by its status or its Lease), by the controller's own clock.
A `Zone` hands out permissions to taint nodes, so many a second, fewer or none when most of the zone is
unhealthy: then it is more likely that the network is broken than the nodes. Source:
pkg/controller/nodelifecycle and its scheduler/rate_limited_queue.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.controllers.controller import Options

INITIAL, NORMAL, PARTIAL, FULL = "Initial", "Normal", "PartialDisruption", "FullDisruption"


def ready_condition(node: Obj) -> Obj | None:
    """The Ready condition of a node."""
    return next((c for c in (node.get("status") or {}).get("conditions") or () if c["type"] == "Ready"), None)


def zone_of(node: Obj) -> str:
    """The node's zone: region and zone labels, empty for a node without them."""
    labels = node["metadata"].get("labels") or {}
    region = labels.get("topology.kubernetes.io/region", "")
    zone = labels.get("topology.kubernetes.io/zone", "")
    return f"{region}:\x00:{zone}" if region or zone else ""


class NodeHealth:
    """When a node was last heard of."""

    __slots__ = ("heartbeat", "pods_to_mark", "probed_at", "renewed")

    def __init__(self, now: float) -> None:
        self.probed_at = now
        """By the controller's clock; the node's own times are only compared with each other."""
        self.heartbeat: str | None = None
        self.renewed = ""
        self.pods_to_mark = False
        """Whether its pods are still to be told that the node is not ready (a write may have failed)."""

    def observe(self, node: Obj, lease: Obj | None, now: float) -> None:
        """Look at the node's status and Lease."""
        condition = ready_condition(node)
        heartbeat = condition.get("lastHeartbeatTime") if condition is not None else None
        if heartbeat != self.heartbeat:
            self.heartbeat = heartbeat
            self.probed_at = now
        renewed = ((lease or {}).get("spec") or {}).get("renewTime") or ""
        if renewed > self.renewed:
            self.renewed = renewed
            self.probed_at = now


class Zone:
    """The nodes of one zone that wait to be tainted NoExecute, and how fast that may go."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.state = INITIAL
        self.rate = options.node_eviction_rate
        """Nodes a second; 0 stops."""
        self.next_at = 0.0
        self.waiting: dict[str, None] = {}

    def enter(self, state: str, size: int) -> None:
        """Change the state, and with it the rate."""
        self.state = state
        if state == PARTIAL:
            large = size > self.options.large_cluster_size_threshold
            self.rate = self.options.secondary_node_eviction_rate if large else 0.0
        else:
            self.rate = self.options.node_eviction_rate

    def compute(self, conditions: list[Obj | None]) -> str:
        """The state that the zone's Ready conditions stand for."""
        ready = sum(1 for c in conditions if c is not None and c["status"] == "True")
        not_ready = len(conditions) - ready
        if ready == 0 and not_ready > 0:
            return FULL
        if not_ready > 2 and not_ready / len(conditions) >= self.options.unhealthy_zone_threshold:
            return PARTIAL
        return NORMAL

    def may_taint(self, now: float) -> bool:
        """Take a permission to taint one node now, if there is one."""
        if self.rate <= 0 or now < self.next_at:
            return False
        self.next_at = now + 1.0 / self.rate
        return True
