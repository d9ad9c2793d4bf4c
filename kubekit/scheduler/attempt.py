"""An attempt: everything that was found out while looking for a node for one pod.

The cycle fills it in, and emits one record (kind ``schedule``) from it; views draw the record and nothing
else. The heavy parts (which plugin refused which node, every score) stay in the form the plugins gave them
and are written out only when somebody reads the record. The scheduler keeps the full detail of the last
attempts only: `trim` leaves an older one with its sums, its best nodes and its reasons."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kubekit.scheduler.framework.fit_error import Diagnosis
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo, QueuedPodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.framework.score_row import ScoreBlock, ScoreRow, as_list, some
from kubekit.scheduler.framework.status import Status
from kubekit.scheduler.preemption import Findings
from kubekit.scheduler.queue_glance import Glance
from kubekit.scheduler.queue_history import Move
from kubekit.sim import Step

KEPT_AFTER_TRIM = 10
"""How many of the best nodes an attempt keeps once its detail is dropped."""


class Attempt:
    """What one attempt came to. Written by the cycle, read through `came_in`, `steps` and `came_out`."""

    __slots__ = (
        "_first_best",
        "_scores",
        "_tied",
        "_totals",
        "bind",
        "cause",
        "diagnosis",
        "error",
        "event",
        "extender_errors",
        "failed_on",
        "feasible",
        "filter_names",
        "hypothetical",
        "message",
        "moves",
        "narrowed",
        "node",
        "nodes",
        "nominated",
        "number",
        "pod",
        "post_filter",
        "pre_filter",
        "preemption",
        "profile",
        "queue",
        "refused_by_extender",
        "rows",
        "score_names",
        "skip_filter",
        "skip_score",
        "trimmed",
        "via_nominated_node",
        "victims",
        "waited",
        "where_next",
    )

    def __init__(
        self,
        pod: PodInfo,
        framework: Framework | None = None,
        queued: QueuedPodInfo | None = None,
        now: float = 0.0,
    ) -> None:
        self.pod = pod
        self.profile = framework.name if framework is not None else ""
        self.filter_names, self.score_names = framework.names_for_records() if framework else ([], [])
        self.number = queued.attempts if queued is not None else 1
        self.waited = now - queued.added if queued is not None else 0.0
        self.event = queued.event if queued is not None else ""
        self.cause = queued.cause if queued is not None else None
        self.moves: list[Move] = []
        """How the pod went through the queue since its last attempt."""
        if queued is not None:
            self.moves, queued.moves = queued.moves, []
        self.queue: Glance | None = None
        self.nodes: list[NodeInfo] = []
        self.pre_filter: Status | None = None
        self.skip_filter: frozenset[str] = frozenset()
        self.narrowed: frozenset[str] | None = None
        self.failed_on = ""
        self.diagnosis = Diagnosis()
        self.feasible: list[NodeInfo] = []
        self.via_nominated_node = False
        self.skip_score: frozenset[str] = frozenset()
        self._scores: list[ScoreRow] | ScoreBlock = []
        self.rows: Any = None
        """The feasible nodes' rows in the snapshot's table, if arrays were used."""
        self._totals: Any = []
        self._tied: list[str] | None = None
        self._first_best: Any = []
        self.node = ""
        self.post_filter: Status | None = None
        self.nominated: str | None = None
        self.victims: list[str] = []
        self.refused_by_extender: dict[str, list[str]] = {}
        self.extender_errors: list[tuple[str, str]] = []
        self.preemption: Findings | None = None
        self.hypothetical = False
        """Whether it was only thought of (`what_if`)."""
        self.error = False
        self.message = ""
        self.bind = ""
        self.where_next = ""
        self.trimmed = False

    # -- filled in by the cycle --------------------------------------------------------------------

    @property
    def scores(self) -> list[ScoreRow]:
        """What each plugin gave to each feasible node."""
        if isinstance(self._scores, ScoreBlock):
            self._scores = self._scores.rows()
        return self._scores

    @scores.setter
    def scores(self, scores: list[ScoreRow] | ScoreBlock) -> None:
        self._scores = scores

    @property
    def totals(self) -> list[int]:
        """The sum of weighted scores of each feasible node."""
        return as_list(self._totals)

    @totals.setter
    def totals(self, totals: Any) -> None:
        self._totals = totals

    def best_places(self) -> Any:
        """Where in `feasible` the highest totals are, in order: a list, or an array of many totals."""
        totals = self._totals
        if isinstance(totals, list):
            top = max(totals)
            found: Any = [place for place, total in enumerate(totals) if total == top]
        else:
            found = (totals == totals[totals.argmax()]).nonzero()[0]
        self._first_best = found[:KEPT_AFTER_TRIM]
        return found

    def best(self) -> list[str]:
        """The feasible nodes with the highest total, in order."""
        return [self.feasible[place].name for place in self.best_places()]

    def _ranked(self, most: int) -> Any:
        """The places of the highest totals, equal ones in order: a list or an array, as `best_places`."""
        totals = self._totals
        if len(totals) == 0:
            return []
        if len(self._first_best) == most:
            return self._first_best
        if not isinstance(totals, list):
            return (-totals).argsort(kind="stable")[:most]
        return sorted(range(len(totals)), key=lambda place: (-totals[place], place))[:most]

    def pick(self, place: int) -> None:
        """The choice, by its place in `feasible`."""
        self.node = self.feasible[place].name

    @property
    def tied(self) -> list[str]:
        """Between which equals the choice was drawn."""
        if self._tied is None:
            self._tied = self.best() if len(self._totals) else [self.node] if self.node else []
        return self._tied

    def trim(self) -> None:
        """Drop the detail, to keep a long history small."""
        ranked = self._ranked(KEPT_AFTER_TRIM)
        totals = as_list(some(self._totals, ranked))
        feasible = self.feasible
        self.feasible = [feasible[place] for place in as_list(ranked)] if totals else feasible[:1]
        ties = totals.count(totals[0]) if totals else 0
        self._tied = [node.name for node in self.feasible[:ties]]
        scores = self._scores
        if isinstance(scores, ScoreBlock):
            self._scores = scores.only(ranked)
        else:
            self._scores = [row.only(ranked) for row in scores]
        self._totals, self._first_best = totals, []
        self.rows = None
        self.nodes = []
        self.trimmed = True

    # -- read by the record ------------------------------------------------------------------------

    def sentence(self) -> str:
        """One plain sentence."""
        pod = self.pod.key
        if self.hypothetical and self.node:
            return f"{pod} would go to {self.node}."
        if self.hypothetical and not self.error and not self.nominated:
            return f"{pod} would find no node: {self.message}"
        if self.error:
            return f"kube-scheduler could not schedule {pod}: {self.message}"
        if not self.node:
            text = f"kube-scheduler finds no node for {pod}: {self.message}"
            if self.nominated and self.hypothetical:
                text += f" On {self.nominated} it would preempt {_list(self.victims)}."
            elif self.nominated:
                text += f" It will try {self.nominated} again once {_list(self.victims)} made room."
            return text
        return f"kube-scheduler picks {self.node} for {pod}."

    def came_in(self) -> dict[str, Any]:
        """The pod, its wait, what else is in the queue, and the nodes before the pod."""
        return {
            "pod": self.pod.key,
            "attempt": self.number,
            "priority": self.pod.priority,
            "profile": self.profile,
            "requests": self.pod.requests.to_json(),
            "waited_seconds": round(self.waited, 6),
            "event": self.event,
            "moves": [move.to_json() for move in self.moves],
            "queue": self.queue.to_json() if self.queue is not None else {},
            "nodes": {
                node.name: {
                    "allocatable": node.allocatable.to_json(),
                    "requested": node.requested.to_json(),
                    "pods": len(node.pods),
                }
                for node in self.nodes
            },
        }

    def steps(self) -> list[Step]:
        """Every plugin's part in the decision, in order."""
        return [*self._pre_filter_steps(), *self._filter_steps(), *self._score_steps(), *self._end_steps()]

    def came_out(self) -> dict[str, Any]:
        """The node, or why there is none and where the pod waits now."""
        out: dict[str, Any] = {
            "node": self.node,
            "feasible": len(self.feasible),
            "evaluated": len(self.feasible) + len(self.diagnosis.statuses),
        }
        if self.message:
            out["message"] = self.message
        if self.nominated is not None:
            out["nominated"] = self.nominated
        if self.victims:
            out["victims"] = self.victims
        if self.bind:
            out["bind"] = self.bind
        if self.where_next:
            out["queue"] = self.where_next
            out["refused_by"] = sorted(self.diagnosis.unschedulable_plugins)
        if self.trimmed:
            out["trimmed"] = True
        return out

    # -- steps -------------------------------------------------------------------------------------

    def _pre_filter_steps(self) -> list[Step]:
        if self.pre_filter is not None:
            verdict = "refuse" if self.pre_filter.rejected else "note"
            return [Step(f"PreFilter {self.pre_filter.plugin}".strip(), verdict, self.pre_filter.message)]
        if self.narrowed is not None:
            names = sorted(self.narrowed)
            return [
                Step("PreFilter", "note", f"only {_list(names)} can come into question", {"nodes": names})
            ]
        return []

    def _filter_steps(self) -> list[Step]:
        if self.pre_filter is not None:
            return []
        by_plugin: dict[str, dict[str, list[str]]] = {}
        for name, status in self.diagnosis.statuses.by_node.items():
            by_plugin.setdefault(status.plugin, {})[name] = list(status.reasons)
        steps: list[Step] = []
        left = len(self.feasible) + len(self.diagnosis.statuses)
        for plugin in self.filter_names:
            if plugin in self.skip_filter:
                steps.append(Step(f"Filter {plugin}", "skip", "does not concern this pod"))
                continue
            refused = by_plugin.get(plugin, {})
            left -= len(refused)
            counts = Counter(reason for reasons in refused.values() for reason in reasons)
            why = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
            figures = {"refused": refused, "passed": left}
            steps.append(Step(f"Filter {plugin}", "refuse" if refused else "pass", why, figures))
        steps += [
            Step(f"Extender {name}", "refuse", "", {"refused": refused})
            for name, refused in self.refused_by_extender.items()
        ]
        steps += [Step(f"Extender {name}", "note", f"ignored: {why}") for name, why in self.extender_errors]
        if self.via_nominated_node:
            steps.append(
                Step("Filter", "note", "it was nominated there and fits: no other node is looked at")
            )
        return steps

    def _score_steps(self) -> list[Step]:
        steps: list[Step] = []
        if len(self.feasible) == 1 and self.node and not self.scores:
            return [Step("Score", "skip", "only one node is feasible")]
        names = [node.name for node in self.feasible]
        rows = {row.plugin: row for row in self.scores}
        known = {plugin for plugin, _ in self.score_names}
        others = [(row.plugin, row.weight) for row in self.scores if row.plugin not in known]
        for plugin, weight in (*self.score_names, *others) if rows else ():
            row = rows.get(plugin)
            if row is None:
                steps.append(Step(f"Score {plugin}", "skip", "has nothing to say about this pod"))
                continue
            figures = {
                "weight": weight,
                "raw": dict(zip(names, row.raw, strict=True)),
                "normalized": dict(zip(names, row.normalized, strict=True)),
                "weighted": dict(zip(names, row.weighted, strict=True)),
            }
            steps.append(Step(f"Score {plugin}", "note", "", figures))
        return steps

    def _end_steps(self) -> list[Step]:
        steps: list[Step] = []
        if self.node:
            names = [node.name for node in self.feasible]
            figures: dict[str, Any] = {"totals": dict(zip(names, self.totals, strict=False))}
            why = ""
            if len(self.tied) > 1:
                figures["tied"] = self.tied
                why = f"drawn among {len(self.tied)} with the same total"
            steps.append(Step(f"Pick {self.node}", "pick", why, figures))
        if self.post_filter is not None:
            verdict = "pick" if self.nominated else "refuse"
            figures = {"nominated": self.nominated or "", "victims": self.victims}
            if self.preemption is not None:
                figures["preemption"] = self.preemption.to_json()
            steps.append(Step("PostFilter", verdict, self.post_filter.message, figures))
        if self.bind:
            verdict = {"bound": "pass", "waiting": "wait"}.get(self.bind, "refuse")
            steps.append(Step("Bind", verdict, "" if self.bind == "bound" else self.message or self.bind))
        return steps


def _list(names: list[str]) -> str:
    return ", ".join(names) if names else "nobody"
