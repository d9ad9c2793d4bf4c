"""The node table: columns beside the NodeInfos, so that one question is answered for all nodes at once.

Row *i* is the snapshot's node *i*. A column is an array with one value a row, and always a function of the
NodeInfo alone ("free CPU", "has zone a", "pods that this selector means"), so it is kept from one attempt to
the next: the snapshot notes which rows were replaced, and a column that is asked for again computes only
those, with the same function that a reader would apply to one node. After one pod was placed that is one row.
A column that was never asked for costs nothing; without a table (`Snapshot.table`) nobody imports NumPy.

Two things are numbered: values of a label (`codes`) and statuses (`code_of`); code 0 of a status is "passes".
Pods that something means are counted (`count`). Whoever gets a column must not write into it.

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

from kubekit.scheduler.framework.node_codes import NodeCodes
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.pod_counts import PodCount, PodLedger
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

    __slots__ = ("fresh", "rows")

    def __init__(self, rows: Array, fresh: int) -> None:
        self.rows = rows
        self.fresh = fresh


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
        self._codes: dict[Hashable, NodeCodes] = {}
        self._counts: OrderedDict[Hashable, PodCount] = OrderedDict()
        self._ledger: PodLedger | None = None
        self._objects: Array = None
        self._attached: dict[Hashable, Any] = {}
        self._journal: list[tuple[int, NodeInfo, NodeInfo]] = []
        self._dropped = 0
        self.renewed = 0
        """How many rows have got another API object so far: all that codes depend on."""
        self.everything: Array = numpy.arange(self.size)
        self.twice: Array = numpy.concatenate((self.everything, self.everything))
        """The rows in turn, two times: a search that begins at any row is a slice of it."""

    def in_turn(self, start: int, many: int) -> list[NodeInfo]:
        """So many nodes from the row `start` on, the first after the last."""
        end = start + many
        if end <= self.size:
            return self.nodes[start:end]
        return self.nodes[start:] + self.nodes[: end - self.size]

    def at(self, rows: Array) -> list[NodeInfo]:
        """The nodes of these rows."""
        if self._objects is None:
            self._objects = self.np.empty(self.size, dtype=object)
            self._objects[:] = self.nodes
        found: list[NodeInfo] = self._objects.take(rows).tolist()
        return found

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
        if old.node is not new.node:
            self.renewed += 1
        if self._objects is not None:
            self._objects[row] = new
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

    def count(self, key: Hashable, means: Callable[[PodInfo], bool]) -> PodCount:
        """How many pods of each node `means` holds for, which looks at their marks only."""
        if self._ledger is None:
            self._ledger = PodLedger(self)
        self._ledger.catch_up()
        known = self._counts.get(key)
        if known is None:
            known = self._counts[key] = PodCount(self, self._ledger, means)
            if len(self._counts) > KEPT_COLUMNS:
                self._counts.popitem(last=False)
        else:
            self._counts.move_to_end(key)
            known.catch_up()
        return known

    def _keep(self, key: Hashable, column: Column) -> None:
        self._columns[key] = column
        if len(self._columns) > KEPT_COLUMNS:
            self._columns.popitem(last=False)

    # -- labels, and whatever else many nodes share ------------------------------------------------

    def groups(self, key: Hashable, of: Callable[[NodeInfo], Any]) -> NodeCodes:
        """Codes for what `of` says of each node's API object (hashable), -1 for None."""
        known = self._codes.get(key)
        if known is None:
            known = self._codes[key] = NodeCodes(self, of)
        else:
            known.catch_up()
        return known

    def codes(self, key: str) -> NodeCodes:
        """The label's value of each row as a number, -1 without the label."""
        known = self._codes.get(key)
        if known is None:
            return self.groups(key, lambda node: node.labels.get(key))
        if known.renewed != self.renewed:
            known.catch_up()
        return known

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
            codes = self.codes(key)
            if operator == IN and len(wanted) == 1:
                return self.np.asarray(codes.rows == codes.numbers.get(next(iter(wanted)), -2))
            answers = [holds(requirement, {key: value}) for value in codes.values]
            return codes.spread(self.np.array(answers, dtype=bool), holds(requirement, {}))

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

    def refuse_values(
        self, key: str, values: Array, status: Status, *, without: bool = False
    ) -> Array | None:
        """Codes that refuse the rows whose value of a label is among `values`, a mask by code.

        `without` refuses the rows without the label too. None when that is nobody.
        """
        codes = self.codes(key)
        if not (without and codes.missing) and not self.np.logical_or.reduce(values):
            return None
        number = self.code_of(status)
        found: Array = codes.spread(values * self.np.int16(number), number if without else 0)
        return found

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


def domain_sums(table: NodeTable, key: str, counts: Array, among: Array) -> Array:
    """Sums of `counts` over those of the rows `among` with each value of a label, by code."""
    np, codes = table.np, table.codes(key)
    member = among & (codes.rows >= 0)
    sums = np.bincount(codes.rows[member], weights=counts[member], minlength=len(codes.values))
    return sums.astype(np.int64)


__all__ = ["EXACT", "Array", "NodeTable", "domain_sums"]
