"""Standing scores: the scores of every node for one kind of pods, and their weighted sum.

The scoring half of `standing_answers`. Scores that are not normalised are summed up once for every row. Those
that are normalised take part in the sum as long as nobody has any, since then all nodes get the same; else
they are normalised over the feasible rows in each attempt.

Source: none, as `standing_answers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.scheduler.framework.array_runtime import is_ours, normalized
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.status import Code, Status

if TYPE_CHECKING:
    from kubekit.scheduler.framework.runtime import Framework


class Unkeepable(Exception):
    """These answers cannot be kept: they have to be asked for each time, where whatever is wrong is told."""


def skips(answer: Any) -> bool:
    """Whether PreFilter or PreScore answers SKIP; raises `Unkeepable` for any other answer but None."""
    if answer is None:
        return False
    if isinstance(answer, Status) and answer.code == Code.SKIP:
        return True
    raise Unkeepable


class StandingScore:
    """One plugin's part: its place in the block, and what normalising makes of nothing but zeros.

    `in_sum` says that it takes part in the sum: it is not normalised, or the same for all.
    """

    __slots__ = ("even", "in_sum", "nonzero", "place", "plugin", "scaled", "weight")

    def __init__(self, plugin: Plugin, weight: int, place: int) -> None:
        self.plugin = plugin
        self.weight = weight
        self.place = place
        self.scaled = hasattr(plugin, "normalize_score")
        self.in_sum = not self.scaled
        self.nonzero = 0
        """How many rows have a score, if it is normalised."""
        self.even: Array = None
        """For each row the normalised score while nobody has any; None if normalising tells zeros apart."""

    def is_even(self) -> bool:
        """Whether it is normalised, and nobody has any score, and that is the same for all."""
        return self.scaled and not self.nonzero and self.even is not None


class StandingScores:
    """The scores of the plugins that stand, for all rows."""

    __slots__ = (
        "_all_trusted",
        "_block",
        "_plugins",
        "_pod",
        "_state",
        "_sum",
        "_table",
        "by_name",
        "lines",
        "skip_score",
        "skips",
        "whole",
    )

    def __init__(
        self, framework: Framework, kept: set[str], state: CycleState, pod: PodInfo, table: NodeTable
    ) -> None:
        """Ask about all nodes; raises `Unkeepable`, or whatever a plugin raises."""
        self._state, self._pod, self._table = state, pod, table
        self.skips: dict[str, bool] = {}
        """Of each PreScore plugin that stands: whether it leaves itself out."""
        self._plugins: list[Plugin] = []
        for name, plugin, form in framework.with_forms("PreScore"):
            if name in kept:
                answer = plugin.pre_score(state, pod, table.nodes)
                if answer is None and form is not None:
                    answer = form(state, pod, table, table.everything)
                self.skips[name] = skips(answer)
                self._plugins.append(plugin)
        self.skip_score = frozenset(name for name, skip in self.skips.items() if skip)
        self.whole = len(self.skips) == len(framework.points["PreScore"])
        """Whether nobody's PreScore has to be asked."""
        self.by_name: dict[str, StandingScore] = {}
        columns: list[Array] = []
        for name, plugin, form in framework.with_forms("Score"):
            if name in kept and name not in self.skip_score:
                columns.append(self._column(plugin, form))
                weight = framework.weights.get(name, 1)
                self.by_name[name] = StandingScore(plugin, weight, len(self.by_name))
        np = table.np
        self._block: Array = np.array([[*column, *column] for column in map(_list, columns)], dtype=np.int64)
        self._block = self._block.reshape(len(columns), 2 * table.size)
        for one in self.by_name.values():
            if one.scaled:
                self._look_at_zeros(one)
        others = {name for name, _, _ in framework.with_forms("Score")} - {*self.by_name} - self.skip_score
        trusted = (is_ours(type(one.plugin).__module__) for one in self.by_name.values())
        self._all_trusted = self.whole and not others and all(trusted)
        self.lines: list[tuple[str, int, int | None]] | None = None
        """What a `ScoreBlock` needs to know while these are all scores there are, and all in the sum."""
        self._sum: Array = None
        self._add_up()

    def _column(self, plugin: Plugin, form: Any) -> Any:
        if form is not None:
            scores = form(self._state, self._pod, self._table, self._table.everything)
            if scores is not None:
                return scores
        return [self._ask(plugin, node) for node in self._table.nodes]

    def _ask(self, plugin: Plugin, node: NodeInfo) -> int:
        score = plugin.score(self._state, self._pod, node)
        if type(score) is not int:  # whatever it is, an array of whole numbers must not make one of it
            raise Unkeepable
        return score

    def _look_at_zeros(self, one: StandingScore) -> None:
        np, table = self._table.np, self._table
        one.nonzero = int(np.count_nonzero(self._block[one.place, : table.size]))
        zeros = np.zeros(table.size, dtype=np.int64)
        even = normalized(one.plugin, self._state, self._pod, table, table.everything, table.nodes, zeros)
        even = np.asarray(even, dtype=np.int64)
        if table.size and (even == even[0]).all():
            one.even = even
        one.in_sum = one.is_even()

    def _add_up(self) -> None:
        """The weighted sum for each row, of all that is the same in every attempt."""
        self._sum = self._table.np.zeros(2 * self._table.size, dtype=self._table.np.int64)
        for one in self.by_name.values():
            if not one.scaled:
                self._sum += self._block[one.place] * one.weight
            elif one.in_sum:
                self._sum += int(one.even[0]) * one.weight
        self.lines = None
        if self._all_trusted and all(one.in_sum for one in self.by_name.values()):
            self.lines = [
                (name, one.weight, int(one.even[0]) if one.scaled else None)
                for name, one in self.by_name.items()
            ]

    def replace(self, row: int, node: NodeInfo) -> None:
        """Ask about one node anew; raises as the constructor does."""
        block, size = self._block, self._table.size
        more, turned = 0, False
        for place, one in enumerate(self.by_name.values()):
            score, known = self._ask(one.plugin, node), block.item(place, row)
            if score == known:
                continue
            block[place, row] = block[place, row + size] = score
            if not one.scaled:
                more += (score - known) * one.weight
            elif not (score and known):
                one.nonzero += 1 if score else -1
                turned = turned or one.in_sum != one.is_even()
                one.in_sum = one.is_even()
        if turned:
            self._add_up()
        elif more:
            self._sum[row] += more
            self._sum[row + size] += more

    def of(self, rows: Array) -> tuple[Array, Array]:
        """(a line of scores for each plugin, the sums), for these rows; both are the caller's own."""
        if len(rows) and rows.base is self._table.twice:  # rows in turn: nothing has to be picked out
            first = rows.item(0)
            last = first + len(rows)
            return self._block[:, first:last].copy(), self._sum[first:last].copy()
        return self._block.take(rows, axis=1), self._sum.take(rows)

    def prepare(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> None:
        """Let the plugins write what their PreScore writes: somebody looks for it after all."""
        for plugin in self._plugins:
            plugin.pre_score(state, pod, nodes)


def _list(column: Any) -> list[int]:
    found: list[int] = column if isinstance(column, list) else column.tolist()
    return found
