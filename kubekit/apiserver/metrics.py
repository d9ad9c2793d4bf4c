"""Metrics: the server's figures in Prometheus' text form, as GET /metrics gives them.

Whoever may `get` the path `/metrics` (a nonResourceURL; the role system:monitoring) may read them. Upstream:
apiserver/pkg/endpoints/metrics, apiserver/pkg/storage/etcd3/metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer


def text(server: APIServer) -> str:
    """All figures."""
    lines = ["# TYPE apiserver_request_total counter"]
    for (verb, code), count in sorted(server.counts.items()):
        lines.append(f'apiserver_request_total{{verb="{verb}",code="{code}"}} {count}')
    lines.append("# TYPE apiserver_storage_objects gauge")
    for store in server.stores():
        lines.append(
            f'apiserver_storage_objects{{resource="{store.resource.qualified}"}} {store.cache.count()}'
        )
    lines.append("# TYPE apiserver_longrunning_requests gauge")
    for store in server.stores():
        if count := sum(1 for _ in store.cache.watchers()):
            lines.append(
                f'apiserver_longrunning_requests{{verb="WATCH",resource="{store.resource.plural}"}} {count}'
            )
    return "\n".join(lines) + "\n"
