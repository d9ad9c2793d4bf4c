"""A host: one node's interfaces, addresses, routes, listening ports and netfilter.

Made by `fabric.add_host`. A pod hangs on the bridge `cni0` by a veth pair; `attach_pod` and `detach_pod` are
what a CNI plugin calls. Routes are the usual four: the node's own addresses, its pods behind the bridge, the
other nodes' pods each via its node (host-gw), and everything else by `eth0`. Sysctls that make or break a pod
network are in `sysctls` and are obeyed. A host never sends by itself: `fabric` moves packets between hosts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from kubekit.network.address import Network, network, number, text, version
from kubekit.network.netfilter import Netfilter

if TYPE_CHECKING:
    from kubekit.network.fabric import Fabric

Listening = Callable[[str, int], bool]
"""Whether something answers at (protocol, port), e.g. ("tcp", 80)."""


class Interface(NamedTuple):
    """A pod's end of the cable: the pod's key, its address, its name on the host, and who listens inside."""

    pod: str
    address: str
    veth: str
    listening: Listening | None


class Route(NamedTuple):
    """Where a packet goes next: `device` out, `via` a gateway ("" when the receiver is on that device)."""

    destination: str
    device: str
    via: str = ""
    src: str = ""

    def line(self) -> str:
        """The route as `ip route` prints it."""
        via = f" via {self.via}" if self.via else ""
        scope = f" proto kernel scope link src {self.src}" if self.src else ""
        return f"{self.destination}{via} dev {self.device}{scope}"


class Host:
    """One node of the network. `pod_cidr` may be set later, when the node has been given one."""

    def __init__(
        self, fabric: Fabric, name: str, ip: str, pod_cidr: str = "", addresses: list[str] | None = None
    ):
        self.fabric = fabric
        self.name = name
        self.ip = ip
        self.addresses = [ip, *(address for address in addresses or [] if address != ip)]
        """Every address of the node on its outer interfaces, the first one first."""
        self.pods: dict[str, Interface] = {}
        self.by_address: dict[str, Interface] = {}
        self.sysctls = {
            "net.ipv4.ip_forward": 1,
            "net.ipv6.conf.all.forwarding": 1,
            "net.bridge.bridge-nf-call-iptables": 1,
            "net.ipv4.conf.all.route_localnet": 0,
            "net.netfilter.nf_conntrack_tcp_be_liberal": 0,
        }
        self.blackholes: set[str] = set()
        """Pod ranges whose route is missing here (a fault: "no route to host")."""
        self.ports: dict[tuple[str, int], str] = {}
        self.programs: list[Callable[[str, int], bool]] = []
        """Whom to ask besides whether something listens: ``("tcp", 80)``; what comes and goes by itself."""
        rng = fabric.loop.rng.child(f"netfilter/{name}")
        self.netfilter = Netfilter(self, fabric.loop.clock.now, rng)
        self._netfilter6: Netfilter | None = None
        self._local: frozenset[str] = frozenset()
        self._pod_cidrs: tuple[Network, ...] = ()
        self._cidr_text = ""
        self.pod_cidr = pod_cidr

    # -- addresses

    @property
    def pod_cidr(self) -> str:
        """The node's range of pod addresses, e.g. 10.244.1.0/24 ("" until it has one)."""
        return self._cidr_text

    @pod_cidr.setter
    def pod_cidr(self, cidr: str) -> None:
        self.fabric.forget_range(self)
        self._cidr_text = cidr
        self._pod_cidrs = tuple(network(part) for part in cidr.split(",") if part)
        self._local = frozenset([*self.addresses, *(text(c.number + 1, c.version) for c in self._pod_cidrs)])
        self.fabric.learn_range(self, self._pod_cidrs)

    @property
    def bridge_address(self) -> str:
        """The bridge's own address, the .1 of the pod range ("" without one)."""
        return text(self._pod_cidrs[0].number + 1, self._pod_cidrs[0].version) if self._pod_cidrs else ""

    def add_address(self, address: str) -> None:
        """Give the node another address (a second card, or a virtual IP it took over)."""
        if address not in self.addresses:
            self.addresses.append(address)
            self._local |= {address}
            self.fabric.learn_address(self, address)

    def remove_address(self, address: str) -> None:
        """Take an address away again; the node's first one stays."""
        if address in self.addresses[1:]:
            self.addresses.remove(address)
            self._local -= {address}
            self.fabric.forget_address(self, address)

    def is_local(self, address: str) -> bool:
        """Whether the kernel would keep a packet to this address for the node itself."""
        return (
            address in self._local
            or address == "::1"
            or (":" not in address and network("127.0.0.0/8").holds(number(address)))
        )

    def address_on(self, interface: str, family: int) -> str:
        """The first address of an interface, "" when it has none of that family."""
        if interface == "lo":
            return "::1" if family == 6 else "127.0.0.1"
        if interface == "cni0":
            return next((text(c.number + 1, c.version) for c in self._pod_cidrs if c.version == family), "")
        return next((address for address in self.addresses if version(address) == family), "")

    @property
    def netfilter6(self) -> Netfilter:
        """The same for IPv6 (ip6tables), made when something first asks for it."""
        if self._netfilter6 is None:
            rng = self.fabric.loop.rng.child(f"netfilter6/{self.name}")
            self._netfilter6 = Netfilter(self, self.fabric.loop.clock.now, rng, "IPv6")
        return self._netfilter6

    def filter_of(self, address: str) -> Netfilter:
        """The netfilter of the address' family."""
        return self.netfilter6 if ":" in address else self.netfilter

    # -- pods and ports

    def attach_pod(self, pod: str, address: str, listening: Listening | None = None) -> Interface:
        """Plug a pod ("ns/name") in with its address; `listening` None means every port answers."""
        veth = f"veth{zlib.crc32(f'{self.name}/{pod}/{address}'.encode()):08x}"
        interface = Interface(pod, address, veth, listening)
        self.detach_pod(pod)
        self.pods[pod] = interface
        self.by_address[address] = interface
        self.fabric.learn_pod(self, pod)
        return interface

    def detach_pod(self, pod: str) -> None:
        """Unplug a pod; nothing happens when it is not there."""
        interface = self.pods.pop(pod, None)
        if interface is not None:
            if self.by_address.get(interface.address) is interface:
                del self.by_address[interface.address]
            self.fabric.forget_pod(self, pod)

    def open_port(self, protocol: str, port: int, who: str) -> None:
        """Something on the node itself (no pod network) listens, e.g. ("tcp", 10250, "kubelet")."""
        self.ports[(protocol, port)] = who

    def close_port(self, protocol: str, port: int) -> None:
        """It does not listen any more."""
        self.ports.pop((protocol, port), None)

    def listens(self, protocol: str, port: int) -> bool:
        """Whether something on the node itself listens on a port."""
        return (protocol, port) in self.ports or any(ask(protocol, port) for ask in self.programs)

    # -- routes

    def in_pod_range(self, address: str) -> bool:
        """Whether the address lies in the node's own pod range."""
        value, family = number(address), version(address)
        return any(c.version == family and c.holds(value) for c in self._pod_cidrs)

    def route(self, address: str) -> Route | None:
        """The route a packet to this address takes; None when there is none."""
        if self.is_local(address):
            return Route(address, "lo")
        if self.in_pod_range(address):
            return Route(self.pod_cidr, "cni0", "", self.bridge_address)
        neighbour = self.fabric.host_of_range(address)
        if neighbour is not None:
            if neighbour.pod_cidr in self.blackholes:
                return None
            return Route(neighbour.pod_cidr, "eth0", neighbour.ip)
        if self.fabric.host_of_address(address) is not None:
            return Route(address, "eth0")
        return Route("default", "eth0", self.fabric.gateway)

    def routes(self) -> list[Route]:
        """All routes, as `ip route` lists them."""
        found = [Route("default", "eth0", self.fabric.gateway)]
        if self._pod_cidrs:
            found.append(Route(self.pod_cidr, "cni0", "", self.bridge_address))
        found += [
            Route(other.pod_cidr, "eth0", other.ip)
            for other in self.fabric.hosts.values()
            if other is not self and other.pod_cidr and other.pod_cidr not in self.blackholes
        ]
        return [found[0], *sorted(found[1:])]

    def source_for(self, address: str) -> str:
        """The source address the kernel picks for a packet the node itself sends."""
        route = self.route(address)
        if route is None or self.is_local(address):
            return address if self.is_local(address) else self.ip
        return self.address_on(route.device, version(address)) or self.ip

    def __repr__(self) -> str:
        return f"<host {self.name} {self.ip} pods {self.pod_cidr or 'none'}: {len(self.pods)}>"
