"""Pod counts: how many pods of each node something means, and how many there are in each topology.

What a selector looks at are a pod's namespace and labels (and whether it is being deleted): its `marks`. So
pods with equal marks are asked about once, and a count is brought up to date by what came and went, which is
noted once for all counts.

Source: none; see `node_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from kubekit.scheduler.framework.pod_info import PodInfo

if TYPE_CHECKING:
    from kubekit.scheduler.framework.node_table import Array, NodeTable

LONGEST_LEDGER = 8192


class PodLedger:
    """Which pods came to which rows, and which left."""

    def __init__(self, table: NodeTable) -> None:
        self._table = table
        self._fresh = table.now
        self._numbers: dict[Hashable, int] = {}
        self.kinds: list[PodInfo] = []
        """For each number of marks one pod that has them."""
        self._entries: list[tuple[int, int, int]] = []
        self._dropped = 0

    @property
    def now(self) -> int:
        """How many entries have been made so far."""
        return self._dropped + len(self._entries)

    def since(self, moment: int) -> list[tuple[int, int, int]] | None:
        """(row, number of marks, 1 or -1) since `now` was `moment`; None when nobody knows any more."""
        return self._entries[moment - self._dropped :] if moment >= self._dropped else None

    def kind(self, pod: PodInfo) -> int:
        """The number of a pod's marks."""
        known = self._numbers.get(pod.marks)
        if known is None:
            known = self._numbers[pod.marks] = len(self.kinds)
            self.kinds.append(pod)
        return known

    def catch_up(self) -> None:
        """Note what came and went on the rows that were replaced."""
        table = self._table
        if self._fresh == table.now:
            return
        changed = table.since(self._fresh)
        self._fresh = table.now
        if changed is None:  # one more is dropped, so that nobody is up to date
            self._dropped += len(self._entries) + 1
            self._entries = []
        elif len(self._entries) > LONGEST_LEDGER:
            half = LONGEST_LEDGER // 2
            self._dropped += half
            del self._entries[:half]
        for row, old, new in changed or ():
            had, has = old.pods, new.pods
            if had == has[: len(had)]:  # nearly always: some came, nobody left
                self._entries += [(row, self.kind(pod), 1) for pod in has[len(had) :]]
            else:
                stay = set(map(id, had)) & set(map(id, has))
                self._entries += [(row, self.kind(pod), -1) for pod in had if id(pod) not in stay]
                self._entries += [(row, self.kind(pod), 1) for pod in has if id(pod) not in stay]


class PodCount:
    """How many pods of each row something means, as of `catch_up`; do not write into its arrays."""

    __slots__ = ("_ledger", "_means", "_meant", "_moment", "_sums", "_table", "rows")

    def __init__(self, table: NodeTable, ledger: PodLedger, means: Callable[[PodInfo], bool]) -> None:
        """`means` may look at the pods' marks only."""
        self._table, self._ledger, self._means = table, ledger, means
        self._build()

    def _build(self) -> None:
        np, kind = self._table.np, self._ledger.kind
        self._meant: list[bool] = []
        self._moment = self._ledger.now
        counts = (sum(self._look_up(kind(pod)) for pod in node.pods) for node in self._table.nodes)
        self.rows: Array = np.fromiter(counts, np.int64, self._table.size)
        self._sums: dict[str, tuple[int, Array]] = {}

    def _look_up(self, kind: int) -> bool:
        if kind >= len(self._meant):
            self._learn()
        return self._meant[kind]

    def _learn(self) -> None:
        """Ask about the kinds of pods that are new."""
        self._meant += map(self._means, self._ledger.kinds[len(self._meant) :])

    def catch_up(self) -> None:
        """Count what came and went."""
        ledger = self._ledger
        now = ledger.now
        if self._moment == now:
            return
        entries = ledger.since(self._moment)
        if entries is None:
            self._build()
            return
        self._moment = now
        meant = self._meant
        if len(meant) < len(ledger.kinds):
            self._learn()
        changed = [(row, by) for row, kind, by in entries if meant[kind]]
        for row, by in changed:
            self.rows[row] += by
        for key, (version, sums) in list(self._sums.items()) if changed else ():
            codes = self._table.codes(key)
            if codes.version != version or len(codes.values) > len(sums):
                del self._sums[key]
                continue
            for row, by in changed:
                code = codes.rows.item(row)
                if code >= 0:
                    sums[code] += by

    def sums(self, key: str) -> Array:
        """By the code of a label's values: how many meant pods are on nodes with that value."""
        codes = self._table.codes(key)
        known = self._sums.get(key)
        if known is not None and known[0] == codes.version and len(known[1]) == len(codes.values):
            return known[1]
        np, rows, counts = self._table.np, codes.rows, self.rows
        if codes.missing:
            member = rows >= 0
            rows, counts = rows[member], counts[member]
        sums = np.bincount(rows, weights=counts, minlength=len(codes.values)).astype(np.int64)
        self._sums[key] = codes.version, sums
        return sums
