"""Static pods: what lies in the node's manifest directory is run without asking anybody.

Each static pod is shown in the API as a *mirror pod*, which can be read and even deleted, but comes back; its
status is the static pod's. Source: `pkg/kubelet/config/file.go`, `pkg/kubelet/pod/mirror_client.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.meta import Obj, deep_copy, key_of
from kubekit.api.status_error import StatusError
from kubekit.client import Client
from kubekit.kubelet.manifests import HASH

if TYPE_CHECKING:
    from kubekit.kubelet.kubelet import Kubelet

MIRROR = "kubernetes.io/config.mirror"
RETRY_SECONDS = 10.0


class StaticPods:
    """The static pods of one kubelet, by uid, and their mirrors."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet
        self.pods: dict[str, Obj] = {}

    def start(self) -> None:
        """Read the directory, and again whenever a file changes."""
        kubelet = self._kubelet
        kubelet.manifests.on_change = self._changed
        kubelet.pods.when_synced(self._show_all)
        self.read()

    def stop(self) -> None:
        """Look at the directory no more."""
        self._kubelet.manifests.on_change = None

    def read(self) -> None:
        """Bring what runs in line with the files."""
        kubelet = self._kubelet
        now = kubelet.loop.clock.now()
        found = {pod["metadata"]["uid"]: pod for pod in kubelet.manifests.pods(kubelet.node_name, now)}
        for uid in [uid for uid in self.pods if uid not in found]:
            pod = self.pods.pop(uid)
            mirror = kubelet.api_pod(pod)
            if mirror is not None:
                delete_mirror(kubelet.client, mirror)
            worker = kubelet.workers.get(uid)
            if worker is not None:
                worker.removed = True
                worker.update(kill=True)
        for uid, pod in found.items():
            self.pods.setdefault(uid, pod)
        self.start_waiting()

    def start_waiting(self) -> None:
        """Start the pods that do not run yet, each after an earlier one of the same name has ended."""
        kubelet = self._kubelet
        busy = {key_of(worker.pod) for worker in kubelet.workers.values()}
        for uid, pod in self.pods.items():
            if uid not in kubelet.workers and key_of(pod) not in busy:
                kubelet.work_on(pod)
                if kubelet.pods.has_synced:
                    self._show(pod)

    def mirror_changed(self, mirror: Obj, gone: bool = False) -> None:
        """The API's image of a static pod was added, changed or deleted."""
        kubelet = self._kubelet
        pod = next((p for p in self.pods.values() if key_of(p) == key_of(mirror)), None)
        if pod is None:
            if not gone and kubelet.pods.has_synced:
                delete_mirror(kubelet.client, mirror)
        elif gone:
            kubelet.loop.call_soon(kubelet.name, self._show, pod, what="mirror pod")
        elif mirror["metadata"].get("deletionTimestamp") is not None:
            delete_mirror(kubelet.client, mirror)
        else:
            kubelet.statuses.reconcile_mirror(pod, mirror)

    def _changed(self) -> None:
        kubelet = self._kubelet
        kubelet.loop.call_soon(kubelet.name, self.read, what="static pod manifests")

    def _show_all(self) -> None:
        for pod in list(self.pods.values()):
            self._show(pod)
        for mirror in self._kubelet.pods.list():
            if is_mirror(mirror) and all(key_of(pod) != key_of(mirror) for pod in self.pods.values()):
                delete_mirror(self._kubelet.client, mirror)

    def _show(self, pod: Obj) -> None:
        kubelet = self._kubelet
        mirror = kubelet.api_pod(pod)
        if mirror is not None and not mirrors(mirror, pod):
            delete_mirror(kubelet.client, mirror)
            mirror = None
        if mirror is not None or pod["metadata"]["uid"] not in self.pods:
            return
        if not create_mirror(kubelet.client, pod, kubelet.node_status.uid):
            what = f"the mirror of {key_of(pod)}"
            kubelet.loop.call_later(RETRY_SECONDS, kubelet.name, self._show, pod, what=what, background=True)


def is_mirror(pod: Obj) -> bool:
    """Whether an API pod only shows a static pod."""
    return MIRROR in (pod["metadata"].get("annotations") or {})


def mirrors(mirror: Obj, pod: Obj) -> bool:
    """Whether `mirror` shows this very version of the static pod."""
    shown = (mirror["metadata"].get("annotations") or {}).get(MIRROR)
    return bool(shown == pod["metadata"]["annotations"][HASH])


def create_mirror(client: Client, pod: Obj, node_uid: str) -> bool:
    """Show a static pod in the API; False when that failed and is to be tried again."""
    meta = pod["metadata"]
    owner = {
        "apiVersion": "v1",
        "kind": "Node",
        "name": pod["spec"]["nodeName"],
        "uid": node_uid,
        "controller": True,
    }
    mirror: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": meta.get("labels") or {},
            "annotations": {**meta["annotations"], MIRROR: meta["annotations"][HASH]},
            "ownerReferences": [owner],
        },
        "spec": deep_copy(pod["spec"]),
    }
    try:
        client.create("pods", mirror)
    except StatusError as error:
        return error.reason == "AlreadyExists"
    except OSError:
        return False
    return True


def delete_mirror(client: Client, mirror: Obj) -> None:
    """Take a mirror pod out of the API."""
    meta = mirror["metadata"]
    try:
        client.delete("pods", meta["name"], meta["namespace"], grace_seconds=0, uid=meta["uid"])
    except (StatusError, OSError):
        return
