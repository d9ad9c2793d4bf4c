"""The TTL controller: tells kubelets by an annotation for how long they may cache secrets and config maps.

The more nodes, the longer, so that their reads do not overwhelm the API server. Source: pkg/controller/ttl.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import name_of
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller

ANNOTATION = "node.alpha.kubernetes.io/ttl"
BOUNDARIES = ((100, 0), (500, 15), (1000, 30), (2000, 60))
"""(up to so many nodes, seconds); beyond the last 300 s."""


class TtlController(Controller):
    """Keeps the ttl annotation of each node."""

    name: ClassVar[str] = "ttl-controller"
    kind: ClassVar[str] = "Node"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.nodes: Informer

    def set_up(self) -> None:
        self.nodes = self.informer("nodes")
        self.watch(
            self.nodes,
            lambda node: self.enqueue(name_of(node), "ADDED", node),
            lambda old, new: self.queue.add(name_of(new)) if self._wrong(new) else None,
        )

    def _seconds(self) -> str:
        count = len(self.nodes)
        return str(next((seconds for limit, seconds in BOUNDARIES if count <= limit), 300))

    def _wrong(self, node: dict[str, object]) -> bool:
        meta = node["metadata"]
        assert isinstance(meta, dict)
        return bool((meta.get("annotations") or {}).get(ANNOTATION) != self._seconds())

    def reconcile(self, key: str) -> None:
        node = self.nodes.get(key)
        if node is None or not self._wrong(node):
            return
        self.client.patch("nodes", key, {"metadata": {"annotations": {ANNOTATION: self._seconds()}}})
