"""A packet: five numbers on their way, and the mark a kernel keeps beside them.

Made by `fabric.send` or by a test, changed by netfilter only through `with_`, which makes a new one. Never
mutate a packet: the steps of its record hold the versions it had at each hook.
"""

from __future__ import annotations

from typing import Any

from kubekit.network.address import host_port, number

PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "ipv6-icmp": 58}
"""Protocols by the name iptables prints, with the number conntrack prints."""

SYN, SYN_ACK, ACK, FIN, RST = "SYN", "SYN,ACK", "ACK", "FIN,ACK", "RST"


class Packet:
    """One IP packet as a kernel sees it.

    `src`, `dst` are addresses as text; `sport`, `dport` are 0 for protocols without ports; `mark` is the
    kernel's 32-bit note that never leaves the node; `flags` is what matters of a TCP header. `in_interface`,
    `out_interface` and `physdev_in` are filled in by the host that handles it.
    """

    __slots__ = (
        "dport",
        "dst",
        "dst_number",
        "flags",
        "in_interface",
        "mark",
        "out_interface",
        "physdev_in",
        "physdev_out",
        "protocol",
        "sport",
        "src",
        "src_number",
    )

    def __init__(
        self,
        src: str,
        dst: str,
        protocol: str = "tcp",
        sport: int = 0,
        dport: int = 0,
        *,
        mark: int = 0,
        flags: str = SYN,
        in_interface: str = "",
        out_interface: str = "",
        physdev_in: str = "",
        physdev_out: str = "",
    ) -> None:
        self.src = src
        self.dst = dst
        self.src_number = number(src)
        self.dst_number = number(dst)
        self.protocol = protocol
        self.sport = sport
        self.dport = dport
        self.mark = mark
        self.flags = flags
        self.in_interface = in_interface
        self.out_interface = out_interface
        self.physdev_in = physdev_in
        self.physdev_out = physdev_out

    def with_(self, **changes: Any) -> Packet:
        """The same packet with some parts replaced."""
        values: dict[str, Any] = {
            "src": self.src,
            "dst": self.dst,
            "protocol": self.protocol,
            "sport": self.sport,
            "dport": self.dport,
            "mark": self.mark,
            "flags": self.flags,
            "in_interface": self.in_interface,
            "out_interface": self.out_interface,
            "physdev_in": self.physdev_in,
            "physdev_out": self.physdev_out,
        }
        values.update(changes)
        return Packet(**values)

    @property
    def source(self) -> str:
        """``address:port`` of the sender."""
        return host_port(self.src, self.sport)

    @property
    def destination(self) -> str:
        """``address:port`` of the receiver."""
        return host_port(self.dst, self.dport)

    @property
    def tuple(self) -> tuple[str, str, str, int, int]:
        """What connection tracking knows a packet by: protocol, source, destination and the two ports."""
        return (self.protocol, self.src, self.dst, self.sport, self.dport)

    def answer(self, flags: str) -> Packet:
        """The packet the receiver sends back; a mark is not copied, it belongs to a kernel."""
        return Packet(self.dst, self.src, self.protocol, self.dport, self.sport, flags=flags)

    def to_json(self) -> dict[str, Any]:
        """What a view shows of it."""
        shown: dict[str, Any] = {
            "protocol": self.protocol,
            "src": self.source,
            "dst": self.destination,
            "mark": f"{self.mark:#x}",
        }
        if self.protocol == "tcp":
            shown["flags"] = self.flags
        if self.in_interface:
            shown["in"] = self.in_interface
        if self.out_interface:
            shown["out"] = self.out_interface
        return shown

    def __repr__(self) -> str:
        return f"<{self.protocol} {self.source} > {self.destination} mark {self.mark:#x}>"
