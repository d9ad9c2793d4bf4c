"""The node IPAM controller: gives each node its part of the pod network.

The cluster's CIDR is cut into blocks; each new node gets the next free one in `spec.podCIDR`, and a node that
goes gives its block back. Source: pkg/controller/nodeipam/ipam/range_allocator.go.
"""

from __future__ import annotations

import ipaddress
from typing import ClassVar

from kubekit.api.meta import Obj, name_of
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller


class NodeIpamController(Controller):
    """Allocates pod CIDRs to nodes."""

    name: ClassVar[str] = "node-ipam-controller"
    kind: ClassVar[str] = "Node"
    event_source: ClassVar[str] = "cidrAllocator"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.nodes: Informer
        self._network = ipaddress.ip_network(self.options.cluster_cidr)
        self._used: dict[str, str] = {}  # block -> node
        self._taken: set[int] = set()  # numbers of these blocks, as far as they are ours to give
        self._next = 0

    def set_up(self) -> None:
        self._used.clear()
        self._taken.clear()
        self._next = 0
        self.nodes = self.informer("nodes")
        self.watch(
            self.nodes,
            lambda node: self._seen("ADDED", node),
            lambda old, new: self._seen("MODIFIED", new),
            self._gone,
        )

    def _seen(self, event: str, node: Obj) -> None:
        block = node["spec"].get("podCIDR") if node.get("spec") else None
        if block:
            self._take(block, name_of(node))
        elif self.options.allocate_node_cidrs:
            self.enqueue(name_of(node), event, node)

    def _gone(self, node: Obj) -> None:
        for block in [block for block, owner in self._used.items() if owner == name_of(node)]:
            del self._used[block]
            self._taken.discard(self._number(block))

    def reconcile(self, key: str) -> None:
        node = self.nodes.get(key)
        if node is None or (node.get("spec") or {}).get("podCIDR"):
            return
        block = next((block for block, owner in self._used.items() if owner == key), None) or self._free()
        if block is None:
            about = {"kind": "Node", "apiVersion": "v1", "name": key, "uid": node["metadata"]["uid"]}
            self.event(about, "Normal", "CIDRNotAvailable", f"Node {key} status is now: CIDRNotAvailable")
            self.queue.add_rate_limited(key)
            return
        self._take(block, key)
        self.round.desired = block
        self.client.patch("nodes", key, {"spec": {"podCIDR": block, "podCIDRs": [block]}})

    def _take(self, block: str, node: str) -> None:
        self._used[block] = node
        self._taken.add(self._number(block))

    def _number(self, block: str) -> int:
        """Which of the network's blocks this is; below 0 for one that a node brought from elsewhere."""
        size = self.options.node_cidr_mask_size
        try:
            given = ipaddress.ip_network(block)
        except ValueError:
            return -1
        if given.version != self._network.version or given.prefixlen != size:
            return -1
        offset = int(given.network_address) - int(self._network.network_address)
        number = offset >> (self._network.max_prefixlen - size)
        return number if number < self._count else -1

    @property
    def _count(self) -> int:
        return 1 << (self.options.node_cidr_mask_size - self._network.prefixlen)

    def _free(self) -> str | None:
        """The next free block, going round from the last one that was given."""
        size, count = self.options.node_cidr_mask_size, self._count
        for offset in range(count):
            number = (self._next + offset) % count
            if number not in self._taken:
                self._next = number + 1
                step = 1 << (self._network.max_prefixlen - size)
                return f"{ipaddress.ip_address(int(self._network.network_address) + number * step)}/{size}"
        return None
