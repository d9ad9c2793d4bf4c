"""Statuses of many nodes as an array: written out for single nodes only when somebody looks.

An attempt that looked at thousands of nodes keeps one number a node. What the FailedScheduling event needs
(how often each reason) and which plugins refused is counted from the numbers; `by_node`, which views and
preemption read, is made on demand and then kept.

Source: pkg/scheduler/framework/types.go (NodeToStatus).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import compress

from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array
from kubekit.scheduler.framework.status import Code, NodeStatuses, Status


class ArrayStatuses(NodeStatuses):
    """`codes` has for each of `nodes` the number of its status in `statuses`, 0 for none.

    `before` are statuses of nodes that were looked at earlier in the same attempt.
    """

    __slots__ = ("_before", "_by_node", "_codes", "_counts", "_known", "_nodes")

    def __init__(
        self,
        nodes: list[NodeInfo],
        codes: Array,
        counts: dict[int, int],
        statuses: list[Status | None],
        before: NodeStatuses,
    ) -> None:
        self.absent = before.absent
        self._nodes = nodes
        self._codes = codes
        self._known: dict[int, Status] = {code: status for code in counts if (status := statuses[code])}
        self._counts = counts
        self._before = before.by_node
        self._by_node: dict[str, Status] | None = None

    @property
    def by_node(self) -> dict[str, Status]:  # type: ignore[override]  # a field there; here made when asked for
        """The refusal of each node that has one."""
        if self._by_node is None:
            known, found = self._known, dict(self._before)
            codes = self._codes.tolist()
            for node, code in compress(zip(self._nodes, codes, strict=True), codes):
                found[node.name] = known[code]
            self._by_node = found
        return self._by_node

    def __len__(self) -> int:
        if self._by_node is None and not self._before:
            return sum(self._counts.values())
        return len(self.by_node)

    def reasons(self) -> Counter[str]:
        """How many nodes give each reason."""
        if self._before:
            return super().reasons()
        histogram: Counter[str] = Counter()
        for code, count in self._counts.items():
            for reason in self._known[code].reasons:
                histogram[reason] += count
        return histogram

    def with_code(self, code: Code, names: Iterable[str]) -> list[str]:
        """Those of `names` whose status has this code, in their order."""
        if (
            not self._before
            and self.absent.code != code
            and all(status.code != code for status in self._known.values())
        ):
            return []
        return super().with_code(code, names)
