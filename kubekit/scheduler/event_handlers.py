"""Event handlers: what the scheduler hears from the API server, and what it does about it.

Bound pods and nodes go to the cache, pods without node to the queue; and everything that happens is offered
to the queue, since it may be what a refused pod has been waiting for. Handlers never decide anything
themselves.

Source: pkg/scheduler/eventhandlers.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api.meta import key_of
from kubekit.client import InformerFactory
from kubekit.scheduler.cache import uid_of
from kubekit.scheduler.framework import events as ev
from kubekit.scheduler.framework.events import ClusterEvent
from kubekit.scheduler.framework.pod_info import PodInfo

if TYPE_CHECKING:
    from kubekit.scheduler.scheduler import Scheduler

Obj = dict[str, Any]

POD_FIELDS = "status.phase!=Succeeded,status.phase!=Failed"
"""The scheduler does not see pods that are over."""

OTHER_EVENTS = {
    "persistentvolumes": ev.PV,
    "persistentvolumeclaims": ev.PVC,
    "storageclasses.storage.k8s.io": ev.STORAGE_CLASS,
    "csinodes.storage.k8s.io": ev.CSI_NODE,
    "csidrivers.storage.k8s.io": ev.CSI_DRIVER,
    "csistoragecapacities.storage.k8s.io": ev.CSI_CAPACITY,
    "volumeattachments.storage.k8s.io": ev.VOLUME_ATTACHMENT,
    "resourceclaims.resource.k8s.io": ev.RESOURCE_CLAIM,
}
"""Resources of which additions, updates and deletions are offered to the queue."""

READ_ONLY = (
    "namespaces",
    "services",
    "replicationcontrollers",
    "replicasets.apps",
    "statefulsets.apps",
    "poddisruptionbudgets.policy",
)
"""Resources that plugins read but that move no pod."""


class EventHandlers:
    """The handlers of one run of the scheduler."""

    def __init__(self, scheduler: Scheduler, factory: InformerFactory) -> None:
        self.scheduler = scheduler
        pods = factory.informer("pods", field_selector=POD_FIELDS)
        pods.add_handler(self.pod_added, self.pod_updated, self.pod_deleted)
        nodes = factory.informer("nodes")
        nodes.add_handler(self.node_added, self.node_updated, self.node_deleted)
        for resource, kind in OTHER_EVENTS.items():
            self._offer(factory, resource, kind)
        for resource in READ_ONLY:
            factory.informer(resource)

    # -- pods --------------------------------------------------------------------------------------

    def pod_added(self, pod: Obj) -> None:
        """A pod appeared."""
        if _is_over(pod):
            return
        if _node_of(pod):
            self._assigned_added(pod)
        elif self._responsible(pod):
            self.scheduler.queue.add(PodInfo(pod))

    def pod_updated(self, old: Obj, new: Obj) -> None:
        """A pod changed."""
        if _is_over(new):
            self.pod_deleted(old)
        elif _node_of(old):
            self.scheduler.cache.add_pod(new)
            for event in ev.pod_changes(old, new):
                self.scheduler.queue.move_all(event, old, new)
        elif _node_of(new):
            self._assigned_added(new)
            if self._responsible(old):
                self.scheduler.queue.forget(key_of(old), uid_of(old))
        elif self._responsible(old):
            self._waiting_updated(old, new)

    def pod_deleted(self, pod: Obj) -> None:
        """A pod is gone."""
        if _node_of(pod):
            self.scheduler.cache.remove_pod(uid_of(pod))
            self.scheduler.queue.move_all(ev.ASSIGNED_POD_DELETE, pod, None)
        elif self._responsible(pod):
            info = PodInfo(pod)
            self.scheduler.queue.delete(info)
            if self.scheduler.cache.is_assumed(info):
                self._assumed_deleted(info)
            elif info.nominated_node:
                self._nomination_ended(pod, info)

    def _assigned_added(self, pod: Obj) -> None:
        self.scheduler.cache.add_pod(pod)
        self.scheduler.queue.move_all(ev.ASSIGNED_POD_ADD, None, pod)

    def _waiting_updated(self, old: Obj, new: Obj) -> None:
        if old["metadata"].get("resourceVersion") == new["metadata"].get("resourceVersion"):
            return
        info = PodInfo(new)
        if self.scheduler.cache.is_assumed(info):
            if info.terminating and old["metadata"].get("deletionTimestamp") is None:
                self._assumed_deleted(info)
            return
        self.scheduler.queue.update(old, info)
        before = (old.get("status") or {}).get("nominatedNodeName")
        if before and before != info.nominated_node:
            self._nomination_ended(old, info)

    def _assumed_deleted(self, info: PodInfo) -> None:
        """Deleted while it waits to be bound: give its node back."""
        waiting = self.scheduler.waiting_pods.get(info.uid)
        assumed = self.scheduler.cache.pods.get(info.uid)
        if (waiting is None or not waiting.reject("", "removed")) and assumed is not None:
            self.scheduler.cache.forget(assumed)
        self.scheduler.queue.move_all(ev.ASSIGNED_POD_DELETE, info.pod, None)

    def _nomination_ended(self, old: Obj, info: PodInfo) -> None:
        """The room that was kept for the pod is free for equally or less important ones."""
        limit = info.priority
        self.scheduler.queue.move_all(ev.ASSIGNED_POD_DELETE, old, None, lambda pod: pod.priority <= limit)

    def _responsible(self, pod: Obj) -> bool:
        name = (pod.get("spec") or {}).get("schedulerName") or "default-scheduler"
        return name in self.scheduler.frameworks

    # -- nodes -------------------------------------------------------------------------------------

    def node_added(self, node: Obj) -> None:
        """A node appeared."""
        self.scheduler.cache.add_node(node)
        self.scheduler.queue.move_all(ClusterEvent(ev.NODE, ev.ADD), None, node)
        self.scheduler.arm_timers()

    def node_updated(self, old: Obj, new: Obj) -> None:
        """A node changed; a mere heartbeat moves nobody."""
        self.scheduler.cache.update_node(old, new)
        for event in ev.node_changes(old, new):
            self.scheduler.queue.move_all(event, old, new)

    def node_deleted(self, node: Obj) -> None:
        """A node is gone."""
        self.scheduler.queue.move_all(ClusterEvent(ev.NODE, ev.DELETE), node, None)
        self.scheduler.cache.remove_node(node)

    # -- everything else ---------------------------------------------------------------------------

    def _offer(self, factory: InformerFactory, resource: str, kind: str) -> None:
        queue = self.scheduler.queue
        added, updated = ClusterEvent(kind, ev.ADD), ClusterEvent(kind, ev.UPDATE)
        deleted = ClusterEvent(kind, ev.DELETE)
        factory.informer(resource).add_handler(
            lambda new: queue.move_all(added, None, new),
            lambda old, new: queue.move_all(updated, old, new),
            lambda old: queue.move_all(deleted, old, None),
        )


def _node_of(pod: Obj) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _is_over(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
