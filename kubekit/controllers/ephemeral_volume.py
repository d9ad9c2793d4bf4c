"""The ephemeral volume controller: makes the claims of volumes that live and die with their pod.

A pod with a volume of kind `ephemeral` gets a claim of its own, named after the pod and the volume and owned
by the pod, so that the garbage collector takes it away. Source: pkg/controller/volume/ephemeral.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, controller_of, controller_reference, is_deleting, key_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.volume_protection import claims_used


class EphemeralVolumeController(Controller):
    """Creates the claims that pods bring with them."""

    name: ClassVar[str] = "ephemeral-volume-controller"
    kind: ClassVar[str] = "Pod"
    event_source: ClassVar[str] = "ephemeral_volume"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.pods: Informer
        self.claims: Informer

    def set_up(self) -> None:
        self.pods = self.informer("pods")
        self.claims = self.informer("persistentvolumeclaims")
        self.pods.add_index("claims", claims_used)
        self.watch(self.pods, lambda pod: self._wake("ADDED", pod))
        self.watch(self.claims, on_delete=self._claim_deleted)

    def _wake(self, event: str, pod: Obj, about: Obj | None = None) -> None:
        volumes = pod["spec"].get("volumes") or ()
        if not is_deleting(pod) and any("ephemeral" in volume for volume in volumes):
            self.enqueue(key_of(pod), event, about or pod)

    def _claim_deleted(self, claim: Obj) -> None:
        for pod in self.pods.by_index("claims", key_of(claim)):
            self._wake("DELETED", pod, claim)

    def reconcile(self, key: str) -> None:
        pod = self.pods.get(key)
        if pod is None or is_deleting(pod):
            return
        for volume in pod["spec"].get("volumes") or ():
            if volume.get("ephemeral") is None:
                continue
            try:
                self._ensure(pod, volume)
            except (StatusError, OSError) as error:
                why = error.message if isinstance(error, StatusError) else str(error)
                text = f"ephemeral volume {volume['name']}: {why}"
                self.event(pod, "Warning", "FailedBinding", text)
                raise

    def _ensure(self, pod: Obj, volume: Obj) -> None:
        meta = pod["metadata"]
        name = f"{meta['name']}-{volume['name']}"
        claim = self.claims.get(f"{meta['namespace']}/{name}")
        if claim is not None:
            owner = controller_of(claim)
            if owner is None or owner["uid"] != meta["uid"]:
                its, own = f"{meta['namespace']}/{name}", key_of(pod)
                raise OSError(f"PVC {its} was not created for pod {own} (pod is not owner)")
            return
        template = volume["ephemeral"].get("volumeClaimTemplate") or {}
        source = template.get("metadata") or {}
        owner = {"apiVersion": "v1", "kind": "Pod", **pod}
        metadata: Obj = {
            "name": name,
            "namespace": meta["namespace"],
            "ownerReferences": [controller_reference(owner)],
            **{field: dict(source[field]) for field in ("annotations", "labels") if source.get(field)},
        }
        wanted = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": template.get("spec") or {},
        }
        try:
            self.client.create("persistentvolumeclaims", wanted)
        except StatusError as error:
            raise OSError(f"create PVC {name}: {error.message}") from error
