"""SchedulingGates: a pod with gates does not even enter the queue until all are removed.

Source: pkg/scheduler/framework/plugins/schedulinggates.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.events import (
    POD,
    UPDATE_POD_SCHEDULING_GATES_ELIMINATED,
    ClusterEvent,
    EventWithHint,
)
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import Status, unresolvable

Obj = dict[str, Any]


class SchedulingGates(Plugin):
    """Keeps gated pods out of the queue."""

    name = "SchedulingGates"

    def events(self) -> list[EventWithHint]:
        """The last gate of this very pod is gone."""
        event = ClusterEvent(POD, UPDATE_POD_SCHEDULING_GATES_ELIMINATED)
        return [EventWithHint(event, self.after_gates_removed)]

    def after_gates_removed(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Only the pod's own gates matter."""
        return new is not None and new["metadata"].get("uid") == pod.pod["metadata"].get("uid")

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        """Name the gates that it waits for."""
        gates = [gate.get("name", "") for gate in pod.spec.get("schedulingGates") or ()]
        return unresolvable(f"waiting for scheduling gates: [{' '.join(gates)}]") if gates else None
