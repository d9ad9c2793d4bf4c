"""VolumeBinding: a pod's claims must have volumes, or get them, where the pod runs.

PreFilter refuses pods whose claims are lost, missing or waiting for an immediate binding. Filter asks the
`volume_binder` what a node could do; Reserve assumes it; PreBind writes it and waits for the controllers.

Source: pkg/scheduler/framework/plugins/volumebinding.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    CSI_CAPACITY,
    CSI_DRIVER,
    CSI_NODE,
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
from kubekit.scheduler.framework.plugin import Handle, Plugin, Waiting
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.resources import amounts_of
from kubekit.scheduler.framework.status import SKIP, Status, unresolvable
from kubekit.scheduler.plugins.volume_binder import Claims, PodVolumes, VolumeBinder
from kubekit.scheduler.plugins.volume_facts import claim_of, has_storage, not_owned

Obj = dict[str, Any]

UNBOUND_IMMEDIATE = unresolvable("pod has unbound immediate PersistentVolumeClaims")
STATE = "VolumeBinding"
MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"


class State:
    """The pod's claims, and what each node that passed could do."""

    __slots__ = ("by_node", "claims", "reserved")

    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.by_node: dict[str, PodVolumes] = {}
        self.reserved: PodVolumes | None = None


class VolumeBinding(Plugin):
    """Filters by volumes, binds them. Arguments: `bindTimeoutSeconds`."""

    name = "VolumeBinding"

    def __init__(self, handle: Handle, args: Obj) -> None:
        super().__init__(handle, args)
        timeout = args.get("bindTimeoutSeconds")
        self.timeout = 600.0 if timeout is None else float(timeout)
        self.binder = VolumeBinder(handle)

    # -- events ------------------------------------------------------------------------------------

    def events(self) -> list[EventWithHint]:
        """Anything about storage that appears or changes, nodes with other labels."""
        return [
            EventWithHint(ClusterEvent(STORAGE_CLASS, ADD | UPDATE), self.after_class_change),
            EventWithHint(ClusterEvent(PVC, ADD | UPDATE), self.after_claim_change),
            EventWithHint(ClusterEvent(PV, ADD | UPDATE)),
            EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_LABEL)),
            EventWithHint(ClusterEvent(CSI_NODE, ADD | UPDATE), self.after_csi_node_change),
            EventWithHint(ClusterEvent(CSI_DRIVER, UPDATE), self.after_driver_change),
            EventWithHint(ClusterEvent(CSI_CAPACITY, ADD | UPDATE), self.after_capacity_change),
        ]

    def after_class_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when a class is new or allows other places."""
        return old is None or (new or {}).get("allowedTopologies") != old.get("allowedTopologies")

    def after_claim_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when it is one of the pod's claims."""
        metadata = (new or {}).get("metadata") or {}
        if metadata.get("namespace", "") != pod.namespace:
            return False
        named = [claim_of(pod, volume) for volume in pod.spec.get("volumes") or ()]
        return any(claim is not None and claim[0] == metadata.get("name") for claim in named)

    def after_csi_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when a node's CSI drivers appeared, or took over from in-tree ones."""
        if old is None:
            return True
        had = (old["metadata"].get("annotations") or {}).get(MIGRATED)
        return bool(had != (((new or {}).get("metadata") or {}).get("annotations") or {}).get(MIGRATED))

    def after_driver_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when a driver that the pod uses no longer tracks capacity."""
        name = ((new or {}).get("metadata") or {}).get("name")
        uses = any(
            (volume.get("csi") or {}).get("driver") == name for volume in pod.spec.get("volumes") or ()
        )
        tracked = bool(((old or {}).get("spec") or {}).get("storageCapacity"))
        return uses and tracked and not ((new or {}).get("spec") or {}).get("storageCapacity")

    def after_capacity_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when capacity appeared or grew."""
        if old is None or new is None:
            return True
        before, after = _volume_limit(old), _volume_limit(new)
        return after is not None and (before is None or after > before)

    # -- the cycle ---------------------------------------------------------------------------------

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """A pod without storage of its own does not concern it; else claims and volumes matter."""
        return None if has_storage(pod) else ()

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Skip a pod without claims; refuse one whose claims cannot be served anywhere."""
        has_claims, refusal = self._check_claims(pod)
        if refusal is not None:
            return refusal
        if not has_claims:
            return SKIP
        claims = self.binder.claims_of(pod)
        if claims.immediate:
            return UNBOUND_IMMEDIATE
        state.write(STATE, State(claims))
        return None

    def _check_claims(self, pod: PodInfo) -> tuple[bool, Status | None]:
        has_claims = False
        for volume in pod.spec.get("volumes") or ():
            named = claim_of(pod, volume)
            if named is None:
                continue
            has_claims = True
            name, ephemeral = named
            claim = self.handle.lister("persistentvolumeclaims").get(f"{pod.namespace}/{name}")
            if claim is None:
                if ephemeral:
                    text = "waiting for ephemeral volume controller to create the persistentvolumeclaim"
                    return True, unresolvable(f'{text} "{name}"')
                return True, unresolvable(f'persistentvolumeclaim "{name}" not found')
            if (claim.get("status") or {}).get("phase") == "Lost":
                volume_name = (claim.get("spec") or {}).get("volumeName", "")
                text = (
                    f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume_name}"'
                )
                return True, unresolvable(text)
            if claim["metadata"].get("deletionTimestamp") is not None:
                return True, unresolvable(f'persistentvolumeclaim "{name}" is being deleted')
            if ephemeral and (wrong := not_owned(pod, claim)):
                return True, unresolvable(wrong)
        return has_claims, None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node where a claim cannot have its volume; remember what the others would do."""
        data: State = state.read(STATE)
        plan, reasons = self.binder.find(data.claims, node)
        if reasons:
            return unresolvable(*reasons)
        data.by_node[node.name] = plan
        return None

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Scoring by capacity is an opt-in feature of the original; without it nothing is scored."""
        return SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """Not asked, since PreScore always skips."""
        return 0

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        """Assume the plan of the chosen node."""
        data: State | None = state.data.get(STATE)
        plan = data.by_node.get(node_name) if data is not None else None
        if data is not None and plan is not None and (plan.bindings or plan.provisions):
            data.reserved = self.binder.assume(plan, node_name)
        return None

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Take the plan back."""
        data: State | None = state.data.get(STATE)
        if data is not None and data.reserved is not None:
            self.binder.revert(data.reserved)
            data.reserved = None

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        """Whether PreBind will have something to do."""
        data: State | None = state.data.get(STATE)
        return SKIP if data is None or data.reserved is None else None

    def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Waiting | None:
        """Write the plan and wait until the controllers have carried it out."""
        data: State | None = state.data.get(STATE)
        if data is None or data.reserved is None:
            return None
        plan = data.reserved
        self.binder.write(plan)
        return Waiting(lambda: self.binder.is_done(plan, node_name), self.timeout, "binding volumes")


def _volume_limit(capacity: Obj) -> int | None:
    size = capacity.get("maximumVolumeSize", capacity.get("capacity"))
    return None if size is None else amounts_of({"storage": size})["storage"]
