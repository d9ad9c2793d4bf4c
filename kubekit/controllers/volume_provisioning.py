"""What the volume controller asks of plugins: make a volume for a claim, get rid of a released one.

The kit has no storage behind it, so nothing is ever made: a claim is told which outside provisioner it waits
for, or that no plugin can serve it. Deleted are only volumes of host paths. Source:
pkg/controller/volume/persistentvolume/pv_controller.go (provisionClaim, deleteVolumeOperation).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubekit.api.meta import Obj, annotations_of, key_of, name_of
from kubekit.api.status_error import StatusError
from kubekit.controllers.volume_match import PROVISIONED_BY, class_of

if TYPE_CHECKING:
    from kubekit.controllers.volume_binder import VolumeBinder

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"
PROVISIONER = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")
HOST_PATH, NFS = "kubernetes.io/host-path", "kubernetes.io/nfs"
DELETABLE_PATH = re.compile("/tmp/.+")
MIGRATED = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/portworx-volume": "pxd.portworx.com",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
}
"""Provisioners of the old plugins, and the drivers that took their work over."""


def await_provisioner(binder: VolumeBinder, claim: Obj) -> None:
    """Say who should provision the claim's volume."""
    found = binder.classes.get(class_of(claim))
    if found is None:
        text = f'storageclass.storage.k8s.io "{class_of(claim)}" not found'
        binder.event(claim, "Warning", "ProvisioningFailed", text)
        return
    provisioner: str = found["provisioner"]
    if provisioner.startswith("kubernetes.io/") and provisioner != HOST_PATH and provisioner not in MIGRATED:
        text = _unmatched(provisioner, "provisionable")
        binder.event(claim, "Warning", "ProvisioningFailed", text)
        return
    operation = f"provision-{key_of(claim)}[{claim['metadata']['uid']}]"
    if not binder.operations.may_start(operation):
        return
    if provisioner == HOST_PATH:
        _provision_path(binder, claim, found)
        binder.operations.failed(operation)
        return
    provisioner = MIGRATED.get(provisioner, provisioner)
    try:
        claim = _note_provisioner(binder, claim, provisioner)
    except StatusError as error:
        binder.event(claim, "Warning", "ProvisioningFailed", f"Error saving claim: {error.message}")
        binder.operations.failed(operation)
        return
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or "
        "manually by the system administrator. If volume creation is delayed, please verify that the "
        "provisioner is running and correctly registered."
    )
    binder.event(claim, "Normal", "ExternalProvisioning", text)
    binder.operations.succeeded(operation)


def _provision_path(binder: VolumeBinder, claim: Obj, storage_class: Obj) -> None:
    """Volumes of host paths are never provisioned; what is said about it depends on how far one comes."""
    if claim["spec"].get("dataSource") is not None:
        why = "is not a CSI plugin. Only CSI plugin can provision a claim with a datasource"
        text = f'plugin "{HOST_PATH}" {why}'
        binder.event(claim, "Warning", "ProvisioningFailed", text)
        return
    try:
        claim = _note_provisioner(binder, claim, HOST_PATH)
    except StatusError:
        return
    text = f'Failed to create provisioner: provisioning in volume plugin "{HOST_PATH}" is disabled'
    if options := storage_class.get("mountOptions"):
        text = (
            f'Mount options are not supported by the provisioner but StorageClass "{name_of(storage_class)}" '
            f"has mount options [{' '.join(options)}]"
        )
    binder.event(claim, "Warning", "ProvisioningFailed", text)


def _note_provisioner(binder: VolumeBinder, claim: Obj, provisioner: str) -> Obj:
    annotations = annotations_of(claim)
    if annotations.get(PROVISIONER[0]) == provisioner:
        return claim
    annotations = {**annotations, **dict.fromkeys(PROVISIONER, provisioner)}
    return binder.write(CLAIMS, {**claim, "metadata": {**claim["metadata"], "annotations": annotations}})


def _unmatched(plugin: str, kind: str) -> str:
    """Why the manager has no plugin of that name for that work: of NFS it has one that can only recycle."""
    if plugin == NFS:
        return f"no {kind} volume plugin matched"
    return f"no volume plugin matched name: {plugin}"


def reclaim(binder: VolumeBinder, volume: Obj) -> None:
    """Do with a released volume what its policy says."""
    policy = volume["spec"].get("persistentVolumeReclaimPolicy")
    if policy == "Recycle":
        binder.recycler.recycle(volume)
    if policy != "Delete":
        return
    why = _why_not_deletable(volume)
    if why is None:
        return
    if why:
        binder.fail(volume, "VolumeFailedDelete", why)
        return
    try:
        binder.client.delete(VOLUMES, volume["metadata"]["name"])
    except StatusError as error:
        if error.code != 404:
            raise


def _why_not_deletable(volume: Obj) -> str | None:
    """Why the volume cannot be deleted ("": it can); None when that is somebody else's work."""
    name, spec = volume["metadata"]["name"], volume["spec"]
    provisioner = annotations_of(volume).get(PROVISIONED_BY, "")
    if provisioner and provisioner != HOST_PATH:
        return _unmatched(provisioner, "deletable") if provisioner.startswith("kubernetes.io/") else None
    if not provisioner and spec.get("csi") is not None:
        return None
    if not provisioner and spec.get("hostPath") is None:
        kind = "deletable volume" if spec.get("nfs") is not None else "volume"
        return f'error getting deleter volume plugin for volume "{name}": no {kind} plugin matched'
    path = (spec.get("hostPath") or {}).get("path", "")
    if not DELETABLE_PATH.search(path):
        return f"host_path deleter only supports /tmp/.+ but received provided {path}"
    return ""
