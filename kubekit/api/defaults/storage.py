"""Defaults of StorageClass and CSIDriver, and of the volume a VolumeAttachment may carry.

Called through `apply_defaults`. Source: pkg/apis/storage/v1/defaults.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.defaults.pod_spec import resource_list, volume_source
from kubekit.api.meta import Obj

_DRIVER: dict[str, Any] = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
}


def storage_class(obj: Obj) -> None:
    """Volumes are deleted with their claims and bound at once."""
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def csi_driver(obj: Obj) -> None:
    """What a driver that says nothing is taken to need."""
    spec = obj.setdefault("spec", {})
    for key, value in _DRIVER.items():
        spec.setdefault(key, value)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def volume_attachment(obj: Obj) -> None:
    """An inline volume gets the defaults of a persistent one."""
    inline = ((obj.get("spec") or {}).get("source") or {}).get("inlineVolumeSpec")
    if inline is not None:
        resource_list(inline.get("capacity"))
        volume_source(inline)


DEFAULTS = {"StorageClass": storage_class, "CSIDriver": csi_driver, "VolumeAttachment": volume_attachment}
