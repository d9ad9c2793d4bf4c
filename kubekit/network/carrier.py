"""The carrier: moves a packet from hop to hop until somebody has it, and the answer back the same way or
not.

Used by `fabric.send` only. One method a situation: a packet a pod sends, one the node itself sends, one
that comes in by a cable. Each hop is told to the journey; nothing is decided here that a kernel, a route
or a cable would not decide. The answer is a packet of its own and may take another way than the question
did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubekit.network.address import version
from kubekit.network.host import Host, Interface, Listening, Route
from kubekit.network.journey import Journey
from kubekit.network.netfilter import HookPass, Transit
from kubekit.network.packet import ACK, RST, SYN_ACK, Packet

if TYPE_CHECKING:
    from kubekit.network.fabric import Fabric

HOP_LIMIT = 16
"""Cables a packet may cross before it is thrown away (its time to live)."""


class Start(NamedTuple):
    """Who sends: a subject such as "pod/shop/client", its address, its host and its interface, if any."""

    subject: str
    address: str
    host: Host | None
    pod: Interface | None


class End(NamedTuple):
    """Where a packet ended. `what`: "delivered", "dropped", "refused" (the sender is told) or
    "unreachable".
    """

    what: str
    why: str = ""
    at: Start | None = None
    packet: Packet | None = None
    listening: Listening | None = None
    told: str = ""
    """What the sender is told, e.g. "icmp-port-unreachable"."""


class Carrier:
    """Carries packets over one fabric."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.journey: Journey | None = None

    def round_trip(self, journey: Journey, start: Start, packet: Packet) -> None:
        """The question, and the answer if there is one; everything goes into the journey."""
        self.journey = journey
        end = self._depart(start, packet)
        journey.remember_flows(self.fabric.hosts, "out")
        journey.arrived(end.what, end.why, end.at, end.packet, end.told)
        if end.what != "delivered" or end.at is None or end.packet is None:
            return
        arrived = end.packet
        echo = arrived.protocol in ("icmp", "ipv6-icmp")  # the kernel answers, whoever listens
        open_ = echo or end.listening is None or end.listening(arrived.protocol, arrived.dport)
        if arrived.protocol == "tcp":
            flags = RST if not open_ else ACK if packet.flags == ACK else SYN_ACK
        else:
            flags = ""
            if not open_:
                journey.no_listener(end.at.subject, arrived)
                return
        answer = arrived.answer(flags)
        journey.turn(open_)
        back = self._depart(end.at, answer)
        journey.remember_flows(self.fabric.hosts, "back")
        journey.came_back(back.what, back.why, back.at, back.packet, start, packet, open_)

    def quietly(self, start: Start, packet: Packet) -> None:
        """Carry one packet without telling anybody: the rest of a handshake, the end of a connection."""
        self.journey = None
        self._depart(start, packet)

    # -- leaving

    def _depart(self, start: Start, packet: Packet) -> End:
        self._tell("sends", start.subject, start.host, "note", "", packet)
        if start.host is None:
            return self._from_outside(packet, 0)
        if start.pod is not None:
            return self._from_pod(start.host, start.pod, packet)
        return self._from_node(start.host, packet)

    def _from_pod(self, host: Host, pod: Interface, packet: Packet) -> End:
        packet = packet.with_(in_interface="cni0", physdev_in=pod.veth)
        if packet.dst == pod.address:
            return self._deliver(host, pod, packet)
        bridged = host.in_pod_range(packet.dst) and not host.is_local(packet.dst)
        if bridged and not host.sysctls["net.bridge.bridge-nf-call-iptables"]:
            why = "bridged; net.bridge.bridge-nf-call-iptables is 0, so netfilter is not asked"
            self._tell("bridge", host.name, host, "note", why, packet)
            return self._to_bridge(host, packet)
        return self._arrive(host, packet, 0)

    def _from_node(self, host: Host, packet: Packet) -> End:
        route = host.route(packet.dst)
        if route is None:
            return self._no_route(host, packet)
        packet = packet.with_(out_interface=route.device)
        transit = host.filter_of(packet.dst).transit(packet)
        stopped = self._hook(host, "OUTPUT", transit)
        if stopped is not None:
            return stopped
        if (transit.packet.dst, transit.packet.dport) != (packet.dst, packet.dport):
            route = host.route(transit.packet.dst)
            if route is None:
                return self._no_route(host, transit.packet)
            transit.packet = transit.packet.with_(out_interface=route.device)
        loopback = packet.src.startswith("127.") and route.device != "lo"
        if loopback and not host.sysctls["net.ipv4.conf.all.route_localnet"]:
            why = "net.ipv4.conf.all.route_localnet is 0: nothing from 127.0.0.1 may leave the node"
            self._tell("routing", host.name, host, "refuse", why, transit.packet)
            return End("dropped", why)
        self._tell("routing", host.name, host, "note", describe(route), transit.packet)
        stopped = self._hook(host, "POSTROUTING", transit)
        if stopped is not None:
            return stopped
        if route.device == "lo":
            transit.packet = transit.packet.with_(in_interface="lo", out_interface="")
            return self._hook(host, "INPUT", transit) or self._to_node(host, transit.packet)
        return self._out(host, route, transit.packet, 0)

    def _from_outside(self, packet: Packet, hops: int) -> End:
        fabric = self.fabric
        host = fabric.host_of_address(packet.dst) or fabric.gateway_for(packet.dst)
        if host is None:
            if packet.dst in fabric.listeners:
                there = Start(f"address/{packet.dst}", packet.dst, None, None)
                self._tell("receives", there.subject, None, "pass", "", packet)
                return End("delivered", "", there, packet, fabric.listeners[packet.dst])
            why = f"no node and nobody outside has the address {packet.dst}"
            if packet.dst in fabric.announced:
                why = f"the load balancer {packet.dst} reaches none of its nodes"
            self._tell("lost", "outside", None, "refuse", why, packet)
            return End("dropped", why)
        return self._cable("outside", host, packet, hops)

    # -- arriving

    def _cable(self, from_: str, host: Host, packet: Packet, hops: int) -> End:
        if not self.fabric.reachable(from_, host.name):
            why = f"the cable between {from_} and {host.name} is cut"
            self._tell("cable", f"{from_} to {host.name}", host, "refuse", why, packet)
            return End("dropped", why)
        self._tell("cable", f"{from_} to {host.name}", host, "pass", "", packet)
        arriving = packet.with_(in_interface="eth0", out_interface="", mark=0, physdev_in="")
        return self._arrive(host, arriving, hops + 1)

    def _arrive(self, host: Host, packet: Packet, hops: int) -> End:
        transit = host.filter_of(packet.dst).transit(packet)
        stopped = self._hook(host, "PREROUTING", transit)
        if stopped is not None:
            return stopped
        packet = transit.packet
        if host.is_local(packet.dst):
            self._tell("routing", host.name, host, "note", f"{packet.dst} is the node's own address", packet)
            return self._hook(host, "INPUT", transit) or self._to_node(host, transit.packet)
        route = host.route(packet.dst)
        if route is None:
            return self._no_route(host, packet)
        forwarding = "net.ipv4.ip_forward" if version(packet.dst) == 4 else "net.ipv6.conf.all.forwarding"
        if not host.sysctls[forwarding] or hops > HOP_LIMIT:
            why = (
                f"{forwarding} is 0: {host.name} forwards nothing"
                if hops <= HOP_LIMIT
                else "time to live exceeded"
            )
            self._tell("routing", host.name, host, "refuse", why, packet)
            return End("dropped", why)
        transit.packet = packet.with_(out_interface=route.device)
        self._tell("routing", host.name, host, "note", describe(route), transit.packet)
        for hook in ("FORWARD", "POSTROUTING"):
            stopped = self._hook(host, hook, transit)
            if stopped is not None:
                return stopped
        return self._out(host, route, transit.packet, hops)

    def _out(self, host: Host, route: Route, packet: Packet, hops: int) -> End:
        packet = packet.with_(mark=0, physdev_in="")
        if route.device == "cni0":
            return self._to_bridge(host, packet)
        if route.destination == "default" or hops > HOP_LIMIT:
            if not self.fabric.reachable(host.name, "outside"):
                why = f"the cable between {host.name} and outside is cut"
                self._tell("cable", f"{host.name} to outside", host, "refuse", why, packet)
                return End("dropped", why)
            return self._from_outside(packet.with_(in_interface="", out_interface=""), hops + 1)
        next_ = self.fabric.host_of_address(route.via or packet.dst)
        assert next_ is not None
        return self._cable(host.name, next_, packet, hops)

    def _to_bridge(self, host: Host, packet: Packet) -> End:
        pod = host.by_address.get(packet.dst)
        if pod is None:
            why = f"no pod on {host.name} has the address {packet.dst}"
            self._tell("lost", host.name, host, "refuse", why, packet)
            return End("unreachable", why, told="icmp-host-unreachable")
        return self._deliver(host, pod, packet)

    def _deliver(self, host: Host, pod: Interface, packet: Packet) -> End:
        there = Start(f"pod/{pod.pod}", pod.address, host, pod)
        self._tell("receives", there.subject, host, "pass", "", packet)
        return End("delivered", "", there, packet, pod.listening)

    def _to_node(self, host: Host, packet: Packet) -> End:
        there = Start(f"node/{host.name}", packet.dst, host, None)
        self._tell("receives", there.subject, host, "pass", "", packet)
        return End("delivered", "", there, packet, host.listens)

    # -- telling

    def _no_route(self, host: Host, packet: Packet) -> End:
        why = f"{host.name} has no route to {packet.dst}"
        self._tell("routing", host.name, host, "refuse", why, packet)
        return End("unreachable", why, told="icmp-net-unreachable")

    def _hook(self, host: Host, name: str, transit: Transit) -> End | None:
        passed = host.filter_of(transit.packet.dst).hook(name, transit)
        if self.journey is not None:
            self.journey.hook(host.name, passed, transit.flow)
        if passed.verdict == "ACCEPT":
            return None
        return End(
            "refused" if passed.verdict == "REJECT" else "dropped",
            stop_reason(host, passed),
            told=told(passed),
        )

    def _tell(self, what: str, where: str, host: Host | None, verdict: str, why: str, packet: Packet) -> None:
        if self.journey is not None:
            self.journey.hop(what, where, host.name if host else "", verdict, why, packet)


def stop_reason(host: Host, passed: HookPass) -> str:
    """In words: which rule ended a packet, and where."""
    if passed.by is None:
        return f"the policy of {passed.in_chain} on {host.name} is {passed.verdict}"
    comment = f" ({passed.by.comment})" if passed.by.comment else ""
    return f"{passed.verdict} in {passed.in_chain} on {host.name}{comment}"


def told(passed: HookPass) -> str:
    """What a REJECT tells the sender."""
    if passed.verdict != "REJECT" or passed.by is None:
        return ""
    return getattr(passed.by.target, "reject_with", "") or "icmp-port-unreachable"


def describe(route: Route) -> str:
    """A route in words."""
    if route.device == "lo":
        return "stays on the node"
    if route.via:
        return f"{route.destination} via {route.via} by {route.device}"
    return f"{route.destination} is behind {route.device}"
