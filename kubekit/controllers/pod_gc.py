"""The pod garbage collector: removes pods that nobody else will remove.

Every 20 seconds: finished pods beyond the threshold (evicted ones first, then the oldest), pods that are
being deleted on a node out of service, pods of nodes that no longer exist, pods that are being deleted but
never were scheduled. Source: pkg/controller/podgc.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, name_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pod_conditions import with_condition
from kubekit.controllers.pods import is_deleting, is_terminal
from kubekit.controllers.taint_eviction import index_by_node
from kubekit.controllers.taints import taints_of

PERIOD = 20.0
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
QUARANTINE = 40.0
"""Seconds for which a node must be missing before its pods are removed."""


class PodGarbageCollector(Controller):
    """Removes orphaned and surplus pods."""

    name: ClassVar[str] = "pod-garbage-collector-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.pods: Informer
        self.nodes: Informer
        self._finished: dict[str, None] = {}
        self._missing: dict[str, float] = {}  # node -> since when

    def set_up(self) -> None:
        self._finished.clear()
        self._missing.clear()
        self.pods = self.informer("pods")
        self.nodes = self.informer("nodes")
        index_by_node(self.pods)
        self.pods.add_index("unscheduled-deleting", _unscheduled_deleting)
        self.pods.add_index("deleting-on-node", _deleting_on_node)
        self.pods.add_index("finished", lambda pod: ["yes"] if is_terminal(pod) else [])
        self.pods.add_index("used-nodes", lambda pod: ["yes"] if pod["spec"].get("nodeName") else [])
        self.every(PERIOD, self._collect)

    def _collect(self) -> None:
        if self.synced:
            self.queue.add("all pods")

    def reconcile(self, key: str) -> None:
        surplus = len(self.pods.by_index("finished", "yes")) - self.options.terminated_pod_gc_threshold
        if surplus > 0 and self.options.terminated_pod_gc_threshold > 0:
            finished = self.pods.by_index("finished", "yes")
            finished.sort(
                key=lambda pod: (
                    not _was_evicted(pod),
                    pod["metadata"].get("creationTimestamp", ""),
                    name_of(pod),
                )
            )
            for pod in finished[:surplus]:
                self._delete(pod)
        for pod in self.pods.by_index("deleting-on-node", "yes"):
            if self._is_out_of_service(pod["spec"]["nodeName"]):
                self._delete(pod)
        self._remove_orphans()
        for pod in self.pods.by_index("unscheduled-deleting", "yes"):
            self._delete(pod)

    def _remove_orphans(self) -> None:
        now = self.clock.now()
        used = dict.fromkeys(pod["spec"]["nodeName"] for pod in self.pods.by_index("used-nodes", "yes"))
        gone = [name for name in used if self.nodes.get(name) is None]
        self._missing = {name: self._missing.get(name, now) for name in gone}
        for name, since in self._missing.items():
            if now - since < QUARANTINE or self.client.find("nodes", name) is not None:
                continue
            for pod in self.pods.by_index("node", name):
                self._delete(pod, "PodGC: node no longer exists")

    def _is_out_of_service(self, name: str) -> bool:
        """Whether somebody has said that the node will not come back: its pods need not be waited for."""
        node = self.nodes.get(name)
        if node is None or not any(taint["key"] == OUT_OF_SERVICE for taint in taints_of(node)):
            return False
        conditions = (node.get("status") or {}).get("conditions") or ()
        return not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def _delete(self, pod: Obj, why: str = "") -> None:
        meta = pod["metadata"]
        try:
            if not is_terminal(pod):
                now = self.clock.now()
                status: Obj = {"phase": "Failed", "observedGeneration": meta.get("generation", 1)}
                if why:
                    condition = with_condition(pod, "DisruptionTarget", "True", "DeletionByPodGC", why, now)
                    status.update(condition or {})
                self.client.patch(
                    "pods",
                    meta["name"],
                    {"metadata": {"uid": meta["uid"]}, "status": status},
                    meta["namespace"],
                    subresource="status",
                )
            self.client.delete("pods", meta["name"], meta["namespace"], grace_seconds=0, uid=meta["uid"])
        except StatusError as error:
            if error.code not in (404, 409):
                raise


def _was_evicted(pod: Obj) -> bool:
    status = pod.get("status") or {}
    return status.get("phase") == "Failed" and status.get("reason") == "Evicted"


def _unscheduled_deleting(pod: Obj) -> list[str]:
    return ["yes"] if is_deleting(pod) and not pod["spec"].get("nodeName") else []


def _deleting_on_node(pod: Obj) -> list[str]:
    return ["yes"] if is_deleting(pod) and pod["spec"].get("nodeName") else []
