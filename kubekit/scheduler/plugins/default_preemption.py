"""DefaultPreemption: when nothing fits, make room by deleting less important pods.

This plugin decides whether the pod may and which node is best (`scheduler/preemption.py` does the dry runs);
the scheduler then deletes the victims, and nominates the pod to the node. It is not bound there: it waits
until the victims are gone and is scheduled like any other pod.

Source: pkg/scheduler/framework/plugins/defaultpreemption.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.extender_calls import agreed_by_extenders
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import DELETE, POD, ClusterEvent, EventWithHint
from kubekit.scheduler.framework.fit_error import Diagnosis, FitError
from kubekit.scheduler.framework.plugin import Handle, Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import (
    Code,
    NodeStatuses,
    Status,
    unresolvable,
    unschedulable,
)
from kubekit.scheduler.preemption import (
    FINDINGS,
    Candidate,
    Findings,
    dry_run,
    rounds,
    why_not_eligible,
)

Obj = dict[str, Any]

NOT_HELPFUL = unresolvable("Preemption is not helpful for scheduling")
IN_PROGRESS = unresolvable("waiting for the preemption for this pod to be finished")
PREEMPTED = Status(Code.SUCCESS)


class DefaultPreemption(Plugin):
    """Finds victims. Arguments: `minCandidateNodesPercentage`, `minCandidateNodesAbsolute`."""

    name = "DefaultPreemption"

    def __init__(self, handle: Handle, args: Obj) -> None:
        super().__init__(handle, args)
        percentage, absolute = args.get("minCandidateNodesPercentage"), args.get("minCandidateNodesAbsolute")
        self.percentage = 10 if percentage is None else int(percentage)
        self.absolute = 100 if absolute is None else int(absolute)

    def events(self) -> list[EventWithHint]:
        """A deleted pod ends the wait for victims; whether the pod fits then, other plugins say."""
        return [EventWithHint(ClusterEvent(POD, DELETE), lambda pod, old, new: False)]

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        """Keep the pod out while its victims are being deleted."""
        return IN_PROGRESS if self.handle.preempting(pod) else None

    def post_filter(
        self, state: CycleState, pod: PodInfo, statuses: NodeStatuses
    ) -> tuple[str | None, Status]:
        """Nominate the best node and have its victims deleted."""
        ineligible = why_not_eligible(pod, statuses.get(pod.nominated_node), self.handle)
        if ineligible:
            return None, unschedulable(f"preemption: {ineligible}")
        candidates, refusals = self.candidates(state, pod, statuses)
        if candidates and self.framework.extenders:
            by_name = self.handle.snapshot.by_name
            candidates = agreed_by_extenders(self.framework.extenders, pod, candidates, by_name)
            if not candidates:
                return None, unschedulable("preemption: no candidate node for preemption")
        now = self.handle.now()
        compared = rounds(candidates, now)
        state.write(FINDINGS, Findings(candidates, refusals, compared, ""))
        if not candidates:
            for refusal in refusals.values():
                if refusal.code == Code.ERROR:
                    return None, Status(Code.ERROR, f"preemption: {refusal.message}", error=refusal.error)
            diagnosis = Diagnosis()
            diagnosis.statuses = NodeStatuses(refusals, NOT_HELPFUL)
            text = FitError(len(self.handle.snapshot.nodes), diagnosis).text
            return "", unschedulable(f"preemption: {text}")
        node = self.handle.choose(compared[-1].left if compared else [candidates[0].node])
        victims = next(candidate.victims for candidate in candidates if candidate.node == node)
        state.write(FINDINGS, Findings(candidates, refusals, compared, node))
        self.handle.preempt(pod, node, victims, self.framework)
        return node, PREEMPTED

    def candidates(
        self, state: CycleState, pod: PodInfo, statuses: NodeStatuses
    ) -> tuple[list[Candidate], dict[str, Status]]:
        """Dry-run every node where preemption might help, or enough of them in a large cluster."""
        names = statuses.with_code(Code.UNSCHEDULABLE, self.handle.snapshot.by_name)
        if not names:
            return [], {}
        nodes = [self.handle.snapshot.by_name[name] for name in names]
        enough = min(len(nodes), max(self.absolute, len(nodes) * self.percentage // 100))
        if enough < len(nodes):  # start somewhere else each time, so that not always the same nodes suffer
            first = names.index(self.handle.choose(names))
            nodes = nodes[first:] + nodes[:first]
        budgets = self.handle.lister("poddisruptionbudgets.policy").list()
        return dry_run(self.framework, state, pod, nodes, budgets, enough)
