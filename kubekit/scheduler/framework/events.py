"""Cluster events: what can happen in the cluster that may make a pod schedulable.

Each plugin registers the events that could change its mind, with a hint function that looks closer. When an
event happens, only pods refused by an interested plugin leave the unschedulable pool. Events are values;
actions are bits, so that one registration covers several.

Source: kube-scheduler/framework/types.go; pkg/scheduler/framework/events.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.scheduler.framework.resources import pod_requests, to_milli

if TYPE_CHECKING:
    from kubekit.scheduler.framework.pod_info import PodInfo

Obj = dict[str, Any]

ADD = 1 << 0
DELETE = 1 << 1
UPDATE_NODE_ALLOCATABLE = 1 << 2
UPDATE_NODE_LABEL = 1 << 3
UPDATE_NODE_TAINT = 1 << 4
UPDATE_NODE_CONDITION = 1 << 5
UPDATE_NODE_ANNOTATION = 1 << 6
UPDATE_NODE_DECLARED_FEATURE = 1 << 7
UPDATE_POD_LABEL = 1 << 8
UPDATE_POD_SCALE_DOWN = 1 << 9
UPDATE_POD_TOLERATION = 1 << 10
UPDATE_POD_SCHEDULING_GATES_ELIMINATED = 1 << 11
UPDATE_POD_GENERATED_RESOURCE_CLAIM = 1 << 12
ALL = (1 << 13) - 1
UPDATE = ALL & ~(ADD | DELETE)

_ACTION_TEXT = {
    ADD: "Add",
    DELETE: "Delete",
    UPDATE_NODE_ALLOCATABLE: "UpdateNodeAllocatable",
    UPDATE_NODE_LABEL: "UpdateNodeLabel",
    UPDATE_NODE_TAINT: "UpdateNodeTaint",
    UPDATE_NODE_CONDITION: "UpdateNodeCondition",
    UPDATE_NODE_ANNOTATION: "UpdateNodeAnnotation",
    UPDATE_NODE_DECLARED_FEATURE: "UpdateNodeDeclaredFeature",
    UPDATE_POD_LABEL: "UpdatePodLabel",
    UPDATE_POD_SCALE_DOWN: "UpdatePodScaleDown",
    UPDATE_POD_TOLERATION: "UpdatePodToleration",
    UPDATE_POD_SCHEDULING_GATES_ELIMINATED: "UpdatePodSchedulingGatesEliminated",
    UPDATE_POD_GENERATED_RESOURCE_CLAIM: "UpdatePodGeneratedResourceClaim",
    ALL: "All",
    UPDATE: "Update",
}

POD = "Pod"
ASSIGNED_POD = "AssignedPod"
UNSCHEDULABLE_POD = "UnschedulablePod"
NODE = "Node"
PV = "PersistentVolume"
PVC = "PersistentVolumeClaim"
CSI_NODE = "storage.k8s.io/CSINode"
CSI_DRIVER = "storage.k8s.io/CSIDriver"
CSI_CAPACITY = "storage.k8s.io/CSIStorageCapacity"
STORAGE_CLASS = "storage.k8s.io/StorageClass"
VOLUME_ATTACHMENT = "storage.k8s.io/VolumeAttachment"
RESOURCE_CLAIM = "resource.k8s.io/ResourceClaim"
DEVICE_CLASS = "resource.k8s.io/DeviceClass"
ANY = "*"


class ClusterEvent(NamedTuple):
    """A kind of object and what happened to it (bits)."""

    resource: str
    action: int
    custom_label: str = ""

    @property
    def label(self) -> str:
        """The event's name as the original labels it, e.g. ``NodeUpdateNodeTaint``."""
        return self.custom_label or f"{self.resource}{_ACTION_TEXT.get(self.action, '')}"

    @property
    def wildcard(self) -> bool:
        """Whether it stands for anything that could happen."""
        return self.resource == ANY and self.action == ALL

    def covers(self, incoming: ClusterEvent) -> bool:
        """Whether a registration of this event is about `incoming`."""
        if self.wildcard:
            return True
        same = self.resource in (ANY, incoming.resource) or (
            self.resource == POD and incoming.resource in (ASSIGNED_POD, UNSCHEDULABLE_POD)
        )
        return same and bool(self.action & incoming.action) and incoming.action <= self.action


ASSIGNED_POD_ADD = ClusterEvent(ASSIGNED_POD, ADD)
ASSIGNED_POD_DELETE = ClusterEvent(ASSIGNED_POD, DELETE)
UNSCHEDULED_POD_ADD = ClusterEvent(UNSCHEDULABLE_POD, ADD)
UNSCHEDULED_POD_UPDATE = ClusterEvent(UNSCHEDULABLE_POD, UPDATE)
UNSCHEDULABLE_TIMEOUT = ClusterEvent(ANY, ALL, "UnschedulableTimeout")
FORCE_ACTIVATE = ClusterEvent(ANY, ALL, "ForceActivate")
WILDCARD = ClusterEvent(ANY, ALL)
SCHEDULE_ATTEMPT_FAILURE = "ScheduleAttemptFailure"
BACKOFF_COMPLETE = "BackoffComplete"

QUEUE, QUEUE_SKIP = True, False
"""What a hint function answers: worth another attempt, or not."""

HintFn = Callable[["PodInfo", Any, Any], bool]
"""(pod that waits, old object or None, new object or None) -> QUEUE or QUEUE_SKIP."""


class EventWithHint(NamedTuple):
    """An event that a plugin is interested in, and the closer look (None: any such event will do)."""

    event: ClusterEvent
    hint: HintFn | None = None


def every_event() -> list[EventWithHint]:
    """The registration of a plugin that does not say what interests it: everything."""
    kinds = (
        POD,
        NODE,
        PV,
        PVC,
        CSI_NODE,
        CSI_DRIVER,
        CSI_CAPACITY,
        STORAGE_CLASS,
        RESOURCE_CLAIM,
        DEVICE_CLASS,
    )
    return [EventWithHint(ClusterEvent(kind, ALL)) for kind in kinds]


def pod_changes(old: Obj, new: Obj) -> list[ClusterEvent]:
    """What the update of a pod means for scheduling; at least a general Update."""
    resource = ASSIGNED_POD if (new.get("spec") or {}).get("nodeName") else UNSCHEDULABLE_POD
    old_spec, new_spec = old.get("spec") or {}, new.get("spec") or {}
    actions = []
    if (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
        actions.append(UPDATE_POD_LABEL)
    if _scaled_down(old, new):
        actions.append(UPDATE_POD_SCALE_DOWN)
    if old_spec.get("schedulingGates") and not new_spec.get("schedulingGates"):
        actions.append(UPDATE_POD_SCHEDULING_GATES_ELIMINATED)
    if len(old_spec.get("tolerations") or ()) != len(new_spec.get("tolerations") or ()):
        actions.append(UPDATE_POD_TOLERATION)
    old_claims = (old.get("status") or {}).get("resourceClaimStatuses") or []
    if old_claims != ((new.get("status") or {}).get("resourceClaimStatuses") or []):
        actions.append(UPDATE_POD_GENERATED_RESOURCE_CLAIM)
    return [ClusterEvent(resource, action) for action in actions] or [ClusterEvent(resource, UPDATE)]


def _scaled_down(old: Obj, new: Obj) -> bool:
    if _sizing(old) == _sizing(new):  # nearly always: only the status moved on
        return False
    before, after = pod_requests(old, use_status=True), pod_requests(new, use_status=True)
    return any(
        name not in after or to_milli(amount) > to_milli(after[name]) for name, amount in before.items()
    )


def _sizing(pod: Obj) -> tuple[Any, ...]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    return (
        spec.get("containers"),
        spec.get("initContainers"),
        spec.get("resources"),
        [entry.get("resources") for entry in status.get("containerStatuses") or () if entry.get("resources")],
    )


def node_changes(old: Obj, new: Obj) -> list[ClusterEvent]:
    """What the update of a node means for scheduling; nothing, for a mere heartbeat."""
    old_spec, new_spec = old.get("spec") or {}, new.get("spec") or {}
    old_status, new_status = old.get("status") or {}, new.get("status") or {}
    old_meta, new_meta = old["metadata"], new["metadata"]
    actions = []
    if old_spec.get("unschedulable") and not new_spec.get("unschedulable"):
        actions.append(UPDATE_NODE_TAINT)
    if old_status.get("allocatable") != new_status.get("allocatable"):
        actions.append(UPDATE_NODE_ALLOCATABLE)
    if (old_meta.get("labels") or {}) != (new_meta.get("labels") or {}):
        actions.append(UPDATE_NODE_LABEL)
    if (old_spec.get("taints") or []) != (new_spec.get("taints") or []):
        actions.append(UPDATE_NODE_TAINT)
    if _conditions(old_status) != _conditions(new_status):
        actions.append(UPDATE_NODE_CONDITION)
    if (old_meta.get("annotations") or {}) != (new_meta.get("annotations") or {}):
        actions.append(UPDATE_NODE_ANNOTATION)
    if (old_status.get("declaredFeatures") or []) != (new_status.get("declaredFeatures") or []):
        actions.append(UPDATE_NODE_DECLARED_FEATURE)
    return [ClusterEvent(NODE, action) for action in actions]


def _conditions(status: Obj) -> dict[str, str]:
    return {c.get("type", ""): c.get("status", "") for c in status.get("conditions") or ()}


def covers_any(events: Iterable[ClusterEvent], incoming: ClusterEvent) -> bool:
    """Whether one of the registered `events` is about `incoming`."""
    return any(event.covers(incoming) for event in events)
