"""A hypothesis: nodes and a pod as they would be, as changed copies over a snapshot that stays as it is.

`changes` writes into it, `what_if` takes the outcome. Only what is changed is copied, so that a what-if in a
cluster of thousands of nodes costs little more than a decision.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from kubekit.scheduler.framework.node_info import ImageState, NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.snapshot import Snapshot, interleave, zone_of

Obj = dict[str, Any]


class UnknownPod(LookupError):
    """There is no pod of this name in the situation."""


class Impossible(ValueError):
    """The change cannot be made; the text says why."""


class Hypothesis:
    """A snapshot and a pod as they would be."""

    def __init__(self, snapshot: Snapshot, pod: PodInfo) -> None:
        self._snapshot = snapshot
        self._changed: dict[str, NodeInfo] = {}
        self._gone: set[str] = set()
        self.pod: Obj = copy.deepcopy(pod.pod)
        """The pod's own copy: change it freely."""
        self.weights: dict[str, int] = {}
        if pod.node_name and (node := snapshot.get(pod.node_name)) is not None:
            if any(other.uid == pod.uid for other in node.pods):
                self.node(node.name).remove_pod(pod)
            self.pod["spec"].pop("nodeName", None)

    def node(self, name: str) -> NodeInfo:
        """A node's own copy: change it freely."""
        info = self._changed.get(name)
        if info is None:
            known = self._snapshot.get(name)
            if known is None or name in self._gone:
                raise Impossible(f'nodes "{name}" not found')
            info = self._changed[name] = known.clone()
        return info

    def rewrite(self, name: str, change: Callable[[Obj], None]) -> None:
        """Change a copy of a node's API object."""
        info = self.node(name)
        obj = copy.deepcopy(info.node)
        assert obj is not None
        change(obj)
        info.set_node(obj)

    def add(self, node: Obj) -> None:
        """One more node."""
        name = node["metadata"]["name"]
        if (self._snapshot.get(name) is not None and name not in self._gone) or name in self._changed:
            raise Impossible(f'nodes "{name}" already exists')
        info = self._changed[name] = NodeInfo.of(node)
        self._gone.discard(name)
        for image in (node.get("status") or {}).get("images") or ():
            for image_name in image.get("names") or ():
                self._share(image_name, int(image.get("sizeBytes") or 0), info)

    def remove(self, name: str) -> None:
        """One node less."""
        for image_name, state in self.node(name).images.items():
            self._share(image_name, state.size, None, name)
        del self._changed[name]
        self._gone.add(name)

    def _share(self, image: str, size: int, more: NodeInfo | None, fewer: str = "") -> None:
        """An image is on one node more or less, which counts on all nodes that have it."""
        infos = [
            self._changed.get(info.name, info) for info in self._snapshot.nodes if info.name not in self._gone
        ]
        holders = [info.name for info in infos if image in info.images and info.name != fewer]
        state = ImageState(size)
        for name in holders:
            info = self.node(name)
            state.size = info.images[image].size
            info.images = {**info.images, image: state}
        if more is not None:
            more.images = {**more.images, image: state}
            holders.append(more.name)
        state.nodes.update(holders)

    def outcome(self) -> tuple[Snapshot, PodInfo]:
        """The snapshot and the pod with all changes."""
        snapshot = self._snapshot.fork()
        moved = bool(self._gone) or any(
            (before := snapshot.get(name)) is None or zone_of(before.labels) != zone_of(info.labels)
            for name, info in self._changed.items()
        )
        removed = []
        for name in self._gone:
            gone = NodeInfo(name)
            removed.append(gone)
        names = [info.name for info in snapshot.nodes if info.name not in self._gone]
        names += [name for name in self._changed if name not in names]
        order = None
        if moved:
            zones: dict[str, list[str]] = {}
            for name in names:
                info = self._changed.get(name) or snapshot.by_name[name]
                zones.setdefault(zone_of(info.labels), []).append(name)
            order = interleave(zones)
        snapshot.refresh([*removed, *self._changed.values()], order)
        return snapshot, PodInfo(self.pod)
