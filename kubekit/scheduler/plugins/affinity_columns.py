"""Pod affinity over columns: how many pods each topology has that a term means, or that mean the pod.

Terms of the incoming pod are counted per row (`NodeTable.count`) and summed by topology. Terms of the pods
that are there already would mean looking at each of those pods; but pods made from one template have equal
terms, so `ExistingTerms` keeps one count for each distinct term and topology, adjusted as pods come and go,
and the incoming pod is compared with each distinct term once. No plugin of its own.

Source: pkg/scheduler/framework/plugins/interpodaffinity (what is counted; the form is our own).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable, domain_sums
from kubekit.scheduler.framework.pod_info import AffinityTerm, PodInfo

KEEPS_AWAY, REQUIRES, PREFERS, AVOIDS = "keeps away", "requires", "prefers", "avoids"


class Counted:
    """One distinct term of existing pods: how many pods have it, by the code of their topology."""

    __slots__ = ("by_code", "kind", "term", "total")

    def __init__(self, kind: str, term: AffinityTerm) -> None:
        self.kind = kind
        self.term = term
        self.by_code: dict[int, int] = {}
        self.total = 0

    def change(self, code: int, by: int) -> None:
        """Count in one topology."""
        self.total += by
        left = self.by_code.get(code, 0) + by
        if left:
            self.by_code[code] = left
        else:
            del self.by_code[code]


class ExistingTerms:
    """All distinct terms of the pods on the table's nodes; kept with the table."""

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self._fresh = -1
        self._terms: dict[Any, Counted] = {}

    @staticmethod
    def of(table: NodeTable) -> ExistingTerms:
        """The table's own, up to date."""
        terms = table.attached("existing terms", lambda: ExistingTerms(table))
        terms._catch_up()
        return terms

    def matching(self, kind: str, pod: PodInfo, ns_labels: Mapping[str, str]) -> Iterator[Counted]:
        """The terms of this kind that mean the pod."""
        for counted in self._terms.values():
            if counted.kind == kind and counted.total and counted.term.matches(pod, ns_labels):
                yield counted

    def _catch_up(self) -> None:
        changed = self.table.since(self._fresh) if self._fresh >= 0 else None
        if changed is None:
            self._terms = {}
            for node in self.table.nodes:
                self._count(node.pods_with_affinity, node.labels, 1)
        else:
            for _, old, new in changed:
                self._replace(old, new)
        self._fresh = self.table.now

    def _replace(self, old: NodeInfo, new: NodeInfo) -> None:
        had, has = old.pods_with_affinity, new.pods_with_affinity
        if old.labels is not new.labels and old.labels != new.labels:
            self._count(had, old.labels, -1)
            self._count(has, new.labels, 1)
        elif had == has[: len(had)]:
            self._count(has[len(had) :], new.labels, 1)
        else:
            self._count(had, old.labels, -1)
            self._count(has, new.labels, 1)

    def _count(self, pods: list[PodInfo], labels: Mapping[str, str], by: int) -> None:
        for pod in pods:
            for kind, terms in (
                (KEEPS_AWAY, pod.required_anti_affinity),
                (REQUIRES, pod.required_affinity),
                (PREFERS, pod.preferred_affinity),
                (AVOIDS, pod.preferred_anti_affinity),
            ):
                for term in terms:
                    value = labels.get(term.topology_key)
                    if value is not None:
                        self._one(kind, term).change(self.table.code(term.topology_key, value), by)

    def _one(self, kind: str, term: AffinityTerm) -> Counted:
        key = (kind, term.weight, term.key)
        found = self._terms.get(key)
        if found is None:
            found = self._terms[key] = Counted(kind, term)
        return found


class Sums:
    """Amounts by topology, for several label keys: an array by code for each key."""

    __slots__ = ("by_key", "table")

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self.by_key: dict[str, Array] = {}

    def __bool__(self) -> bool:
        return bool(self.by_key)

    def add(self, key: str, sums: Array) -> None:
        """Add an array of amounts by code."""
        known = self.by_key.get(key)
        self.by_key[key] = sums if known is None else known + sums

    def add_counted(self, counted: Counted, weight: int = 1) -> None:
        """Add what existing pods' terms count, each `weight` times."""
        np, key = self.table.np, counted.term.topology_key
        sums = np.zeros(len(self.table.codes(key).values), dtype=np.int64)
        places = np.fromiter(counted.by_code.keys(), np.int64, len(counted.by_code))
        sums[places] = np.fromiter(counted.by_code.values(), np.int64, len(counted.by_code))
        self.add(key, sums if weight == 1 else sums * weight)

    def over(self, rows: Array | None = None) -> Array:
        """For each row the sum over the topologies it belongs to."""
        np = self.table.np
        size = self.table.size if rows is None else len(rows)
        total = np.zeros(size, dtype=np.int64)
        for key, sums in self.by_key.items():
            codes = self.table.codes(key).rows
            if rows is not None:
                codes = codes[rows]
            if len(sums):
                total += np.where(codes >= 0, sums[codes], 0)
        return total


def term_counts(table: NodeTable, terms: tuple[AffinityTerm, ...]) -> Array:
    """For each row how many pods all of these terms mean."""
    key = (
        "terms",
        tuple((term.namespaces, term.namespace_selector.key, term.selector.key) for term in terms),
    )
    if len(terms) == 1:
        return table.count(key, terms[0].matches)
    return table.count(key, lambda pod: all(term.matches(pod) for term in terms))


def term_sums(table: NodeTable, term: AffinityTerm, meant: tuple[AffinityTerm, ...]) -> Array:
    """By code of the term's topology: how many pods all of `meant` mean."""
    return domain_sums(table, term.topology_key, term_counts(table, meant))
