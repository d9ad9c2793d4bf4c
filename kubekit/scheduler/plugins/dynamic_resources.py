"""DynamicResources: pods that ask for devices through ResourceClaims.

A pod waits outside the queue until its claims exist, and is placed only with claims that are allocated
already, on the nodes they are available on. Left out against the original: allocating devices from
ResourceSlices (structured parameters); a claim that nobody has allocated keeps its pod pending, and says so.

Source: pkg/scheduler/framework/plugins/dynamicresources.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    POD,
    RESOURCE_CLAIM,
    UPDATE,
    UPDATE_POD_GENERATED_RESOURCE_CLAIM,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.selector import NodeSelector
from kubekit.scheduler.framework.status import SKIP, NodeStatuses, Status, unresolvable, unschedulable

Obj = dict[str, Any]

STATE = "DynamicResources"
NOTHING_TO_FREE = unschedulable("no new claims to deallocate")
STILL_NOT = unschedulable("still not schedulable")
NOT_ALLOCATED = "resourceclaim {} is not allocated"
ELSEWHERE = unresolvable("resourceclaim not available on the node")


class DynamicResources(Plugin):
    """Filters by where a pod's allocated claims are available."""

    name = "DynamicResources"

    def events(self) -> list[EventWithHint]:
        """A claim that was created or allocated, or a claim made for this pod."""
        return [
            EventWithHint(ClusterEvent(RESOURCE_CLAIM, ADD | UPDATE), self.after_claim_change),
            EventWithHint(ClusterEvent(POD, UPDATE_POD_GENERATED_RESOURCE_CLAIM), self.after_pod_change),
        ]

    def after_claim_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the claim is one of the pod's."""
        if new is None or new["metadata"].get("namespace") != pod.namespace:
            return False
        return new["metadata"]["name"] in [name for _, name in _claim_names(pod)]

    def after_pod_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when it is this pod's claims that were made."""
        return new is not None and new["metadata"].get("uid") == pod.pod["metadata"].get("uid")

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        """Wait until every claim exists."""
        for _, name in _claim_names(pod):
            if name is None:
                return unresolvable(f'pod "{pod.key}": ResourceClaim not created yet')
            key = f"{pod.namespace}/{name}"
            claim = self.handle.lister("resourceclaims.resource.k8s.io").get(key)
            if claim is None:
                return unresolvable(f'could not find v1.ResourceClaim "{key}"')
            if claim["metadata"].get("deletionTimestamp") is not None:
                return unresolvable(f'resourceclaim "{name}" is being deleted')
        return None

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()] | None:
        """A pod without claims does not concern it; else it matters where those are."""
        return None if pod.spec.get("resourceClaims") else ()

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Skip a pod without claims; refuse one whose claims have no devices."""
        selectors: list[NodeSelector] = []
        state.write(STATE, selectors)
        if not pod.spec.get("resourceClaims"):
            return SKIP
        if (missing := self.pre_enqueue(pod)) is not None:
            return missing
        for _, name in _claim_names(pod):
            claim = self.handle.lister("resourceclaims.resource.k8s.io").get(f"{pod.namespace}/{name}")
            allocation = ((claim or {}).get("status") or {}).get("allocation")
            if allocation is None:
                return unresolvable(NOT_ALLOCATED.format(f"{pod.namespace}/{name}"))
            if allocation.get("nodeSelector") is not None:
                selectors.append(NodeSelector(allocation["nodeSelector"]))
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node on which one of the claims is not available."""
        for selector in state.read(STATE):
            if not selector.matches(node.labels, node.name):
                return ELSEWHERE
        return None

    def post_filter(
        self, state: CycleState, pod: PodInfo, statuses: NodeStatuses
    ) -> tuple[str | None, Status]:
        """Without claims there is nothing to give back."""
        state.read(STATE)
        return None, STILL_NOT if pod.spec.get("resourceClaims") else NOTHING_TO_FREE

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """Allocated claims are as good on one node as on another."""
        return 0

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """The same for many nodes."""
        return table.np.zeros(len(rows), dtype=table.np.int64)

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        """Allocated claims are shared as they are."""
        return None

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Nothing was taken."""


def _claim_names(pod: PodInfo) -> list[tuple[str, str | None]]:
    """(the pod's name for the claim, the ResourceClaim's name or None while it is not made)."""
    made = {
        status.get("name"): status.get("resourceClaimName")
        for status in (pod.pod.get("status") or {}).get("resourceClaimStatuses") or ()
    }
    found: list[tuple[str, str | None]] = []
    for claim in pod.spec.get("resourceClaims") or ():
        if claim.get("resourceClaimName") is not None:
            found.append((claim["name"], claim["resourceClaimName"]))
        elif claim["name"] not in made:
            found.append((claim["name"], None))
        elif made[claim["name"]] is not None:  # a template may decide that no claim is needed
            found.append((claim["name"], made[claim["name"]]))
    return found
