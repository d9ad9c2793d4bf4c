"""Node codes: a number for each node's value of something that many nodes share, such as a label.

Row *i* has the number of node *i*'s value, -1 for nodes without. Only what the Node object says can be coded,
so pods that come and go do not matter: a row is looked at again when its API object was replaced.

Source: none; see `node_table`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.scheduler.framework.node_info import NodeInfo

if TYPE_CHECKING:
    from kubekit.scheduler.framework.node_table import Array, NodeTable


class NodeCodes:
    """The codes of all rows of one table, up to date after `catch_up`; do not write into its arrays."""

    __slots__ = (
        "_fresh", "_of", "_present", "_table", "missing", "numbers", "renewed", "rows", "values", "version",
    )  # fmt: skip

    def __init__(self, table: NodeTable, of: Callable[[NodeInfo], Any]) -> None:
        """`of` gives a node's value from its API object: hashable, None for none."""
        self._table, self._of = table, of
        self.numbers: dict[Any, int] = {}
        self.values: list[Any] = []
        """What each number stands for."""
        self.version = 0
        """Counts up when a row gets another number."""
        self._build()

    def _build(self) -> None:
        np, table = self._table.np, self._table
        self.rows: Array = np.fromiter(map(self._number_of, table.nodes), np.int64, table.size)
        self.missing = int(np.count_nonzero(self.rows < 0))
        """How many rows have no value."""
        self._fresh = table.now
        self.renewed = table.renewed
        """The table's `renewed` that this is up to."""
        self._present: Array = None
        self.version += 1

    def _number_of(self, node: NodeInfo) -> int:
        value = self._of(node)
        return -1 if value is None else self.number(value)

    def number(self, value: Any) -> int:
        """The number of a value; one that no node has gets a number too."""
        known = self.numbers.get(value)
        if known is None:
            known = self.numbers[value] = len(self.values)
            self.values.append(value)
        return known

    def catch_up(self) -> None:
        """Look at the rows again whose API object was replaced."""
        table = self._table
        changed = table.since(self._fresh)
        if changed is None:
            self._build()
            return
        for row, old, new in changed:
            if new.node is not old.node:
                code, known = self._number_of(table.nodes[row]), self.rows.item(row)
                if code != known:
                    self.rows[row] = code
                    self.missing += (code < 0) - (known < 0)
                    self._present = None
                    self.version += 1
        self._fresh, self.renewed = table.now, table.renewed

    @property
    def present(self) -> Array:
        """For each number whether any row has it."""
        if self._present is None or len(self._present) < len(self.values):
            rows = self.rows[self.rows >= 0] if self.missing else self.rows
            self._present = self._table.np.bincount(rows, minlength=len(self.values)) > 0
        return self._present

    def spread(self, by_code: Array, missing: Any = 0, rows: Array = None) -> Array:
        """For each row (or each of `rows`) what `by_code` says of its number, `missing` without one."""
        np, size = self._table.np, len(by_code)
        codes = self.rows if rows is None else self.rows.take(rows)
        if self.missing or not size:
            longer = np.empty(size + 1, dtype=by_code.dtype)  # code -1 is the last
            longer[:size], longer[size] = by_code, missing
            by_code = longer
        return by_code.take(codes)
