"""The fabric: all hosts, the cables between them, the world outside, and `send`.

One fabric a cluster. What the API server dials (kubelets, pods) is a packet here; what components ask of the
API server is not (it is called directly). Cables are between any two of: hosts by name, and "outside".
Addresses that no host owns are outside.

    fabric.send("shop/client", "10.96.44.12", 80)       # from a pod
    fabric.send("node01", "10.96.0.1", 443)             # from a node itself
    fabric.send("outside", "192.168.0.11", 30080)       # from the world, or give any address as the sender
    fabric.announce("192.168.0.240", ["node01"])        # a load balancer: the nodes behind an address
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from kubekit.network.address import Network, number, version
from kubekit.network.carrier import Carrier, Start
from kubekit.network.host import Host
from kubekit.network.journey import Journey
from kubekit.network.packet import ACK, FIN, SYN, Packet
from kubekit.sim import Loop, Record

OUTSIDE = "outside"
OUTSIDE_ADDRESS = "203.0.113.10"
"""The address of the default sender from outside (a documentation range)."""


class Fabric:
    """The network of one cluster."""

    def __init__(self, loop: Loop, gateway: str = "192.168.0.1", pod_network_cidr: str = "") -> None:
        self.loop = loop
        self.gateway = gateway
        self.pod_network_cidr = pod_network_cidr
        """The pod range of the whole cluster; with it the CNI plugin lets pods reach the world outside."""
        self.hosts: dict[str, Host] = {}
        self.announced: dict[str, list[str]] = {}
        """Addresses of load balancers, each with the names of the hosts that get its packets."""
        self.listeners: dict[str, Callable[[str, int], bool] | None] = {OUTSIDE_ADDRESS: None}
        """Addresses outside that answer; like a pod's `listening`."""
        self._cut: set[frozenset[str]] = set()
        self._by_address: dict[str, Host] = {}
        self._by_range: dict[tuple[int, int, int], Host] = {}
        self._prefixes: list[tuple[int, int]] = []
        self._pods: dict[str, Host] = {}
        self._rng = loop.rng.child("network")

    # -- hosts and what they own

    def add_host(self, name: str, ip: str, pod_cidr: str = "", addresses: list[str] | None = None) -> Host:
        """A new node. Raises ValueError when its name or address is taken."""
        if name in self.hosts or ip in self._by_address:
            raise ValueError(f"the network has a host {name} or an address {ip} already")
        host = Host(self, name, ip, pod_cidr, addresses)
        self.hosts[name] = host
        for address in host.addresses:
            self.learn_address(host, address)
        return host

    def remove_host(self, name: str) -> None:
        """Take a node's machine away, with its pods' interfaces."""
        host = self.hosts.pop(name)
        for pod in list(host.pods):
            host.detach_pod(pod)
        self.forget_range(host)
        for address in host.addresses:
            self.forget_address(host, address)

    def host_of_address(self, address: str) -> Host | None:
        """The host that owns an outer address."""
        return self._by_address.get(address)

    def host_of_range(self, address: str) -> Host | None:
        """The host in whose pod range the address lies."""
        value, family = number(address), version(address)
        for mask, prefix in self._prefixes:
            host = self._by_range.get((value & mask, prefix, family))
            if host is not None:
                return host
        return None

    def host_of_pod(self, pod: str) -> Host | None:
        """The host a pod ("ns/name") is plugged into."""
        return self._pods.get(pod)

    def learn_address(self, host: Host, address: str) -> None:
        """Called by a host that gets an address."""
        self._by_address[address] = host

    def forget_address(self, host: Host, address: str) -> None:
        """Called by a host that loses one."""
        if self._by_address.get(address) is host:
            del self._by_address[address]

    def learn_range(self, host: Host, ranges: tuple[Network, ...]) -> None:
        """Called by a host that gets its pod range: from now on the others have a route to it."""
        for cidr in ranges:
            self._by_range[(cidr.number, cidr.prefix, cidr.version)] = host
            if (cidr.mask, cidr.prefix) not in self._prefixes:
                self._prefixes.append((cidr.mask, cidr.prefix))
                self._prefixes.sort(key=lambda entry: -entry[1])

    def forget_range(self, host: Host) -> None:
        """Called by a host whose pod range changes."""
        for key in [key for key, owner in self._by_range.items() if owner is host]:
            del self._by_range[key]

    def learn_pod(self, host: Host, pod: str) -> None:
        """Called by a host that plugs a pod in."""
        self._pods[pod] = host

    def forget_pod(self, host: Host, pod: str) -> None:
        """Called by a host that unplugs one."""
        if self._pods.get(pod) is host:
            del self._pods[pod]

    # -- cables

    def cut(self, one: str, other: str | None = None) -> None:
        """Cut the cable between two hosts (or a host and "outside"); without `other` all cables of one."""
        for end in self._ends(one, other):
            self._cut.add(frozenset((one, end)))

    def mend(self, one: str | None = None, other: str | None = None) -> None:
        """Mend a cable, all cables of one, or all."""
        if one is None:
            self._cut.clear()
        else:
            for end in self._ends(one, other):
                self._cut.discard(frozenset((one, end)))

    def _ends(self, one: str, other: str | None) -> list[str]:
        for name in (one, other):
            if name is not None and name != OUTSIDE and name not in self.hosts:
                raise KeyError(f"no host {name} in this network: {', '.join(self.hosts)}")
        return [other] if other is not None else [*(name for name in self.hosts if name != one), OUTSIDE]

    def reachable(self, one: str, other: str) -> bool:
        """Whether the cable between two ends is whole."""
        return one == other or frozenset((one, other)) not in self._cut

    @property
    def cuts(self) -> list[tuple[str, str]]:
        """The cut cables, in order of names."""
        return sorted((min(pair), max(pair)) for pair in self._cut)

    # -- the world outside

    def announce(self, address: str, hosts: list[str]) -> None:
        """Let packets for an address from outside go to these hosts, one drawn for each flow; []
        withdraws it.
        """
        if hosts:
            self.announced[address] = list(hosts)
        else:
            self.announced.pop(address, None)

    def gateway_for(self, address: str) -> Host | None:
        """The host that gets a packet for an announced address: drawn among those that can be reached."""
        names = [
            name
            for name in self.announced.get(address, [])
            if name in self.hosts and self.reachable(OUTSIDE, name)
        ]
        return self.hosts[self._rng.choice(names)] if names else None

    # -- packets

    def send(
        self,
        src: str,
        dst: str,
        port: int,
        protocol: str = "tcp",
        *,
        sport: int | None = None,
        hold: bool = False,
        asked_for: str = "",
        component: str = "network",
    ) -> Record:
        """Try to connect, and tell the whole way there and back.

        `src`: a pod ("ns/name"), a host's name, "outside" or an address; `dst`: an address or a pod. `sport`
        None draws a port; a port used before with `hold=True` continues that flow. `asked_for` is what the
        learner wrote (a DNS name), for the record. Raises KeyError for a sender that does not exist.
        """
        start = self._start(src, dst)
        dst = self._address(dst)
        drawn = sport if sport is not None else self._rng.randint(32768, 60999)
        packet = Packet(start.address, dst, protocol, drawn, port)
        carrier = Carrier(self)
        known = start.host is not None and self._continues(start.host, packet)
        if known and protocol == "tcp":
            packet = packet.with_(flags=ACK)
        journey = Journey(start, packet, asked_for)
        carrier.round_trip(journey, start, packet)
        if protocol == "tcp" and journey.connected and not known:
            carrier.quietly(start, packet.with_(flags=ACK))
            if not hold:
                carrier.quietly(start, packet.with_(flags=FIN))
        return journey.record(self.loop.trace, component)

    def _continues(self, host: Host, packet: Packet) -> bool:
        flow, reply = host.filter_of(packet.dst).conntrack.find(packet)
        return (
            flow is not None
            and not reply
            and flow.state in ("ESTABLISHED", "SYN_RECV")
            and packet.flags == SYN
        )

    def _start(self, src: str, dst: str) -> Start:
        host = self._pods.get(src)
        if host is not None:
            pod = host.pods[src]
            return Start(f"pod/{src}", pod.address, host, pod)
        if src in self.hosts:
            host = self.hosts[src]
            return Start(f"node/{src}", host.source_for(self._address(dst)), host, None)
        address = OUTSIDE_ADDRESS if src == OUTSIDE else src
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise KeyError(f"no pod or host {src} in this network") from None
        owner = self.host_of_address(address)
        if owner is not None:
            return Start(f"node/{owner.name}", address, owner, None)
        for host in self.hosts.values():
            if address in host.by_address:
                pod = host.by_address[address]
                return Start(f"pod/{pod.pod}", address, host, pod)
        return Start(f"address/{address}", address, None, None)

    def _address(self, dst: str) -> str:
        host = self._pods.get(dst)
        if host is not None:
            return host.pods[dst].address
        if dst in self.hosts:
            return self.hosts[dst].ip
        try:
            ipaddress.ip_address(dst)
        except ValueError:
            raise KeyError(f"no pod, host or address {dst} in this network") from None
        return dst
