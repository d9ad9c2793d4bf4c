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
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.pod_counts import PodCount
from kubekit.scheduler.framework.pod_info import AffinityTerm, PodInfo

MOST_MEANT = 1024
"""For so many kinds of pods it is remembered which terms mean them."""
KEEPS_AWAY, REQUIRES, PREFERS, AVOIDS = "keeps away", "requires", "prefers", "avoids"


class Counted:
    """One distinct term of existing pods: how many pods have it, by the code of their topology."""

    __slots__ = ("_by_code", "kind", "term", "total")

    def __init__(self, kind: str, term: AffinityTerm, by_code: Array) -> None:
        """`by_code` is what it counts in: zeros."""
        self.kind = kind
        self.term = term
        self.total = 0
        self._by_code = by_code

    def change(self, code: int, by: int, np: Any) -> None:
        """Count in one topology."""
        self.total += by
        if code >= len(self._by_code):
            self._by_code = np.concatenate((self._by_code, np.zeros(code + 1, dtype=np.int64)))
        self._by_code[code] += by

    def sums(self, size: int, np: Any) -> Array:
        """The counts for so many codes; not to be written into."""
        known = self._by_code
        if len(known) >= size:
            return known[:size]  # what is beyond are codes that nobody has
        return np.concatenate((known, np.zeros(size - len(known), dtype=np.int64)))


class ExistingTerms:
    """All distinct terms of the pods on the table's nodes; kept with the table."""

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self._fresh = -1
        self._terms: dict[Any, Counted] = {}
        self._known: dict[tuple[str, AffinityTerm], Counted] = {}
        self._meant: dict[Any, list[Counted]] = {}

    @staticmethod
    def of(table: NodeTable) -> ExistingTerms:
        """The table's own, up to date."""
        terms = table.attached("existing terms", lambda: ExistingTerms(table))
        terms._catch_up()
        return terms

    def matching(self, kind: str, pod: PodInfo, ns_labels: Mapping[str, str]) -> Iterator[Counted]:
        """The terms of this kind that mean the pod."""
        key = (kind, pod.marks, *ns_labels.items())
        found = self._meant.get(key)
        if found is None:
            if len(self._meant) >= MOST_MEANT:
                self._meant.clear()
            found = self._meant[key] = [
                counted
                for counted in self._terms.values()
                if counted.kind == kind and counted.term.matches(pod, ns_labels)
            ]
        for counted in found:
            if counted.total:
                yield counted

    def _catch_up(self) -> None:
        changed = self.table.since(self._fresh) if self._fresh >= 0 else None
        if changed is None:
            self._terms, self._known, self._meant = {}, {}, {}
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
                        code = self.table.codes(term.topology_key).number(value)
                        self._one(kind, term).change(code, by, self.table.np)

    def _one(self, kind: str, term: AffinityTerm) -> Counted:
        known = self._known.get((kind, term))
        if known is None:
            if len(self._known) >= MOST_MEANT:
                self._known.clear()
            known = self._known[kind, term] = self._equal_one(kind, term)
        return known

    def _equal_one(self, kind: str, term: AffinityTerm) -> Counted:
        key = (kind, term.weight, term.key)
        found = self._terms.get(key)
        if found is None:
            np, size = self.table.np, len(self.table.codes(term.topology_key).values)
            found = self._terms[key] = Counted(kind, term, np.zeros(size, dtype=np.int64))
            self._meant = {}
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
        key = counted.term.topology_key
        sums = counted.sums(len(self.table.codes(key).values), self.table.np)
        self.add(key, sums if weight == 1 else sums * weight)

    def over(self, rows: Array) -> Array:
        """For each of the rows the sum over the topologies it belongs to."""
        total: Array = None
        for key, sums in self.by_key.items():
            more = self.table.codes(key).spread(sums, 0, rows)
            total = more if total is None else total + more
        return total


def term_counts(table: NodeTable, terms: tuple[AffinityTerm, ...]) -> PodCount:
    """How many pods all of these terms mean."""
    key = (
        "terms",
        tuple((term.namespaces, term.namespace_selector.key, term.selector.key) for term in terms),
    )
    if len(terms) == 1:
        return table.count(key, terms[0].matches)
    return table.count(key, lambda pod: all(term.matches(pod) for term in terms))


def term_sums(table: NodeTable, term: AffinityTerm, meant: tuple[AffinityTerm, ...]) -> Array:
    """By code of the term's topology: how many pods all of `meant` mean."""
    return term_counts(table, meant).sums(term.topology_key)
