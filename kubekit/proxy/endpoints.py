"""EndpointSlices as kube-proxy sees them: endpoints by service port, and which Services' endpoints
changed.

A Service may have many slices and an endpoint may move between them, so slices are remembered one by one
(`applied`), events only mark them (`pending`), and a sync takes all marks at once. An address that stands
twice is one endpoint; a terminating twin never replaces a running one (a pod's address may be given anew
early). Source: pkg/proxy/endpointslicecache.go, endpointschangetracker.go, endpoint.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.api.meta import Obj
from kubekit.proxy.addresses import join_host_port, parse_ip
from kubekit.proxy.chains import endpoint_chain
from kubekit.proxy.service_map import ServicePortName

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class Endpoint(NamedTuple):
    """One backend of a service port. `text` is "address:port", `chain` its KUBE-SEP chain."""

    ip: str
    port: int
    text: str
    is_local: bool
    ready: bool
    serving: bool
    terminating: bool
    zone_hints: frozenset[str]
    node_hints: frozenset[str]
    chain: str


Endpoints = dict[ServicePortName, list[Endpoint]]


class _Slices:
    """The slices of one Service: as the last sync took them, and those that changed since (None: removed)."""

    __slots__ = ("applied", "pending")

    def __init__(self) -> None:
        self.applied: dict[str, Obj] = {}
        self.pending: dict[str, Obj | None] = {}


class EndpointsUpdate(NamedTuple):
    """What a sync took: the Services ("ns/name") touched, and whether UDP flows may be stale now."""

    services: set[str]
    udp: bool


class EndpointsChangeTracker:
    """Collects the changes of EndpointSlices until a sync takes them."""

    def __init__(self, family: str, node_name: str) -> None:
        self.family = family
        self.node_name = node_name
        self._services: dict[str, _Slices] = {}

    def update(self, endpoint_slice: Obj, removed: bool = False) -> bool:
        """Note a slice that came, changed or went; whether that is a change a sync must take."""
        if endpoint_slice.get("addressType") != self.family:
            return False
        meta = endpoint_slice["metadata"]
        service = (meta.get("labels") or {}).get(SERVICE_NAME_LABEL, "")
        namespace, name = meta.get("namespace", ""), meta.get("name", "")
        if not service or not namespace or not name:
            return False
        slices = self._services.setdefault(f"{namespace}/{service}", _Slices())
        data = None if removed else endpoint_slice
        if name in slices.pending:
            changed = slices.pending[name] != data
        elif name in slices.applied:
            changed = removed or slices.applied[name] != data
        else:
            changed = not removed
        if changed:
            slices.pending[name] = data
        return changed

    @property
    def waiting(self) -> bool:
        """Whether anything waits for a sync."""
        return any(slices.pending for slices in self._services.values())

    def take(self) -> dict[str, tuple[Endpoints, Endpoints]]:
        """Apply everything that is pending: "ns/name" -> endpoints before and after."""
        taken: dict[str, tuple[Endpoints, Endpoints]] = {}
        for service, slices in list(self._services.items()):
            if not slices.pending:
                continue
            before = self._endpoints(service, slices.applied)
            for name, data in slices.pending.items():
                if data is None:
                    slices.applied.pop(name, None)
                else:
                    slices.applied[name] = data
            slices.pending = {}
            if not slices.applied:
                del self._services[service]
            taken[service] = (before, self._endpoints(service, slices.applied))
        return taken

    def _endpoints(self, service: str, slices: dict[str, Obj]) -> Endpoints:
        found: dict[ServicePortName, dict[str, Endpoint]] = {}
        for data in slices.values():
            for port in data.get("ports") or []:
                if port.get("name") is None or not port.get("port"):
                    continue
                name = ServicePortName(service, port["name"], port.get("protocol") or "TCP")
                self._collect(
                    name, int(port["port"]), data.get("endpoints") or [], found.setdefault(name, {})
                )
        return {
            name: sorted(endpoints.values(), key=lambda endpoint: endpoint.text)
            for name, endpoints in found.items()
            if endpoints
        }

    def _collect(
        self, name: ServicePortName, port: int, endpoints: list[Obj], found: dict[str, Endpoint]
    ) -> None:
        written, protocol = str(name), name.protocol.lower()
        for endpoint in endpoints:
            addresses = endpoint.get("addresses") or []
            if not addresses:
                continue
            conditions = endpoint.get("conditions") or {}
            terminating = bool(conditions.get("terminating"))
            ip = parse_ip(addresses[0])
            text = join_host_port(ip, port)
            if text in found and terminating:
                continue
            hints = endpoint.get("hints") or {}
            found[text] = Endpoint(
                ip=ip,
                port=port,
                text=text,
                is_local=bool(self.node_name) and endpoint.get("nodeName") == self.node_name,
                ready=conditions.get("ready") is not False,
                serving=conditions.get("serving") is not False,
                terminating=terminating,
                zone_hints=frozenset(hint["name"] for hint in hints.get("forZones") or []),
                node_hints=frozenset(hint["name"] for hint in hints.get("forNodes") or []),
                chain=endpoint_chain(written, protocol, text),
            )


class EndpointsMap(dict[ServicePortName, list[Endpoint]]):
    """All endpoints by service port, sorted by "address:port"."""

    def update_from(self, tracker: EndpointsChangeTracker) -> EndpointsUpdate:
        """Take the tracker's changes over."""
        services: set[str] = set()
        udp = False
        for service, (before, after) in tracker.take().items():
            services.add(service)
            for name in before:
                self.pop(name, None)
            self.update(after)
            udp = udp or any(name.protocol == "UDP" for name in (*before, *after))
        return EndpointsUpdate(services, udp)

    def local_ready(self, services: set[str]) -> dict[str, int]:
        """For those of the Services that have any: how many addresses of ready endpoints are on this node."""
        addresses: dict[str, set[str]] = {}
        if services:
            for name, endpoints in self.items():
                if name.service in services:
                    for endpoint in endpoints:
                        if endpoint.ready and endpoint.is_local:
                            addresses.setdefault(name.service, set()).add(endpoint.ip)
        return {service: len(found) for service, found in addresses.items()}
