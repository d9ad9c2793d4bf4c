"""NodeInfo: a node with the pods on it and the sums that plugins compare with.

The cache keeps one per node and changes it; the snapshot holds clones that stay as they are, so a record of
an attempt may point at them. Only "what if" code (nominated pods, preemption) changes a clone, and then its
own. `memo` is for what a plugin computed about exactly this version of the node; any change empties it.

Source: pkg/scheduler/framework/types.go (NodeInfo); kube-scheduler/framework/types.go (HostPortInfo).
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.pod_info import HostPort, PodInfo
from kubekit.scheduler.framework.resources import Resource, amounts_of

Obj = dict[str, Any]

ALL_ADDRESSES = "0.0.0.0"
NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE = "NoSchedule", "NoExecute", "PreferNoSchedule"


class ImageState:
    """An image's size in bytes, and the nodes that have it."""

    __slots__ = ("nodes", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.nodes: set[str] = set()


class UsedPorts:
    """The host ports in use on a node: a port on 0.0.0.0 conflicts with the same port on any address."""

    __slots__ = ("by_address",)

    def __init__(self) -> None:
        self.by_address: dict[str, set[tuple[str, int]]] = {}

    def add(self, port: HostPort) -> None:
        """Mark a port as used."""
        self.by_address.setdefault(port[0], set()).add(port[1:])

    def remove(self, port: HostPort) -> None:
        """Free a port."""
        used = self.by_address.get(port[0])
        if used is not None:
            used.discard(port[1:])
            if not used:
                del self.by_address[port[0]]

    def conflicts(self, port: HostPort) -> bool:
        """Whether a pod that wants this port cannot have it."""
        wanted = port[1:]
        if port[0] == ALL_ADDRESSES:
            return any(wanted in used for used in self.by_address.values())
        return wanted in self.by_address.get(ALL_ADDRESSES, ()) or wanted in self.by_address.get(port[0], ())

    def clone(self) -> UsedPorts:
        """A copy that may be changed."""
        copy = UsedPorts()
        copy.by_address = {address: set(used) for address, used in self.by_address.items()}
        return copy


class NodeInfo:
    """One node as the scheduler sees it.

    Attributes: `node` (API object, None once deleted), `name`, `labels`, `unschedulable` (cordoned),
    `hard_taints` (NoSchedule, NoExecute) and `soft_taints` (PreferNoSchedule), `allocatable`, `requested`,
    `nonzero_cpu`, `nonzero_memory`, `pods`, `pods_with_affinity`, `pods_with_required_anti_affinity`,
    `used_ports`, `claim_refs` (claims in use, with counts), `images` (name to `ImageState`), `generation`.
    """

    __slots__ = (
        "allocatable",
        "claim_refs",
        "features",
        "generation",
        "hard_taints",
        "images",
        "labels",
        "memo",
        "name",
        "node",
        "nonzero_cpu",
        "nonzero_memory",
        "pods",
        "pods_with_affinity",
        "pods_with_required_anti_affinity",
        "requested",
        "soft_taints",
        "unschedulable",
        "used_ports",
    )

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.node: Obj | None = None
        self.labels: dict[str, str] = {}
        self.unschedulable = False
        self.hard_taints: tuple[Obj, ...] = ()
        self.soft_taints: tuple[Obj, ...] = ()
        self.features: frozenset[str] = frozenset()
        self.allocatable = Resource()
        self.requested = Resource()
        self.nonzero_cpu = 0
        self.nonzero_memory = 0
        self.pods: list[PodInfo] = []
        self.pods_with_affinity: list[PodInfo] = []
        self.pods_with_required_anti_affinity: list[PodInfo] = []
        self.used_ports = UsedPorts()
        self.claim_refs: dict[str, int] = {}
        self.images: dict[str, ImageState] = {}
        self.generation = 0
        self.memo: dict[Any, Any] = {}

    @staticmethod
    def of(node: Obj, *pods: PodInfo) -> NodeInfo:
        """A NodeInfo outside any cache: for hints and tests."""
        info = NodeInfo()
        info.set_node(node)
        for pod in pods:
            info.add_pod(pod)
        return info

    def set_node(self, node: Obj) -> None:
        """Take over what the API object says."""
        metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
        self.node = node
        self.name = metadata["name"]
        self.labels = metadata.get("labels") or {}
        self.unschedulable = bool(spec.get("unschedulable"))
        taints = spec.get("taints") or ()
        self.hard_taints = tuple(t for t in taints if t.get("effect") in (NO_SCHEDULE, NO_EXECUTE))
        self.soft_taints = tuple(t for t in taints if t.get("effect") == PREFER_NO_SCHEDULE)
        self.features = frozenset(status.get("declaredFeatures") or ())
        self.allocatable = Resource.from_amounts(amounts_of(status.get("allocatable")))
        self.memo = {}

    def forget_node(self) -> None:
        """The node was deleted while pods are still known on it."""
        self.node = None
        self.memo = {}

    def add_pod(self, pod: PodInfo) -> None:
        """Put a pod on the node."""
        self.pods.append(pod)
        if pod.with_affinity:
            self.pods_with_affinity.append(pod)
            if pod.required_anti_affinity:
                self.pods_with_required_anti_affinity.append(pod)
        self._account(pod, 1)

    def remove_pod(self, pod: PodInfo) -> None:
        """Take a pod off the node; raises KeyError when it is not there."""
        known = _remove(self.pods, pod.uid)
        if known is None:
            raise KeyError(f"no corresponding pod {pod.name} in pods of node {self.name}")
        if known.with_affinity:
            _remove(self.pods_with_affinity, pod.uid)
            _remove(self.pods_with_required_anti_affinity, pod.uid)
        self._account(known, -1)

    def clone(self) -> NodeInfo:
        """A copy in which pods may come and go; the pods themselves are shared."""
        copy = NodeInfo.__new__(NodeInfo)
        copy.name = self.name
        copy.node = self.node
        copy.labels = self.labels
        copy.unschedulable = self.unschedulable
        copy.hard_taints = self.hard_taints
        copy.soft_taints = self.soft_taints
        copy.features = self.features
        copy.allocatable = self.allocatable
        copy.requested = self.requested.clone()
        copy.nonzero_cpu = self.nonzero_cpu
        copy.nonzero_memory = self.nonzero_memory
        copy.pods = self.pods.copy()
        copy.pods_with_affinity = self.pods_with_affinity.copy()
        copy.pods_with_required_anti_affinity = self.pods_with_required_anti_affinity.copy()
        copy.used_ports = self.used_ports.clone()
        copy.claim_refs = self.claim_refs.copy()
        copy.images = self.images
        copy.generation = self.generation
        copy.memo = {}
        return copy

    def _account(self, pod: PodInfo, sign: int) -> None:
        self.memo = {}
        self.requested.add(pod.requests, sign)
        self.nonzero_cpu += sign * pod.nonzero_cpu
        self.nonzero_memory += sign * pod.nonzero_memory
        for port in pod.ports:
            if sign > 0:
                self.used_ports.add(port)
            else:
                self.used_ports.remove(port)
        for claim in pod.claims:
            key = f"{pod.namespace}/{claim}"
            count = self.claim_refs.get(key, 0) + sign
            if count > 0:
                self.claim_refs[key] = count
            else:
                self.claim_refs.pop(key, None)

    def __repr__(self) -> str:
        return f"NodeInfo({self.name}, {len(self.pods)} pods)"


def _remove(pods: list[PodInfo], uid: str) -> PodInfo | None:
    """Take the pod out by putting the last one in its place: constant work after the search."""
    for index, pod in enumerate(pods):
        if pod.uid == uid:
            pods[index] = pods[-1]
            pods.pop()
            return pod
    return None
