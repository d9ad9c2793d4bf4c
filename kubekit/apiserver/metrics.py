"""Metrics: the server's figures in Prometheus' text form, as GET /metrics gives them.

Whoever may `get` the path `/metrics` (a nonResourceURL; the role system:monitoring) may read them. Answering
takes no virtual time here, so every request lies in the first bucket of the durations. Left out: what
depends on a real machine (memory, garbage collection, connections). Upstream:
apiserver/pkg/endpoints/metrics/metrics.go, apiserver/pkg/storage/etcd3/metrics,
apiserver/pkg/util/flowcontrol/metrics.

    apiserver_request_total{code="201",...,resource="pods",scope="resource",...,verb="POST",version="v1"} 3
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kubekit.apiserver.fairness import figures
from kubekit.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Labels = tuple[tuple[str, str], ...]
Counted = tuple[str, str, str, str, str, str, int, bool]

UNSERVED = RequestInfo("", "")
"""In the place of what is asked for, when nothing serves it."""

VERBS = {"create": "POST", "update": "PUT"}
BUCKETS = (
    *("0.005", "0.025", "0.05", "0.1", "0.2", "0.4", "0.6", "0.8", "1", "1.25", "1.5", "2", "3", "4", "5"),
    *("6", "8", "10", "15", "20", "30", "45", "60", "+Inf"),
)
"""Upper bounds of the durations, in seconds."""


def counted(info: RequestInfo, code: int, dry_run: bool) -> Counted:
    """Under what a request is counted: verb, group, version, resource, subresource, scope, code, dry run."""
    verb = VERBS.get(info.verb) or info.verb.upper()
    if not info.is_resource:
        return verb, "", "", "", info.path, "", code, dry_run
    # A created object has its name in the body, and is one object all the same.
    one = info.name or info.verb == "create"
    scope = "resource" if one else "namespace" if info.namespace else "cluster"
    return verb, info.group, info.version, info.resource, info.subresource, scope, code, dry_run


def text(server: APIServer) -> str:
    """All figures."""
    made = _Text()
    requests = sorted(server.counts.items())
    made.family("apiserver_request_total", "counter", "Counter of apiserver requests.")
    for key, count in requests:
        verb, group, version, resource, subresource, scope, code, dry_run = key
        labels = _of(verb, group, version, resource, subresource, scope, dry_run)
        made.line("apiserver_request_total", (("code", str(code)), *labels), count)
    name = "apiserver_request_duration_seconds"
    made.family(name, "histogram", "Response latency distribution in seconds.")
    sums: dict[Labels, int] = {}
    for key, count in requests:
        verb, group, version, resource, subresource, scope, _, dry_run = key
        if verb != "WATCH":
            labels = _of(verb, group, version, resource, subresource, scope, dry_run)
            sums[labels] = sums.get(labels, 0) + count
    for labels, count in sums.items():
        for bucket in BUCKETS:
            made.line(f"{name}_bucket", (*labels, ("le", bucket)), count)
        made.line(f"{name}_sum", labels, 0)
        made.line(f"{name}_count", labels, count)
    _present(server, made)
    _objects(server, made)
    return made.text()


def _of(
    verb: str, group: str, version: str, resource: str, subresource: str, scope: str, dry_run: bool
) -> Labels:
    return (
        ("component", "apiserver"),
        ("dry_run", "All" if dry_run else ""),
        ("group", group),
        ("resource", resource),
        ("scope", scope),
        ("subresource", subresource),
        ("verb", verb),
        ("version", version),
    )


def _present(server: APIServer, made: _Text) -> None:
    """What goes on now."""
    figures.write(server.flow_control, made)
    name = "apiserver_longrunning_requests"
    made.family(name, "gauge", "Active long-running requests (here: watches).")
    for store in server.stores():
        count = sum(1 for _ in store.cache.watchers())
        if count:
            one = store.resource
            labels = (
                ("group", one.group),
                ("resource", one.plural),
                ("verb", "WATCH"),
                ("version", one.version),
            )
            made.line(name, labels, count)


def _objects(server: APIServer, made: _Text) -> None:
    """What is kept."""
    name = "apiserver_storage_objects"
    made.family(name, "gauge", "Number of stored objects, by resource.")
    for store in server.stores():
        made.line(name, (("resource", store.resource.qualified),), store.cache.count())
    if server.audit is not None:
        name = "apiserver_audit_event_total"
        made.family(name, "counter", "Audit events that were kept.")
        made.line(name, (), server.audit.total)


class _Text:
    """Lines in Prometheus' form."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(self, name: str, kind: str, help: str) -> None:
        """Begin a family of figures."""
        self._lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]

    def line(self, name: str, labels: Iterable[tuple[str, str]], value: float) -> None:
        """One figure."""
        shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
        self._lines.append(f"{name}{{{shown}}} {value}" if shown else f"{name} {value}")

    def text(self) -> str:
        """Everything."""
        return "\n".join(self._lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
