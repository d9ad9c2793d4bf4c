"""VolumeRestrictions: a disk that only one pod may have is not given to a second.

Two cases: the same cloud disk on one node (unless both only read), and a claim with access mode
ReadWriteOncePod, which one pod in the whole cluster may use.

Source: pkg/scheduler/framework/plugins/volumerestrictions.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import ADD, DELETE, NODE, POD, PVC, ClusterEvent, EventWithHint
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import SKIP, Status, unresolvable, unschedulable
from kubekit.scheduler.plugins.volume_facts import has_storage

Obj = dict[str, Any]

DISK_CONFLICT = unschedulable("node(s) had no available disk")
ONE_POD_ONLY = unschedulable(
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use"
    " by another pod"
)
PRE_FILTER = "PreFilterVolumeRestrictions"
EXCLUSIVE = ("gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi")


class PreFilterState:
    """The claims only one pod may use, and how many uses by others there are."""

    __slots__ = ("claims", "uses")

    def __init__(self, claims: frozenset[str], uses: int) -> None:
        self.claims = claims
        self.uses = uses

    def change(self, other: PodInfo, by: int) -> None:
        """Count the uses of a pod that comes or goes."""
        self.uses += by * sum(claim in self.claims for claim in other.claims)

    def clone(self) -> PreFilterState:
        """A copy whose count may change."""
        return PreFilterState(self.claims, self.uses)


class VolumeRestrictions(Plugin):
    """Filters by exclusive disks and claims."""

    name = "VolumeRestrictions"

    def events(self) -> list[EventWithHint]:
        """A pod that gives a disk back, a new node, or the claim that was missing."""
        return [
            EventWithHint(ClusterEvent(POD, DELETE), self.after_pod_deleted),
            EventWithHint(ClusterEvent(NODE, ADD)),
            EventWithHint(ClusterEvent(PVC, ADD), self.after_claim_added),
        ]

    def after_pod_deleted(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the deleted pod shared a disk or claim with this one."""
        if old is None or old["metadata"].get("namespace", "") != pod.namespace:
            return False
        gone = PodInfo(old)
        shares = any(_conflict(volume, other) for volume in _volumes(pod) for other in _volumes(gone))
        return shares or bool(set(pod.claims) & set(gone.claims))

    def after_claim_added(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when it is one of the pod's claims."""
        metadata = (new or {}).get("metadata") or {}
        return metadata.get("namespace", "") == pod.namespace and metadata.get("name") in pod.claims

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """A pod without storage of its own does not concern it; else claims and volumes matter."""
        return None if has_storage(pod) else ()

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Refuse a pod whose claim does not exist; skip one without exclusive volumes in use."""
        claims: set[str] = set()
        lister = self.handle.lister("persistentvolumeclaims")
        for name in pod.claims:
            claim = lister.get(f"{pod.namespace}/{name}")
            if claim is None:
                return unresolvable(f'persistentvolumeclaim "{name}" not found')
            if "ReadWriteOncePod" in ((claim.get("spec") or {}).get("accessModes") or ()):
                claims.add(name)
        uses = sum(self.handle.snapshot.claim_in_use(f"{pod.namespace}/{name}") for name in sorted(claims))
        if not uses and not any(kind in volume for volume in _volumes(pod) for kind in EXCLUSIVE):
            return SKIP
        state.write(PRE_FILTER, PreFilterState(frozenset(claims), uses))
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """What if `other` were there too."""
        state.read(PRE_FILTER).change(other, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """What if `other` were gone."""
        state.read(PRE_FILTER).change(other, -1)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node where a disk is taken, and every node while an exclusive claim is in use."""
        for volume in _volumes(pod):
            if any(kind in volume for kind in EXCLUSIVE):
                for other in node.pods:
                    if any(_conflict(volume, theirs) for theirs in _volumes(other)):
                        return DISK_CONFLICT
        return ONE_POD_ONLY if state.read(PRE_FILTER).uses > 0 else None


def _volumes(pod: PodInfo) -> list[Obj]:
    return pod.spec.get("volumes") or []


def _conflict(mine: Obj, theirs: Obj) -> bool:
    """Whether two volumes are the same exclusive disk, and not both read-only."""

    def both(kind: str) -> tuple[Obj, Obj] | None:
        first, second = mine.get(kind), theirs.get(kind)
        return (first, second) if first is not None and second is not None else None

    def writes(pair: tuple[Obj, Obj]) -> bool:
        return not (pair[0].get("readOnly") and pair[1].get("readOnly"))

    if (disks := both("gcePersistentDisk")) and disks[0].get("pdName") == disks[1].get("pdName"):
        return writes(disks)
    if (disks := both("awsElasticBlockStore")) and disks[0].get("volumeID") == disks[1].get("volumeID"):
        return True
    if (disks := both("iscsi")) and disks[0].get("iqn") == disks[1].get("iqn"):
        return writes(disks)
    if disks := both("rbd"):
        same_image = all(
            (disks[0].get(k) or d) == (disks[1].get(k) or d) for k, d in (("pool", "rbd"), ("image", ""))
        )
        shared = set(disks[0].get("monitors") or ()) & set(disks[1].get("monitors") or ())
        return bool(shared) and same_image and writes(disks)
    return False
