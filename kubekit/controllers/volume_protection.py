"""Protection of storage in use: a claim goes only when no pod uses it, a volume only when it is not bound.

The admission of the API server puts a finalizer on each; these two controllers take it off when the object is
being deleted and nobody needs it. Sources: pkg/controller/volume/pvcprotection and pvprotection.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, controller_of, finalizers_of, is_deleting, key_of
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pods import is_terminal

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"


def claims_used(pod: Obj) -> list[str]:
    """The keys of the claims that a pod mounts."""
    found = []
    meta = pod["metadata"]
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            found.append(f"{meta['namespace']}/{volume['persistentVolumeClaim']['claimName']}")
        elif volume.get("ephemeral"):
            found.append(f"{meta['namespace']}/{meta['name']}-{volume['name']}")
    return found


class ClaimProtection(Controller):
    """Lets a claim go when no pod uses it."""

    name: ClassVar[str] = "persistentvolumeclaim-protection-controller"
    kind: ClassVar[str] = "PersistentVolumeClaim"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.claims: Informer
        self.pods: Informer

    def set_up(self) -> None:
        self.claims = self.informer("persistentvolumeclaims")
        self.pods = self.informer("pods")
        self.pods.add_index("claims", claims_used)
        self.watch(self.claims, self._claim_seen, lambda old, new: self._claim_seen(new))
        self.watch(
            self.pods,
            on_update=lambda old, new: self._pod_changed(new) if is_terminal(new) else None,
            on_delete=self._pod_changed,
        )

    def _claim_seen(self, claim: Obj) -> None:
        if is_deleting(claim) == (CLAIM_FINALIZER in finalizers_of(claim)):
            self.enqueue(key_of(claim), "MODIFIED", claim)

    def _pod_changed(self, pod: Obj) -> None:
        for key in claims_used(pod):
            self.enqueue(key, "MODIFIED", pod)

    def reconcile(self, key: str) -> None:
        claim = self.claims.get(key)
        if claim is None:
            return
        protected = CLAIM_FINALIZER in finalizers_of(claim)
        if not is_deleting(claim):
            if not protected:
                finalizers = [*finalizers_of(claim), CLAIM_FINALIZER]
                write_finalizers(self, "persistentvolumeclaims", claim, finalizers)
            return
        users = [pod for pod in self.pods.by_index("claims", key) if _uses(pod, claim)]
        self.round.observed = len(users)
        if protected and not users:
            kept = [one for one in finalizers_of(claim) if one != CLAIM_FINALIZER]
            write_finalizers(self, "persistentvolumeclaims", claim, kept)


def _uses(pod: Obj, claim: Obj) -> bool:
    """Whether the pod keeps the claim: also when it has finished, until it is deleted.

    A claim that came with the pod is let go a little earlier, when nothing of the pod runs any more.
    """
    if not pod["spec"].get("nodeName"):
        return False
    meta, name = pod["metadata"], claim["metadata"]["name"]
    for volume in pod["spec"].get("volumes") or ():
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == name:
            return True
        if volume.get("ephemeral") and f"{meta['name']}-{volume['name']}" == name:
            owner = controller_of(claim)
            shut_down = is_deleting(pod) and meta.get("deletionGracePeriodSeconds") == 0
            if not shut_down and owner is not None and owner["uid"] == meta["uid"]:
                return True
    return False


class VolumeProtection(Controller):
    """Lets a volume go when it is not bound."""

    name: ClassVar[str] = "persistentvolume-protection-controller"
    kind: ClassVar[str] = "PersistentVolume"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.volumes: Informer

    def set_up(self) -> None:
        self.volumes = self.follow("persistentvolumes")

    def reconcile(self, key: str) -> None:
        volume = self.volumes.get(key)
        if volume is None:
            return
        protected = VOLUME_FINALIZER in finalizers_of(volume)
        bound = (volume.get("status") or {}).get("phase") == "Bound"
        if is_deleting(volume) and protected and not bound:
            kept = [one for one in finalizers_of(volume) if one != VOLUME_FINALIZER]
            write_finalizers(self, "persistentvolumes", volume, kept)
        elif not is_deleting(volume) and not protected:
            write_finalizers(self, "persistentvolumes", volume, [*finalizers_of(volume), VOLUME_FINALIZER])


def write_finalizers(controller: Controller, resource: str, obj: Obj, finalizers: list[str]) -> None:
    """Replace an object's finalizers (404 is fine: it is gone)."""
    metadata = {**obj["metadata"], "finalizers": finalizers}
    if not finalizers:
        del metadata["finalizers"]
    try:
        controller.client.update(resource, {**obj, "metadata": metadata})
    except StatusError as error:
        if error.code != 404:
            raise
