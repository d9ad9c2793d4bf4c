"""Connection tracking: a kernel's memory of flows, and the reason why a NAT rule is needed once per flow
only.

A `Flow` has two tuples: what the first packet looked like (`original`) and what the answer will look like
(`reply`). NAT is nothing but a difference between them: DNAT changes where the reply comes from, SNAT
where it goes to. Netfilter makes a flow at the first hook, changes its reply tuple at the nat hooks and
confirms it at the last hook; a dropped packet leaves no flow behind. `listing` prints what `conntrack -L`
prints.

    web = 10.96.0.9:80 -> DNAT -> 10.244.2.4:80, client 10.244.1.5:41022
    original  src=10.244.1.5 dst=10.96.0.9  sport=41022 dport=80
    reply     src=10.244.2.4 dst=10.244.1.5 sport=80    dport=41022      <- the answer is known by this

Source: net/netfilter/nf_conntrack_core.c, nf_nat_core.c, nf_conntrack_proto_tcp.c. Timeouts are the
kernel's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kubekit.network.packet import ACK, FIN, PROTOCOL_NUMBERS, RST, SYN, SYN_ACK, Packet
from kubekit.sim import Rng

Tuple = tuple[str, str, str, int, int]
"""Protocol, source, destination, source port, destination port."""

TIMEOUTS = {
    "SYN_SENT": 120,
    "SYN_RECV": 60,
    "ESTABLISHED": 432000,
    "TIME_WAIT": 120,
    "CLOSE": 10,
    "udp": 30,
    "udp stream": 120,
    "sctp": 30,
    "icmp": 30,
    "generic": 600,
}
"""Seconds a flow is remembered without a packet, by its TCP state or its protocol (Linux' defaults)."""


class Flow:
    """One connection as a kernel remembers it."""

    __slots__ = (
        "answered",
        "assured",
        "confirmed",
        "dnat",
        "expires",
        "mark",
        "original",
        "reply",
        "snat",
        "state",
    )

    def __init__(self, packet: Packet) -> None:
        self.original: Tuple = packet.tuple
        protocol, src, dst, sport, dport = packet.tuple
        self.reply: Tuple = (protocol, dst, src, dport, sport)
        self.state = "SYN_SENT" if protocol == "tcp" else ""
        self.mark = 0
        self.expires = 0.0
        self.confirmed = self.answered = self.assured = False
        self.dnat: bool | None = None
        self.snat: bool | None = None
        """None: not decided yet; False: decided that the address stays; True: changed."""

    def translate_destination(self, address: str, port: int) -> None:
        """DNAT: from now on the flow goes to `address` (and `port`, unless 0)."""
        protocol, _, back_to, old_port, back_port = self.reply
        self.reply = (protocol, address, back_to, port or old_port, back_port)
        self.dnat = True

    def translate_source(self, address: str, port: int) -> None:
        """SNAT: from now on the flow seems to come from `address:port`."""
        protocol, from_, _, from_port, _ = self.reply
        self.reply = (protocol, from_, address, from_port, port)
        self.snat = True

    def line(self, now: float) -> str:
        """The flow as a line of `conntrack -L`."""
        protocol, src, dst, sport, dport = self.original
        _, rsrc, rdst, rsport, rdport = self.reply
        left = max(0, int(self.expires - now + 0.5))
        head = f"{protocol:<8} {PROTOCOL_NUMBERS.get(protocol, 0)} {left} "
        head += f"{self.state} " if self.state else ""
        unreplied = "" if self.answered else "[UNREPLIED] "
        assured = "[ASSURED] " if self.assured else ""
        return (
            f"{head}src={src} dst={dst} sport={sport} dport={dport} {unreplied}"
            f"src={rsrc} dst={rdst} sport={rsport} dport={rdport} {assured}mark={self.mark} use=1"
        )

    def to_json(self) -> dict[str, object]:
        """The same for a view."""
        protocol, src, dst, sport, dport = self.original
        _, rsrc, rdst, rsport, rdport = self.reply
        return {
            "protocol": protocol,
            "state": self.state,
            "answered": self.answered,
            "assured": self.assured,
            "original": {"src": src, "dst": dst, "sport": sport, "dport": dport},
            "reply": {"src": rsrc, "dst": rdst, "sport": rsport, "dport": rdport},
            "dnat": bool(self.dnat),
            "snat": bool(self.snat),
        }


class Conntrack:
    """The flows of one kernel, found by either of their tuples."""

    def __init__(self, now: Callable[[], float], rng: Rng) -> None:
        self.now = now
        self.rng = rng
        self.timeouts = dict(TIMEOUTS)
        self._flows: dict[Tuple, Flow] = {}

    def __iter__(self) -> Iterator[Flow]:
        """The confirmed flows that have not expired, oldest first."""
        self._forget_expired()
        return iter([flow for key, flow in self._flows.items() if key == flow.original])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, packet: Packet) -> tuple[Flow | None, bool]:
        """The packet's flow, and whether the packet goes in its reply direction."""
        flow = self._flows.get(packet.tuple)
        if flow is None:
            return None, False
        if flow.expires <= self.now():
            self.delete(flow)
            return None, False
        return flow, packet.tuple != flow.original

    def begins(self, packet: Packet) -> bool:
        """Whether a packet without a flow may start one (else it is INVALID)."""
        return packet.protocol != "tcp" or packet.flags in (SYN, ACK)

    def states(self, flow: Flow | None, reply: bool, packet: Packet) -> frozenset[str]:
        """What `-m conntrack --ctstate` can match for a packet."""
        if flow is None:
            return frozenset({"INVALID"})
        found = {"ESTABLISHED" if reply or flow.answered else "NEW"}
        if flow.dnat:
            found.add("DNAT")
        if flow.snat:
            found.add("SNAT")
        return frozenset(found)

    def confirm(self, flow: Flow) -> bool:
        """Enter a new flow; False when its answer could not be told from another flow's."""
        if flow.confirmed:
            return True
        self._forget_expired()
        if flow.reply in self._flows or flow.original in self._flows:
            return False
        flow.confirmed = True
        self._flows[flow.original] = flow
        self._flows[flow.reply] = flow
        return True

    def saw(self, flow: Flow, packet: Packet, reply: bool) -> None:
        """A packet of the flow passed: its state moves on and its time starts anew."""
        if reply:
            flow.answered = True
        if packet.protocol == "tcp":
            if packet.flags == RST:
                flow.state = "CLOSE"
            elif packet.flags == FIN:
                flow.state = "TIME_WAIT"
            elif reply and packet.flags == SYN_ACK:
                flow.state = "SYN_RECV"
            elif packet.flags == ACK and flow.answered:
                flow.state, flow.assured = "ESTABLISHED", True
            kind = flow.state
        elif packet.protocol == "udp":
            flow.assured = flow.assured or (flow.answered and not reply)
            kind = "udp stream" if flow.assured else "udp"
        else:
            kind = packet.protocol
        flow.expires = self.now() + self.timeouts.get(kind, self.timeouts["generic"])

    def free_port(self, flow: Flow, address: str, wanted: int, anew: bool) -> int:
        """A source port with which the answer can be told apart: the wanted one if it is free, else a
        drawn one.
        """
        if not wanted:
            return 0
        protocol, src, _, sport, _ = flow.reply
        port = self.rng.randint(1024, 65535) if anew else wanted
        for _ in range(128):
            if self._flows.get((protocol, src, address, sport, port)) in (None, flow):
                return port
            port = self.rng.randint(1024, 65535)
        return port

    def delete(self, flow: Flow) -> None:
        """Forget one flow (`conntrack -D`)."""
        for key in (flow.original, flow.reply):
            if self._flows.get(key) is flow:
                del self._flows[key]
        flow.confirmed = False

    def flush(self) -> None:
        """Forget all flows (`conntrack -F`, or a new kernel)."""
        self._flows.clear()

    def listing(self) -> str:
        """What `conntrack -L` prints on stdout."""
        now = self.now()
        return "".join(flow.line(now) + "\n" for flow in self)

    def _forget_expired(self) -> None:
        now = self.now()
        for flow in [flow for flow in self._flows.values() if flow.expires <= now]:
            self.delete(flow)
