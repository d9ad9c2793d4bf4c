"""The framework's loops over whole columns: what `runtime` asks node by node, asked for all nodes at once.

A plugin may have, beside each method that is asked per node, the same method for arrays:

=========================  ====================================================  ===========================
per node                   for all rows of a `NodeTable`                         answer
=========================  ====================================================  ===========================
pre_filter                 pre_filter_arrays(state, pod, table)                  the same
filter                     filter_arrays(state, pod, table)                      status codes, None: all pass
pre_score                  pre_score_arrays(state, pod, table, rows)             the same
score                      score_arrays(state, pod, table, rows)                 a score for each of `rows`
normalize_score            normalize_arrays(state, pod, table, rows, scores)     the scores, normalised
=========================  ====================================================  ===========================

Both must say the same; tests/properties holds them together. A plugin without array form (a learner's, for
instance) is asked node by node, for those nodes only that are left when its turn comes. A class that
overrides the per-node method without the other is asked node by node too. Answers that stand from one pod to
the next are not asked for at all (`standing_answers`).

Source: pkg/scheduler/framework/runtime/framework.go (the semantics; the form is our own).
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.scheduler.framework.array_status import ArrayStatuses
from kubekit.scheduler.framework.cycle_state import CycleState
from kubekit.scheduler.framework.node_info import NodeInfo
from kubekit.scheduler.framework.node_table import Array, NodeTable
from kubekit.scheduler.framework.plugin import Plugin
from kubekit.scheduler.framework.pod_info import PodInfo
from kubekit.scheduler.framework.score_row import ScoreBlock, ScoreRow, check_scores
from kubekit.scheduler.framework.status import NodeStatuses, Status, error_status

if TYPE_CHECKING:
    from kubekit.scheduler.framework.runtime import FilterFn, Framework
    from kubekit.scheduler.framework.standing_scores import StandingScore

ARRAY_FORMS = {
    "pre_filter": "pre_filter_arrays",
    "filter": "filter_arrays",
    "pre_score": "pre_score_arrays",
    "score": "score_arrays",
    "normalize_score": "normalize_arrays",
}


OURS = "kubekit.scheduler.plugins."
"""Array forms in these files are known to stay within 0 to 100; anybody else's are checked."""

FEW = 16
"""So many refusals are cheaper to take out of a list one by one."""

_FORMS: dict[tuple[type, str], bool] = {}


@cache
def is_ours(module: str) -> bool:
    """Whether a plugin of this module is one of this package."""
    return module.startswith(OURS)


def _has_form(kind: type, method: str) -> bool:
    """Whether the array form is at least as new as the method itself, in the order of inheritance."""
    known = _FORMS.get((kind, method))
    if known is None:
        form = ARRAY_FORMS[method]
        newest = next((one for one in kind.__mro__ if form in vars(one) or method in vars(one)), None)
        known = _FORMS[kind, method] = newest is not None and form in vars(newest)
    return known


def array_form(plugin: Plugin, method: str) -> Any:
    """The plugin's array form of a method, or None."""
    return getattr(plugin, ARRAY_FORMS[method]) if _has_form(type(plugin), method) else None


class Found(NamedTuple):
    """What a search came to: feasible rows and nodes in turn, nodes looked at, refusals, or what failed."""

    rows: Array
    nodes: list[NodeInfo]
    looked_at: list[NodeInfo]
    statuses: NodeStatuses
    refusing: list[Status]
    failed: Status | None = None
    failed_on: str = ""


def search(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    table: NodeTable,
    start: int,
    enough: int,
    before: NodeStatuses,
) -> Found:
    """The rows, from `start` on, that pass every filter, until there are `enough`."""
    standing = state.standing
    combined: Array | None = None
    one_by_one: list[tuple[int, str, FilterFn]] = []
    if standing is None:
        to_ask = [(at, *entry) for at, entry in enumerate(framework.with_forms("Filter"))]
    else:
        to_ask = standing.asked_filters
        if standing.filters.refusals:
            combined = standing.filters.codes[: table.size]
    asked = False
    for position, name, plugin, form in to_ask:
        if name in state.skip_filter:
            continue
        if form is None:
            one_by_one.append((position, name, plugin.filter))
            continue
        try:
            codes = form(state, pod, table)
        except Exception as error:
            failed = error_status(error, f'running "{name}" filter plugin', name)
            return Found(table.everything[:0], [], [], before, [], failed, table.nodes[start].name)
        asked = asked or codes is not None
        combined = table.first(combined, codes)
    names, row_of = framework.handle.nominated_nodes(), framework.handle.snapshot.row_of
    promised = {row for name in names if (row := row_of(name)) is not None} if names else set()
    closer = combined
    if promised and not one_by_one:
        closer, asked = _with_promised(framework, state, pod, table, start, enough, combined, promised), True
    if one_by_one or (promised and closer is None):
        return _one_by_one(
            framework, state, pod, table, start, enough, before, combined, one_by_one, promised
        )
    combined = closer
    if combined is None:
        seen = min(enough, table.size)
        looked_at = table.in_turn(start, seen)
        return Found(table.twice[start : start + seen], looked_at, looked_at, before, [])
    if standing is not None and not asked:
        passing, codes = standing.filters.passing, standing.filters.codes
    else:
        passing, codes = table.twice_where(combined == 0), table.np.concatenate((combined, combined))
    return _window(table, start, enough, before, passing, codes)


def _with_promised(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    table: NodeTable,
    start: int,
    enough: int,
    combined: Array | None,
    promised: set[int],
) -> Array | None:
    """The codes, with what is true of rows that were promised to others, as far as the search will get.

    None when a plugin fails there.
    """
    np, size = table.np, table.size
    codes = np.zeros(size, dtype=np.int16) if combined is None else combined.copy()
    filters = framework.filters(state)
    passing, at = 0, start
    for row in sorted(promised, key=lambda row: (row - start) % size):
        parts = (codes[at:row],) if at <= row else (codes[at:], codes[:row])
        passing += sum(len(part) - int(np.count_nonzero(part)) for part in parts)
        if passing >= enough:
            break
        status = framework.run_filters_with_nominated(filters, state, pod, table.nodes[row])
        if status is not None and not status.rejected:
            return None
        codes[row] = table.code_of(status)
        at = row
    return codes


def _window(
    table: NodeTable, start: int, enough: int, before: NodeStatuses, passing: Array, codes: Array
) -> Found:
    """The rows from `start` on until there are enough; `passing` and `codes` hold all rows two times."""
    size, many = table.size, len(passing) // 2
    first = int(passing[:many].searchsorted(start))
    rows = passing[first : first + min(enough, many)]
    seen = (rows.item(-1) - start) % size + 1 if len(rows) == enough else size
    looked_at = table.in_turn(start, seen)
    if len(rows) == seen:
        return Found(rows, looked_at, looked_at, before, [])
    window = codes[start : start + seen].copy()
    if seen - len(rows) <= FEW:
        places, nodes = window.nonzero()[0], looked_at.copy()
        for place in reversed(places.tolist()):
            del nodes[place]
        counted = dict(sorted(Counter(window[places].tolist()).items()))
    else:
        counts, nodes = table.np.bincount(window), table.at(rows)
        counted = {code: counts.item(code) for code in counts.nonzero()[0].tolist() if code}
    statuses = ArrayStatuses(looked_at, window, counted, table.statuses, before)
    return Found(rows, nodes, looked_at, statuses, [s for code in counted if (s := table.statuses[code])])


def _one_by_one(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    table: NodeTable,
    start: int,
    enough: int,
    before: NodeStatuses,
    combined: Array | None,
    one_by_one: list[tuple[int, str, FilterFn]],
    promised: set[int],
) -> Found:
    """As `search`, once arrays have said what they can: some plugins or nodes need a closer look."""
    filters = framework.filters(state)
    order = {name: position for position, (name, _, _) in enumerate(framework.with_forms("Filter"))}
    codes: list[int] = combined.tolist() if combined is not None else [0] * table.size
    rows: list[int] = []
    looked_at: list[NodeInfo] = []
    refused = NodeStatuses(dict(before.by_node), before.absent)
    refusing: dict[Status, None] = {}
    failed, failed_on = None, ""
    for row in table.twice[start : start + table.size].tolist():
        node = table.nodes[row]
        looked_at.append(node)
        status = table.statuses[codes[row]]
        if row in promised:
            status = framework.run_filters_with_nominated(filters, state, pod, node)
        else:
            before_it = one_by_one
            if status is not None:
                limit = order[status.plugin]
                before_it = [entry for entry in one_by_one if entry[0] < limit]
            earlier = framework.run_filters([(name, check) for _, name, check in before_it], state, pod, node)
            status = earlier if earlier is not None else status
        if status is None:
            rows.append(row)
            if len(rows) >= enough:
                break
        elif status.rejected:
            refused.by_node[node.name] = status
            refusing[status] = None
        else:
            failed, failed_on = status, node.name
            break
    found = table.np.array(rows, dtype=table.np.int64)
    nodes = [table.nodes[row] for row in rows]
    return Found(found, nodes, looked_at, refused, list(refusing), failed, failed_on)


def score(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    table: NodeTable,
    rows: Array,
    nodes: list[NodeInfo],
) -> tuple[list[ScoreRow] | ScoreBlock, Array, Status | None]:
    """As `Framework.run_score`, aligned with `rows`; `nodes` are the NodeInfos of these rows."""
    np = table.np
    found: list[ScoreRow] = []
    standing = state.standing.scores(framework) if state.standing is not None else None
    block: Array = None
    known: dict[str, StandingScore] = {}
    if standing is None:
        totals = np.zeros(len(rows), dtype=np.int64)
    else:
        block, totals = standing.of(rows)
        if standing.lines is not None:
            return ScoreBlock(standing.lines, block), totals, None
        known = standing.by_name
    for name, plugin, form in framework.with_forms("Score"):
        if name in state.skip_score:
            continue
        trusted = form is not None and is_ours(type(plugin).__module__)
        one = known.get(name)
        stage = "running Score plugins"
        try:
            if one is not None:
                raw = block[one.place]
            else:
                raw = form(state, pod, table, rows) if form is not None else None
                if raw is None:
                    answers: list[int] = [plugin.score(state, pod, node) for node in nodes]
                    raw = answers
            stage = "running Normalize on Score plugins"
            if one is not None and one.in_sum:
                scaled = one.even[: len(rows)] if one.scaled else raw
            else:
                scaled = normalized(plugin, state, pod, table, rows, nodes, raw)
            stage = ""
            if not trusted:
                check_scores(name, scaled, np)
        except Exception as error:
            if not stage:
                status = error_status(error, "applying score defaultWeights on Score plugins")
            else:
                status = error_status(error, f'{stage}: plugin "{name}" failed with')
            return found, sum_of(found, len(rows), np), status
        weight = framework.weights.get(name, 1)
        if one is None or not one.in_sum:
            values = np.asarray(scaled, dtype=np.int64)
            totals += values if weight == 1 else values * weight
        found.append(ScoreRow(name, weight, raw, scaled))
    return found, totals, None


def sum_of(scores: list[ScoreRow], size: int, np: Any) -> Array:
    """The weighted sum of so many nodes' scores."""
    totals = np.zeros(size, dtype=np.int64)
    for row in scores:
        totals += np.array(row.weighted, dtype=np.int64)
    return totals


def normalized(
    plugin: Plugin,
    state: CycleState,
    pod: PodInfo,
    table: NodeTable,
    rows: Array,
    nodes: list[NodeInfo],
    raw: Any,
) -> Any:
    """A plugin's scores from 0 to 100, as it wants them; raises what it raises."""
    scale = getattr(plugin, "normalize_score", None)
    if scale is None:
        return raw
    form = array_form(plugin, "normalize_score")
    if form is not None and not isinstance(raw, list):
        return form(state, pod, table, rows, raw)
    return scale(state, pod, nodes, raw if isinstance(raw, list) else raw.tolist())
