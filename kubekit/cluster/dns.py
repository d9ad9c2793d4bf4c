"""The cluster's DNS: what CoreDNS answers from Services and EndpointSlices, and what lies beyond.

    zone.lookup("web.shop.svc.cluster.local", "A")

There is no pod of CoreDNS here: its answers are worked out from what the API server's caches hold, and stay
what they were while the API server does not run. Names outside the cluster are those of a small pretended
world: whatever ends in a well-known domain stands for one machine outside.
Source: github.com/coredns/coredns plugin/kubernetes; the DNS specification of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubekit.api.meta import Obj
from kubekit.kubelet.pod_files import DOMAIN
from kubekit.kubelet.pod_network import Entry
from kubekit.network.fabric import OUTSIDE_ADDRESS

if TYPE_CHECKING:
    from kubekit.cluster.cluster import Cluster

NOERROR, NXDOMAIN = "NOERROR", "NXDOMAIN"
WORLD = frozenset(
    ["com", "org", "net", "io", "dev", "edu", "gov", "info", "co", "app", "cloud", "ai", "me",
     "ch", "de", "at", "eu", "uk", "us", "fr", "it", "es", "nl", "jp", "cn", "in", "br"]
)  # fmt: skip
"""Top-level domains whose names stand for something outside."""
NAME_LABEL = "kubernetes.io/service-name"

Found = tuple[str, tuple[Entry, ...]]


class Zone:
    """The names of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept: dict[tuple[str, str], list[Obj]] = {}

    def lookup(self, name: str, kind: str) -> Found:
        """The answer for a full name without its last dot: (code, records)."""
        name = name.lower()
        if name.endswith(".in-addr.arpa"):
            return self._reverse(name)
        if name == DOMAIN or name.endswith(f".{DOMAIN}"):
            return self._inside(name, kind)
        return outside(name, kind)

    # -- below cluster.local ----------------------------------------------------------------------------

    def _inside(self, name: str, kind: str) -> Found:
        labels = name.removesuffix(DOMAIN).rstrip(".").split(".")
        if labels[-1] == "pod" and len(labels) == 3:
            return self._pod(name, labels[0], labels[1], kind)
        if labels in (["svc"], [""]):
            return NOERROR, ()
        if labels[-1] != "svc" or len(labels) > 5:
            return NXDOMAIN, ()
        *rest, namespace, _ = labels
        if not rest:
            return (NOERROR if self._services(namespace) else NXDOMAIN), ()
        service = next((s for s in self._services(namespace) if s["metadata"]["name"] == rest[-1]), None)
        if service is None:
            return NXDOMAIN, ()
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return self._external(name, spec.get("externalName", ""), kind) if len(rest) == 1 else _NOTHING
        if len(rest) == 3 or kind == "SRV":
            return self._ports(name, service, rest[:-1], kind)
        headless = spec.get("clusterIP") == "None"
        if len(rest) == 1 and not headless:
            return NOERROR, _addresses(name, spec.get("clusterIPs") or [spec.get("clusterIP")], kind)
        if not headless:
            return NXDOMAIN, ()
        wanted = rest[0] if len(rest) == 2 else ""
        found = [
            address
            for address, called in self._endpoints(service)
            if not wanted or called == wanted or address.replace(".", "-") == wanted
        ]
        if not found:
            return NXDOMAIN, ()
        return NOERROR, _addresses(name, list(dict.fromkeys(found)), kind)

    def _external(self, name: str, target: str, kind: str) -> Found:
        alias = Entry(name, "CNAME", f"{target}.")
        if kind == "CNAME" or target == name:
            return NOERROR, (alias,)
        return NOERROR, (alias, *self.lookup(target, kind)[1])

    def _ports(self, name: str, service: Obj, above: list[str], kind: str) -> Found:
        """`_port._protocol.service`: where a named port is."""
        spec, full = service["spec"], name
        for label in above:
            full = full.removeprefix(f"{label}.")
        wanted = [label.removeprefix("_") for label in above if label.startswith("_")]
        if above and len(wanted) != 2:
            return NXDOMAIN, ()
        ports = [
            port
            for port in spec.get("ports") or ()
            if not wanted or wanted == [port.get("name", ""), port.get("protocol", "TCP").lower()]
        ]
        if not ports:
            return NXDOMAIN, ()
        hosts = [full]
        if spec.get("clusterIP") == "None":
            named = self._endpoints(service)
            hosts = [f"{called or address.replace('.', '-')}.{full}" for address, called in named]
        share = 100 // max(1, len(hosts))
        records = tuple(Entry(name, "SRV", f"0 {share} {p['port']} {h}.") for p in ports for h in hosts)
        return NOERROR, records if kind in ("SRV", "ANY") else ()

    def _pod(self, name: str, dashed: str, namespace: str, kind: str) -> Found:
        parts = dashed.split("-")
        if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
            return NXDOMAIN, ()
        return NOERROR, _addresses(name, [".".join(parts)], kind)

    def _reverse(self, name: str) -> Found:
        address = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
        for service in self._services(""):
            meta, spec = service["metadata"], service["spec"]
            full = f"{meta['name']}.{meta['namespace']}.svc.{DOMAIN}"
            if address == spec.get("clusterIP"):
                return NOERROR, (Entry(name, "PTR", f"{full}."),)
            if spec.get("clusterIP") != "None":
                continue
            for found, called in self._endpoints(service):
                if found == address:
                    return NOERROR, (Entry(name, "PTR", f"{called or address.replace('.', '-')}.{full}."),)
        if address == self._cluster.settings.cluster_dns:
            return NOERROR, (Entry(name, "PTR", f"kube-dns.kube-system.svc.{DOMAIN}."),)
        return NXDOMAIN, ()

    # -- objects ----------------------------------------------------------------------------------------

    def _services(self, namespace: str) -> list[Obj]:
        return self._objects("", "services", namespace)

    def _endpoints(self, service: Obj) -> Iterator[tuple[str, str]]:
        """(address, hostname) of the ready endpoints of a Service, or of all where it wants that."""
        meta, spec = service["metadata"], service["spec"]
        for one in self._objects("discovery.k8s.io", "endpointslices", meta["namespace"]):
            if (one["metadata"].get("labels") or {}).get(NAME_LABEL) != meta["name"]:
                continue
            for endpoint in one.get("endpoints") or ():
                ready = (endpoint.get("conditions") or {}).get("ready", True)
                if ready is not False or spec.get("publishNotReadyAddresses"):
                    for address in endpoint.get("addresses") or ():
                        yield address, endpoint.get("hostname", "")

    def _objects(self, group: str, plural: str, namespace: str) -> list[Obj]:
        server = self._cluster.apiserver
        if server.running:
            self._kept[(plural, namespace)] = list(server.store(group, plural).cache.span(namespace))
        return self._kept.get((plural, namespace), [])


_NOTHING: Found = (NXDOMAIN, ())


def outside(name: str, kind: str) -> Found:
    """The names of the world outside."""
    if "." not in name or name.rpartition(".")[2] not in WORLD:
        return NXDOMAIN, ()
    return NOERROR, _addresses(name, [OUTSIDE_ADDRESS], kind)


def _addresses(name: str, addresses: list[str], kind: str) -> tuple[Entry, ...]:
    found = [Entry(name, "AAAA" if ":" in address else "A", address) for address in addresses if address]
    return tuple(entry for entry in found if kind in (entry.kind, "ANY"))
