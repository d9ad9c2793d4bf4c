"""Cluster addresses: each Service gets one from a ServiceCIDR, and an IPAddress object holds it.

An address is taken by creating the IPAddress of that name, which only one can do, and given back by
deleting it. Free addresses are drawn at random from the upper part of the range; the lower part (up to 256
addresses) is left for those who choose by hand, and used when nothing else is free. Upstream:
pkg/registry/core/service/ipallocator.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kubekit.api.meta import is_true
from kubekit.api.status_error import StatusError
from kubekit.apiserver.registry.store import ResourceStore

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

GROUP = "networking.k8s.io"
FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family"
MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"


class AllocationError(Exception):
    """An address cannot be had; the text says why. `full` when nothing is left."""

    def __init__(self, text: str, full: bool = False) -> None:
        super().__init__(text)
        self.full = full


def family_of(address: str) -> str:
    """IPv4 or IPv6."""
    return "IPv6" if ":" in address else "IPv4"


class ServiceIPs:
    """The allocator of one server."""

    def __init__(self, server: APIServer) -> None:
        self.server = server

    def networks(self) -> list[Network]:
        """The networks of all ServiceCIDRs that are not going, the server's own first."""
        found = [ipaddress.ip_network(text) for text in self.server.service_cidr.split(",")]
        for cidr in self.server.store(GROUP, "servicecidrs").cache.span():
            if cidr["metadata"].get("deletionTimestamp") or not _ready(cidr):
                continue
            for text in (cidr.get("spec") or {}).get("cidrs") or ():
                network = ipaddress.ip_network(text, strict=False)
                if network not in found:
                    found.append(network)
        return found

    def families(self) -> list[str]:
        """The address families of this cluster, the default one first."""
        return list(dict.fromkeys(f"IPv{network.version}" for network in self.networks()))

    def take(self, service: Obj, address: str, dry_run: bool) -> str:
        """Take one particular address; raises `AllocationError`."""
        ip = ipaddress.ip_address(address)
        network = next((n for n in self.networks() if n.version == ip.version and ip in n), None)
        if network is None:
            raise AllocationError("the provided network does not match the current range")
        first, last = _usable(network)
        if not first <= int(ip) <= last:
            text = f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {network}"
            raise AllocationError(text)
        if dry_run:
            if self._addresses().find("", str(ip)) is not None:
                raise AllocationError("provided IP is already allocated")
        elif not self._create(service, str(ip)):
            raise AllocationError("provided IP is already allocated")
        return str(ip)

    def take_any(self, service: Obj, family: str, dry_run: bool) -> str:
        """Take a free address of a family; raises `AllocationError`."""
        for network in self.networks():
            if f"IPv{network.version}" != family:
                continue
            if dry_run:
                # A dry run does not look for a free address: nobody would hold it.
                return str(network.network_address)
            for number in self._candidates(network):
                text = str(ipaddress.ip_address(number))
                if self._addresses().find("", text) is None and self._create(service, text):
                    return text
        raise AllocationError("range is full", full=True)

    def release(self, addresses: list[str]) -> None:
        """Give addresses back."""
        from kubekit.apiserver.boot import internal_context
        from kubekit.apiserver.registry.deletion import delete

        store = self._addresses()
        for address in addresses:
            ctx = internal_context(self.server, GROUP, "v1", "ipaddresses", "", address)
            try:
                delete(store, ctx, "", address, {})
            except StatusError as error:
                if error.code != 404:
                    raise

    def _candidates(self, network: Network) -> Iterator[int]:
        first, last = _usable(network)
        size = last - first + 1
        if size <= 0:
            return
        offset = 0 if network.num_addresses <= 16 else max(16, min(256, network.num_addresses // 16))
        split = min(first - 1 + offset, last) if offset else first
        upper = last - split + 1
        if upper > 0:
            start = int(self.server.loop.rng.random() * upper)
            for step in range(upper):
                yield split + (start + step) % upper
        yield from range(first, split)

    def _addresses(self) -> ResourceStore:
        return self.server.store(GROUP, "ipaddresses")

    def _create(self, service: Obj, address: str) -> bool:
        from kubekit.apiserver.boot import internal_context

        metadata = service["metadata"]
        obj: Obj = {
            "kind": "IPAddress",
            "apiVersion": f"{GROUP}/v1",
            "metadata": {
                "name": address,
                "labels": {FAMILY_LABEL: family_of(address), MANAGED_BY_LABEL: MANAGER},
            },
            "spec": {
                "parentRef": {
                    "resource": "services",
                    "namespace": metadata.get("namespace", ""),
                    "name": metadata.get("name", ""),
                }
            },
        }
        ctx = internal_context(self.server, GROUP, "v1", "ipaddresses", "", address)
        try:
            self._addresses().create(ctx, obj)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            return False
        return True


def _usable(network: Network) -> tuple[int, int]:
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.num_addresses > 1:
        first += 1
        if network.version == 4:
            last -= 1
    return first, last


def _ready(cidr: Obj) -> bool:
    conditions = (cidr.get("status") or {}).get("conditions") or ()
    return not conditions or is_true(cidr, "Ready")
