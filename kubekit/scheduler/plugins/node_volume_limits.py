"""NodeVolumeLimits: a node can attach only so many volumes of a CSI driver.

The limit is in the node's CSINode object. Volumes are counted once, however many pods share them; volumes
that are attached without a pod (VolumeAttachment) count too.

Source: pkg/scheduler/framework/plugins/nodevolumelimits.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    CSI_NODE,
    DELETE,
    POD,
    PVC,
    UPDATE,
    VOLUME_ATTACHMENT,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import SKIP, PluginError, Status, unresolvable, unschedulable
from kubekit.scheduler.plugins.volume_facts import (
    IN_TREE_DRIVERS,
    claim_of,
    class_of_claim,
    has_storage,
    in_tree_disk,
    is_in_tree,
    not_owned,
)

Obj = dict[str, Any]

TOO_MANY_VOLUMES = unschedulable("node(s) exceed max volume count")
NO_CLAIM_NAME = "PersistentVolumeClaim had no name"


class MissingClaim(Exception):
    """The new pod's claim does not exist."""


class NodeVolumeLimits(Plugin):
    """Filters by how many volumes the node's CSI drivers can still attach."""

    name = "NodeVolumeLimits"

    def events(self) -> list[EventWithHint]:
        """Limits that rise, volumes that are detached, the claim that was missing."""
        return [
            EventWithHint(ClusterEvent(CSI_NODE, ADD)),
            EventWithHint(ClusterEvent(CSI_NODE, UPDATE), self.after_csi_node_update),
            EventWithHint(ClusterEvent(POD, DELETE), self.after_pod_deleted),
            EventWithHint(ClusterEvent(PVC, ADD), self.after_claim_added),
            EventWithHint(ClusterEvent(VOLUME_ATTACHMENT, DELETE), self.after_detached),
        ]

    def after_csi_node_update(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when a limit was raised."""
        before, after = limits(old), limits(new)
        return any(limit > before.get(driver, 0) for driver, limit in after.items())

    def after_pod_deleted(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the deleted pod had volumes to attach."""
        spec, status = (old or {}).get("spec") or {}, (old or {}).get("status") or {}
        if not spec.get("nodeName") and not status.get("nominatedNodeName"):
            return False
        return any(_may_attach(volume) for volume in spec.get("volumes") or ())

    def after_claim_added(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when it is one of the pod's claims."""
        metadata = (new or {}).get("metadata") or {}
        if metadata.get("namespace", "") != pod.namespace:
            return False
        named = [claim_of(pod, volume) for volume in pod.spec.get("volumes") or ()]
        return any(claim is not None and claim[0] == metadata.get("name") for claim in named)

    def after_detached(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the pod has claims, or a volume of the driver that detached."""
        attacher = ((old or {}).get("spec") or {}).get("attacher")
        for volume in pod.spec.get("volumes") or ():
            if volume.get("persistentVolumeClaim") is not None:
                return True
            disk = in_tree_disk(volume)
            if disk is not None and disk[0] == attacher:
                return True
        return False

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """A pod without storage of its own does not concern it; else claims and volumes matter."""
        return None if has_storage(pod) else ()

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Skip a pod without volumes that are attached."""
        return None if any(_may_attach(volume) for volume in pod.spec.get("volumes") or ()) else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node whose driver cannot attach the pod's new volumes as well."""
        csi_node = self.handle.lister("csinodes.storage.k8s.io").get(node.name)
        try:
            wanted = self._attachable(pod, csi_node, must_exist=True)
        except MissingClaim as missing:
            return unresolvable(str(missing))
        allowed = limits(csi_node)
        if not wanted or not allowed:
            return None
        attached: dict[str, str] = {}
        for other in node.pods:
            attached.update(self._attachable(other, csi_node, must_exist=False))
        counts = Counter(attached.values())
        for volume, driver in self._attachments(node.name).items():
            if volume not in attached:
                counts[driver] += 1
        new = Counter(driver for volume, driver in wanted.items() if volume not in attached)
        for driver, count in new.items():
            if driver in allowed and counts[driver] + count > allowed[driver]:
                return TOO_MANY_VOLUMES
        return None

    def _attachable(self, pod: PodInfo, csi_node: Obj | None, must_exist: bool) -> dict[str, str]:
        """Unique volume name to CSI driver, of all volumes of a pod that must be attached."""
        found: dict[str, str] = {}
        for volume in pod.spec.get("volumes") or ():
            named = claim_of(pod, volume)
            if named is None:
                disk = in_tree_disk(volume)
                if disk is not None and csi_node is not None:
                    found["/".join(disk)] = disk[0]
                continue
            name, ephemeral = named
            if not name:
                raise PluginError(NO_CLAIM_NAME)
            claim = self.handle.lister("persistentvolumeclaims").get(f"{pod.namespace}/{name}")
            if claim is None:
                if must_exist:
                    raise MissingClaim(
                        f'looking up PVC {pod.namespace}/{name}: persistentvolumeclaim "{name}" not found'
                    )
                continue
            if ephemeral and (wrong := not_owned(pod, claim)):
                raise PluginError(wrong)
            disk = self._disk_of(claim, csi_node)
            if disk is not None:
                found["/".join(disk)] = disk[0]
        return found

    def _disk_of(self, claim: Obj, csi_node: Obj | None) -> tuple[str, str] | None:
        """(driver, handle) of a claim's volume, or of the one its class would make."""
        volume = None
        volume_name = (claim.get("spec") or {}).get("volumeName")
        if volume_name:
            volume = self.handle.lister("persistentvolumes").get(volume_name)
        if volume is not None:
            csi = volume["spec"].get("csi")
            if csi is not None:
                disk = (csi.get("driver", ""), csi.get("volumeHandle", ""))
                return disk if all(disk) else None
            return in_tree_disk(volume["spec"]) if csi_node is not None else None
        class_name = class_of_claim(claim)
        storage_class = (
            self.handle.lister("storageclasses.storage.k8s.io").get(class_name) if class_name else None
        )
        if storage_class is None:
            return None
        provisioner = storage_class.get("provisioner", "")
        if provisioner in IN_TREE_DRIVERS:
            if csi_node is None:
                return None
            provisioner = IN_TREE_DRIVERS[provisioner]
        metadata = claim["metadata"]
        return (
            (provisioner, f"to-be-made-{metadata.get('namespace', '')}/{metadata['name']}")
            if provisioner
            else None
        )

    def _attachments(self, node: str) -> dict[str, str]:
        """Unique volume name to driver, of all VolumeAttachments of the node."""
        found: dict[str, str] = {}
        for attachment in self.handle.lister("volumeattachments.storage.k8s.io").list():
            spec = attachment.get("spec") or {}
            name = (spec.get("source") or {}).get("persistentVolumeName")
            if spec.get("nodeName") != node or not spec.get("attacher") or not name:
                continue
            volume = self.handle.lister("persistentvolumes").get(name)
            csi = ((volume or {}).get("spec") or {}).get("csi")
            if csi is not None:
                found[f"{spec['attacher']}/{csi.get('volumeHandle', '')}"] = spec["attacher"]
        return found


def _may_attach(volume: Obj) -> bool:
    return (
        volume.get("persistentVolumeClaim") is not None
        or volume.get("ephemeral") is not None
        or is_in_tree(volume)
    )


def limits(csi_node: Obj | None) -> dict[str, int]:
    """How many volumes each driver on the node can attach; drivers without a limit are absent."""
    found: dict[str, int] = {}
    for driver in ((csi_node or {}).get("spec") or {}).get("drivers") or ():
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None:
            found[driver["name"]] = int(count)
    return found
