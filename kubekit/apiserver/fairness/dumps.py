"""The pages below /debug/api_priority_and_fairness: the levels, their queues, the requests that have seats.

Text in columns that end with commas. The only requests there are when a dump is made are the dump itself and
those inside of which it was asked for. A request of a level that queues is counted with the queue that it
passed: the first, from a starting point that moves on with each request, of the hand that its flow is dealt,
since all queues are empty. Upstream: apiserver/pkg/util/flowcontrol/apf_controller_debug.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubekit.api.exchange import Response
from kubekit.apiserver.fairness.hands import flow_hash, hand
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.fairness.flow_control import Flow
    from kubekit.apiserver.fairness.level import Level

ROOT = "/debug/api_priority_and_fairness/"
LEVELS = (
    *("PriorityLevelName", "ActiveQueues", "IsIdle", "IsQuiescing", "WaitingRequests", "ExecutingRequests"),
    *("DispatchedRequests", "RejectedRequests", "TimedoutRequests", "CancelledRequests"),
)
QUEUES = (
    *("PriorityLevelName", "Index", "PendingRequests", "ExecutingRequests", "SeatsInUse", "NextDispatchR"),
    *("InitialSeatsSum", "MaxSeatsSum", "TotalWorkSum"),
)
REQUESTS = (
    *("PriorityLevelName", "FlowSchemaName", "QueueIndex", "RequestIndexInQueue", "FlowDistingsher"),
    *("ArriveTime", "InitialSeats", "FinalSeats", "AdditionalLatency", "StartTime"),
)
DETAILS = ("UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource")
NO_WORK = "0.00000000ss"
"""Seat-seconds as the original writes them."""


def dump_priority_levels(ctx: Context) -> Response:
    """A row for each level."""
    rows = []
    for level in ctx.server.flow_control.levels():
        # Who waited until its time was out counts as cancelled; the original counts nothing as timed out.
        cancelled = sum(n for (_, reason), n in level.rejected.items() if reason == "time-out")
        figures = (level.taken, sum(level.served.values()), sum(level.rejected.values()), 0, cancelled)
        idle = "false" if level.taken else "true"
        rows.append([level.name, "0", idle, "false", "0", *map(str, figures)])
    return _table(LEVELS, rows)


def dump_queues(ctx: Context) -> Response:
    """A row for each queue of each level that queues."""
    control = ctx.server.flow_control
    levels = control.levels()
    passed = [(_flow(one).level.name, queue_of(one)) for one in control.executing]
    rows = []
    for level in levels:
        for index in range(level.queues):
            executing = str(passed.count((level.name, index)))
            rows.append([level.name, str(index), "0", executing, executing, NO_WORK, "0", "0", NO_WORK])
    return _table(QUEUES, rows)


def dump_requests(ctx: Context) -> Response:
    """A row for each request that has a seat; with includeRequestDetails also what it asks for."""
    control, details = ctx.server.flow_control, bool(ctx.request.query.get("includeRequestDetails", [""])[0])
    control.levels()
    now = rfc3339(ctx.server.loop.clock.now())
    rows = []
    for one in sorted(control.executing, key=lambda one: _flow(one).level.name):
        flow, info = _flow(one), one.info
        row = [flow.level.name, flow.schema, str(queue_of(one)), "-1", distinguisher(one)]
        row += [now, "1", "0", "0s", now]
        if details:
            version = f"{info.group}/{info.version}" if info.group else info.version
            row += [one.user.name, info.verb, info.path, info.namespace, info.name, version]
            row += [info.resource, info.subresource]
        rows.append(row)
    return _table(REQUESTS + DETAILS if details else REQUESTS, rows)


def distinguisher(ctx: Context) -> str:
    """What tells a request's flow from the others of its schema."""
    by = _flow(ctx).by
    return ctx.user.name if by == "ByUser" else ctx.info.namespace if by == "ByNamespace" else ""


def queue_of(ctx: Context) -> int:
    """The queue that a request passed which has a seat now; -1 in a level without queues."""
    flow = _flow(ctx)
    level = flow.level
    if not level.queues:
        return -1
    dealt = hand(flow_hash(flow.schema, distinguisher(ctx)), level.queues, level.hand_size)
    return dealt[_number(ctx, level) % len(dealt)]


def _number(ctx: Context, level: Level) -> int:
    """How many requests came to the level before this one that has a seat."""
    seated = [one for one in ctx.server.flow_control.executing if _flow(one).level is level]
    return sum(level.served.values()) - len(seated) + next(i for i, one in enumerate(seated) if one is ctx)


def _flow(ctx: Context) -> Flow:
    assert ctx.flow is not None, "who has a seat has a flow"
    return ctx.flow


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> Response:
    """Columns as Go's tabwriter sets them: each as wide as its widest cell and a space, eight at least."""
    lines = [[*(f"{cell}," for cell in row[:-1]), row[-1]] for row in ([*heads], *rows)]
    widths = [max(8, 1 + max(len(line[i]) for line in lines)) for i in range(len(heads) - 1)]
    text = "".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)) + line[-1] + "\n"
        for line in lines
    )
    return Response(200, text, {"Content-Type": "text/plain; charset=utf-8"})


DUMPS = {
    f"{ROOT}dump_priority_levels": dump_priority_levels,
    f"{ROOT}dump_queues": dump_queues,
    f"{ROOT}dump_requests": dump_requests,
}
