"""When extenders are asked: after the Filter plugins, after the Score plugins, for victims, and for binding.

What an extender says goes into the attempt like what a plugin says, under its address as name.

Source: pkg/scheduler/schedule_one.go (findNodesThatPassExtenders, prioritizeNodes, extendersBinding);
framework/preemption (callExtenders).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.extender import EXTENDERS, MAX_SCORE, Extender, ExtenderError
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.plugin import MAX_NODE_SCORE
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.score_row import ScoreRow
from kubekit.scheduler.framework.status import NodeStatuses, PluginError, Status, error_status
from kubekit.scheduler.preemption import Candidate


class AttemptFailed(Exception):
    """Something went wrong (as opposed to: nothing fits); the status says what."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def pass_extenders(
    extenders: Sequence[Extender], pod: PodInfo, feasible: list[NodeInfo], attempt: Attempt
) -> list[NodeInfo]:
    """Those of the feasible nodes that every extender lets pass. Raises `AttemptFailed`."""
    diagnosis = attempt.diagnosis
    before = len(feasible)
    for extender in extenders:
        if not feasible:
            break
        if not extender.filter_verb or not extender.interested(pod):
            continue
        try:
            feasible, refused = extender.filter(pod, feasible)
        except ExtenderError as error:
            if extender.ignorable:
                attempt.extender_errors.append((extender.name, str(error)))
                continue
            raise AttemptFailed(error_status(error)) from None
        if refused:
            statuses = diagnosis.statuses
            diagnosis.statuses = NodeStatuses({**statuses.by_node, **refused}, statuses.absent)
            attempt.refused_by_extender[extender.name] = sorted(refused)
    if len(feasible) != before:
        diagnosis.unschedulable_plugins.add(EXTENDERS)
        attempt.rows = None
    return feasible


def add_extender_scores(
    extenders: Sequence[Extender], pod: PodInfo, nodes: list[NodeInfo], attempt: Attempt
) -> None:
    """Add what extenders score; one that fails gives nobody anything."""
    factor = MAX_NODE_SCORE // MAX_SCORE
    totals = attempt.totals if attempt.totals else [0] * len(nodes)
    for extender in extenders:
        if not extender.score_verb or not extender.interested(pod):
            continue
        try:
            given = extender.prioritize(pod, nodes)
        except ExtenderError as error:
            attempt.extender_errors.append((extender.name, str(error)))
            continue
        raw = [given.get(node.name, 0) for node in nodes]
        scaled = [score * factor for score in raw]
        totals = [total + extender.weight * score for total, score in zip(totals, scaled, strict=True)]
        attempt.scores.append(ScoreRow(extender.name, extender.weight, raw, scaled))
    attempt.totals = totals


def bind_by_extender(extenders: Sequence[Extender], pod: PodInfo, node: str) -> tuple[bool, Status | None]:
    """(whether an extender took the binding over, an error status if it failed)."""
    for extender in extenders:
        if not extender.bind_verb or not extender.interested(pod):
            continue
        try:
            extender.bind(pod, node)
        except ExtenderError as error:
            if extender.ignorable:
                continue
            return True, error_status(error)
        return True, None
    return False, None


def agreed_by_extenders(
    extenders: Sequence[Extender], pod: PodInfo, candidates: list[Candidate], nodes: dict[str, NodeInfo]
) -> list[Candidate]:
    """The preemption candidates that extenders leave. Raises `PluginError` when one fails."""
    left = {candidate.node: candidate for candidate in candidates}
    for extender in extenders:
        if not left or not extender.preempt_verb or not extender.interested(pod):
            continue
        asked = {node: (one.victims, one.violations) for node, one in left.items()}
        try:
            agreed = extender.preempt(pod, asked)
            left = {
                node: _candidate(extender, node, uids, violations, nodes)
                for node, (uids, violations) in agreed.items()
                if uids or not extender.ignorable
            }
        except ExtenderError:
            if extender.ignorable:
                continue
            raise
    return list(left.values())


def _candidate(
    extender: Extender, node: str, uids: list[str], violations: int, nodes: dict[str, NodeInfo]
) -> Candidate:
    if not uids:
        raise PluginError(f'expected at least one victim pod on node "{node}"')
    there = {pod.uid: pod for pod in nodes[node].pods} if node in nodes else {}
    for uid in uids:
        if uid not in there:
            text = f"extender: {extender.name} claims to preempt pod (UID: {uid}) on node: {node}"
            raise ExtenderError(f"{text}, but the pod is not found on that node")
    return Candidate(node, [there[uid] for uid in uids], violations)
