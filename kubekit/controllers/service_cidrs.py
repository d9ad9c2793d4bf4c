"""The ServiceCIDR controller: a network for Services is ready, and stays as long as an address needs it.

A finalizer holds each ServiceCIDR. One that is being deleted is let go when all its networks lie within
others, or when no address of a Service lies in it alone; ten seconds are waited, so that every API server has
heard that no address may be taken from it any more. Source: pkg/controller/servicecidrs.
"""

from __future__ import annotations

import ipaddress
from typing import ClassVar

from kubekit.api.meta import Obj, finalizers_of, is_deleting, labels_of, name_of
from kubekit.api.status_error import StatusError
from kubekit.client import APPLY, Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.sim import parse_rfc3339, rfc3339

CIDRS = "servicecidrs.networking.k8s.io"
ADDRESSES = "ipaddresses.networking.k8s.io"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
ALLOCATOR = "ipallocator.k8s.io"
GRACE = 10.0
READY = "Kubernetes Service CIDR is ready"
STILL_USED = (
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ServiceCidrController(Controller):
    """Makes ServiceCIDRs ready, and keeps those that are used."""

    name: ClassVar[str] = "service-cidr-controller"
    kind: ClassVar[str] = "ServiceCIDR"
    max_retries: ClassVar[int | None] = 15

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.cidrs: Informer
        self.addresses: Informer

    def set_up(self) -> None:
        self.cidrs = self.informer(CIDRS)
        self.addresses = self.informer(ADDRESSES)
        self.watch(
            self.cidrs,
            self._added,
            lambda old, new: self.enqueue(name_of(new), "MODIFIED", new),
            lambda obj: self.enqueue(name_of(obj), "DELETED", obj),
        )
        self.watch(
            self.addresses,
            lambda address: self._address_changed("ADDED", address),
            on_delete=lambda address: self._address_changed("DELETED", address),
        )

    def _added(self, cidr: Obj) -> None:
        """A new network may be what another one waits for that is to go."""
        self.enqueue(name_of(cidr), "ADDED", cidr)
        for other in self.cidrs.list():
            if is_deleting(other) and any(
                _overlap(one, two) for one in networks_of(cidr) for two in networks_of(other)
            ):
                self.enqueue(name_of(other), "ADDED", cidr)

    def _address_changed(self, event: str, address: Obj) -> None:
        number = _managed_address(address)
        for cidr in self._holding(number) if number is not None else ():
            if is_deleting(cidr):
                self.enqueue(name_of(cidr), event, address)

    def _holding(self, number: Address) -> list[Obj]:
        """The ServiceCIDRs from which an address may have been taken."""
        return [
            cidr for cidr in self.cidrs.list() if any(holds(network, number) for network in networks_of(cidr))
        ]

    # -- what it does -----------------------------------------------------------------------------------

    def reconcile(self, key: str) -> None:
        cidr = self.cidrs.get(key)
        if cidr is None:
            return
        if is_deleting(cidr):
            self._let_go(key, cidr)
            return
        if FINALIZER not in finalizers_of(cidr):
            self._patch(key, {"finalizers": [FINALIZER]})
        try:
            self._say(key, cidr, "True", "", READY)
        except StatusError:
            text = "The ServiceCIDR Status can not be set to Ready=True"
            self.event(cidr, "Warning", "KubernetesServiceCIDRError", text)
            raise

    def _let_go(self, key: str, cidr: Obj) -> None:
        if self._is_needed(cidr):
            self._say(key, cidr, "False", "Terminating", STILL_USED)
            return
        left = parse_rfc3339(cidr["metadata"]["deletionTimestamp"]) + GRACE - self.clock.now()
        if left > 0:
            self.queue.add_after(key, left)
        elif FINALIZER in finalizers_of(cidr):
            self._patch(key, {"$deleteFromPrimitiveList/finalizers": [FINALIZER]})

    def _is_needed(self, cidr: Obj) -> bool:
        """Whether an address lies in it and in no other (the other one may be on its way out, too)."""
        networks = networks_of(cidr)
        if all(self._has_parent(cidr, network) for network in networks):
            return False
        for address in self.addresses.list():
            number = _managed_address(address)
            if number is None or number.version not in {network.version for network in networks}:
                continue
            if [name_of(one) for one in self._holding(number)] == [name_of(cidr)]:
                return True
        return False

    def _has_parent(self, cidr: Obj, network: Network) -> bool:
        return any(
            _overlap(one, network) and one.prefixlen <= network.prefixlen
            for other in self.cidrs.list()
            if name_of(other) != name_of(cidr)
            for one in networks_of(other)
        )

    def _patch(self, key: str, metadata: Obj) -> None:
        try:
            self.client.patch(CIDRS, key, {"metadata": metadata})
        except StatusError as error:
            if error.code != 404:
                raise

    def _say(self, key: str, cidr: Obj, value: str, reason: str, message: str) -> None:
        """Write the Ready condition, if it says something else."""
        known = next(
            (c for c in (cidr.get("status") or {}).get("conditions") or () if c["type"] == "Ready"), None
        )
        shown = (known["status"], known.get("reason", ""), known.get("message", "")) if known else None
        if shown == (value, reason, message):
            return
        condition = {
            "type": "Ready",
            "status": value,
            "reason": reason,
            "message": message,
            "lastTransitionTime": rfc3339(self.clock.now()),
        }
        wanted = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": key},
            "status": {"conditions": [condition]},
        }
        self.client.patch(
            CIDRS, key, wanted, patch_type=APPLY, subresource="status", fieldManager=self.name, force="true"
        )


def networks_of(cidr: Obj) -> list[Network]:
    """The networks of a ServiceCIDR."""
    return [ipaddress.ip_network(text) for text in cidr["spec"].get("cidrs") or ()]


def holds(network: Network, number: Address) -> bool:
    """Whether an address may be taken from a network: not its own one, nor that for all (of IPv4)."""
    if number.version != network.version or number not in network or number == network.network_address:
        return False
    return number.version == 6 or number != network.broadcast_address


def _overlap(one: Network, two: Network) -> bool:
    if isinstance(one, ipaddress.IPv4Network):
        return isinstance(two, ipaddress.IPv4Network) and one.overlaps(two)
    return isinstance(two, ipaddress.IPv6Network) and one.overlaps(two)


def _managed_address(address: Obj) -> Address | None:
    if labels_of(address).get(MANAGED_BY) != ALLOCATOR:
        return None
    return ipaddress.ip_address(name_of(address))
