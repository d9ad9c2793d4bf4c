"""Facts about volumes and claims that the volume plugins share. No plugin, so no line in the registry.

In-tree cloud volumes are handled by CSI drivers today; `IN_TREE` says by which, and how such a volume is
named there, so that both spellings of one disk count once.

Source: component-helpers/storage/volume, storage/ephemeral; csi-translation-lib.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.resources import amounts_of
from kubekit.scheduler.framework.selector import NodeSelector

Obj = dict[str, Any]

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


class InTree(NamedTuple):
    """An in-tree volume type: its plugin's name, the CSI driver, and the field that identifies the disk."""

    plugin: str
    driver: str
    handle_field: str
    handle_format: str = "{}"


IN_TREE: dict[str, InTree] = {
    "gcePersistentDisk": InTree(
        "kubernetes.io/gce-pd",
        "pd.csi.storage.gke.io",
        "pdName",
        "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/{}",
    ),
    "awsElasticBlockStore": InTree("kubernetes.io/aws-ebs", "ebs.csi.aws.com", "volumeID"),
    "azureDisk": InTree("kubernetes.io/azure-disk", "disk.csi.azure.com", "diskURI"),
    "cinder": InTree("kubernetes.io/cinder", "cinder.csi.openstack.org", "volumeID"),
    "portworxVolume": InTree("kubernetes.io/portworx-volume", "pxd.portworx.com", "volumeID"),
}
IN_TREE_DRIVERS = {entry.plugin: entry.driver for entry in IN_TREE.values()}


BROUGHT_ALONG = frozenset(("configMap", "downwardAPI", "emptyDir", "projected", "secret"))
"""Volumes that every node can make."""


def has_storage(pod: PodInfo) -> bool:
    """Whether the pod has volumes that exist outside of it, such as claims and disks."""
    for volume in pod.spec.get("volumes") or ():
        if len(volume) != 2 or BROUGHT_ALONG.isdisjoint(volume):  # its name and one source
            return True
    return False


def in_tree_disk(source: Obj) -> tuple[str, str] | None:
    """(CSI driver, handle) of an in-tree volume source, or None if it is none."""
    for field, entry in IN_TREE.items():
        disk = source.get(field)
        if disk is not None:
            return entry.driver, entry.handle_format.format(disk.get(entry.handle_field, ""))
    return None


def is_in_tree(volume: Obj) -> bool:
    """Whether a pod's volume is of an in-tree type that a CSI driver handles."""
    return any(field in volume for field in (*IN_TREE, "azureFile", "vsphereVolume"))


def claim_of(pod: PodInfo, volume: Obj) -> tuple[str, bool] | None:
    """(name of the volume's claim, whether it is an ephemeral one), or None for a volume without claim."""
    if volume.get("persistentVolumeClaim") is not None:
        return volume["persistentVolumeClaim"].get("claimName", ""), False
    if volume.get("ephemeral") is not None:
        return f"{pod.name}-{volume.get('name', '')}", True
    return None


def not_owned(pod: PodInfo, claim: Obj) -> str:
    """The refusal when an ephemeral volume's claim was made by somebody else; "" if all is well."""
    metadata = claim["metadata"]
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller") and reference.get("uid") == pod.uid:
            return ""
    name = f"{metadata.get('namespace', '')}/{metadata['name']}"
    return f"PVC {name} was not created for pod {pod.key} (pod is not owner)"


def class_of_claim(claim: Obj) -> str:
    """The name of the claim's storage class, or ""."""
    annotations = claim["metadata"].get("annotations") or {}
    if BETA_CLASS in annotations:
        return str(annotations[BETA_CLASS])
    return str((claim.get("spec") or {}).get("storageClassName") or "")


def class_of_volume(volume: Obj) -> str:
    """The name of the volume's storage class, or ""."""
    annotations = volume["metadata"].get("annotations") or {}
    if BETA_CLASS in annotations:
        return str(annotations[BETA_CLASS])
    return str((volume.get("spec") or {}).get("storageClassName") or "")


def usable_on(volume: Obj, labels: dict[str, str]) -> bool:
    """Whether the volume's node affinity allows a node with these labels."""
    required = ((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required")
    return required is None or NodeSelector(required).matches(labels, "")


def is_bound_to(volume: Obj, claim: Obj) -> bool:
    """Whether the volume is (pre-)bound to this claim."""
    reference = (volume.get("spec") or {}).get("claimRef")
    if reference is None:
        return False
    metadata = claim["metadata"]
    same = reference.get("name") == metadata["name"] and reference.get("namespace") == metadata.get(
        "namespace"
    )
    return same and (not reference.get("uid") or reference["uid"] == metadata.get("uid"))


def is_fully_bound(claim: Obj) -> bool:
    """Whether the claim has its volume and the controller has finished binding it."""
    annotations = claim["metadata"].get("annotations") or {}
    return bool((claim.get("spec") or {}).get("volumeName")) and BIND_COMPLETED in annotations


def storage_request(claim: Obj) -> int:
    """How much the claim asks for, exactly (in billionths of a byte)."""
    return amounts_of(((claim.get("spec") or {}).get("resources") or {}).get("requests")).get("storage", 0)


def storage_capacity(volume: Obj) -> int:
    """How much the volume has, exactly (in billionths of a byte)."""
    return amounts_of((volume.get("spec") or {}).get("capacity")).get("storage", 0)
