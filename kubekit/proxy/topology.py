"""Which endpoints of a service port this node may use: by readiness, by traffic policy, by topology
hints.

`categorize` is asked once for each service port that changed. Ready endpoints are used; only where there
are none, endpoints that still serve although they terminate. Hints count only if every ready endpoint has
one and one of them is for this node (or zone): else they are ignored altogether, which is safe but
surprises people. Source: pkg/proxy/topology.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.proxy.endpoints import Endpoint
from kubekit.proxy.service_map import ServicePort

ZONE_LABEL = "topology.kubernetes.io/zone"
SAME_NODE, SAME_ZONE = "PreferSameNode", "PreferSameZone"


class Categories(NamedTuple):
    """The endpoints for each policy; `reachable` is their union, `any` whether the service has one
    anywhere.
    """

    cluster: list[Endpoint]
    local: list[Endpoint]
    reachable: list[Endpoint]
    any: bool


def categorize(
    endpoints: list[Endpoint], port: ServicePort, node_name: str, labels: dict[str, str]
) -> Categories:
    """Sort a service port's endpoints into those for the Cluster policy and those for the Local policy."""
    if not endpoints:
        return Categories([], [], [], False)
    zone = labels.get(ZONE_LABEL, "")
    cluster: list[Endpoint] = []
    mode = ""
    if port.uses_cluster_endpoints:
        mode = topology_mode(endpoints, node_name, zone)
        cluster = [e for e in endpoints if e.ready and available(e, mode, node_name, zone)]
        if not cluster:
            cluster = [e for e in endpoints if e.serving and e.terminating]
    some = bool(cluster)
    if not port.uses_local_endpoints:
        return Categories(cluster, [], cluster, some)

    leaving = [e for e in endpoints if not e.ready and e.serving and e.terminating]
    some = some or bool(leaving) or any(e.ready for e in endpoints)
    local = [e for e in endpoints if e.ready and e.is_local]
    terminating_only = False
    if not local and any(e.is_local for e in leaving):
        terminating_only = True
        local = [e for e in endpoints if e.is_local and e.serving and e.terminating]
    if not port.uses_cluster_endpoints:
        return Categories(cluster, local, local, some)
    if not mode and not terminating_only:
        return Categories(cluster, local, cluster, some)
    merged = {e.text: e for e in (*cluster, *local)}
    return Categories(cluster, local, list(merged.values()), some)


def topology_mode(endpoints: list[Endpoint], node_name: str, zone: str) -> str:
    """ "PreferSameNode", "PreferSameZone" or "" (hints are absent or cannot be used)."""
    ready = [e for e in endpoints if e.ready]
    if not ready:
        return ""
    if all(e.node_hints for e in ready) and any(node_name in e.node_hints for e in ready):
        return SAME_NODE
    if all(e.zone_hints for e in ready) and any(zone in e.zone_hints for e in ready):
        return SAME_ZONE
    return ""


def available(endpoint: Endpoint, mode: str, node_name: str, zone: str) -> bool:
    """Whether an endpoint may be used in a topology mode."""
    if mode == SAME_NODE:
        return node_name in endpoint.node_hints
    if mode == SAME_ZONE:
        return zone in endpoint.zone_hints
    return True
