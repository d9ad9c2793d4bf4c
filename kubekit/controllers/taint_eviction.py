"""The taint eviction controller: deletes the pods that do not tolerate a NoExecute taint of their node.

A toleration with `tolerationSeconds` only puts it off: the eviction is scheduled, and cancelled when the
taint goes away in time. Source: pkg/controller/tainteviction.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, key_of, split_key
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pod_conditions import with_condition
from kubekit.controllers.taints import matching_tolerations, taints_of, tolerated_for

SHORT = 30.0
"""Evictions that are due sooner than this (seconds) are waited for; later ones are background timers."""


def index_by_node(pods: Informer) -> None:
    """Index pods by the node that they run on."""
    pods.add_index("node", lambda pod: [pod["spec"]["nodeName"]] if pod["spec"].get("nodeName") else [])


class TaintEvictionController(Controller):
    """Evicts pods from nodes with NoExecute taints."""

    name: ClassVar[str] = "taint-eviction-controller"
    kind: ClassVar[str] = "Pod"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.pods: Informer
        self.nodes: Informer
        self._scheduled: dict[str, float] = {}  # pod -> due when
        self._evicted: set[str] = set()  # uids that were asked to go

    def set_up(self) -> None:
        self._scheduled.clear()
        self._evicted.clear()
        self.pods = self.informer("pods")
        self.nodes = self.informer("nodes")
        index_by_node(self.pods)
        self.watch(self.pods, self._pod_added, self._pod_updated, self._pod_deleted)
        self.watch(self.nodes, lambda node: self._node_changed(None, node), self._node_changed)

    def _pod_added(self, pod: Obj) -> None:
        if pod["spec"].get("nodeName") and self._taints_for(pod):
            self.enqueue(key_of(pod), "ADDED", pod)

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        before, after = old["spec"], new["spec"]
        if before.get("nodeName") == after.get("nodeName"):
            if before.get("tolerations") == after.get("tolerations"):
                return
        elif not self._taints_for(new):
            return
        self.enqueue(key_of(new), "MODIFIED", new)

    def _pod_deleted(self, pod: Obj) -> None:
        self._evicted.discard(pod["metadata"]["uid"])
        if key_of(pod) in self._scheduled:
            self.enqueue(key_of(pod), "DELETED", pod)

    def _node_changed(self, old: Obj | None, new: Obj) -> None:
        if no_execute(old) != no_execute(new):
            for pod in self.pods.by_index("node", new["metadata"]["name"]):
                self.enqueue(key_of(pod), "MODIFIED", new)

    def _taints_for(self, pod: Obj) -> list[Obj]:
        return no_execute(self.nodes.get(pod["spec"].get("nodeName") or ""))

    def reconcile(self, key: str) -> None:
        pod = self.pods.get(key)
        if pod is None or not pod["spec"].get("nodeName"):
            self._cancel(key)
            return
        taints = self._taints_for(pod)
        if not taints:
            self._cancel(key)
            return
        self.round.observed = [f"{taint['key']}:{taint['effect']}" for taint in taints]
        now = self.clock.now()
        used = matching_tolerations(taints, pod["spec"].get("tolerations") or ())
        if used is None:
            self._cancel(key)
            self._evict(key, pod)
            return
        seconds = tolerated_for(used)
        self.round.desired = "stay" if seconds is None else f"leave after {seconds:g} s"
        if seconds is None:
            self._cancel(key)
            return
        # What is scheduled stays so: a later taint, or a longer toleration, does not change the hour.
        due = self._scheduled.get(key, now + seconds)
        if due <= now:
            self._scheduled.pop(key, None)
            self._evict(key, pod)
            return
        self._scheduled[key] = due
        self.queue.add_after(key, due - now, background=due - now > SHORT)

    def _cancel(self, key: str) -> None:
        if self._scheduled.pop(key, None) is not None:
            self._say(key, f"Cancelling deletion of Pod {key}")

    def _evict(self, key: str, pod: Obj) -> None:
        meta = pod["metadata"]
        if meta["uid"] in self._evicted:
            return
        self._say(key, f"Marking for deletion Pod {key}")
        try:
            latest = self.client.get("pods", meta["name"], meta["namespace"])
            status = with_condition(
                latest,
                "DisruptionTarget",
                "True",
                "DeletionByTaintManager",
                "Taint manager: deleting due to NoExecute taint",
                self.clock.now(),
            )
            if status is not None:
                self.client.patch(
                    "pods",
                    meta["name"],
                    {"metadata": {"uid": meta["uid"]}, "status": status},
                    meta["namespace"],
                    subresource="status",
                )
            self.client.delete("pods", meta["name"], meta["namespace"])
        except StatusError as error:
            if error.code != 404:
                raise
        self._evicted.add(meta["uid"])

    def _say(self, key: str, message: str) -> None:
        namespace, name = split_key(key)
        about = {"kind": "Pod", "apiVersion": "v1", "namespace": namespace, "name": name}
        self.event(about, "Normal", "TaintManagerEviction", message)


def no_execute(node: Obj | None) -> list[Obj]:
    """The NoExecute taints of a node."""
    return [] if node is None else [taint for taint in taints_of(node) if taint["effect"] == "NoExecute"]
