"""The persistent volume controller: brings claims and volumes together, and volumes back when claims go.

Binding takes four writes, in this order: the volume names the claim, the volume is Bound, the claim names the
volume, the claim is Bound. Each reconcile continues wherever the last one was interrupted. Nothing is
provisioned here: classes with a provisioner of their own are waited for. Source:
pkg/controller/volume/persistentvolume/pv_controller.go.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, annotations_of, key_of, object_reference
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pods import is_terminal
from kubekit.controllers.volume_match import (
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    PRE_RESIZE,
    PROVISIONED_BY,
    SELECTED_NODE,
    best_match,
    class_of,
    default_class,
    has_class,
    is_bound_to,
    mismatch,
    mode_of,
)
from kubekit.controllers.volume_operations import Operations
from kubekit.controllers.volume_protection import claims_used
from kubekit.controllers.volume_provisioning import await_provisioner, reclaim
from kubekit.controllers.volume_recycler import Recycler

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"
CLAIM, VOLUME = "claim:", "volume:"
VOLUME_CLASS = "currentVolumeAttributesClassName"


class VolumeBinder(Controller):
    """Binds PersistentVolumeClaims to PersistentVolumes."""

    name: ClassVar[str] = "persistentvolume-binder-controller"
    event_source: ClassVar[str] = "persistentvolume-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.volumes: Informer
        self.claims: Informer
        self.classes: Informer
        self.pods: Informer
        self.recycler = Recycler(self)
        self.operations = Operations(self.clock)
        self._written: dict[str, Obj] = {}  # newer than what the cache shows, by resource and key

    def set_up(self) -> None:
        self._written.clear()
        self.operations.clear()
        self.volumes = self.informer(VOLUMES)
        self.claims = self.informer(CLAIMS)
        self.classes = self.informer("storageclasses.storage.k8s.io")
        self.pods = self.informer("pods")
        self.pods.add_index("claims", claims_used)
        self.watch(
            self.volumes,
            lambda obj: self.enqueue(VOLUME + key_of(obj), "ADDED", obj),
            lambda old, new: self.enqueue(VOLUME + key_of(new), "MODIFIED", new),
            self._volume_deleted,
        )
        self.watch(
            self.claims,
            lambda obj: self.enqueue(CLAIM + key_of(obj), "ADDED", obj),
            lambda old, new: self.enqueue(CLAIM + key_of(new), "MODIFIED", new),
            self._claim_deleted,
        )
        self.every(self.options.pv_claim_binder_sync_period, self._resync)

    def stop(self) -> None:
        self.recycler.stop()
        super().stop()

    def subject(self, key: str) -> str:
        kind, _, name = key.partition(":")
        return f"{'persistentvolumeclaim' if kind == 'claim' else 'persistentvolume'}/{name}"

    def _resync(self) -> None:
        for volume in self.volumes.list():
            self.queue.add(VOLUME + key_of(volume))
        for claim in self.claims.list():
            self.queue.add(CLAIM + key_of(claim))

    def _volume_deleted(self, volume: Obj) -> None:
        self._written.pop(VOLUME + key_of(volume), None)
        reference = volume["spec"].get("claimRef")
        if reference:
            self.enqueue(f"{CLAIM}{reference['namespace']}/{reference['name']}", "DELETED", volume)

    def _claim_deleted(self, claim: Obj) -> None:
        self._written.pop(CLAIM + key_of(claim), None)
        if claim["spec"].get("volumeName"):
            self.enqueue(VOLUME + claim["spec"]["volumeName"], "DELETED", claim)

    # -- the newest that is known -----------------------------------------------------------------------

    def _latest(self, informer: Informer, prefix: str, key: str) -> Obj | None:
        cached = informer.get(key)
        written = self._written.get(prefix + key)
        if written is None:
            return cached
        if cached is None:
            return written
        newer = int(written["metadata"]["resourceVersion"]) > int(cached["metadata"]["resourceVersion"])
        if not newer:
            del self._written[prefix + key]
        return written if newer else cached

    def _volume(self, name: str) -> Obj | None:
        return self._latest(self.volumes, VOLUME, name)

    def write(self, resource: str, obj: Obj, subresource: str | None = None) -> Obj:
        """Update a claim or a volume, and remember the answer until the cache shows it."""
        written = self.client.update(resource, obj, subresource=subresource)
        self._written[(CLAIM if resource == CLAIMS else VOLUME) + key_of(written)] = written
        return written

    # -- reconciling ------------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        kind, _, name = key.partition(":")
        if kind == "volume":
            volume = self._volume(name) if self.volumes.get(name) is not None else None
            if volume is not None:
                self._reconcile_volume(volume)
            return
        claim = self._latest(self.claims, CLAIM, name) if self.claims.get(name) is not None else None
        if claim is None:
            return
        if BIND_COMPLETED in annotations_of(claim):
            self._reconcile_bound(claim)
        else:
            self._reconcile_unbound(claim)

    def _reconcile_unbound(self, claim: Obj) -> None:
        name = claim["spec"].get("volumeName")
        if not name:
            self._find_volume(claim)
            return
        volume = self._volume(name)
        if volume is None:
            self._claim_status(claim, "Pending", None)
        elif volume["spec"].get("claimRef") is None:
            why = mismatch(volume, claim)
            if why is None:
                self._bind(volume, claim)
                return
            text = f'Cannot bind to requested volume "{name}": {why}'
            self.event(claim, "Warning", "VolumeMismatch", text)
            self._claim_status(claim, "Pending", None)
        elif is_bound_to(volume, claim):
            self._bind(volume, claim)
        else:
            text = f'volume "{name}" already bound to a different claim.'
            self.event(claim, "Warning", "FailedBinding", text)
            if BOUND_BY_CONTROLLER not in annotations_of(claim):
                self._claim_status(claim, "Pending", None)

    def _find_volume(self, claim: Obj) -> None:
        delayed = self._waits_for_consumer(claim)
        known = [self._volume(key) for key in list(self.volumes.keys())]
        volume = best_match(claim, [one for one in known if one is not None], delayed)
        self.round.desired = class_of(claim)
        self.round.observed = volume["metadata"]["name"] if volume is not None else None
        if volume is not None:
            self._bind(volume, claim)
            return
        if not has_class(claim):
            chosen = default_class(self.classes.list())
            if chosen is not None:
                self.write(CLAIMS, {**claim, "spec": {**claim["spec"], "storageClassName": chosen}})
                return
        if delayed and SELECTED_NODE not in annotations_of(claim):
            self._say_what_it_waits_for(claim)
        elif class_of(claim):
            await_provisioner(self, claim)
            return
        else:
            text = "no persistent volumes available for this claim and no storage class is set"
            self.event(claim, "Normal", "FailedBinding", text)
        self._claim_status(claim, "Pending", None)

    def _waits_for_consumer(self, claim: Obj) -> bool:
        found = self.classes.get(class_of(claim))
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _say_what_it_waits_for(self, claim: Obj) -> None:
        names = [
            pod["metadata"]["name"]
            for pod in self.pods.by_index("claims", key_of(claim))
            if not pod["spec"].get("nodeName") and not is_terminal(pod)
        ]
        if not names:
            text = "waiting for first consumer to be created before binding"
            self.event(claim, "Normal", "WaitForFirstConsumer", text)
        elif len(names) == 1:
            text = f"waiting for pod {names[0]} to be scheduled"
            self.event(claim, "Normal", "WaitForPodScheduled", text)
        else:
            text = f"waiting for pods {','.join(names)} to be scheduled"
            self.event(claim, "Normal", "WaitForPodScheduled", text)

    def _reconcile_bound(self, claim: Obj) -> None:
        name = claim["spec"].get("volumeName")
        volume = self._volume(name) if name else None
        if volume is None:
            what = "its" if name else "reference to"
            self._lose(
                claim,
                "ClaimLost",
                f"Bound claim has lost {what} PersistentVolume. Data on the volume is lost!",
            )
            return
        reference = volume["spec"].get("claimRef")
        if reference is None or reference.get("uid") == claim["metadata"]["uid"]:
            self._bind(volume, claim)
            return
        text = "Two claims are bound to the same volume, this one is bound incorrectly"
        self._lose(claim, "ClaimMisbound", text)

    def _lose(self, claim: Obj, reason: str, text: str) -> None:
        if (claim.get("status") or {}).get("phase") != "Lost":
            self.event(self._claim_status(claim, "Lost", None), "Warning", reason, text)

    # -- binding ----------------------------------------------------------------------------------------

    def _bind(self, volume: Obj, claim: Obj) -> None:
        volume = self.phase(self._point_to_claim(volume, claim), "Bound")
        claim = self._point_to_volume(claim, volume)
        self._claim_status(claim, "Bound", volume)

    def _point_to_claim(self, volume: Obj, claim: Obj) -> Obj:
        reference, meta = volume["spec"].get("claimRef"), claim["metadata"]
        annotations = dict(annotations_of(volume))
        changed = False
        if not is_bound_to(volume, claim) and BOUND_BY_CONTROLLER not in annotations:
            annotations[BOUND_BY_CONTROLLER] = "yes"
            changed = True
        spec = volume["spec"]
        if reference is None or reference.get("uid") != meta["uid"] or not is_bound_to(volume, claim):
            spec = {
                **spec,
                "claimRef": object_reference({"kind": "PersistentVolumeClaim", "apiVersion": "v1", **claim}),
            }
            changed = True
        if not changed:
            return volume
        metadata = {**volume["metadata"], "annotations": annotations} if annotations else volume["metadata"]
        return self.write(VOLUMES, {**volume, "metadata": metadata, "spec": spec})

    def _point_to_volume(self, claim: Obj, volume: Obj) -> Obj:
        name = volume["metadata"]["name"]
        annotations, spec = dict(annotations_of(claim)), claim["spec"]
        if spec.get("volumeName") != name:
            spec = {**spec, "volumeName": name}
            annotations.setdefault(BOUND_BY_CONTROLLER, "yes")
        annotations.setdefault(BIND_COMPLETED, "yes")
        if spec is claim["spec"] and annotations == annotations_of(claim):
            return claim
        metadata = {**claim["metadata"], "annotations": annotations}
        return self.write(CLAIMS, {**claim, "metadata": metadata, "spec": spec})

    def _claim_status(self, claim: Obj, phase: str, volume: Obj | None) -> Obj:
        old = claim.get("status") or {}
        status = {**old, "phase": phase}
        if volume is None:
            for field in ("accessModes", "capacity", VOLUME_CLASS):
                status.pop(field, None)
        else:
            spec = volume["spec"]
            status["accessModes"] = spec.get("accessModes")
            if old.get("phase") != phase:
                before_resize = annotations_of(volume).get(PRE_RESIZE)
                if before_resize is not None:
                    status["capacity"] = {**(old.get("capacity") or {}), "storage": before_resize}
                else:
                    status["capacity"] = spec.get("capacity")
            if old.get("phase") == "Pending" and phase == "Bound" and spec.get("volumeAttributesClassName"):
                status[VOLUME_CLASS] = spec["volumeAttributesClassName"]
        if status == old:
            return claim
        return self.write(CLAIMS, {**claim, "status": status}, "status")

    def phase(self, volume: Obj, phase: str, message: str = "") -> Obj:
        """Give a volume its phase, if it has another one."""
        old = volume.get("status") or {}
        if old.get("phase") == phase:
            return volume
        status = {key: value for key, value in old.items() if key != "message"}
        if message:
            status["message"] = message
        return self.write(VOLUMES, {**volume, "status": {**status, "phase": phase}}, "status")

    def fail(self, volume: Obj, reason: str, text: str) -> None:
        """The volume could not be reclaimed; said once."""
        if (volume.get("status") or {}).get("phase") != "Failed":
            self.event(self.phase(volume, "Failed", text), "Warning", reason, text)

    # -- volumes ----------------------------------------------------------------------------------------

    def _reconcile_volume(self, volume: Obj) -> None:
        reference = volume["spec"].get("claimRef")
        if reference is None or not reference.get("uid"):
            self.phase(volume, "Available")
            return
        claim = self._claim_of(reference)
        if claim is None:
            self._release(volume)
        elif not claim["spec"].get("volumeName"):
            if mode_of(claim) == mode_of(volume):
                self.queue.add(CLAIM + key_of(claim))
                return
            why = "due to incompatible volumeMode."
            mine, its = volume["metadata"]["name"], claim["metadata"]["name"]
            text = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{its}" {why}'
            self.event(volume, "Warning", "VolumeMismatch", text)
            text = f'Cannot bind PersistentVolume "{mine}" to requested PersistentVolumeClaim {why}'
            self.event(claim, "Warning", "VolumeMismatch", text)
        elif claim["spec"]["volumeName"] == volume["metadata"]["name"]:
            self.phase(volume, "Bound")
        elif (
            PROVISIONED_BY in annotations_of(volume)
            and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        ):
            self._release(volume)
        else:
            self.unbind(volume)

    def _release(self, volume: Obj) -> None:
        """Its claim is gone (or has another volume): what now is up to the reclaim policy."""
        if (volume.get("status") or {}).get("phase") not in ("Released", "Failed"):
            volume = self.phase(volume, "Released")
        reclaim(self, volume)

    def _claim_of(self, reference: Obj) -> Obj | None:
        claim = self._latest(self.claims, CLAIM, f"{reference['namespace']}/{reference['name']}")
        if claim is None or claim["metadata"]["uid"] != reference["uid"]:
            claim = self.client.find(CLAIMS, reference["name"], reference["namespace"])
        if claim is not None and claim["metadata"]["uid"] != reference["uid"]:
            return None
        return claim

    def unbind(self, volume: Obj) -> None:
        """The claim is bound to another volume: this one is free again."""
        annotations = dict(annotations_of(volume))
        spec = dict(volume["spec"])
        if annotations.pop(BOUND_BY_CONTROLLER, None) is not None:
            spec.pop("claimRef")
        else:
            spec["claimRef"] = {key: value for key, value in spec["claimRef"].items() if key != "uid"}
        metadata = {key: value for key, value in volume["metadata"].items() if key != "annotations"}
        if annotations:
            metadata["annotations"] = annotations
        self.phase(self.write(VOLUMES, {**volume, "metadata": metadata, "spec": spec}), "Available")
