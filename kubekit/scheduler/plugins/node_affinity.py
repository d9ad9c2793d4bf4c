"""NodeAffinity: `nodeSelector` and node affinity choose nodes by their labels and names.

Required terms filter, preferred terms score. Terms that can only mean certain node names narrow the search in
PreFilter already. A profile may add an affinity of its own (`addedAffinity`) that every pod must satisfy too.

Source: pkg/scheduler/framework/plugins/nodeaffinity.
"""

from __future__ import annotations

from typing import Any

from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import ADD, NODE, UPDATE_NODE_LABEL, ClusterEvent, EventWithHint
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_masks import preferred_scores, required_mask, selector_mask
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Handle, Plugin, normalize, normalize_array
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.selector import NodeSelector, PreferredTerms
from kubekit.scheduler.framework.status import SKIP, Code, Status, unresolvable

Obj = dict[str, Any]

POD_AFFINITY = unresolvable("node(s) didn't match Pod's node affinity/selector")
ENFORCED = unresolvable("node(s) didn't match scheduler-enforced node affinity")
CONFLICT = unresolvable("pod affinity terms conflict")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class NodeAffinity(Plugin):
    """Filters by required node affinity, scores by preferred.

    Arguments: `addedAffinity`, a NodeAffinity object.
    """

    name = "NodeAffinity"

    def __init__(self, handle: Handle, args: Obj) -> None:
        super().__init__(handle, args)
        added = args.get("addedAffinity") or {}
        self.added = NodeSelector(added[REQUIRED]) if added.get(REQUIRED) is not None else None
        self.added_preferred = PreferredTerms(added[PREFERRED]) if added.get(PREFERRED) else None

    def events(self) -> list[EventWithHint]:
        """A node with other labels."""
        return [EventWithHint(ClusterEvent(NODE, ADD | UPDATE_NODE_LABEL), self.after_node_change)]

    def after_node_change(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Worth a try when the node matches now and did not before."""
        labels, name = _of(new)
        if self.added is not None and not self.added.matches(labels, name):
            return False
        if not pod.required_nodes.matches(labels, name):
            return False
        return old is None or not pod.required_nodes.matches(*_of(old))

    def besides(self, pod: PodInfo, table: NodeTable) -> tuple[()]:
        """Nothing but the pod's node affinity and the node's labels and name matters."""
        return ()

    def pre_filter(
        self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]
    ) -> Status | frozenset[str] | None:
        """Skip without demands; narrow to node names when every term demands some."""
        required = ((pod.spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
        if required is None and self.added is None and pod.spec.get("nodeSelector") is None:
            return SKIP
        terms = (required or {}).get("nodeSelectorTerms") or []
        if not terms:
            return None
        names: frozenset[str] = frozenset()
        for term in terms:
            wanted: frozenset[str] | None = None
            for field in term.get("matchFields") or ():
                if field.get("key") == "metadata.name" and field.get("operator") == "In":
                    values = frozenset(field.get("values") or ())
                    wanted = values if wanted is None else wanted & values
            if wanted is None:
                return None  # this term does not name nodes, so any node may satisfy it
            names |= wanted
        return names or CONFLICT

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Refuse a node that does not satisfy the profile's or the pod's demands."""
        if self.added is not None and not self.added.matches(node.labels, node.name):
            return ENFORCED
        return None if pod.required_nodes.matches(node.labels, node.name) else POD_AFFINITY

    def filter_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable) -> Array | None:
        """The same for all nodes."""
        codes: Array | None = None
        if self.added is not None:
            codes = table.refuse(~selector_mask(table, self.added), ENFORCED.by(self.name))
        wanted = required_mask(table, pod.required_nodes)
        if wanted is not None:
            codes = table.first(codes, table.refuse(~wanted, POD_AFFINITY.by(self.name)))
        return codes

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]) -> Status | None:
        """Skip when nobody prefers anything; fail on preferences that nobody can understand."""
        wanted = pod.preferred_nodes
        if wanted is None:
            return SKIP if self.added_preferred is None else None
        return Status(Code.ERROR, wanted.problem) if wanted.problem else None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The sum of the weights of the preferred terms that hold."""
        total = 0
        if self.added_preferred is not None:
            total += self.added_preferred.score(node.labels, node.name)
        if pod.preferred_nodes is not None:
            total += pod.preferred_nodes.score(node.labels, node.name)
        return total

    def normalize_score(
        self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo], scores: list[int]
    ) -> list[int]:
        """The highest sum becomes 100."""
        return normalize(scores)

    def score_arrays(self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array) -> Array:
        """The same for many nodes."""
        total = table.np.zeros(len(rows), dtype=table.np.int64)
        for preferred in (self.added_preferred, pod.preferred_nodes):
            if preferred is not None:
                total += preferred_scores(table, preferred, rows)
        return total

    def normalize_arrays(
        self, state: CycleState, pod: PodInfo, table: NodeTable, rows: Array, scores: Array
    ) -> Array:
        """The highest sum becomes 100."""
        return normalize_array(scores, table.np)


def _of(node: Obj | None) -> tuple[dict[str, str], str]:
    metadata = (node or {}).get("metadata") or {}
    return metadata.get("labels") or {}, metadata.get("name", "")
