"""NodeDeclaredFeatures: some pods need a feature that a node must say it has (`status.declaredFeatures`).

A feature is one line in `FEATURES`: its name and how to see in a pod's spec that it is needed.

Source: pkg/scheduler/framework/plugins/nodedeclaredfeatures; component-helpers/nodedeclaredfeatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    NODE,
    POD,
    UPDATE,
    UPDATE_NODE_DECLARED_FEATURE,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import SKIP, Status, unresolvable

Obj = dict[str, Any]

MISSING_FEATURE = unresolvable("node(s) didn't match Pod's required features")
PRE_FILTER = "PreFilterNodeDeclaredFeatures"
NOTHING: frozenset[str] = frozenset()


def _restarts_all_containers(spec: Obj) -> bool:
    for containers in (spec.get("containers"), spec.get("initContainers")):
        for container in containers or ():
            for rule in container.get("restartPolicyRules") or ():
                if rule.get("action") == "RestartAllContainers":
                    return True
    return False


def _user_namespace_on_host_network(spec: Obj) -> bool:
    return bool(spec.get("hostNetwork")) and spec.get("hostUsers") is False


FEATURES: dict[str, Callable[[Obj], bool]] = {
    "RestartAllContainersOnContainerExits": _restarts_all_containers,
    "UserNamespacesHostNetworkSupport": _user_namespace_on_host_network,
}
"""Features that matter for placing a pod."""


class NodeDeclaredFeatures(Plugin):
    """Filters by features that nodes declare."""

    name = "NodeDeclaredFeatures"

    def events(self) -> list[EventWithHint]:
        """A node that declares more, or the pod itself changed."""
        return [
            EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_DECLARED_FEATURE), self.after_node_change),
            EventWithHint(ClusterEvent(POD, UPDATE), self.after_pod_change),
        ]

    def after_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the node is new, or declares something else."""
        return old is None or _declared(old) != _declared(new)

    def after_pod_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when it is this pod that changed, in what it needs."""
        if old is None or new is None or new["metadata"].get("uid") != pod.pod["metadata"].get("uid"):
            return False
        return _needed_by(old.get("spec") or {}) != _needed_by(new.get("spec") or {})

    def besides(self, pod: PodInfo, table: NodeTable) -> frozenset[str]:
        """What the pod needs."""
        return _needed_by(pod.spec)

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Skip for a pod that needs nothing special."""
        needed = _needed_by(pod.spec)
        if not needed:
            return SKIP
        state.write(PRE_FILTER, needed)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node that lacks a feature."""
        return None if state.read(PRE_FILTER) <= node.features else MISSING_FEATURE


def _needed_by(spec: Obj) -> frozenset[str]:
    needed = [name for name, needs in FEATURES.items() if needs(spec)]
    return frozenset(needed) if needed else NOTHING


def _declared(node: Obj | None) -> frozenset[str]:
    return frozenset(((node or {}).get("status") or {}).get("declaredFeatures") or ())
