"""The graph of owners and dependents that the garbage collector keeps from all watches.

Each object is a node under its uid, with edges to the nodes of those that name it in their ownerReferences.
The graph is a cache: the collector asks the server before it deletes anything. Source:
pkg/controller/garbagecollector/graph_builder.go.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.api.resources import Resource

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


class Node:
    """One object: what it is, who owns it."""

    __slots__ = ("deleting", "deleting_dependents", "name", "namespace", "owners", "resource", "uid")

    def __init__(self, resource: Resource, obj: Obj) -> None:
        meta = obj["metadata"]
        self.resource = resource
        self.uid: str = meta["uid"]
        self.name: str = meta["name"]
        self.namespace: str = meta.get("namespace", "")
        self.owners: list[Obj] = meta.get("ownerReferences") or []
        self.deleting = bool(meta.get("deletionTimestamp"))
        self.deleting_dependents = self.deleting and FOREGROUND in (meta.get("finalizers") or ())

    def blocks(self, owner_uid: str) -> bool:
        """Whether the owner may not go before this object."""
        return any(ref["uid"] == owner_uid and ref.get("blockOwnerDeletion") for ref in self.owners)


class Graph:
    """All nodes by uid, and for each uid the nodes that name it as an owner."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self._dependents: dict[str, dict[str, Node]] = {}

    def put(self, resource: Resource, obj: Obj) -> Node:
        """Add an object, or bring it up to date."""
        node = Node(resource, obj)
        old = self.nodes.get(node.uid)
        if old is not None:
            self._unlink(old)
        self.nodes[node.uid] = node
        for reference in node.owners:
            self._dependents.setdefault(reference["uid"], {})[node.uid] = node
        return node

    def remove(self, uid: str) -> Node | None:
        """Take an object out; its dependents stay."""
        node = self.nodes.pop(uid, None)
        if node is not None:
            self._unlink(node)
        return node

    def dependents(self, uid: str) -> list[Node]:
        """Those who name this uid as an owner."""
        return list(self._dependents.get(uid, {}).values())

    def _unlink(self, node: Node) -> None:
        for reference in node.owners:
            found = self._dependents.get(reference["uid"])
            if found is not None:
                found.pop(node.uid, None)
                if not found:
                    del self._dependents[reference["uid"]]
