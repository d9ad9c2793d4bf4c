"""Standing answers: what plugins said about every node for one pod, kept for the next that asks the same.

Pods made from one template ask the same of a node, and after one of them was placed a single node is another
one. So the status codes and scores of all rows are kept for each such kind of pods; of the rows that the node
table says were replaced they are asked for anew, by the methods that answer for a single node.

That is right only for answers that follow from the node and the pod's `demands` alone. A plugin says so with

    besides(pod, table)    what else its answers to this pod depend on now, hashable; None for "ask me"

e.g. ``()`` for nothing else. It must hold for all of its pre_filter, filter, pre_score and score: PreFilter
and PreScore answer None or SKIP whatever the nodes are, and normalising is fair: scores that are all 0 remain
equal. A class that overrides one of these methods without `besides` is asked every time, and so is a plugin
without it.

Answers are kept from the second pod of a kind on. Filters stand up to the first one that has to be asked (who
refuses first, in the order of the profile, is who refuses); scores stand each for itself.

Source: none; the original looks at every node for every pod (DESIGN: speed).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.standing_scores import StandingScores, Unkeepable, skips
from kubekit.scheduler.framework.status import Status

if TYPE_CHECKING:
    from kubekit.scheduler.framework.runtime import Framework

KEPT_KINDS = 32
"""For so many kinds of pods answers are kept, those that were asked for last."""
SEEN_ONCE, UNKEEPABLE = "seen once", "unkeepable"
ANSWERS = (
    "pre_filter", "pre_filter_arrays", "filter", "filter_arrays", "pre_score", "pre_score_arrays", "score",
    "score_arrays", "normalize_score", "normalize_arrays",
)  # fmt: skip
"""What `besides` speaks for."""


def may_stand(plugin: Plugin) -> bool:
    """Whether the plugin's `besides` is at least as new as all its answers, in the order of inheritance."""
    for kind in type(plugin).__mro__:
        if "besides" in vars(kind):
            return True
        if any(method in vars(kind) for method in ANSWERS):
            return False
    return False


class StandingFilters:
    """The combined status codes of the filters that stand, for each row, and which rows pass."""

    __slots__ = ("_filters", "_passing", "_table", "codes", "refusals")

    def __init__(self, table: NodeTable, codes: Array | None, filters: list[tuple[str, Any]]) -> None:
        np = table.np
        self._table = table
        self._filters = filters
        first = np.zeros(table.size, dtype=np.int16) if codes is None else codes
        self.codes: Array = np.concatenate((first, first))
        """Two times, as `NodeTable.twice`."""
        self.refusals = int(np.count_nonzero(first))
        """How many rows do not pass."""
        self._passing: Array = None

    @property
    def passing(self) -> Array:
        """The rows that pass, in order, two times."""
        if self._passing is None:
            self._passing = self._table.twice_where(self.codes[: self._table.size] == 0)
        return self._passing

    def replace(self, row: int, state: CycleState, pod: PodInfo, node: NodeInfo) -> None:
        """Ask about one node anew."""
        code, codes = 0, self.codes
        for name, check in self._filters:
            status = check(state, pod, node)
            if status is not None:
                code = code_of(self._table, name, status)
                break
        known = codes.item(row)
        if code != known:
            codes[row] = codes[row + self._table.size] = code
            if not (code and known):
                self.refusals += 1 if code else -1
                self._passing = None


class StandingAnswers:
    """The answers of those plugins of one profile that stand, for one kind of pods."""

    __slots__ = (
        "_fresh", "_kept", "_pod", "_pre_filters", "_scorable", "_scores", "_state", "_table",
        "asked_filters", "filters", "skip_filter", "skips", "whole",
    )  # fmt: skip

    def __init__(self, framework: Framework, kept: set[str], pod: PodInfo, table: NodeTable) -> None:
        """Ask about all nodes; raises `Unkeepable`, or whatever a plugin raises."""
        self._table, self._pod, self._state = table, pod, CycleState()
        self._fresh = table.now
        self._scores: StandingScores | None = None
        self._scorable, self._kept = True, kept
        self.skips: dict[str, bool] = {}
        """Of each PreFilter plugin that stands: whether it leaves itself out."""
        for name, plugin, form in framework.with_forms("PreFilter"):
            if name in kept:
                answer = plugin.pre_filter(self._state, pod, table.nodes)
                if answer is None and form is not None:
                    answer = form(self._state, pod, table)
                self.skips[name] = skips(answer)
        self.asked_filters: list[tuple[int, str, Plugin, Any]] = []
        """The filters that have to be asked still: position, name, plugin, array form."""
        codes: Array | None = None
        standing: list[tuple[str, Any]] = []
        for position, (name, plugin, form) in enumerate(framework.with_forms("Filter")):
            if self.skips.get(name):
                continue
            if self.asked_filters or name not in kept:
                self.asked_filters.append((position, name, plugin, form))
                self.skips.pop(name, None)
            else:
                standing.append((name, plugin.filter))
                codes = table.first(codes, self._codes_of(name, plugin, form))
        self.skip_filter = frozenset(name for name, skip in self.skips.items() if skip)
        self.filters = StandingFilters(table, codes, standing)
        self._pre_filters = [p for name, p, _ in framework.with_forms("PreFilter") if name in self.skips]
        self.whole = len(self._pre_filters) == len(framework.points["PreFilter"])
        """Whether nobody's PreFilter has to be asked."""

    def _codes_of(self, name: str, plugin: Plugin, form: Any) -> Array | None:
        if form is not None:
            return form(self._state, self._pod, self._table)
        np, table = self._table.np, self._table
        answers = (plugin.filter(self._state, self._pod, node) for node in table.nodes)
        return np.fromiter((code_of(table, name, answer) for answer in answers), np.int16, table.size)

    def prepare(self, state: CycleState, pod: PodInfo) -> None:
        """Let the plugins write what their PreFilter writes: somebody looks at single nodes after all."""
        for plugin in self._pre_filters:
            plugin.pre_filter(state, pod, self._table.nodes)

    def scores(self, framework: Framework) -> StandingScores | None:
        """The scores of all nodes; None when they cannot be kept."""
        if self._scores is None and self._scorable:
            try:
                self._scores = StandingScores(framework, self._kept, self._state, self._pod, self._table)
            except Exception:
                self._scorable = False
        return self._scores

    def catch_up(self) -> bool:
        """Ask about the nodes that were replaced; False when they are too many for that.

        Raises `Unkeepable`, or whatever a plugin raises.
        """
        table = self._table
        behind = table.since(self._fresh)
        if behind is None or len(behind) > table.size // 8 + 8:
            return False
        if behind:
            state, pod, nodes, scores = self._state, self._pod, table.nodes, self._scores
            for row in {row for row, _, _ in behind} if len(behind) > 1 else (behind[0][0],):
                node = nodes[row]
                self.filters.replace(row, state, pod, node)
                if scores is not None:
                    scores.replace(row, node)
            self._fresh = table.now
        return True


def code_of(table: NodeTable, plugin: str, status: Status | None) -> int:
    """The number of a filter's answer; raises `Unkeepable` for one that is no refusal but an error."""
    if status is None:
        return 0
    if not status.rejected:
        raise Unkeepable
    return table.code_of(status.by(plugin))


class Shelf:
    """The standing answers of one profile, as it is arranged now, by kind of pods."""

    def __init__(self, framework: Framework) -> None:
        self._framework = framework
        plugins = {
            plugin.name: plugin
            for point in ("PreFilter", "Filter", "PreScore", "Score")
            for plugin in framework.points[point]
            if may_stand(plugin)
        }
        self._names = list(plugins)
        self._besides: list[Callable[[PodInfo, NodeTable], Hashable | None]] = [
            plugin.besides for plugin in plugins.values()
        ]
        self._table: NodeTable | None = None
        self._kinds: OrderedDict[Hashable, StandingAnswers | str] = OrderedDict()
        self._last: StandingAnswers | None = None

    def find(self, pod: PodInfo, table: NodeTable) -> StandingAnswers | None:
        """The answers that stand for the pod, up to date; None when everybody is to be asked."""
        kinds = self._kinds
        if table is not self._table:
            self._table = table
            kinds.clear()
        try:
            besides = [ask(pod, table) for ask in self._besides]
            kind = (pod.demands, *besides)
            known = kinds.get(kind)
        except Exception:  # a plugin that is wrong here will tell when it is asked
            return None
        if known is None:
            kinds[kind] = SEEN_ONCE
            self._last = None
            if len(kinds) > KEPT_KINDS:
                kinds.popitem(last=False)
            return None
        if known is not self._last:  # for pods of one kind in a row it is the last already
            kinds.move_to_end(kind)
            self._last = None
        if known == UNKEEPABLE:
            return None
        try:
            if isinstance(known, StandingAnswers) and known.catch_up():
                self._last = known
                return known
            kept = {name for name, beside in zip(self._names, besides, strict=True) if beside is not None}
            known = kinds[kind] = StandingAnswers(self._framework, kept, pod, table)
        except Exception:
            kinds[kind] = UNKEEPABLE
            return None
        self._last = known
        return known
