"""etcd's figures: what a member answers under /metrics, in Prometheus' text form.

`Counters` counts what passes one member's door; `text` adds what the member itself knows at the moment.
Names, types and help texts are etcd's, for the series that have a meaning here; what measures Go's runtime or
a disk's latency is left out.
Source: server/etcdserver/metrics.go, server/storage/mvcc/metrics.go, server/lease/metrics.go,
server/etcdserver/api/v3rpc/metrics.go, go-grpc-prometheus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from kubekit.etcd.calls import REQUEST_STREAMS, RESPONSE_STREAMS
from kubekit.serving.quiet_grpc import grpc

SERVER_VERSION = "3.6.13"
CLUSTER_VERSION = "3.6.0"


class Counters:
    """What has passed one member's door."""

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self.started: Counter[str] = Counter()
        self.handled: Counter[tuple[str, str]] = Counter()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.health: Counter[bool] = Counter()

    def began(self, name: str, type: str, version: object) -> None:
        """A call arrived; `version` is what its client says of itself."""
        self.started[name] += 1
        self.requests[type, str(version)] += 1

    def ended(self, name: str, code: grpc.StatusCode) -> None:
        """A call was answered."""
        self.handled[name, _go_name(code)] += 1


class Series(NamedTuple):
    """One metric: its values by their labels as text, e.g. ``{'{server_id="8e9e"}': 1}``."""

    name: str
    type: str
    help: str
    values: dict[str, float]


def text(member: Any, counters: Counters, open_streams: int) -> str:
    """Everything, sorted by name as Prometheus' own client writes it."""
    lines: list[str] = []
    found = [*_of_member(member), *_of_door(counters, open_streams)]
    for series in sorted(found, key=lambda one: one.name):
        lines.append(f"# HELP {series.name} {series.help}")
        lines.append(f"# TYPE {series.name} {series.type}")
        lines += [f"{series.name}{labels} {_number(value)}" for labels, value in series.values.items()]
    return "\n".join(lines) + "\n"


def _of_member(member: Any) -> Iterable[Series]:
    store, status = member.store, member.status()
    leader = int(status.get("leader", 0))
    figures: list[tuple[str, str, str, float]] = [
        ("etcd_server_has_leader", "gauge",
         "Whether or not a leader exists. 1 is existence, 0 is not.", leader != 0),
        ("etcd_server_is_leader", "gauge",
         "Whether or not this member is a leader. 1 if is, 0 otherwise.", leader == member.id),
        ("etcd_server_is_learner", "gauge",
         "Whether or not this member is a learner. 1 if is, 0 otherwise.", bool(status.get("isLearner"))),
        ("etcd_server_leader_changes_seen_total", "counter",
         "The number of leader changes seen.", getattr(member, "leader_changes", int(bool(leader)))),
        ("etcd_server_proposals_committed_total", "gauge",
         "The total number of consensus proposals committed.", status.get("raftIndex", 0)),
        ("etcd_server_proposals_applied_total", "gauge",
         "The total number of consensus proposals applied.", status.get("raftAppliedIndex", 0)),
        ("etcd_server_proposals_pending", "gauge",
         "The current number of pending proposals to commit.", getattr(member, "pending_proposals", 0)),
        ("etcd_server_quota_backend_bytes", "gauge",
         "Current backend storage quota size in bytes.", status.get("dbSizeQuota", 0)),
        ("etcd_mvcc_db_total_size_in_bytes", "gauge",
         "Total size of the underlying database physically allocated in bytes.", status.get("dbSize", 0)),
        ("etcd_mvcc_db_total_size_in_use_in_bytes", "gauge",
         "Total size of the underlying database logically in use in bytes.", status.get("dbSizeInUse", 0)),
        ("etcd_debugging_mvcc_current_revision", "gauge",
         "The current revision of store.", store.revision),
        ("etcd_debugging_mvcc_compact_revision", "gauge",
         "The revision of the last compaction in store.", store.compacted_revision),
        ("etcd_debugging_mvcc_keys_total", "gauge",
         "Total number of keys.", len(store.index.by_key)),
        ("etcd_debugging_mvcc_watcher_total", "gauge",
         "Total number of watchers.", len(store.watchers)),
        ("etcd_debugging_mvcc_slow_watcher_total", "gauge",
         "Total number of unsynced slow watchers.", store.watchers.unsynced),
        ("etcd_debugging_auth_revision", "gauge",
         "The current revision of auth store.", member.auth.revision),
    ]  # fmt: skip
    for name, type, help, value in figures:
        yield Series(name, type, help, {"": float(value)})
    help = "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID."
    yield Series("etcd_server_id", "gauge", help, {f'{{server_id="{member.id:x}"}}': 1.0})
    help = "Which version is running. 1 for 'server_version' label with current version."
    yield Series("etcd_server_version", "gauge", help, {f'{{server_version="{SERVER_VERSION}"}}': 1.0})
    help = "Which version is running. 1 for 'cluster_version' label with current cluster version"
    yield Series("etcd_cluster_version", "gauge", help, {f'{{cluster_version="{CLUSTER_VERSION[:3]}"}}': 1.0})


def _of_door(counters: Counters, streams: int) -> Iterable[Series]:
    plain: list[tuple[str, str, str, float]] = [
        ("etcd_network_client_grpc_received_bytes_total", "counter",
         "The total number of bytes received from grpc clients.", counters.received),
        ("etcd_network_client_grpc_sent_bytes_total", "counter",
         "The total number of bytes sent to grpc clients.", counters.sent),
        ("etcd_server_health_success", "counter", "The total number of successful health checks",
         counters.health[True]),
        ("etcd_server_health_failures", "counter", "The total number of failed health checks",
         counters.health[False]),
        ("etcd_debugging_mvcc_watch_stream_total", "gauge", "Total number of watch streams.", streams),
    ]  # fmt: skip
    for name, type, help, value in plain:
        yield Series(name, type, help, {"": float(value)})
    yield Series(
        "etcd_server_client_requests_total",
        "counter",
        "The total number of client requests per client version.",
        {
            f'{{client_api_version="{_label(version)}",type="{type}"}}': float(count)
            for (type, version), count in sorted(counters.requests.items())
        },
    )
    yield Series(
        "grpc_server_started_total",
        "counter",
        "Total number of RPCs started on the server.",
        {f"{{{_method(name)}}}": float(count) for name, count in sorted(counters.started.items())},
    )
    yield Series(
        "grpc_server_handled_total",
        "counter",
        "Total number of RPCs completed on the server, regardless of success or failure.",
        {
            f'{{grpc_code="{code}",{_method(name)}}}': float(count)
            for (name, code), count in sorted(counters.handled.items())
        },
    )


def _method(name: str) -> str:
    service, _, method = name.partition("/")
    type = "unary"
    if name in REQUEST_STREAMS:
        type = "bidi_stream"
    elif name in RESPONSE_STREAMS:
        type = "server_stream"
    return f'grpc_method="{method}",grpc_service="etcdserverpb.{service}",grpc_type="{type}"'


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _go_name(code: grpc.StatusCode) -> str:
    """A code as Go writes it: ``NOT_FOUND`` is ``NotFound``, but ``OK`` stays."""
    if code is grpc.StatusCode.OK:
        return "OK"
    if code is grpc.StatusCode.CANCELLED:
        return "Canceled"
    return "".join(word.capitalize() for word in code.name.split("_"))


def _number(value: float) -> str:
    """A number as Go writes it: the shortest text, with an exponent from a million on."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    power = len(digits) + exponent - 1
    if value == 0 or -4 <= power < 6:
        return f"{value:.0f}" if value == int(value) else repr(value)
    head, rest = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' * sign}{head}{'.' * bool(rest)}{rest}e{power:+03d}"
