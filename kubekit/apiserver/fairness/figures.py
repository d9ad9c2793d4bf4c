"""The figures of priority and fairness in /metrics.

Nothing waits and no request takes any of the cluster's time: the requests in queues, and what is averaged
over time, are 0. Upstream: apiserver/pkg/util/flowcontrol/metrics/metrics.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from kubekit.apiserver.fairness.flow_control import FlowControl
from kubekit.apiserver.fairness.level import Level

PREFIX = "apiserver_flowcontrol_"
MUTATING = frozenset({"create", "update", "patch", "delete", "deletecollection"})

_GAUGES: tuple[tuple[str, str, Callable[[Level], float]], ...] = (
    ("nominal_limit_seats", "Nominal number of execution seats of each level.", lambda level: level.nominal),
    ("lower_limit_seats", "Configured lower bound on the seats of each level.", lambda level: level.lower),
    ("upper_limit_seats", "Configured upper bound on the seats of each level.", lambda level: level.upper),
    (
        "current_limit_seats",
        "Seats that each level has for now.",
        # An exempt level has as many as it took at once, or keeps.
        lambda level: max(level.lower, level.watermark) if level.current is None else level.current,
    ),
    (
        "demand_seats_high_watermark",
        "Most seats that were wanted at once, over the last adjustment period.",
        lambda level: level.watermark,
    ),
    ("demand_seats_average", "Time-weighted average of the seats wanted.", lambda level: 0),
    ("demand_seats_stdev", "Time-weighted standard deviation of the seats wanted.", lambda level: 0),
    ("demand_seats_smoothed", "Smoothed seat demands.", lambda level: 0),
    ("target_seats", "Seat allocation targets.", lambda level: level.target),
)


class Writer(Protocol):
    """What writes figures down."""

    def family(self, name: str, kind: str, help: str) -> None:
        """Begin a family of figures."""

    def line(self, name: str, labels: Iterable[tuple[str, str]], value: float) -> None:
        """One figure."""


def write(control: FlowControl, made: Writer) -> None:
    """All figures of priority and fairness, and the requests in flight."""
    levels = control.levels()
    mutating = sum(1 for ctx in control.executing if ctx.info.verb in MUTATING)
    name = "apiserver_current_inflight_requests"
    made.family(name, "gauge", "Currently used inflight request limit, per request kind.")
    made.line(name, (("request_kind", "mutating"),), mutating)
    made.line(name, (("request_kind", "readOnly"),), len(control.executing) - mutating)
    for name, help, figure in _GAUGES:
        made.family(PREFIX + name, "gauge", help)
        for level in levels:
            made.line(PREFIX + name, (("priority_level", level.name),), figure(level))
    made.family(
        PREFIX + "seat_fair_frac", "gauge", "Fair fraction of the seats for each level that can use it."
    )
    made.line(PREFIX + "seat_fair_frac", (), control.fraction)
    _requests(control, levels, made)


def _requests(control: FlowControl, levels: list[Level], made: Writer) -> None:
    now = Counter((ctx.flow.level.name, ctx.flow.schema) for ctx in control.executing if ctx.flow is not None)
    seen = [(level.name, schema) for level in levels for schema in sorted(level.served)]
    for name, help in (
        ("current_executing_requests", "Requests that are being served."),
        ("current_executing_seats", "Seats that these occupy."),
        ("current_inqueue_requests", "Requests that wait in queues."),
    ):
        made.family(PREFIX + name, "gauge", help)
        for key in seen:
            value = 0 if name == "current_inqueue_requests" else now[key]
            made.line(PREFIX + name, _labels(*key), value)
    made.family(PREFIX + "dispatched_requests_total", "counter", "Requests that got a seat.")
    for level in levels:
        for schema, count in sorted(level.served.items()):
            made.line(PREFIX + "dispatched_requests_total", _labels(level.name, schema), count)
    made.family(PREFIX + "rejected_requests_total", "counter", "Requests that got none.")
    for level in levels:
        for (schema, reason), count in sorted(level.rejected.items()):
            labels = (*_labels(level.name, schema), ("reason", reason))
            made.line(PREFIX + "rejected_requests_total", labels, count)


def _labels(level: str, schema: str) -> tuple[tuple[str, str], ...]:
    return ("flow_schema", schema), ("priority_level", level)
