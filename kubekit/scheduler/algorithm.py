"""The algorithm: from a pod and a snapshot to a node, or to the reasons why there is none.

Three questions in order: which nodes could run the pod (PreFilter, Filter), which of them should (PreScore,
Score), and, among equals, which one (a draw). Nothing is changed here; what was found out goes into the
`Attempt`. In a large cluster the search stops once enough feasible nodes were found, and the next search
begins where this one ended.

Small clusters are looked at node by node. From `ARRAYS_FROM` nodes on the same questions are asked for all
nodes at once (`framework/array_runtime`), with the same answers; `arrays` may force either way. What a pod
like this one was told before, and still holds, is not asked again (`framework/standing_answers`).

Source: pkg/scheduler/schedule_one.go (schedulePod, findNodesThatFitPod, prioritizeNodes).
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.extender_calls import AttemptFailed, add_extender_scores, pass_extenders
from kubekit.scheduler.framework.array_runtime import score, search
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.fit_error import FitError, NoNodesAvailable
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.runtime import Framework
from kubekit.scheduler.framework.status import Code, NodeStatuses, Status
from kubekit.scheduler.snapshot import Snapshot
from kubekit.sim import Rng

MIN_FEASIBLE_NODES = 100
MIN_PERCENTAGE = 5
__all__ = ["ARRAYS_FROM", "Algorithm", "AttemptFailed"]

ARRAYS_FROM = 64
"""Nodes from which on arrays are faster (measured: `python -m benchmarks scheduler`)."""


class Algorithm:
    """Finds a node. It remembers only where the last search ended.

    `percentage_of_nodes_to_score` 0 means adaptive: half of the nodes, less in larger clusters, at least 5 %
    and at least 100 nodes.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        rng: Rng,
        percentage_of_nodes_to_score: int = 0,
        arrays: bool | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.rng = rng
        self.percentage = percentage_of_nodes_to_score
        self.arrays = arrays
        """True: always with arrays, False: never, None: whatever is faster."""
        self.next_start = 0

    def schedule(self, framework: Framework, state: CycleState, pod: PodInfo, attempt: Attempt) -> str:
        """The name of the node for the pod.

        Raises `FitError` when nothing fits, `NoNodesAvailable` when there is nothing, `AttemptFailed` when a
        plugin failed.
        """
        if not self.snapshot.nodes:
            raise NoNodesAvailable
        feasible = self.find_feasible(framework, state, pod, attempt)
        if not feasible:
            raise FitError(len(self.snapshot.nodes), attempt.diagnosis)
        if len(feasible) == 1:
            attempt.pick(0)
            return feasible[0].name
        self.prioritize(framework, state, pod, feasible, attempt)
        tied = attempt.best_places()
        attempt.pick(int(tied[0] if len(tied) == 1 else self.rng.choice(tied)))
        return attempt.node

    def uses_arrays(self) -> bool:
        """Whether the next search asks for all nodes at once."""
        if self.arrays is None:
            return len(self.snapshot.nodes) >= ARRAYS_FROM and numpy_is_there()
        return self.arrays

    def find_feasible(
        self, framework: Framework, state: CycleState, pod: PodInfo, attempt: Attempt
    ) -> list[NodeInfo]:
        """The nodes that pass every filter; refusals are in the attempt's diagnosis."""
        diagnosis = attempt.diagnosis
        table = self.snapshot.table if self.uses_arrays() else None
        if table is not None:
            state.standing = framework.standing_answers(pod, table)
        narrowed, refusal, narrowing = framework.run_pre_filter(state, pod, table)
        attempt.skip_filter = state.skip_filter
        diagnosis.unschedulable_plugins = narrowing
        if refusal is not None:
            attempt.pre_filter = refusal
            if not refusal.rejected:
                raise AttemptFailed(refusal)
            diagnosis.statuses.absent = refusal
            diagnosis.pre_filter_message = refusal.message
            diagnosis.add(refusal)
            return []
        nominated = self.snapshot.get(pod.nominated_node) if pod.nominated_node else None
        if nominated is not None:
            # Preemption made room there: nobody else is looked at when the pod still fits.
            feasible = self._filter(framework, state, pod, [nominated], attempt, 0)
            if feasible and framework.extenders:
                feasible = pass_extenders(framework.extenders, pod, feasible, attempt)
            if feasible:
                attempt.via_nominated_node = True
                attempt.feasible = feasible
                return feasible
        nodes = self.snapshot.nodes
        if narrowed is not None:
            nodes = [
                self.snapshot.by_name[name] for name in sorted(narrowed) if name in self.snapshot.by_name
            ]
            attempt.narrowed = narrowed
            who = " ".join(sorted(narrowing))
            text = f"node(s) didn't satisfy plugin(s) [{who}]"
            diagnosis.statuses.absent = Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, text)
        if table is not None and narrowed is None:
            feasible = self._filter_arrays(framework, state, pod, attempt, table)
        else:
            feasible = self._filter(framework, state, pod, nodes, attempt, self.next_start)
        processed = len(feasible) + len(diagnosis.statuses)
        self.next_start = (self.next_start + processed) % len(self.snapshot.nodes)
        if framework.extenders:
            feasible = pass_extenders(framework.extenders, pod, feasible, attempt)
        attempt.feasible = feasible
        return feasible

    def _filter_arrays(
        self, framework: Framework, state: CycleState, pod: PodInfo, attempt: Attempt, table: NodeTable
    ) -> list[NodeInfo]:
        """As `_filter`, over all nodes of the snapshot."""
        diagnosis = attempt.diagnosis
        enough = self.enough(framework, table.size)
        start = self.next_start % table.size
        found = search(framework, state, pod, table, start, enough, diagnosis.statuses)
        diagnosis.statuses = found.statuses
        for status in found.refusing:
            diagnosis.add(status)
        if found.failed is not None:
            attempt.failed_on = found.failed_on
            raise AttemptFailed(found.failed)
        attempt.nodes = found.looked_at
        attempt.rows = found.rows
        return found.nodes

    def _filter(
        self,
        framework: Framework,
        state: CycleState,
        pod: PodInfo,
        nodes: list[NodeInfo],
        attempt: Attempt,
        start: int,
    ) -> list[NodeInfo]:
        """Those of `nodes`, from `start` on, that fit, until there are enough."""
        if not nodes:
            return []
        enough = self.enough(framework, len(nodes))
        filters = framework.filters(state)
        refused: NodeStatuses = attempt.diagnosis.statuses
        add = attempt.diagnosis.add
        has_nominated = framework.handle.nominated_pods
        check = framework.run_filters
        check_with = framework.run_filters_with_nominated
        feasible: list[NodeInfo] = []
        start %= len(nodes)
        turn = nodes[start:] + nodes[:start]
        looked_at = 0
        for node in turn:
            looked_at += 1
            run = check_with if has_nominated(node.name) else check
            status = run(filters, state, pod, node)
            if status is None:
                feasible.append(node)
                if len(feasible) >= enough:
                    break
            elif status.rejected:
                refused.by_node[node.name] = status
                add(status)
            else:
                attempt.failed_on = node.name
                raise AttemptFailed(status)
        attempt.nodes = turn[:looked_at]
        return feasible

    def enough(self, framework: Framework, nodes: int) -> int:
        """How many feasible nodes end the search."""
        extenders = framework.extenders
        if not framework.points["Score"] and not any(one.filter_verb or one.score_verb for one in extenders):
            return 1
        if nodes < MIN_FEASIBLE_NODES:
            return nodes
        own = framework.percentage_of_nodes_to_score
        percentage = own if own is not None else self.percentage
        if percentage == 0:
            percentage = max(MIN_PERCENTAGE, 50 - nodes // 125)
        return max(MIN_FEASIBLE_NODES, nodes * percentage // 100)

    def prioritize(
        self,
        framework: Framework,
        state: CycleState,
        pod: PodInfo,
        feasible: list[NodeInfo],
        attempt: Attempt,
    ) -> None:
        """Score the feasible nodes; rows and totals go into the attempt."""
        if not framework.points["Score"] and not framework.extenders:
            attempt.totals = [1] * len(feasible)
            return
        table = self.snapshot.table if self.uses_arrays() else None
        if table is None:
            failed = framework.run_pre_score(state, pod, feasible)
        else:
            rows = self._rows(feasible, attempt, table)
            failed = framework.run_pre_score(state, pod, feasible, table, rows)
        if failed is not None:
            raise AttemptFailed(failed)
        attempt.skip_score = state.skip_score
        if table is None:
            attempt.scores, attempt.totals, failed = framework.run_score(state, pod, feasible)
        else:
            attempt.scores, attempt.totals, failed = score(framework, state, pod, table, rows, feasible)
        if failed is not None:
            raise AttemptFailed(failed)
        if framework.extenders:
            add_extender_scores(framework.extenders, pod, feasible, attempt)

    def _rows(self, feasible: list[NodeInfo], attempt: Attempt, table: NodeTable) -> Array:
        """The table's rows of the feasible nodes."""
        if attempt.rows is not None and len(attempt.rows) == len(feasible):
            return attempt.rows
        places = [self.snapshot.row_of(node.name) for node in feasible]
        return table.np.array(places, dtype=table.np.int64)


@cache
def numpy_is_there() -> bool:
    """Whether NumPy is installed; nothing is imported."""
    return find_spec("numpy") is not None
