"""Services as kube-proxy sees them: one `ServicePort` a port, and what changed since the last sync.

The proxy calls `ServiceChangeTracker.update(old, new)` for every event; a sync takes all changes at once
with `ServicePortMap.update(tracker)` and learns which Services were touched. Several events of one
Service between two syncs are one change, and a change that was taken back is none. Objects are read,
never kept. Source: pkg/proxy/serviceport.go, servicechangetracker.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubekit.api.meta import Obj
from kubekit.proxy.addresses import family_of, parse_cidr, parse_ip
from kubekit.proxy.chains import service_chains


class ServicePortName(NamedTuple):
    """The name of a service port: "ns/name", the port's name (may be empty) and the protocol (TCP)."""

    service: str
    port: str
    protocol: str

    def __str__(self) -> str:
        return f"{self.service}:{self.port}" if self.port else self.service


class ServicePort(NamedTuple):
    """What matters of one port of a Service, for one address family."""

    cluster_ip: str
    port: int
    protocol: str
    node_port: int
    affinity: str
    sticky_seconds: int
    external_ips: tuple[str, ...]
    load_balancer_ips: tuple[str, ...]
    source_ranges: tuple[str, ...] | None
    """None: none were given; (): one of them allows everything."""
    health_check_node_port: int
    external_local: bool
    internal_local: bool
    name: str
    cluster_chain: str
    local_chain: str
    firewall_chain: str
    external_chain: str

    @property
    def externally_accessible(self) -> bool:
        """Whether it can be reached by something other than its cluster IP."""
        return bool(self.node_port or self.load_balancer_ips or self.external_ips)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Whether endpoints anywhere are used; with externalTrafficPolicy Local for this node's own
        traffic.
        """
        return not self.internal_local or self.externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        """Whether endpoints of this node alone are used by some traffic."""
        return self.internal_local or (self.external_local and self.externally_accessible)


Ports = dict[ServicePortName, ServicePort]


def is_proxied(service: Obj) -> bool:
    """Whether kube-proxy has anything to do for it: it has a cluster IP and is no ExternalName."""
    spec = service.get("spec") or {}
    return spec.get("clusterIP", "") not in ("", "None") and spec.get("type") != "ExternalName"


def cluster_ip_of(service: Obj, family: str) -> str:
    """The Service's cluster IP of one family, "" when it has none."""
    spec = service.get("spec") or {}
    families = spec.get("ipFamilies") or []
    if not families:
        address: str = spec.get("clusterIP", "")
        if address in ("", "None"):
            return ""
        return address if family_of(address) == family else ""
    addresses = spec.get("clusterIPs") or []
    for place, candidate in enumerate(families):
        if candidate == family and place < len(addresses):
            found: str = addresses[place]
            return found
    return ""


def service_ports(service: Obj | None, family: str) -> Ports | None:
    """The service ports of a Service for one family; None when it is not proxied."""
    if service is None or not is_proxied(service):
        return None
    cluster_ip = cluster_ip_of(service, family)
    if not cluster_ip:
        return None
    meta = service["metadata"]
    key = f"{meta.get('namespace', '')}/{meta['name']}"
    found: Ports = {}
    for port in service["spec"].get("ports") or []:
        protocol = port.get("protocol") or "TCP"
        name = ServicePortName(key, port.get("name") or "", protocol)
        found[name] = _service_port(service, port, name, family, cluster_ip)
    return found


def _service_port(
    service: Obj, port: Obj, name: ServicePortName, family: str, cluster_ip: str
) -> ServicePort:
    spec = service["spec"]
    kind = spec.get("type", "ClusterIP")
    accessible = kind in ("LoadBalancer", "NodePort") or (
        kind == "ClusterIP" and bool(spec.get("externalIPs"))
    )
    external_local = accessible and spec.get("externalTrafficPolicy") == "Local"
    affinity = spec.get("sessionAffinity") or "None"
    sticky = 0
    if affinity == "ClientIP":
        config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        sticky = int(config.get("timeoutSeconds") or 10800)
    health = kind == "LoadBalancer" and external_local
    written = str(name)
    svc, svl, firewall, external = service_chains(written, name.protocol.lower())
    return ServicePort(
        cluster_ip=parse_ip(cluster_ip),
        port=int(port["port"]),
        protocol=name.protocol,
        node_port=int(port.get("nodePort") or 0),
        affinity=affinity,
        sticky_seconds=sticky,
        external_ips=_of_family([parse_ip(address) for address in spec.get("externalIPs") or []], family),
        load_balancer_ips=_of_family(_vips(service), family),
        source_ranges=_source_ranges(spec.get("loadBalancerSourceRanges") or [], family),
        health_check_node_port=int(spec.get("healthCheckNodePort") or 0) if health else 0,
        external_local=external_local,
        internal_local=spec.get("internalTrafficPolicy") == "Local",
        name=written,
        cluster_chain=svc,
        local_chain=svl,
        firewall_chain=firewall,
        external_chain=external,
    )


def _of_family(addresses: list[str], family: str) -> tuple[str, ...]:
    return tuple(address for address in addresses if address and family_of(address) == family)


def _vips(service: Obj) -> list[str]:
    """Addresses of load balancers that hand packets on unchanged (ipMode VIP)."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [parse_ip(item["ip"]) for item in ingress if item.get("ip") and item.get("ipMode", "VIP") == "VIP"]


def _source_ranges(written: list[str], family: str) -> tuple[str, ...] | None:
    ranges = _of_family([parse_cidr(cidr.strip()) for cidr in written], family)
    if any(cidr.endswith("/0") for cidr in ranges):
        return ()
    return ranges or None


class _Change:
    __slots__ = ("current", "previous")

    def __init__(self, previous: Ports | None) -> None:
        self.previous = previous
        self.current: Ports | None = None


class ServiceChangeTracker:
    """Collects the changes of Services until a sync takes them."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.items: dict[str, _Change] = {}

    def update(self, old: Obj | None, new: Obj | None) -> bool:
        """Note that `old` became `new` (None: added or deleted); whether anything waits for a sync now."""
        service = new or old
        if service is None:
            return False
        meta = service["metadata"]
        key = f"{meta.get('namespace', '')}/{meta['name']}"
        change = self.items.get(key)
        if change is None:
            change = self.items[key] = _Change(service_ports(old, self.family))
        change.current = service_ports(new, self.family)
        if change.previous == change.current:
            del self.items[key]
        return bool(self.items)


class ServicePortMap(dict[ServicePortName, ServicePort]):
    """All service ports by name."""

    def update_from(self, tracker: ServiceChangeTracker) -> set[str]:
        """Take the tracker's changes over; the "ns/name" of every Service that was touched."""
        touched: set[str] = set()
        for key, change in tracker.items.items():
            touched.add(key)
            current = change.current or {}
            self.update(current)
            for name in change.previous or {}:
                if name not in current:
                    self.pop(name, None)
        tracker.items = {}
        return touched

    def health_check_node_ports(self) -> dict[str, int]:
        """ "ns/name" -> node port, for Services that have one for health checks."""
        return {
            name.service: port.health_check_node_port
            for name, port in self.items()
            if port.health_check_node_port
        }
