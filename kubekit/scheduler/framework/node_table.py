"""The node table: columns beside the NodeInfos, so that one question is answered for all nodes at once.

Row *i* is the snapshot's node *i*. A column is an array with one value a row, and always a function of the
NodeInfo alone ("free CPU", "has zone a", "pods that this selector means"), so it is kept from one attempt to
the next: the snapshot notes which rows were replaced, and a column that is asked for again computes only
those, with the same function that a reader would apply to one node. After one pod was placed that is one row.
A column that was never asked for costs nothing; without a table (`Snapshot.table`) nobody imports NumPy.

Two things are numbered: values of a label (`codes`) and statuses (`code_of`); code 0 of a status is "passes".
Whoever gets a column must not write into it.

>>> from kubekit.scheduler.framework.node_info import NodeInfo
>>> def node(name):
...     return NodeInfo.of({"metadata": {"name": name, "labels": {"zone": name[0]}}})
>>> nodes = [node("a1"), node("b1"), node("a2")]
>>> table = NodeTable(nodes)
>>> table.codes("zone").rows.tolist(), table.codes("zone").values
([0, 1, 0], ['a', 'b'])

Source: none; the original looks at nodes one by one, on many cores (DESIGN: speed).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeAlias, TypeVar

from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.selector import IN, Requirement, holds
from kubekit.scheduler.framework.status import Status

Array: TypeAlias = Any
"""A `numpy.ndarray`; said without importing NumPy, which a small cluster never does."""

T = TypeVar("T")

KEPT_COLUMNS = 192
"""So many columns are kept, those that were asked for last."""
LONGEST_JOURNAL = 4096
EXACT = 1 << 52
"""Amounts below this can be multiplied by a score without leaving 64 bits, and are exact as floats."""


class Column:
    """The values of one column, and up to where in the journal they are."""

    __slots__ = ("fresh", "rows", "values")

    def __init__(self, rows: Array, fresh: int, values: list[Any] | None = None) -> None:
        self.rows = rows
        self.fresh = fresh
        self.values: list[Any] = [] if values is None else values
        """Of a column of numbers: what each number stands for."""


class NodeTable:
    """All columns of one snapshot. `nodes` is the snapshot's own list: row *i* is ``nodes[i]``."""

    def __init__(self, nodes: list[NodeInfo]) -> None:
        import numpy

        self.np = numpy
        self.nodes = nodes
        self.size = len(nodes)
        self.statuses: list[Status | None] = [None]
        self._status_codes: dict[Status | None, int] = {None: 0}
        self._columns: OrderedDict[Hashable, Column] = OrderedDict()
        self._numbers: dict[Hashable, dict[Any, int]] = {}
        self._attached: dict[Hashable, Any] = {}
        self._journal: list[tuple[int, NodeInfo, NodeInfo]] = []
        self._dropped = 0
        self.everything: Array = numpy.arange(self.size)
        self.twice: Array = numpy.concatenate((self.everything, self.everything))
        """The rows in turn, two times: a search that begins at any row is a slice of it."""

    def in_turn(self, start: int, many: int) -> list[NodeInfo]:
        """So many nodes from the row `start` on, the first after the last."""
        end = start + many
        if end <= self.size:
            return self.nodes[start:end]
        return self.nodes[start:] + self.nodes[: end - self.size]

    def twice_where(self, mask: Array) -> Array:
        """The rows of the mask in order, two times."""
        rows = mask.nonzero()[0]
        return self.np.concatenate((rows, rows))

    # -- kept up to date ---------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """How many rows have been replaced so far."""
        return self._dropped + len(self._journal)

    def replaced(self, row: int, old: NodeInfo, new: NodeInfo) -> None:
        """The snapshot has a new NodeInfo for the row."""
        self._journal.append((row, old, new))
        if len(self._journal) > LONGEST_JOURNAL:
            half = LONGEST_JOURNAL // 2
            del self._journal[:half]
            self._dropped += half

    def since(self, moment: int) -> list[tuple[int, NodeInfo, NodeInfo]] | None:
        """What was replaced since `now` was `moment`; None when nobody knows any more."""
        return self._journal[moment - self._dropped :] if moment >= self._dropped else None

    def column(
        self,
        key: Hashable,
        row: Callable[[NodeInfo], Any],
        dtype: Any = "int64",
        build: Callable[[], Array] | None = None,
    ) -> Array:
        """The column of this key. `row` gives a node's value, `build` the whole column if that is faster."""
        now = self._dropped + len(self._journal)
        known = self._columns.get(key)
        if known is not None:
            self._columns.move_to_end(key)
            if known.fresh == now:
                return known.rows
            if known.fresh == now - 1:  # nearly always: one pod was placed
                at = self._journal[-1][0]
                known.rows[at] = row(self.nodes[at])
                known.fresh = now
                return known.rows
            behind = self.since(known.fresh)
            if behind is not None and len(behind) <= self.size // 8 + 8:
                nodes, values = self.nodes, known.rows
                for at in {at for at, _, _ in behind}:
                    values[at] = row(nodes[at])
                known.fresh = now
                return values
        rows = self.np.fromiter(map(row, self.nodes), dtype, self.size) if build is None else build()
        self._keep(key, Column(rows, now))
        return rows

    def count(self, key: Hashable, means: Callable[[PodInfo], bool]) -> Array:
        """How many pods of each node `means` holds for; one more pod on a node costs one question."""
        now = self.now
        known = self._columns.get(key)
        behind = self.since(known.fresh) if known is not None else None
        if known is None or behind is None:
            rows = self.np.fromiter(
                (sum(map(means, node.pods)) for node in self.nodes), self.np.int64, self.size
            )
            self._keep(key, Column(rows, now))
            return rows
        self._columns.move_to_end(key)
        before: dict[int, NodeInfo] = {}
        for at, old, _ in behind:
            before.setdefault(at, old)
        for at, old in before.items():
            had, has = old.pods, self.nodes[at].pods
            if had == has[: len(had)]:  # some came, nobody left
                known.rows[at] += sum(map(means, has[len(had) :]))
            else:
                known.rows[at] = sum(map(means, has))
        known.fresh = now
        return known.rows

    def _keep(self, key: Hashable, column: Column) -> None:
        self._columns[key] = column
        if len(self._columns) > KEPT_COLUMNS:
            self._columns.popitem(last=False)

    # -- labels, and whatever else many nodes share ------------------------------------------------

    def groups(self, key: Hashable, of: Callable[[NodeInfo], Any]) -> Column:
        """Numbers for what `of` says of each node (hashable), -1 for None; `values` names the numbers."""
        numbers = self._numbers.setdefault(key, {})

        def number(node: NodeInfo) -> int:
            value = of(node)
            return -1 if value is None else numbers.setdefault(value, len(numbers))

        self.column(("group", key), number)
        column = self._columns["group", key]
        if len(column.values) < len(numbers):
            column.values.extend(list(numbers)[len(column.values) :])
        return column

    def codes(self, key: str) -> Column:
        """The label's value of each row as a number, -1 without the label."""
        return self.groups(key, lambda node: node.labels.get(key))

    def code(self, key: str, value: str) -> int:
        """The number of a label's value; values that no node has get one too."""
        numbers = self._numbers.setdefault(key, {})
        return numbers.setdefault(value, len(numbers))

    def attached(self, key: Hashable, make: Callable[[], T]) -> T:
        """Whatever else somebody keeps beside the nodes, made on first use."""
        known: T | None = self._attached.get(key)
        if known is None:
            known = self._attached[key] = make()
        return known

    def satisfies(self, requirement: Requirement) -> Array:
        """Whether each row's labels satisfy a requirement."""
        key, operator, wanted = requirement

        def build() -> Array:
            column = self.codes(key)
            if operator == IN and len(wanted) == 1:
                number = self._numbers[key].get(next(iter(wanted)), -2)
                return self.np.asarray(column.rows == number)
            answers = [holds(requirement, {key: value}) for value in column.values]
            answers.append(holds(requirement, {}))  # code -1: without the label
            return self.np.array(answers, dtype=bool)[column.rows]

        return self.column(("holds", requirement), lambda node: holds(requirement, node.labels), bool, build)

    # -- statuses ----------------------------------------------------------------------------------

    def code_of(self, status: Status | None) -> int:
        """The number of a status, 0 for None."""
        known = self._status_codes.get(status)
        if known is None:
            known = self._status_codes[status] = len(self.statuses)
            self.statuses.append(status)
        return known

    def refuse(self, mask: Array, status: Status) -> Array | None:
        """Codes that refuse the rows of the mask; None when it is empty."""
        return mask * self.np.int16(self.code_of(status)) if mask.any() else None

    def first(self, codes: Array | None, more: Array | None) -> Array | None:
        """Two answers, asked one after the other: the second counts where the first said nothing."""
        if codes is None or more is None:
            return more if codes is None else codes
        return self.np.where(codes, codes, more)

    def status_column(
        self,
        key: Hashable,
        plugin: str,
        check: Callable[[NodeInfo], Status | None],
        build: Callable[[], Array] | None = None,
    ) -> Array:
        """A column of status codes, from a plugin's answer for each node."""

        def row(node: NodeInfo) -> int:
            status = check(node)
            return 0 if status is None else self.code_of(status.by(plugin))

        return self.column(key, row, "int16", build)


def domain_sums(table: NodeTable, key: str, counts: Array, among: Array | None = None) -> Array:
    """Sums of `counts` over the rows with each value of a label, by code; `among` leaves rows out."""
    np, codes = table.np, table.codes(key)
    member = codes.rows >= 0 if among is None else among & (codes.rows >= 0)
    if member.all():
        sums = np.bincount(codes.rows, weights=counts, minlength=len(codes.values))
    else:
        sums = np.bincount(codes.rows[member], weights=counts[member], minlength=len(codes.values))
    return sums.astype(np.int64)


def by_domain(table: NodeTable, key: str, sums: Array, missing: int = 0) -> Array:
    """For each row its domain's sum, `missing` without the label."""
    codes = table.codes(key).rows
    if not len(sums):
        return table.np.full(table.size, missing)
    return table.np.where(codes >= 0, sums[codes], missing)


__all__ = ["EXACT", "Array", "Column", "NodeTable", "by_domain", "domain_sums"]
