"""The snapshot: what one scheduling cycle looks at, unmoved by what happens meanwhile.

`refresh` brings it up to date by replacing only the NodeInfos that changed since the last cycle, so that
after one pod was placed exactly one node is copied. A NodeInfo in the snapshot never changes; it is
replaced. The order of `nodes` alternates between zones, so that a search that stops early has seen all of
them. Beside the nodes there is a table of columns (`framework/node_table`), made when somebody first asks
for it and told of each node that is replaced.

Source: pkg/scheduler/backend/cache/snapshot.go, node_tree.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import NodeTable

Obj = dict[str, Any]

ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
OLD_ZONE, OLD_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"


def zone_of(labels: dict[str, str]) -> str:
    """The region and zone of a node as one key; "" when it has neither label."""
    region = labels.get(REGION) or labels.get(OLD_REGION) or ""
    zone = labels.get(ZONE) or labels.get(OLD_ZONE) or ""
    return f"{region}:\x00:{zone}" if region or zone else ""


def interleave(zones: dict[str, list[str]]) -> list[str]:
    """Node names zone by zone in turn.

    >>> interleave({"a": ["a1", "a2", "a3"], "b": ["b1"]})
    ['a1', 'b1', 'a2', 'a3']
    """
    result: list[str] = []
    depth = 0
    longest = max((len(names) for names in zones.values()), default=0)
    while depth < longest:
        result += [names[depth] for names in zones.values() if depth < len(names)]
        depth += 1
    return result


class Snapshot:
    """The nodes of one cycle, with the indexes plugins ask for."""

    def __init__(self) -> None:
        self.nodes: list[NodeInfo] = []
        self.by_name: dict[str, NodeInfo] = {}
        self.with_affinity: dict[str, NodeInfo] = {}
        """Nodes that run a pod with (anti-)affinity."""
        self.with_required_anti_affinity: dict[str, NodeInfo] = {}
        self.order = 0
        """Counts up when nodes came, went or changed places: positions from before mean others now."""
        self._table: NodeTable | None = None
        self._index: dict[str, int] = {}
        self._claims: dict[str, int] = {}

    @staticmethod
    def of(nodes: Iterable[NodeInfo]) -> Snapshot:
        """A snapshot of exactly these nodes, in this order: for tests and for comparing with `refresh`."""
        snapshot = Snapshot()
        infos = list(nodes)
        snapshot.refresh(infos, [info.name for info in infos])
        return snapshot

    def fork(self) -> Snapshot:
        """Another snapshot of the same moment, which may be refreshed on its own; NodeInfos are shared."""
        copy = Snapshot()
        copy.nodes = self.nodes.copy()
        copy.by_name = self.by_name.copy()
        copy.with_affinity = self.with_affinity.copy()
        copy.with_required_anti_affinity = self.with_required_anti_affinity.copy()
        copy._index = self._index.copy()
        copy._claims = self._claims.copy()
        return copy

    def get(self, name: str) -> NodeInfo | None:
        """The node of this name."""
        return self.by_name.get(name)

    @property
    def table(self) -> NodeTable:
        """The columns beside the nodes; imports NumPy."""
        if self._table is None:
            self._table = NodeTable(self.nodes)
        return self._table

    def row_of(self, name: str) -> int | None:
        """The place of a node in `nodes`, which is its row in the table."""
        return self._index.get(name)

    def claim_in_use(self, key: str) -> bool:
        """Whether any pod on any node uses the PersistentVolumeClaim ``namespace/name``."""
        return key in self._claims

    def refresh(self, changed: Iterable[NodeInfo], order: list[str] | None = None) -> None:
        """Take clones of the `changed` nodes (one without API object is gone).

        `order` gives all names when nodes came, went or changed zones; otherwise the order stays.
        """
        for info in changed:
            old = self.by_name.get(info.name)
            if info.node is None:
                if old is not None:
                    del self.by_name[info.name]
                    self._forget(old)
                continue
            new = info.clone()
            self.by_name[info.name] = new
            if old is not None:
                self._forget(old)
                index = self._index.get(info.name)
                if index is not None:
                    self.nodes[index] = new
                    if self._table is not None:
                        self._table.replaced(index, old, new)
            self._learn(new)
        if order is not None:
            self.nodes = [self.by_name[name] for name in order if name in self.by_name]
            self._index = {info.name: index for index, info in enumerate(self.nodes)}
            self._table = None
            self.order += 1

    def _learn(self, info: NodeInfo) -> None:
        if info.pods_with_affinity:
            self.with_affinity[info.name] = info
            if info.pods_with_required_anti_affinity:
                self.with_required_anti_affinity[info.name] = info
        for claim in info.claim_refs:
            self._claims[claim] = self._claims.get(claim, 0) + 1

    def _forget(self, info: NodeInfo) -> None:
        self.with_affinity.pop(info.name, None)
        self.with_required_anti_affinity.pop(info.name, None)
        for claim in info.claim_refs:
            left = self._claims[claim] - 1
            if left:
                self._claims[claim] = left
            else:
                del self._claims[claim]
