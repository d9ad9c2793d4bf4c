"""The cache: nodes and the pods on them, including pods that are only *assumed* to be there.

When a node was picked the pod is assumed on it at once, before the API server has heard of it, so that the
next cycle counts it. The binding's watch event then confirms it; a failed binding forgets it. Event handlers
are the only other writers. Plugins never see the cache, only the snapshot taken from it.

Source: pkg/scheduler/backend/cache/cache.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.node_info import ImageState, NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.snapshot import Snapshot, interleave, zone_of

Obj = dict[str, Any]


class CacheError(Exception):
    """The cache was asked for something that cannot be: the cycle ends in an error and is retried."""


class Cache:
    """All NodeInfos, and which pods are assumed."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        self.pods: dict[str, PodInfo] = {}
        self.assumed: set[str] = set()
        self._images: dict[str, ImageState] = {}
        self._changed: dict[str, NodeInfo] = {}
        self._zones: dict[str, list[str]] = {}
        self._order_changed = True
        self._generation = 0

    # -- nodes -------------------------------------------------------------------------------------

    def add_node(self, node: Obj) -> NodeInfo:
        """A node came, or came back."""
        return self.update_node(None, node)

    def update_node(self, old: Obj | None, new: Obj) -> NodeInfo:
        """A node changed."""
        name = new["metadata"]["name"]
        info = self.nodes.get(name)
        if info is None:
            info = self.nodes[name] = NodeInfo(name)
        before = zone_of(info.labels) if info.node is not None else None
        self._forget_images(info)
        info.set_node(new)
        self._learn_images(info)
        zone = zone_of(info.labels)
        if zone != before:
            if before is not None:
                self._leave_zone(before, name)
            self._zones.setdefault(zone, []).append(name)
            self._order_changed = True
        self._touch(info)
        return info

    def remove_node(self, node: Obj) -> None:
        """A node was deleted; its pods may still be deleted later, each with an event of its own."""
        name = node["metadata"]["name"]
        info = self.nodes.get(name)
        if info is None or info.node is None:
            return
        self._leave_zone(zone_of(info.labels), name)
        self._order_changed = True
        self._forget_images(info)
        info.forget_node()
        self._touch(info)
        if not info.pods:
            del self.nodes[name]

    # -- pods --------------------------------------------------------------------------------------

    def assume(self, pod: PodInfo) -> None:
        """Count the pod as running on its node although nobody has confirmed it."""
        if pod.uid in self.pods:
            raise CacheError(f"pod {pod.uid}({pod.key}) is in the cache, so can't be assumed")
        self._add(pod)
        self.assumed.add(pod.uid)

    def forget(self, pod: PodInfo) -> None:
        """Take an assumed pod back: its binding failed."""
        if pod.uid not in self.pods:
            return
        if pod.uid not in self.assumed:
            raise CacheError(f"pod {pod.uid}({pod.key}) wasn't assumed so cannot be forgotten")
        self._remove(pod.uid)

    def is_assumed(self, pod: PodInfo) -> bool:
        """Whether the pod has a node already that the API server has not confirmed."""
        return pod.uid in self.assumed

    def add_pod(self, new: Obj) -> None:
        """A bound pod was seen or changed; this confirms an assumed one, wherever it really is.

        What does not matter to any plugin (nearly every status update) is taken over without touching the
        NodeInfo, so that a busy cluster's heartbeats do not cost the next cycle anything.
        """
        uid = uid_of(new)
        known = self.pods.get(uid)
        self.assumed.discard(uid)
        if known is None:
            self._add(PodInfo(new))
        elif _same_for_scheduling(known.pod, new):
            known.pod = new
        else:
            self._remove(uid)
            self._add(PodInfo(new))

    def remove_pod(self, uid: str) -> None:
        """A bound pod is gone."""
        if uid in self.pods:
            self._remove(uid)

    # -- snapshot ----------------------------------------------------------------------------------

    def update_snapshot(self, snapshot: Snapshot) -> None:
        """Bring a snapshot up to date; the work is proportional to what changed."""
        if not self._changed and not self._order_changed:
            return
        order = interleave(self._zones) if self._order_changed else None
        snapshot.refresh(self._changed.values(), order)
        self._changed = {}
        self._order_changed = False

    # -- inside ------------------------------------------------------------------------------------

    def _touch(self, info: NodeInfo) -> None:
        self._generation += 1
        info.generation = self._generation
        self._changed[info.name] = info

    def _add(self, pod: PodInfo) -> None:
        name = pod.node_name
        info = self.nodes.get(name)
        if info is None:
            info = self.nodes[name] = NodeInfo(name)
        info.add_pod(pod)
        self.pods[pod.uid] = pod
        self._touch(info)

    def _remove(self, uid: str) -> None:
        pod = self.pods.pop(uid)
        self.assumed.discard(uid)
        info = self.nodes.get(pod.node_name)
        if info is not None:
            info.remove_pod(pod)
            self._touch(info)
            if not info.pods and info.node is None:
                del self.nodes[info.name]

    def _leave_zone(self, zone: str, name: str) -> None:
        names = self._zones[zone]
        names.remove(name)
        if not names:
            del self._zones[zone]

    def _learn_images(self, info: NodeInfo) -> None:
        images: dict[str, ImageState] = {}
        for image in ((info.node or {}).get("status") or {}).get("images") or ():
            for name in image.get("names") or ():
                state = self._images.get(name)
                if state is None:
                    state = self._images[name] = ImageState(int(image.get("sizeBytes") or 0))
                state.nodes.add(info.name)
                images[name] = state
        info.images = images

    def _forget_images(self, info: NodeInfo) -> None:
        for name, state in info.images.items():
            state.nodes.discard(info.name)
            if not state.nodes:
                self._images.pop(name, None)
        info.images = {}


def uid_of(pod: Obj) -> str:
    """The pod's uid (its key, for objects that no API server has seen)."""
    metadata = pod["metadata"]
    return str(metadata.get("uid") or f"{metadata.get('namespace', '')}/{metadata['name']}")


def _same_for_scheduling(old: Obj, new: Obj) -> bool:
    """Whether a bound pod's update (nearly always: its status) leaves every plugin's view as it was."""
    before, after = old["metadata"], new["metadata"]
    if before.get("labels") != after.get("labels"):
        return False
    if (before.get("deletionTimestamp") is None) != (after.get("deletionTimestamp") is None):
        return False
    if old.get("spec") is not new.get("spec") and old.get("spec") != new.get("spec"):
        return False
    return _running_with(old) == _running_with(new)


def _running_with(pod: Obj) -> list[Any]:
    """What the containers have been given: differs from the wish only during an in-place resize."""
    status = pod.get("status") or {}
    both = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    return [(entry.get("name"), entry.get("resources")) for entry in both if entry.get("resources")]
