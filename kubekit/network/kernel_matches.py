"""Matches on what the kernel knows beside the packet: its flow, its mark, the node's addresses, chance,
memory.

The second half of `matches` (same shape, same rules), and the registry of all matches at the end. To add
one, copy a neighbour and name it in `MATCHES`. Nothing here may ask for time or chance except through the
context.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.network.address import network, number
from kubekit.network.chance_matches import Recent, Statistic
from kubekit.network.errors import IptablesError
from kubekit.network.matches import Answer, Comment, Context, Match, MultiPort, Sctp, Tcp, Udp
from kubekit.network.packet import Packet

CTSTATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
"""In the order in which the kernel's text lists them."""

ADDRESS_TYPES = [
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
]


class ConntrackState(Match):
    """`-m conntrack --ctstate`: what connection tracking says of the packet's flow."""

    name = "conntrack"
    options = {"--ctstate": 1}
    about = "connection state"

    def __init__(self) -> None:
        self.states: frozenset[str] = frozenset()
        self.negated = False

    def set(self, option: str, values: list[str], negated: bool) -> None:
        for state in values[0].split(","):
            if state.upper() not in CTSTATES:
                raise IptablesError(f'Bad ctstate "{state}"')
        self.states, self.negated = frozenset(values[0].upper().split(",")), negated

    def check(self) -> None:
        if not self.states:
            raise IptablesError("conntrack: At least one option is required")

    def test(self, packet: Packet, context: Context) -> Answer:
        found = not self.states.isdisjoint(context.ctstates)
        seen = ",".join(state for state in CTSTATES if state in context.ctstates) or "UNTRACKED"
        return Answer(found != self.negated, f"connection state is {seen}")

    def _listed_states(self) -> str:
        return ",".join(state for state in CTSTATES if state in self.states)

    def text(self) -> str:
        return f"{'! ' if self.negated else ''}--ctstate {self._listed_states()}"

    def listed(self) -> str:
        return f"{'! ' if self.negated else ''}ctstate {self._listed_states()}"


class State(ConntrackState):
    """`-m state --state`: the older spelling of `conntrack --ctstate`."""

    name = "state"
    options = {"--state": 1}

    def text(self) -> str:
        return f"{'! ' if self.negated else ''}--state {self._listed_states()}"

    def listed(self) -> str:
        return f"{'! ' if self.negated else ''}state {self._listed_states()}"


def mark_and_mask(value: str) -> tuple[int, int]:
    """``0x4000/0x4000`` or ``4`` as mark and mask (all ones when none is written)."""
    mark, slash, mask = value.partition("/")
    try:
        return int(mark, 0), int(mask, 0) if slash else 0xFFFFFFFF
    except ValueError:
        raise IptablesError(
            f'mark: bad mark value for option "--mark", or out of range.\n: "{value}"'
        ) from None


class Mark(Match):
    """`-m mark --mark value[/mask]`: the note beside the packet."""

    name = "mark"
    options = {"--mark": 1}
    about = "mark"

    def __init__(self) -> None:
        self.mark, self.mask, self.negated = 0, 0, False
        self.given = False

    def set(self, option: str, values: list[str], negated: bool) -> None:
        self.mark, self.mask = mark_and_mask(values[0])
        self.negated, self.given = negated, True

    def check(self) -> None:
        if not self.given:
            raise IptablesError('mark: option "--mark" must be specified\n')

    def test(self, packet: Packet, context: Context) -> Answer:
        return Answer((packet.mark & self.mask == self.mark) != self.negated, f"mark is {packet.mark:#x}")

    def text(self) -> str:
        mask = "" if self.mask == 0xFFFFFFFF else f"/{self.mask:#x}"
        return f"{'! ' if self.negated else ''}--mark {self.mark:#x}{mask}"

    def listed(self) -> str:
        return f"mark match {self.text().replace('--mark ', '')}"


class AddressType(Match):
    """`-m addrtype`: whether an address is one of the node's own (LOCAL), a multicast address, and so on."""

    name = "addrtype"
    options = {"--src-type": 1, "--dst-type": 1}
    about = "address type"

    def __init__(self) -> None:
        self.src: tuple[tuple[str, ...], bool] | None = None
        self.dst: tuple[tuple[str, ...], bool] | None = None

    def set(self, option: str, values: list[str], negated: bool) -> None:
        types = tuple(values[0].upper().split(","))
        for kind in types:
            if kind not in ADDRESS_TYPES:
                raise IptablesError(f'addrtype: bad type "{kind}"')
        if option == "--src-type":
            self.src = (types, negated)
        else:
            self.dst = (types, negated)

    def check(self) -> None:
        if self.src is None and self.dst is None:
            raise IptablesError("addrtype: you must specify --src-type or --dst-type")

    def test(self, packet: Packet, context: Context) -> Answer:
        why = ""
        for side, address, wanted in (
            ("source", packet.src, self.src),
            ("destination", packet.dst, self.dst),
        ):
            if wanted is not None:
                kind = address_type(address, context.is_local)
                why = f"{side} {address} is {'an address of this node' if kind == 'LOCAL' else 'not local'}"
                if (kind in wanted[0]) == wanted[1]:
                    return Answer(False, why)
        return Answer(True, why)

    def text(self) -> str:
        parts = []
        for option, wanted in (("--src-type", self.src), ("--dst-type", self.dst)):
            if wanted is not None:
                parts.append(f"{'! ' if wanted[1] else ''}{option} {','.join(wanted[0])}")
        return " ".join(parts)

    def listed(self) -> str:
        return "ADDRTYPE match " + self.text().replace("--", "")


def address_type(address: str, is_local: Callable[[str], bool]) -> str:
    """What kind of address this is for a node."""
    if is_local(address):
        return "LOCAL"
    for cidr, kind in (
        ("224.0.0.0/4", "MULTICAST"),
        ("ff00::/8", "MULTICAST"),
        ("255.255.255.255", "BROADCAST"),
    ):
        if (":" in cidr) == (":" in address) and network(cidr).holds(number(address)):
            return kind
    return "UNICAST"


class PhysicalDevice(Match):
    """`-m physdev`: the bridge port by which a bridged packet came or goes."""

    name = "physdev"
    options = {"--physdev-in": 1, "--physdev-out": 1, "--physdev-is-in": 0, "--physdev-is-bridged": 0}
    about = "bridge port"

    def __init__(self) -> None:
        self.wanted: list[tuple[str, str, bool]] = []

    def set(self, option: str, values: list[str], negated: bool) -> None:
        self.wanted.append((option, values[0] if values else "", negated))

    def check(self) -> None:
        if not self.wanted:
            raise IptablesError("PHYSDEV: no physdev option specified\n")

    def test(self, packet: Packet, context: Context) -> Answer:
        for option, device, negated in self.wanted:
            if option == "--physdev-in":
                found = interface_matches(device, packet.physdev_in)
            elif option == "--physdev-out":
                found = interface_matches(device, packet.physdev_out)
            else:
                found = bool(packet.physdev_in)
            if found == negated:
                return Answer(False, f"bridge port is {packet.physdev_in or 'none'}")
        return Answer(True, "")

    def text(self) -> str:
        return " ".join(
            f"{'! ' if negated else ''}{option}{' ' + device if device else ''}"
            for option, device, negated in self.wanted
        )

    def listed(self) -> str:
        return f"PHYSDEV match {self.text()}"


def interface_matches(pattern: str, interface: str) -> bool:
    """``eth0`` exactly, or ``eth+`` for everything that begins so."""
    return interface.startswith(pattern[:-1]) if pattern.endswith("+") else interface == pattern


class NetfilterAccounting(Match):
    """`-m nfacct`: counts every packet that gets so far; always matches."""

    name = "nfacct"
    options = {"--nfacct-name": 1}

    def __init__(self) -> None:
        self.counter = ""

    def set(self, option: str, values: list[str], negated: bool) -> None:
        self.counter = values[0]

    def check(self) -> None:
        if not self.counter:
            raise IptablesError('nfacct: option "--nfacct-name" must be specified\n')

    def test(self, packet: Packet, context: Context) -> Answer:
        context.nfacct[self.counter] = context.nfacct.get(self.counter, 0) + 1
        return Answer(True, f"counted in {self.counter}")

    def text(self) -> str:
        return f"--nfacct-name {self.counter}"

    def listed(self) -> str:
        return f"nfacct-name  {self.counter}"


MATCHES: dict[str, type[Match]] = {
    kind.name: kind
    for kind in (
        Comment,
        Tcp,
        Udp,
        Sctp,
        MultiPort,
        ConntrackState,
        State,
        Mark,
        Statistic,
        Recent,
        AddressType,
        PhysicalDevice,
        NetfilterAccounting,
    )
}
"""Every match by the name after `-m`."""
