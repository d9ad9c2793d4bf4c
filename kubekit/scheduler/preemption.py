"""Preemption: which less important pods would have to go so that a pod fits, and where it hurts least.

For each node that refused the pod for reasons that pods' leaving could change, a dry run takes all less
important pods away, checks that the pod then fits, and puts back as many as possible: first those a
PodDisruptionBudget protects, then the others, the most important first. What stays out are the node's
victims. Among the candidate nodes the one wins that violates the fewest budgets, then has the least
important victims, the smallest sum of priorities, the fewest victims, the youngest victims. Nothing is
changed here; the scheduler deletes the victims afterwards.

Source: pkg/scheduler/framework/preemption/preemption.go; plugins/defaultpreemption.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.plugin import Handle
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.runtime import FilterFn, Framework
from kubekit.scheduler.framework.selector import Selector
from kubekit.scheduler.framework.status import Code, PluginError, Status, error_status, unresolvable
from kubekit.sim import parse_rfc3339

if TYPE_CHECKING:
    from kubekit.scheduler.attempt import Attempt

Obj = dict[str, Any]

NO_VICTIMS = unresolvable("No preemption victims found for incoming pod")
NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."

FINDINGS = "PreemptionFindings"
"""Where PostFilter leaves its `Findings`, for the record."""
OFFSET = 2**31
"""Added to each priority in sums, so that more victims never look like less for being unimportant."""


class Candidate(NamedTuple):
    """A node with the pods that would have to go, most important first."""

    node: str
    victims: list[PodInfo]
    violations: int
    budgets: dict[str, list[str]] = {}
    """By uid of a victim: the disruption budgets that its loss would violate."""


class Round(NamedTuple):
    """One rule by which candidates were compared: what it saw on each node, and who was left."""

    rule: str
    values: dict[str, float]
    left: list[str]


class Findings(NamedTuple):
    """What preemption found out: the candidates, why other nodes are none, and how one was chosen."""

    candidates: list[Candidate]
    refusals: dict[str, Status]
    rounds: list[Round]
    chosen: str

    def to_json(self) -> Obj:
        """Everything as the record shows it."""
        return {
            "candidates": [
                {
                    "node": candidate.node,
                    "violations": candidate.violations,
                    "victims": [
                        {
                            "pod": victim.key,
                            "priority": victim.priority,
                            "started": (victim.pod.get("status") or {}).get("startTime"),
                            "violates": candidate.budgets.get(victim.uid, []),
                            "grace_seconds": victim.spec.get("terminationGracePeriodSeconds", 30),
                        }
                        for victim in candidate.victims
                    ],
                }
                for candidate in self.candidates
            ],
            "rejected": {node: list(status.reasons) for node, status in self.refusals.items()},
            "rounds": [round_._asdict() for round_ in self.rounds],
            "chosen": self.chosen,
        }


def leave_findings(state: CycleState, attempt: Attempt) -> None:
    """Take over into the attempt what PostFilter found out."""
    findings: Findings | None = state.data.get(FINDINGS)
    if findings is not None:
        attempt.preemption = findings
        chosen = next((one for one in findings.candidates if one.node == findings.chosen), None)
        attempt.victims = [victim.key for victim in chosen.victims] if chosen is not None else []


def start_time(pod: PodInfo, now: float) -> float:
    """When the pod started, in Unix seconds; a pod that has not started counts as starting now."""
    started = (pod.pod.get("status") or {}).get("startTime")
    return parse_rfc3339(started) if started else now


def by_importance(pods: list[PodInfo], now: float) -> list[PodInfo]:
    """Most important first: higher priority, then running longer."""
    return sorted(pods, key=lambda pod: (-pod.priority, start_time(pod, now)))


def why_not_eligible(pod: PodInfo, nominated_status: Status, handle: Handle) -> str:
    """Why the pod may not preempt others now; "" if it may."""
    if pod.spec.get("preemptionPolicy") == "Never":
        return NEVER
    nominated = pod.nominated_node
    if nominated and nominated_status.code != Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
        node = handle.snapshot.get(nominated)
        for other in node.pods if node is not None else ():
            if other.priority < pod.priority and _leaves_for_preemption(other.pod):
                return TERMINATING
    return ""


def _leaves_for_preemption(pod: Obj) -> bool:
    if pod["metadata"].get("deletionTimestamp") is None:
        return False
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "DisruptionTarget":
            by_us = condition.get("reason") == "PreemptionByScheduler"
            return by_us and bool(condition.get("status") == "True")
    return False


def dry_run(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    nodes: list[NodeInfo],
    budgets: list[Obj],
    enough: int,
) -> tuple[list[Candidate], dict[str, Status]]:
    """(candidates, the refusal of each node that is none), over `nodes` in order until there are `enough`."""
    gentle: list[Candidate] = []
    violating: list[Candidate] = []
    refusals: dict[str, Status] = {}
    filters = framework.filters(state)
    for node in nodes:
        found = select_victims(framework, filters, state.clone(), pod, node.clone(), budgets)
        if isinstance(found, Status):
            refusals[node.name] = found
            continue
        (violating if found.violations else gentle).append(found)
        if gentle and len(gentle) + len(violating) >= enough:
            break
    return gentle + violating, refusals


def select_victims(
    framework: Framework,
    filters: list[tuple[str, FilterFn]],
    state: CycleState,
    pod: PodInfo,
    node: NodeInfo,
    budgets: list[Obj],
) -> Candidate | Status:
    """The least set of pods whose leaving makes room on this node (a clone: it is changed)."""
    now = framework.handle.now()
    weaker = [other for other in node.pods if other.priority < pod.priority]
    if not weaker:
        return NO_VICTIMS

    def take(other: PodInfo) -> Status | None:
        node.remove_pod(other)
        return framework.remove_pod(state, pod, other, node)

    def put_back(other: PodInfo) -> Status | None:
        node.add_pod(other)
        return framework.add_pod(state, pod, other, node)

    for other in weaker:
        if (failed := take(other)) is not None:
            return failed
    refusal = framework.run_filters_with_nominated(filters, state, pod, node)
    if refusal is not None:
        return refusal
    violated: dict[str, list[str]] = {}
    protected, free = split_by_budget(by_importance(weaker, now), budgets, violated)
    victims: list[PodInfo] = []
    violations = 0
    for group in (protected, free):
        for other in group:
            if (failed := put_back(other)) is not None:
                return failed
            if framework.run_filters_with_nominated(filters, state, pod, node) is None:
                continue
            if (failed := take(other)) is not None:
                return failed
            victims.append(other)
            violations += group is protected
    if not victims:
        return error_status(PluginError(f'expected at least one victim pod on node "{node.name}"'))
    if protected and free:
        victims = by_importance(victims, now)
    return Candidate(node.name, victims, violations, violated)


def split_by_budget(
    pods: list[PodInfo], budgets: list[Obj], violated: dict[str, list[str]] | None = None
) -> tuple[list[PodInfo], list[PodInfo]]:
    """(pods whose loss would violate a PodDisruptionBudget, the others); each loss uses a budget up.

    The names of the budgets go into `violated`, by the pod's uid.
    """
    selectors: list[tuple[Obj, Selector]] = []
    for budget in budgets:
        selector = Selector.of((budget.get("spec") or {}).get("selector"))
        if not selector.empty and not selector.nothing:
            selectors.append((budget, selector))
    left = [int((budget.get("status") or {}).get("disruptionsAllowed") or 0) for budget, _ in selectors]
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        violates = False
        for index, (budget, selector) in enumerate(selectors):
            if budget["metadata"].get("namespace", "") != pod.namespace or not pod.labels:
                continue
            if not selector.matches(pod.labels):
                continue
            if pod.name in ((budget.get("status") or {}).get("disruptedPods") or {}):
                continue  # its disruption was counted already
            left[index] -= 1
            if left[index] < 0:
                violates = True
                if violated is not None:
                    violated.setdefault(pod.uid, []).append(budget["metadata"].get("name", ""))
        (violating if violates else others).append(pod)
    return violating, others


def best_nodes(candidates: list[Candidate], now: float) -> list[str]:
    """The candidates between which the original chooses at random: equal in all that it compares."""
    return rounds(candidates, now)[-1].left if len(candidates) > 1 else [one.node for one in candidates]


def rounds(candidates: list[Candidate], now: float) -> list[Round]:
    """Rule by rule, who is left; the greatest value stays. Ends when one is left, or after the last rule."""
    found: list[Round] = []
    for name, rule in RULES:
        if len(candidates) <= 1:
            break
        values = {candidate.node: rule(candidate, now) for candidate in candidates}
        top = max(values.values())
        candidates = [candidate for candidate in candidates if values[candidate.node] == top]
        found.append(Round(name, values, [candidate.node for candidate in candidates]))
    return found


RULES: list[tuple[str, Callable[[Candidate, float], float]]] = [
    ("fewest budgets violated", lambda candidate, now: -candidate.violations),
    ("least important victim at the top", lambda candidate, now: -candidate.victims[0].priority),
    (
        "smallest sum of priorities",
        lambda candidate, now: -sum(victim.priority + OFFSET for victim in candidate.victims),
    ),
    ("fewest victims", lambda candidate, now: -len(candidate.victims)),
    ("youngest victims", lambda candidate, now: earliest_start(candidate.victims, now)),
]
"""How candidates are compared, in order."""


def earliest_start(victims: list[PodInfo], now: float) -> float:
    """When the longest-running of the most important victims started."""
    top = max(victim.priority for victim in victims)
    return min(start_time(victim, now) for victim in victims if victim.priority == top)
