"""Who owns whom: an object and, by the owner references of the others, everything that comes from it."""

from __future__ import annotations

from typing import Any

from kubekit.views.graph import Edge, Graph, Node

FAMILY = ("replicasets", "pods", "jobs", "controllerrevisions", "endpointslices")
"""Resources whose objects may be owned; asked for in this order."""

PHASE_GLYPH = {"Running": "run", "Pending": "wait", "Succeeded": "done", "Failed": "fail"}


def owners_of(cluster: Any, subject: str, meta: list[list[str]]) -> Graph:
    """The graph below `subject` ("kind/namespace/name"); raises StatusError when there is no such object."""
    kind, namespace, name = subject.split("/")
    root = cluster.get(kind, name, namespace=namespace)
    nodes, edges = [_node(root)], []
    known = {root["metadata"]["uid"]}
    family = [item for resource in FAMILY for item in cluster.list(resource, namespace=namespace)]
    # Owners may be listed after what they own, so go on until nobody new is found.
    while True:
        found = [item for item in family if item["metadata"]["uid"] not in known and _owner_in(item, known)]
        if not found:
            break
        for item in found:
            known.add(item["metadata"]["uid"])
            nodes.append(_node(item))
            edges += [Edge(uid, item["metadata"]["uid"]) for uid in _owner_uids(item)]
    counts: dict[str, int] = {}
    for node in nodes[1:]:
        counts[node.kind] = counts.get(node.kind, 0) + 1
    told = ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in counts.items())
    title = f"{root['kind']} {name} owns {told}" if told else f"{root['kind']} {name} owns nothing"
    return Graph(title, nodes, edges, meta)


def _owner_uids(item: dict[str, Any]) -> list[str]:
    return [owner["uid"] for owner in item["metadata"].get("ownerReferences", ())]


def _owner_in(item: dict[str, Any], known: set[str]) -> bool:
    return any(uid in known for uid in _owner_uids(item))


def _node(item: dict[str, Any]) -> Node:
    metadata, status = item["metadata"], item.get("status") or {}
    glyph, state = "", ""
    if item["kind"] == "Pod":
        state = str(status.get("phase", "Pending"))
        glyph = PHASE_GLYPH.get(state, "unknown")
    elif "replicas" in (item.get("spec") or {}):
        state = f"{status.get('readyReplicas', 0)} of {item['spec']['replicas']} ready"
    if "deletionTimestamp" in metadata:
        glyph, state = "terminating", "terminating"
    return Node(metadata["uid"], metadata["name"], item["kind"], glyph, state)
