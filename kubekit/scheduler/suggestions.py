"""What would make this node win? A search over single changes, each tried with the real algorithm.

Candidates come from the reasons: a taint may go or be tolerated, a label may be set, an amount may be
smaller or larger, a weight may be another (solved from the score table, where each total is a straight line
in each weight). None is believed: every candidate is decided anew as a what-if, and only those after which
the node has the highest total are suggested, the nearest first. Distances make changes comparable: to set,
add or remove one thing is 1, to double or halve an amount or a weight is 1, to lose a pod is 1.5.

Source: none; the original cannot be asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from kubekit.api.quantity import parse
from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.changes import (
    AddToleration,
    Change,
    RemovePod,
    RemoveTaint,
    SetCapacity,
    SetCordon,
    SetNodeLabel,
    SetPodField,
    SetPodRequest,
    SetWeight,
)
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.hypothesis import Impossible
from kubekit.scheduler.what_if import Answer, Situation

Obj = dict[str, Any]

ONE, A_POD, TO_NOTHING = 1.0, 1.5, 4.0
FACTORS = (1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0)
"""Amounts are tried at these multiples and fractions of what they are."""
MOST_PODS = 12
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class Suggestion(NamedTuple):
    """One change after which the node wins (`alone`, or drawn among equals)."""

    change: Change
    distance: float
    alone: bool
    answer: Answer
    arithmetic: Obj

    @property
    def sentence(self) -> str:
        """The change and the arithmetic of its outcome."""
        return f"If {self.change.sentence}, {self.arithmetic['sentence']}"


def what_would_make(
    situation: Situation, pod: str | Obj | PodInfo, node: str, most: int = 5
) -> list[Suggestion]:
    """The nearest single changes after which the pod goes to `node`; empty when it does already, alone.

    Raises `UnknownPod`, and `Impossible` for a node that does not exist.
    """
    info = situation.snapshot.get(node)
    if info is None:
        raise Impossible(f'nodes "{node}" not found')
    base = situation.decide(pod)
    if base.node == node and base.attempt.tied == [node]:
        return []
    found: dict[str, Suggestion] = {}
    for change, distance in _candidates(situation, situation.pod(pod), info, base.attempt):
        better = found.get(_family(change))
        if better is not None and better.alone and better.distance <= distance:
            continue
        try:
            answer = situation.decide(pod, [change])
        except Impossible:
            continue
        if not _wins(answer.attempt, node):
            continue
        alone = answer.attempt.tied == [node]
        if better is None or (not alone, distance) < (not better.alone, better.distance):
            arithmetic = explain(answer.attempt, node)
            found[_family(change)] = Suggestion(change, distance, alone, answer, arithmetic)
    return sorted(found.values(), key=lambda one: (not one.alone, one.distance, one.change.sentence))[:most]


def _wins(attempt: Attempt, node: str) -> bool:
    return bool(attempt.node) and node in attempt.tied


def _family(change: Change) -> str:
    """Changes of one family differ only in how much; the nearest one of each is enough."""
    if isinstance(change, SetPodRequest | SetCapacity):
        return f"{type(change).__name__} {change.resource}"
    if isinstance(change, SetWeight):
        return f"SetWeight {change.plugin}"
    return change.sentence


def explain(attempt: Attempt, node: str) -> Obj:
    """The score arithmetic of a decision: this node against its strongest rival, plugin by plugin.

    ``{node, rival, total, rival_total, plugins: {plugin: [weighted, rival's]}, sentence}``; without a rival
    the node is the only one that fits.
    """
    names = [one.name for one in attempt.feasible]
    if node not in names:
        reasons = attempt.diagnosis.statuses.get(node).reasons
        return {
            "node": node,
            "rival": "",
            "plugins": {},
            "sentence": f"{node} is refused: {', '.join(reasons)}",
        }
    if len(names) == 1:
        return {"node": node, "rival": "", "plugins": {}, "sentence": f"{node} is the only one that fits"}
    totals, mine = attempt.totals, names.index(node)
    rival = max((place for place in range(len(names)) if place != mine), key=lambda place: totals[place])
    plugins = {row.plugin: [row.weighted[mine], row.weighted[rival]] for row in attempt.scores}
    decisive = [
        f"{plugin} {first} : {second}"
        for plugin, (first, second) in sorted(plugins.items(), key=lambda item: -abs(item[1][0] - item[1][1]))
        if first != second
    ]
    text = f"{node} has {totals[mine]} and {names[rival]} {totals[rival]}"
    return {
        "node": node,
        "rival": names[rival],
        "total": totals[mine],
        "rival_total": totals[rival],
        "plugins": plugins,
        "sentence": f"{text} ({', '.join(decisive)})" if decisive else text,
    }


# -- candidates ------------------------------------------------------------------------------------


def _candidates(
    situation: Situation, pod: PodInfo, node: NodeInfo, attempt: Attempt
) -> Iterator[tuple[Change, float]]:
    yield from _of_taints(node)
    yield from _of_labels(pod, node)
    yield from _of_wishes(pod)
    yield from _of_weights(attempt, node.name)
    yield from _of_amounts(pod, node)
    for other in sorted(node.pods, key=lambda one: (one.priority, one.key))[:MOST_PODS]:
        if other.uid != pod.uid:
            yield RemovePod(node.name, other.key), A_POD
    for rival in attempt.tied[:2]:
        if rival != node.name:
            yield SetCordon(rival, True), ONE


def _of_taints(node: NodeInfo) -> Iterator[tuple[Change, float]]:
    if node.unschedulable:
        yield SetCordon(node.name, False), ONE
        yield AddToleration("node.kubernetes.io/unschedulable", "", "NoSchedule"), ONE
    for taint in (*node.hard_taints, *node.soft_taints):
        key, value, effect = taint.get("key", ""), taint.get("value") or "", taint.get("effect", "")
        yield RemoveTaint(node.name, key, effect), ONE
        yield AddToleration(key, value, effect), ONE


def _of_labels(pod: PodInfo, node: NodeInfo) -> Iterator[tuple[Change, float]]:
    for key, value in (pod.spec.get("nodeSelector") or {}).items():
        if node.labels.get(key) != value:
            yield SetNodeLabel(node.name, key, value), ONE
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = list((affinity.get(REQUIRED) or {}).get("nodeSelectorTerms") or ())
    terms += [one.get("preference") or {} for one in affinity.get(PREFERRED) or ()]
    for expression in (one for term in terms for one in term.get("matchExpressions") or ()):
        key, operator = expression.get("key", ""), expression.get("operator")
        values = expression.get("values") or [""]
        if operator in ("In", "Exists"):
            yield SetNodeLabel(node.name, key, values[0]), ONE
        elif operator in ("NotIn", "DoesNotExist"):
            yield SetNodeLabel(node.name, key, None), ONE
        elif operator in ("Gt", "Lt") and values[0].lstrip("-").isdigit():
            step = 1 if operator == "Gt" else -1
            yield SetNodeLabel(node.name, key, str(int(values[0]) + step)), ONE


def _of_wishes(pod: PodInfo) -> Iterator[tuple[Change, float]]:
    """The pod's own demands about placement, taken away one by one."""
    for field in ("nodeSelector", "topologySpreadConstraints"):
        if pod.spec.get(field):
            yield SetPodField(field, None), ONE
    affinity = pod.spec.get("affinity") or {}
    for kind in affinity:
        left = {other: value for other, value in affinity.items() if other != kind}
        yield SetPodField("affinity", left or None), ONE


def _of_weights(attempt: Attempt, node: str) -> Iterator[tuple[Change, float]]:
    """For each score plugin the nearest weights with which the node's total is the highest."""
    names = [one.name for one in attempt.feasible]
    if node not in names or len(names) < 2 or not attempt.scores:
        return
    mine, totals = names.index(node), attempt.totals
    for row in attempt.scores:
        low, high, possible = -float(row.weight), 100.0 - row.weight, True
        for place, total in enumerate(totals):
            lead, behind = row.normalized[mine] - row.normalized[place], total - totals[mine]
            if place == mine:
                continue
            if lead > 0:
                low = max(low, behind / lead)
            elif lead < 0:
                high = min(high, behind / lead)
            elif behind > 0:
                possible = False
        for step in {
            math.ceil(low - 1e-9),
            math.floor(low + 1),
            math.floor(high + 1e-9),
            math.ceil(high - 1),
        }:
            weight = row.weight + step
            if possible and low - 1e-9 <= step <= high + 1e-9 and 0 <= weight <= 100 and step:
                yield SetWeight(row.plugin, weight), _ratio(weight, row.weight)


def _of_amounts(pod: PodInfo, node: NodeInfo) -> Iterator[tuple[Change, float]]:
    containers = pod.spec.get("containers") or [{}]
    requests = (containers[0].get("resources") or {}).get("requests") or {}
    for resource in ("cpu", "memory", "ephemeral-storage", *pod.fit_request.scalar):
        wanted, has = pod.fit_request.get(resource), node.allocatable.get(resource)
        used = node.requested.get(resource) - (pod.requests.get(resource) if _is_on(pod, node) else 0)
        mine = _amount(resource, requests.get(resource))
        others = wanted - mine
        if 0 < has - used - others < mine:
            exact = has - used - others
            yield SetPodRequest(resource, _text(resource, exact)), _ratio(exact, mine)
        if wanted > has - used and wanted:
            yield SetCapacity(node.name, resource, _text(resource, used + wanted)), _ratio(used + wanted, has)
        if resource in ("cpu", "memory"):
            for factor in FACTORS:
                for amount in (mine * factor, mine / factor) if mine else ():
                    if int(amount):
                        yield SetPodRequest(resource, _text(resource, int(amount))), _ratio(amount, mine)
                if has:
                    more = _text(resource, int(has * factor))
                    yield SetCapacity(node.name, resource, more), _ratio(factor, 1)
    allowed = node.allocatable.allowed_pods
    if len(node.pods) + 1 > allowed:
        yield SetCapacity(node.name, "pods", str(len(node.pods) + 1)), _ratio(len(node.pods) + 1, allowed)


def _is_on(pod: PodInfo, node: NodeInfo) -> bool:
    return any(other.uid == pod.uid for other in node.pods)


def _amount(resource: str, quantity: Any) -> int:
    if quantity is None:
        return 0
    nanos = parse(quantity).nanos
    return -(-nanos // (1_000_000 if resource == "cpu" else 1_000_000_000))


def _text(resource: str, amount: int) -> str:
    if resource == "cpu":
        return f"{amount}m" if amount % 1000 else str(amount // 1000)
    for unit, size in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)


def _ratio(new: float, old: float) -> float:
    """Doublings (or halvings) between two amounts."""
    return abs(math.log2(new / old)) if new > 0 and old > 0 else TO_NOTHING
