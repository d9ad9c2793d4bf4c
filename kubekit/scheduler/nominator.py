"""The nominator: pods that were promised a node but are not on it yet.

Preemption nominates a pod to the node where its victims are leaving. Until it is scheduled there, other pods
of at most its priority must leave room for it. A nomination may be known here before the API object says so.

Source: pkg/scheduler/backend/queue/nominator.go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from kubekit.scheduler.framework.pod_info import PodInfo

Obj = dict[str, Any]

NO_PODS: list[PodInfo] = []


class Nominator:
    """Nominated pods by node."""

    def __init__(self, find_pod: Callable[[str], Obj | None] | None = None) -> None:
        self._find_pod = find_pod
        self._by_node: dict[str, dict[str, PodInfo]] = {}
        self._node_of: dict[str, str] = {}

    def add(self, pod: PodInfo, node: str | None = None) -> None:
        """Nominate to `node`; None means: to what the pod's status says, if anything; "" takes it back."""
        self.remove(pod)
        node = pod.nominated_node if node is None else node
        if not node:
            return
        if self._find_pod is not None:
            known = self._find_pod(pod.key)
            if known is None or (known.get("spec") or {}).get("nodeName"):
                return  # deleted or bound meanwhile
        self._node_of[pod.uid] = node
        self._by_node.setdefault(node, {})[pod.uid] = pod

    def update(self, old: PodInfo, new: PodInfo) -> None:
        """The pod changed. A nomination that only we know of stays."""
        keep = self._node_of.get(old.uid) if not old.nominated_node and not new.nominated_node else None
        self.remove(old)
        self.add(new, keep)

    def remove(self, pod: PodInfo) -> None:
        """The pod was bound, assumed or deleted."""
        self.forget(pod.uid)

    def forget(self, uid: str) -> None:
        """As `remove`, by the pod's uid."""
        node = self._node_of.pop(uid, None)
        if node is not None:
            pods = self._by_node[node]
            pods.pop(uid, None)
            if not pods:
                del self._by_node[node]

    def on_node(self, node: str) -> list[PodInfo]:
        """The pods nominated to a node, longest nominated first."""
        pods = self._by_node.get(node)
        return list(pods.values()) if pods else NO_PODS

    @property
    def nodes(self) -> Collection[str]:
        """The nodes that somebody is nominated to."""
        return self._by_node.keys()

    def node_of(self, pod: PodInfo) -> str:
        """The node that the pod is nominated to, or ""."""
        return self._node_of.get(pod.uid, "")
