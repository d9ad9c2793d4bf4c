"""Topology hints: which zone or node an endpoint should serve, for Services with `trafficDistribution`.

With PreferClose or PreferSameZone each endpoint is for its own zone, with PreferSameNode also for its own
node; if any endpoint has no zone, none gets hints. Source: k8s.io/endpointslice/trafficdist.
"""

from __future__ import annotations

from kubekit.api.meta import Obj
from kubekit.client import Informer

SAME_ZONE = ("PreferClose", "PreferSameZone")


def add_hints(
    service: Obj, create: list[Obj], update: list[Obj], unchanged: list[Obj], nodes: Informer
) -> list[Obj]:
    """Put hints on the slices that are to be written; returns further slices whose hints are wrong."""
    wanted = service["spec"].get("trafficDistribution")
    for one in (*create, *update):
        one["endpoints"] = (
            [_hinted(e, wanted) for e in one["endpoints"]] if one["endpoints"] else one["endpoints"]
        )
    more = []
    for one in unchanged:
        endpoints = one.get("endpoints") or []
        hinted = [_hinted(endpoint, wanted) for endpoint in endpoints]
        if hinted != endpoints:
            more.append({**one, "endpoints": hinted})
    return more


def _hinted(endpoint: Obj, wanted: str | None) -> Obj:
    plain = {key: value for key, value in endpoint.items() if key != "hints"}
    zone, node = endpoint.get("zone"), endpoint.get("nodeName")
    hints: Obj = {}
    if endpoint["conditions"].get("ready"):
        if wanted in SAME_ZONE and zone:
            hints["forZones"] = [{"name": zone}]
        elif wanted == "PreferSameNode":
            if node:
                hints["forNodes"] = [{"name": node}]
            if zone:
                hints["forZones"] = [{"name": zone}]
    return {**plain, "hints": hints} if hints else plain
