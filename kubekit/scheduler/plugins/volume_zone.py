"""VolumeZone: a volume that lives in a zone can only be used there.

Old-style volumes say so by labels on the PersistentVolume; a value may list several zones ("a__b"). Volumes
with node affinity are VolumeBinding's business.

Source: pkg/scheduler/framework/plugins/volumezone.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    NODE,
    PV,
    PVC,
    STORAGE_CLASS,
    UPDATE,
    UPDATE_NODE_LABEL,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import SKIP, Status, unresolvable
from kubekit.scheduler.plugins.volume_facts import class_of_claim, has_storage

Obj = dict[str, Any]
Topology = tuple[str, frozenset[str]]
"""A label key and the values a node may have."""

OTHER_ZONE = unresolvable("node(s) had no available volume zone")
NO_NAME = unresolvable("PersistentVolumeClaim had no name")
NO_CLASS = unresolvable("PersistentVolumeClaim had no pv name and storageClass name")
NO_VOLUME = unresolvable("PersistentVolume had no name")
PRE_FILTER = "PreFilterVolumeZone"

BETA_ZONE, BETA_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
KEYS = (BETA_ZONE, BETA_REGION, ZONE, REGION)
STABLE = {BETA_ZONE: ZONE, BETA_REGION: REGION}


class VolumeZone(Plugin):
    """Filters by the zones of bound volumes."""

    name = "VolumeZone"

    def events(self) -> list[EventWithHint]:
        """Storage classes, claims and volumes that appear or change, nodes with other labels."""
        return [
            EventWithHint(ClusterEvent(STORAGE_CLASS, ADD), self.after_class_added),
            EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_LABEL)),
            EventWithHint(ClusterEvent(PVC, ADD | UPDATE), self.after_claim_change),
            EventWithHint(ClusterEvent(PV, ADD | UPDATE), self.after_volume_change),
        ]

    def after_class_added(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when volumes of the class are bound late."""
        return (new or {}).get("volumeBindingMode") == "WaitForFirstConsumer"

    def after_claim_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when it is one of the pod's claims."""
        metadata = (new or {}).get("metadata") or {}
        return metadata.get("namespace", "") == pod.namespace and metadata.get("name") in pod.claims

    def after_volume_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when a volume is new, or its zones changed."""
        return old is None or _topologies(old) != _topologies(new or {})

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """A pod without storage of its own does not concern it; else claims and volumes matter."""
        return None if has_storage(pod) else ()

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Collect the zones of all bound volumes; skip when none has any."""
        found: list[Topology] = []
        for name in pod.claims:
            if not name:
                return NO_NAME
            claim = self.handle.lister("persistentvolumeclaims").get(f"{pod.namespace}/{name}")
            if claim is None:
                return unresolvable(f'persistentvolumeclaim "{name}" not found')
            volume_name = (claim.get("spec") or {}).get("volumeName")
            if not volume_name:
                refusal = self._unbound(claim)
                if refusal is not None:
                    return refusal
                continue
            volume = self.handle.lister("persistentvolumes").get(volume_name)
            if volume is None:
                return unresolvable(f'persistentvolume "{volume_name}" not found')
            found += _topologies(volume)
        if not found:
            return SKIP
        state.write(PRE_FILTER, found)
        return None

    def _unbound(self, claim: Obj) -> Status | None:
        """An unbound claim is fine only when it is bound late, on the node that is chosen."""
        class_name = class_of_claim(claim)
        if not class_name:
            return NO_CLASS
        storage_class = self.handle.lister("storageclasses.storage.k8s.io").get(class_name)
        if storage_class is None:
            return unresolvable(f'storageclass.storage.k8s.io "{class_name}" not found')
        mode = storage_class.get("volumeBindingMode")
        if mode is None:
            return unresolvable(f'VolumeBindingMode not set for StorageClass "{class_name}"')
        return None if mode == "WaitForFirstConsumer" else NO_VOLUME

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node in another zone; a node without any zone label may have every volume."""
        labels = node.labels
        if not any(key in labels for key in KEYS):
            return None
        for key, values in state.read(PRE_FILTER):
            mine = labels.get(key)
            if mine is None:
                mine = labels.get(STABLE.get(key, key))
            if mine is None or mine not in values:
                return OTHER_ZONE
        return None


def _topologies(volume: Obj) -> list[Topology]:
    labels = (volume.get("metadata") or {}).get("labels") or {}
    found: list[Topology] = []
    for key in KEYS:
        if key in labels:
            zones = [zone.strip() for zone in labels[key].split("__")]
            if all(zones):  # a value with an empty part says nothing
                found.append((key, frozenset(zones)))
    return found
