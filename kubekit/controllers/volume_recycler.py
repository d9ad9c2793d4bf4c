"""Recycling a released volume: a pod wipes what is on it, then the volume is free for anybody.

Long deprecated, but still what `persistentVolumeReclaimPolicy: Recycle` does to volumes of host paths and of
NFS.
Sources: pkg/controller/volume/persistentvolume (recycleVolumeOperation), pkg/volume/util/recyclerclient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api import quantity
from kubekit.api.meta import Obj
from kubekit.api.status_error import StatusError
from kubekit.client import Registration
from kubekit.controllers.pods import is_terminal, phase_of

if TYPE_CHECKING:
    from kubekit.controllers.volume_binder import VolumeBinder

NAMESPACE = "default"
IMAGE = "registry.k8s.io/build-image/debian-base:bookworm-v1.0.6"
SCRIPT = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'
LEAST_SECONDS = {"hostPath": 60, "nfs": 300}
SECONDS_FOR_A_GIBIBYTE = 30
FAILED = "VolumeFailedRecycle"


class Recycler:
    """The pods that wipe volumes just now."""

    def __init__(self, binder: VolumeBinder) -> None:
        self._binder = binder
        self._running: dict[str, tuple[Obj, list[Registration]]] = {}

    def stop(self) -> None:
        """Forget what runs; it is found again by the volumes that wait."""
        for _, registrations in self._running.values():
            for registration in registrations:
                registration.remove()
        self._running.clear()

    def recycle(self, volume: Obj) -> None:
        """Start to wipe a released volume, unless that is under way."""
        binder, name = self._binder, volume["metadata"]["name"]
        if name in self._running:
            return
        reference = volume["spec"]["claimRef"]
        key = f"{reference['namespace']}/{reference['name']}"
        using = [pod for pod in binder.pods.by_index("claims", key) if not is_terminal(pod)]
        if using and binder.claims.get(key) is None:
            names = sorted(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in using)
            self._binder.event(volume, "Normal", FAILED, f"Volume is used by pods: {','.join(names)}")
            return
        source = next((kind for kind in LEAST_SECONDS if volume["spec"].get(kind) is not None), None)
        if source is None:
            binder.fail(volume, FAILED, "No recycler plugin found for the volume!")
            return
        pod = _wiper(volume, source)
        self._listen(volume, pod["metadata"]["name"])
        try:
            binder.client.create("pods", pod)
        except StatusError as error:
            volume = self._forget(name)
            if error.reason == "AlreadyExists":
                self._delete_pod(name)
                why = "old recycler pod found, will retry later"
            else:
                why = f"unexpected error creating recycler pod:  {error.message}"
            binder.fail(volume, FAILED, f"Recycle failed: {why}")

    def _listen(self, volume: Obj, pod_name: str) -> None:
        binder, name = self._binder, volume["metadata"]["name"]

        def changed(pod: Obj, gone: bool = False) -> None:
            meta = pod["metadata"]
            if (meta["namespace"], meta["name"]) == (NAMESPACE, pod_name):
                self._pod_changed(name, pod, gone)

        def said(event: Obj) -> None:
            if name in self._running:
                text = f"Recycler pod: {event['message']}"
                binder.event(volume, event["type"], "RecyclerPod", text)

        events = binder.context.informers.informer(
            "events", namespace=NAMESPACE, field_selector=f"involvedObject.name={pod_name}"
        )
        registrations = [
            binder.pods.add_handler(None, lambda old, new: changed(new), lambda pod: changed(pod, True)),
            events.add_handler(said),
        ]
        self._running[name] = (volume, registrations)

    def _pod_changed(self, name: str, pod: Obj, gone: bool) -> None:
        if name not in self._running or not (gone or is_terminal(pod)):
            return
        volume = self._forget(name)
        self._delete_pod(name)
        if gone or phase_of(pod) == "Failed":
            why = (pod.get("status") or {}).get("message") or "pod failed, pod.Status.Message unknown"
            why = "recycler pod was deleted" if gone else why
            self._binder.fail(volume, FAILED, f"Recycle failed: failed to recycle volume: {why}")
            return
        self._binder.event(volume, "Normal", "VolumeRecycled", "Volume recycled")
        self._binder.unbind(volume)

    def _forget(self, name: str) -> Obj:
        volume, registrations = self._running.pop(name)
        for registration in registrations:
            registration.remove()
        return self._binder.client.find("persistentvolumes", name) or volume

    def _delete_pod(self, name: str) -> None:
        try:
            self._binder.client.delete("pods", _pod_name(name), NAMESPACE)
        except StatusError as error:
            if error.code != 404:
                raise


def _pod_name(volume_name: str) -> str:
    return f"recycler-for-{volume_name}"


def _wiper(volume: Obj, source: str) -> Obj:
    """The pod that wipes a volume."""
    size = quantity.parse((volume["spec"].get("capacity") or {}).get("storage", "0")).value()
    seconds = max(LEAST_SECONDS[source], size // 2**30 * SECONDS_FOR_A_GIBIBYTE)
    container = {
        "name": "pv-recycler",
        "image": IMAGE,
        "command": ["/bin/sh"],
        "args": ["-c", SCRIPT],
        "volumeMounts": [{"name": "vol", "mountPath": "/scrub"}],
    }
    where = {key: value for key, value in volume["spec"][source].items() if key != "type"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _pod_name(volume["metadata"]["name"]), "namespace": NAMESPACE},
        "spec": {
            "activeDeadlineSeconds": seconds,
            "restartPolicy": "Never",
            "volumes": [{"name": "vol", source: where}],
            "containers": [container],
        },
    }
