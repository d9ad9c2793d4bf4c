"""Tables of volumes, claims, storage classes, CSI objects and dynamic resources.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.duration import since
from kubekit.api.exchange import Obj
from kubekit.apiserver.printers.cells import access_modes, age, name, section
from kubekit.apiserver.printers.columns import AGE, NAME, Column, register

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def storage_class_of(obj: Obj) -> str:
    """The class of a volume or claim; the old annotation goes first."""
    annotations = section(obj, "metadata").get("annotations") or {}
    if _CLASS_ANNOTATION in annotations:
        return str(annotations[_CLASS_ANNOTATION])
    return str(section(obj, "spec").get("storageClassName") or "")


def _phase(obj: Obj) -> str:
    if section(obj, "metadata").get("deletionTimestamp"):
        return "Terminating"
    return str(section(obj, "status").get("phase", ""))


@register(
    "",
    "PersistentVolume",
    NAME,
    Column("Capacity", doc="core_v1.PersistentVolumeSpec.capacity"),
    Column("Access Modes", doc="core_v1.PersistentVolumeSpec.accessModes"),
    Column("Reclaim Policy", doc="core_v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy"),
    Column("Status", doc="core_v1.PersistentVolumeStatus.phase"),
    Column("Claim", doc="core_v1.PersistentVolumeSpec.claimRef"),
    Column("StorageClass", text="StorageClass of the pv"),
    Column("VolumeAttributesClass", text="VolumeAttributesClass of the pv"),
    Column("Reason", doc="core_v1.PersistentVolumeStatus.reason"),
    AGE,
    Column("VolumeMode", doc="core_v1.PersistentVolumeSpec.volumeMode", wide=True),
)
def persistent_volume(obj: Obj, now: float) -> list[Any]:
    """A volume's row."""
    spec = section(obj, "spec")
    claim = spec.get("claimRef")
    return [
        name(obj),
        section(spec, "capacity").get("storage", "0"),
        access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        storage_class_of(obj),
        spec.get("volumeAttributesClassName", "<unset>"),
        section(obj, "status").get("reason", ""),
        age(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


@register(
    "",
    "PersistentVolumeClaim",
    NAME,
    Column("Status", doc="core_v1.PersistentVolumeClaimStatus.phase"),
    Column("Volume", doc="core_v1.PersistentVolumeClaimSpec.volumeName"),
    Column("Capacity", doc="core_v1.PersistentVolumeClaimStatus.capacity"),
    Column("Access Modes", doc="core_v1.PersistentVolumeClaimStatus.accessModes"),
    Column("StorageClass", text="StorageClass of the pvc"),
    Column("VolumeAttributesClass", text="VolumeAttributesClass of the pvc"),
    AGE,
    Column("VolumeMode", doc="core_v1.PersistentVolumeClaimSpec.volumeMode", wide=True),
)
def persistent_volume_claim(obj: Obj, now: float) -> list[Any]:
    """A claim's row; capacity and modes are those of the volume it is bound to."""
    spec, status = section(obj, "spec"), section(obj, "status")
    bound = spec.get("volumeName") or ""
    return [
        name(obj),
        _phase(obj),
        bound,
        section(status, "capacity").get("storage", "0") if bound else "",
        access_modes(status.get("accessModes")) if bound else "",
        storage_class_of(obj),
        spec.get("volumeAttributesClassName", "<unset>"),
        age(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


@register(
    "storage.k8s.io",
    "StorageClass",
    NAME,
    Column("Provisioner", doc="storage_v1.StorageClass.provisioner"),
    Column("ReclaimPolicy", doc="storage_v1.StorageClass.reclaimPolicy"),
    Column("VolumeBindingMode", doc="storage_v1.StorageClass.volumeBindingMode"),
    Column("AllowVolumeExpansion", doc="storage_v1.StorageClass.allowVolumeExpansion"),
    AGE,
)
def storage_class(obj: Obj, now: float) -> list[Any]:
    """A storage class' row; the default one is marked."""
    annotations = section(obj, "metadata").get("annotations") or {}
    default = any(annotations.get(key) == "true" for key in _DEFAULT_CLASS)
    return [
        name(obj) + (" (default)" if default else ""),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


@register(
    "storage.k8s.io",
    "VolumeAttributesClass",
    NAME,
    Column("DriverName", doc="storage_v1.VolumeAttributesClass.driverName"),
    AGE,
)
def volume_attributes_class(obj: Obj, now: float) -> list[Any]:
    """A volume attributes class' row."""
    return [name(obj), obj.get("driverName", ""), age(obj, now)]


@register(
    "storage.k8s.io",
    "VolumeAttachment",
    NAME,
    Column("Attacher", format="name", doc="storage_v1.VolumeAttachmentSpec.attacher"),
    Column("PV", doc="storage_v1.VolumeAttachmentSource.persistentVolumeName"),
    Column("Node", doc="storage_v1.VolumeAttachmentSpec.nodeName"),
    Column("Attached", type="boolean", doc="storage_v1.VolumeAttachmentStatus.attached"),
    AGE,
)
def volume_attachment(obj: Obj, now: float) -> list[Any]:
    """A volume attachment's row."""
    spec = section(obj, "spec")
    return [
        name(obj),
        spec.get("attacher", ""),
        section(spec, "source").get("persistentVolumeName") or "",
        spec.get("nodeName", ""),
        bool(section(obj, "status").get("attached")),
        age(obj, now),
    ]


@register(
    "storage.k8s.io",
    "CSINode",
    NAME,
    Column(
        "Drivers",
        type="integer",
        text="Drivers indicates the number of CSI drivers registered on the node",
    ),
    AGE,
)
def csi_node(obj: Obj, now: float) -> list[Any]:
    """A CSI node's row."""
    return [name(obj), len(section(obj, "spec").get("drivers") or []), age(obj, now)]


@register(
    "storage.k8s.io",
    "CSIDriver",
    NAME,
    Column("AttachRequired", type="boolean", doc="storage_v1.CSIDriverSpec.attachRequired"),
    Column("PodInfoOnMount", type="boolean", doc="storage_v1.CSIDriverSpec.podInfoOnMount"),
    Column("StorageCapacity", type="boolean", doc="storage_v1.CSIDriverSpec.storageCapacity"),
    Column("TokenRequests", doc="storage_v1.CSIDriverSpec.tokenRequests"),
    Column("RequiresRepublish", type="boolean", doc="storage_v1.CSIDriverSpec.requiresRepublish"),
    Column("Modes", doc="storage_v1.CSIDriverSpec.volumeLifecycleModes"),
    AGE,
)
def csi_driver(obj: Obj, now: float) -> list[Any]:
    """A CSI driver's row."""
    spec = section(obj, "spec")
    requests = spec.get("tokenRequests")
    return [
        name(obj),
        spec.get("attachRequired") is not False,
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        "<unset>" if requests is None else ",".join(r.get("audience", "") for r in requests),
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or []) or "<none>",
        age(obj, now),
    ]


@register(
    "storage.k8s.io",
    "CSIStorageCapacity",
    NAME,
    Column("StorageClassName", doc="storage_v1.CSIStorageCapacity.storageClassName"),
    Column("Capacity", doc="storage_v1.CSIStorageCapacity.capacity"),
)
def csi_storage_capacity(obj: Obj, now: float) -> list[Any]:
    """A storage capacity's row."""
    return [name(obj), obj.get("storageClassName", ""), obj.get("capacity") or "<unset>"]


@register(
    "resource.k8s.io",
    "ResourceClaim",
    NAME,
    Column("State", text="A summary of the current state (allocated, pending, reserved, etc.)."),
    AGE,
)
def resource_claim(obj: Obj, now: float) -> list[Any]:
    """A resource claim's row."""
    status, deleted = section(obj, "status"), bool(section(obj, "metadata").get("deletionTimestamp"))
    states = ["deleted"] if deleted else []
    if status.get("allocation") is None:
        states += [] if deleted else ["pending"]
    else:
        states += ["allocated", *(["reserved"] if status.get("reservedFor") else [])]
    return [name(obj), ",".join(states), age(obj, now)]


@register(
    "resource.k8s.io",
    "ResourceSlice",
    NAME,
    Column("Node", doc="resource_v1.ResourceSliceSpec.nodeName"),
    Column("Driver", doc="resource_v1.ResourceSliceSpec.driver"),
    Column("Pool", doc="resource_v1.ResourcePool.name"),
    AGE,
)
def resource_slice(obj: Obj, now: float) -> list[Any]:
    """A resource slice's row."""
    spec = section(obj, "spec")
    pool = section(spec, "pool").get("name", "")
    return [name(obj), spec.get("nodeName") or "", spec.get("driver", ""), pool, age(obj, now)]


@register(
    "resource.k8s.io",
    "DeviceTaintRule",
    NAME,
    Column("Key", doc="resource_v1.DeviceTaint.key"),
    Column("Value", doc="resource_v1.DeviceTaint.value"),
    Column("Effect", doc="resource_v1.DeviceTaint.effect"),
    Column("TimeAdded", doc="resource_v1.DeviceTaint.timeAdded"),
    AGE,
)
def device_taint_rule(obj: Obj, now: float) -> list[Any]:
    """A device taint rule's row."""
    taint = section(obj, "spec", "taint")
    added = taint.get("timeAdded")
    shown = [taint.get(key, "") for key in ("key", "value", "effect")]
    return [name(obj), *shown, since(added, now) if added else "", age(obj, now)]
