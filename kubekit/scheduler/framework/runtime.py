"""The framework: one profile's plugins, and for each extension point one loop that runs them.

This file is the whole semantics of extension points: who is asked in which order, what a skip means, how a
refusal differs from an error, how scores are weighted. It knows no plugin by name. Plugins that raise are
turned into error statuses here, with the original's wording around them.

Source: pkg/scheduler/framework/runtime/framework.go.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kubekit.scheduler.extender import EXTENDERS, Extender
from kubekit.scheduler.framework.arrangement import Arrangement
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.events import (
    ADD,
    NODE,
    UPDATE_NODE_TAINT,
    ClusterEvent,
    HintFn,
    every_event,
)
from kubekit.scheduler.framework.guard import guard
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Handle, Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.score_row import ScoreRow, check_scores
from kubekit.scheduler.framework.standing_answers import Shelf, StandingAnswers
from kubekit.scheduler.framework.status import (
    Code,
    NodeStatuses,
    Status,
    error_status,
    unschedulable,
)

FilterFn = Callable[[CycleState, PodInfo, NodeInfo], Status | None]


class Framework(Arrangement):
    """A profile: its plugins, and the loops that run them."""

    def __init__(
        self, name: str, handle: Handle, points: dict[str, list[Plugin]], weights: dict[str, int]
    ) -> None:
        self.name = name
        self.handle = handle
        super().__init__(points, weights)
        self.percentage_of_nodes_to_score: int | None = None
        self.extenders: list[Extender] = []
        """Programs that are asked after the plugins, the same for all profiles."""
        self._shelf: Shelf | None = None

    def welcome(self, plugin: Plugin) -> None:
        """A plugin takes part now: it may ask for the framework, and is guarded against."""
        plugin.framework = self
        guard(plugin)

    def forget(self) -> None:
        """Drop what was derived from the arrangement as it was."""
        super().forget()
        self._shelf = None

    def standing_answers(self, pod: PodInfo, table: NodeTable) -> StandingAnswers | None:
        """What plugins need not be asked about this pod's nodes."""
        if self._shelf is None:
            self._shelf = Shelf(self)
        return self._shelf.find(pod, table)

    def hints(self) -> list[tuple[ClusterEvent, str, HintFn | None]]:
        """Which events interest which plugin, with the closer look it asks for."""
        found: list[tuple[ClusterEvent, str, HintFn | None]] = []
        refusing = ("pre_enqueue", "pre_filter", "filter", "reserve", "permit")
        for plugin in self.plugins():
            if not any(hasattr(plugin, method) for method in refusing):
                continue  # a plugin that refuses nobody has nothing to wait for
            registered = plugin.events()
            events = every_event() if registered is None else list(registered)
            found += [(event, plugin.name, hint) for event, hint in events]
            node_actions = 0
            for event, _ in events:
                node_actions |= event.action if event.resource == NODE else 0
            if node_actions & ADD and not node_actions & UPDATE_NODE_TAINT:
                # A node may be added with a taint that goes away later; both together are "a node came".
                found.append((ClusterEvent(NODE, UPDATE_NODE_TAINT), plugin.name, None))
        if self.extenders:  # nobody knows what would change an extender's mind
            found += [(event, EXTENDERS, hint) for event, hint in every_event()]
        return found

    # -- PreEnqueue, QueueSort ---------------------------------------------------------------------

    def run_pre_enqueue(self, pod: PodInfo, first: str = "") -> Status | None:
        """The first refusal to let the pod into the queue; `first` (who refused before) begins."""
        plugins = self.points["PreEnqueue"]
        for plugin in sorted(plugins, key=lambda plugin: plugin.name != first) if first else plugins:
            try:
                status = plugin.pre_enqueue(pod)
            except Exception as error:
                return error_status(error, f'running PreEnqueue plugin "{plugin.name}"', plugin.name)
            if status is not None:
                return status.by(plugin.name)
        return None

    # -- PreFilter, Filter -------------------------------------------------------------------------

    def run_pre_filter(
        self, state: CycleState, pod: PodInfo, table: NodeTable | None = None
    ) -> tuple[frozenset[str] | None, Status | None, set[str]]:
        """(the node names it was narrowed to or None for all, refusal or None, the plugins that narrowed).

        With a `table`, plugins that can prepare for arrays do so.
        """
        nodes = self.handle.snapshot.nodes
        skipped: set[str] = set()
        narrowed: frozenset[str] | None = None
        narrowing: set[str] = set()
        refusal: Status | None = None
        known: dict[str, bool] = {}
        if state.standing is not None:
            state.later(partial(state.standing.prepare, state, pod))
            if state.standing.whole:
                state.skip_filter = state.standing.skip_filter
                return None, None, narrowing
            known = state.standing.skips
        try:
            for name, plugin, form in self.with_forms("PreFilter"):
                if name in known:
                    if known[name]:
                        skipped.add(name)
                    continue
                try:
                    if table is not None and form is not None:
                        answer = form(state, pod, table)
                    else:
                        answer = plugin.pre_filter(state, pod, nodes)
                except Exception as error:
                    return None, error_status(error, f'running PreFilter plugin "{name}"', name), set()
                if answer is None:
                    continue
                if isinstance(answer, Status):
                    if answer.code == Code.SKIP:
                        skipped.add(name)
                    elif answer.code == Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
                        return None, answer.by(name), set()
                    else:
                        refusal = answer.by(name)
                    continue
                narrowing.add(name)
                names = frozenset(answer)
                narrowed = names if narrowed is None else narrowed & names
                if not narrowed:
                    who = sorted(narrowing)
                    text = f"node(s) didn't satisfy plugin(s) [{' '.join(who)}] simultaneously"
                    if len(who) == 1:
                        text = f"node(s) didn't satisfy plugin {who[0]}"
                    return narrowed, Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, text), narrowing
            return narrowed, refusal, narrowing
        finally:
            state.skip_filter = frozenset(skipped)

    def filters(self, state: CycleState) -> list[tuple[str, FilterFn]]:
        """The Filter plugins that PreFilter has not excused from this attempt."""
        return [
            (plugin.name, plugin.filter)
            for plugin in self.points["Filter"]
            if plugin.name not in state.skip_filter
        ]

    def run_filters(
        self, filters: list[tuple[str, FilterFn]], state: CycleState, pod: PodInfo, node: NodeInfo
    ) -> Status | None:
        """The first plugin's refusal of this node, or None."""
        name = ""
        try:
            for name, check in filters:
                status = check(state, pod, node)
                if status is not None:
                    return status.by(name)
        except Exception as error:
            return error_status(error, f'running "{name}" filter plugin', name)
        return None

    def run_filters_with_nominated(
        self, filters: list[tuple[str, FilterFn]], state: CycleState, pod: PodInfo, node: NodeInfo
    ) -> Status | None:
        """As `run_filters`, but the pod must fit both with and without the pods nominated to this node.

        With them, because they were promised the place (if they are at least as important); without them,
        because they are not there yet, and an affinity to them must not count.
        """
        nominated = [
            other
            for other in self.handle.nominated_pods(node.name)
            if other.priority >= pod.priority and other.uid != pod.uid
        ]
        if nominated:
            with_them, their_node = state.clone(), node.clone()
            for other in nominated:
                their_node.add_pod(other)
                if (failed := self.add_pod(with_them, pod, other, their_node)) is not None:
                    return failed
            status = self.run_filters(filters, with_them, pod, their_node)
            if status is not None:
                return status
        return self.run_filters(filters, state, pod, node)

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> Status | None:
        """Tell PreFilter's data that `other` is on the node too; an error status or None."""
        return self._what_if("add_pod", "AddPod", state, pod, other, node)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> Status | None:
        """Tell PreFilter's data that `other` is gone from the node; an error status or None."""
        return self._what_if("remove_pod", "RemovePod", state, pod, other, node)

    def _what_if(
        self, method: str, title: str, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo
    ) -> Status | None:
        for plugin in self.points["PreFilter"]:
            adjust = getattr(plugin, method, None)
            if adjust is None or plugin.name in state.skip_filter:
                continue
            try:
                adjust(state, pod, other, node)
            except Exception as error:
                return error_status(error, f'running {title} on PreFilter plugin "{plugin.name}"')
        return None

    def run_post_filter(
        self, state: CycleState, pod: PodInfo, statuses: NodeStatuses
    ) -> tuple[str | None, Status]:
        """(nominated node, "" to clear the nomination, None to leave it; what PostFilter has to say)."""
        nominated: str | None = None
        reasons: list[str] = []
        rejector = ""
        for plugin in self.points["PostFilter"]:
            try:
                answer, status = plugin.post_filter(state, pod, statuses)
            except Exception as error:
                return None, error_status(error, plugin=plugin.name)
            if status.code in (Code.SUCCESS, Code.UNSCHEDULABLE_AND_UNRESOLVABLE):
                return answer, status.by(plugin.name)
            if not status.rejected:
                return None, status.by(plugin.name)
            if answer is not None:
                nominated = answer
            reasons += status.reasons
            rejector = rejector or plugin.name
        return nominated, unschedulable(*reasons).by(rejector)

    # -- PreScore, Score ---------------------------------------------------------------------------

    def run_pre_score(
        self,
        state: CycleState,
        pod: PodInfo,
        nodes: list[NodeInfo],
        table: NodeTable | None = None,
        rows: Array = None,
    ) -> Status | None:
        """Let plugins prepare, or excuse themselves from scoring; an error status or None.

        With a `table` (and the nodes' `rows`) plugins that can prepare for arrays do so.
        """
        skipped: set[str] = set()
        known: dict[str, bool] = {}
        standing = state.standing.scores(self) if state.standing is not None else None
        if standing is not None:
            state.later(partial(standing.prepare, state, pod, nodes))
            if standing.whole:
                state.skip_score = standing.skip_score
                return None
            known = standing.skips
            skipped.update(standing.skip_score)
        for name, plugin, form in self.with_forms("PreScore"):
            if name in known:
                continue
            try:
                if table is not None and form is not None:
                    status = form(state, pod, table, rows)
                else:
                    status = plugin.pre_score(state, pod, nodes)
            except Exception as error:
                return error_status(error, f'running PreScore plugin "{plugin.name}"')
            if status is None:
                continue
            if status.code != Code.SKIP:
                return Status(Code.ERROR, f'running PreScore plugin "{plugin.name}": {status.message}')
            skipped.add(plugin.name)
        state.skip_score = frozenset(skipped)
        return None

    def run_score(
        self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo]
    ) -> tuple[list[ScoreRow], list[int], Status | None]:
        """(each plugin's row, the totals, an error status or None), all aligned with `nodes`."""
        rows: list[ScoreRow] = []
        totals = [0] * len(nodes)
        for plugin in self.points["Score"]:
            name = plugin.name
            if name in state.skip_score:
                continue
            stage = "running Score plugins"
            try:
                score = plugin.score
                raw: list[int] = [score(state, pod, node) for node in nodes]
                stage = "running Normalize on Score plugins"
                scale = getattr(plugin, "normalize_score", None)
                normalized: list[int] = raw if scale is None else scale(state, pod, nodes, raw)
                stage = ""
                check_scores(name, normalized)
            except Exception as error:
                if not stage:
                    return rows, totals, error_status(error, "applying score defaultWeights on Score plugins")
                return rows, totals, error_status(error, f'{stage}: plugin "{name}" failed with')
            weight = self.weights.get(name, 1)
            totals = [total + weight * value for total, value in zip(totals, normalized, strict=True)]
            rows.append(ScoreRow(name, weight, raw, normalized))
        return rows, totals, None

    # -- Reserve, Permit, Bind: see binding.py, which runs them one by one because they may have to wait -----

    def run_reserve(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """Let plugins take what they hold for the pod; the first refusal or error, or None."""
        for plugin in self.points["Reserve"]:
            try:
                status = plugin.reserve(state, pod, node)
            except Exception as error:
                return error_status(error, f'running Reserve plugin "{plugin.name}"')
            if status is not None and status.code != Code.SUCCESS:
                return status.by(plugin.name)
        return None

    def run_unreserve(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """Give everything back, in reverse order. Nothing may fail here, so failures are passed over."""
        for plugin in reversed(self.points["Reserve"]):
            try:
                plugin.unreserve(state, pod, node)
            except Exception:
                continue
