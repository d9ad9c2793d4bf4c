"""Matches: what a rule may ask of a packet. One class a `-m` extension, and a registry at the end.

A match is filled by the rule parser (`set`), checked once (`check`), asked for each packet (`test`) and
printed in the order the kernel prints it (`text`). `test` answers with a `Answer`: whether it matches,
and in words why. Only `statistic` asks for chance, and only through `context.decide`, so the same code
serves a single walk and the walk of all branches. Sources: netfilter's extensions/libxt_*.c and ipt_*.c;
what iptables 1.8.9 prints.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Protocol

from kubekit.network.errors import IptablesError
from kubekit.network.packet import Packet


class Answer(NamedTuple):
    """A match's answer: `why` in words; `drew` is the figure that chance gave, where it was asked."""

    ok: bool
    why: str
    drew: float | None = None


class Context(Protocol):
    """What a match may know beside the packet: the node's addresses, the flow, chance and time."""

    ctstates: frozenset[str]
    now: float
    recents: dict[str, dict[str, list[float]]]
    nfacct: dict[str, int]
    turns: dict[int, int]

    def is_local(self, address: str) -> bool:
        """Whether the address belongs to this node."""

    def decide(self, probability: float, key: object) -> tuple[bool, float | None]:
        """Draw: whether something of this probability happens, and the figure drawn (None: not drawn)."""


class Match:
    """The shape of a match. `options`: how many values each option takes."""

    name: ClassVar[str] = ""
    options: ClassVar[dict[str, int]] = {}
    about: ClassVar[str] = ""
    """What it looks at, in a word, for "destination, protocol and port match"."""

    def set(self, option: str, values: list[str], negated: bool) -> None:
        """Take one option of the rule's text."""

    def settle(self, family: str) -> None:
        """Fill in what depends on the address family ("IPv4" or "IPv6")."""

    def check(self) -> None:
        """Raise IptablesError when something required is missing."""

    def test(self, packet: Packet, context: Context) -> Answer:
        """Ask the packet."""
        return Answer(True, "")

    def text(self) -> str:
        """Its options as the kernel's text has them."""
        return ""

    def listed(self) -> str:
        """Its words in the last column of `iptables -L`."""
        return ""


def quoted(value: str) -> str:
    """A string as xtables_save_string prints it: in quotes unless it is letters, digits, ``_`` and ``-``."""
    if value and all(c.isascii() and (c.isalnum() or c in "_-") for c in value):
        return value
    return '"' + "".join("\\" + c if c in "\"\\'" else c for c in value) + '"'


class Comment(Match):
    """`-m comment`: a note for people; always matches."""

    name = "comment"
    options = {"--comment": 1}

    def __init__(self) -> None:
        self.comment = ""

    def set(self, option: str, values: list[str], negated: bool) -> None:
        if len(values[0]) > 255:
            raise IptablesError("COMMENT: comment must be shorter than 256 characters")
        self.comment = values[0]

    def text(self) -> str:
        return f"--comment {quoted(self.comment)}"

    def listed(self) -> str:
        return f"/* {self.comment} */"


class Ports(Match):
    """`-m tcp`, `-m udp`, `-m sctp`: source and destination port, one or a range ``a:b``."""

    options = {"--dport": 1, "--sport": 1, "--destination-port": 1, "--source-port": 1}
    about = "port"

    def __init__(self) -> None:
        self.sport: tuple[int, int, bool] | None = None
        self.dport: tuple[int, int, bool] | None = None

    def set(self, option: str, values: list[str], negated: bool) -> None:
        low, high = port_range(values[0])
        if option in ("--dport", "--destination-port"):
            self.dport = (low, high, negated)
        else:
            self.sport = (low, high, negated)

    def test(self, packet: Packet, context: Context) -> Answer:
        if packet.protocol != self.name:
            return Answer(False, f"protocol is {packet.protocol}")
        for port, wanted, side in ((packet.sport, self.sport, "source "), (packet.dport, self.dport, "")):
            if wanted is not None and (wanted[0] <= port <= wanted[1]) == wanted[2]:
                return Answer(False, f"{side}port is {port}")
        return Answer(True, "")

    def text(self) -> str:
        parts = []
        for option, wanted in (("--sport", self.sport), ("--dport", self.dport)):
            if wanted is not None:
                parts.append(f"{'! ' if wanted[2] else ''}{option} {show_range(wanted[0], wanted[1])}")
        return " ".join(parts)

    def listed(self) -> str:
        parts = []
        for option, wanted in (("spt", self.sport), ("dpt", self.dport)):
            if wanted is not None:
                many = "s" if wanted[0] != wanted[1] else ""
                no = "!" if wanted[2] else ""
                parts.append(f"{option}{many}:{no}{show_range(wanted[0], wanted[1])}")
        return " ".join([self.name, *parts]) if parts else self.name


class Tcp(Ports):
    """`-m tcp`."""

    name = "tcp"


class Udp(Ports):
    """`-m udp`."""

    name = "udp"


class Sctp(Ports):
    """`-m sctp`."""

    name = "sctp"


def port_range(value: str) -> tuple[int, int]:
    """``80``, ``53:55``, ``:1023`` or ``1024:`` as two numbers."""
    low, colon, high = value.partition(":")
    if not colon:
        return port_number(value), port_number(value)
    first, last = port_number(low) if low else 0, port_number(high) if high else 65535
    if first > last:
        raise IptablesError("invalid portrange (min > max)")
    return first, last


def port_number(value: str) -> int:
    """A port as a number; service names are not looked up."""
    if not value.isdigit() or int(value) > 65535:
        raise IptablesError(f"invalid port/service `{value}' specified")
    return int(value)


def show_range(low: int, high: int) -> str:
    """A range as iptables prints it."""
    return str(low) if low == high else f"{low}:{high}"


class MultiPort(Match):
    """`-m multiport`: one of up to 15 ports."""

    name = "multiport"
    options = {"--dports": 1, "--sports": 1, "--ports": 1}
    about = "port"

    def __init__(self) -> None:
        self.option = ""
        self.ranges: list[tuple[int, int]] = []
        self.negated = False

    def set(self, option: str, values: list[str], negated: bool) -> None:
        self.option, self.negated = option, negated
        self.ranges = [port_range(item) for item in values[0].split(",")]
        if len(self.ranges) > 15:
            raise IptablesError("too many ports specified")

    def check(self) -> None:
        if not self.option:
            raise IptablesError("multiport expection an option")

    def test(self, packet: Packet, context: Context) -> Answer:
        ports = {"--dports": [packet.dport], "--sports": [packet.sport]}.get(
            self.option, [packet.sport, packet.dport]
        )
        found = any(low <= port <= high for port in ports for low, high in self.ranges)
        return Answer(found != self.negated, f"port is {packet.dport}")

    def text(self) -> str:
        ranges = ",".join(show_range(low, high) for low, high in self.ranges)
        return f"{'! ' if self.negated else ''}{self.option} {ranges}"

    def listed(self) -> str:
        ranges = ",".join(show_range(low, high) for low, high in self.ranges)
        return f"multiport {self.option[2:]} {'!' if self.negated else ''}{ranges}"
