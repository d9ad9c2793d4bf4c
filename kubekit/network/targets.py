"""Targets: what a matching rule does with the packet. One class a `-j` extension, and a registry at the
end.

`effect` says what kind of thing it is; netfilter carries it out. A jump to another chain is the target
`Jump`. Never change a packet here: NAT needs the flow, and only netfilter has it. Sources: netfilter's
extensions/libxt_*.c and libipt_*.c; what iptables 1.8.9 prints.
"""

from __future__ import annotations

import ipaddress
from typing import ClassVar

from kubekit.network.address import split_host_port
from kubekit.network.errors import IptablesError
from kubekit.network.kernel_matches import mark_and_mask
from kubekit.network.matches import port_number, quoted

REJECT_WITH = {
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-proto-unreachable",
    "icmp-port-unreachable",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "tcp-reset",
    "icmp-admin-prohibited",
    "icmp6-port-unreachable",
    "icmp6-adm-prohibited",
    "icmp6-no-route",
    "icmp6-addr-unreachable",
}


class Target:
    """The shape of a target. `effect`: verdict, jump, dnat, snat, mark or note; `tables`: where it may
    stand.
    """

    name: str = ""
    effect: ClassVar[str] = "verdict"
    options: ClassVar[dict[str, int]] = {}
    tables: ClassVar[frozenset[str]] = frozenset({"raw", "mangle", "nat", "filter"})

    def set(self, option: str, values: list[str]) -> None:
        """Take one option of the rule's text."""

    def settle(self, family: str) -> None:
        """Fill in what depends on the address family ("IPv4" or "IPv6")."""

    def check(self, protocol: str) -> None:
        """Raise IptablesError when something required is missing; `protocol` is the rule's `-p`."""

    def text(self) -> str:
        """Its options as the kernel's text has them."""
        return ""

    def listed(self) -> str:
        """Its words in the last column of `iptables -L`."""
        return ""


class Verdict(Target):
    """ACCEPT, DROP and RETURN."""

    def __init__(self, name: str) -> None:
        self.name = name


class Jump(Target):
    """Go on in another chain, and come back here at its end (`goto`: come back to the caller instead)."""

    effect = "jump"

    def __init__(self, chain: str, goto: bool = False) -> None:
        self.name = chain
        self.goto = goto


class Reject(Target):
    """REJECT: refuse the packet and tell its sender so."""

    name = "REJECT"
    options = {"--reject-with": 1}
    tables = frozenset({"filter"})

    def __init__(self) -> None:
        self.reject_with = ""

    def set(self, option: str, values: list[str]) -> None:
        if values[0] not in REJECT_WITH:
            raise IptablesError(f'unknown reject type "{values[0]}"')
        self.reject_with = values[0]

    def settle(self, family: str) -> None:
        default = "icmp6-port-unreachable" if family == "IPv6" else "icmp-port-unreachable"
        self.reject_with = self.reject_with or default

    def check(self, protocol: str) -> None:
        if self.reject_with == "tcp-reset" and protocol != "tcp":
            raise IptablesError("RULE_APPEND failed (Invalid argument)", 4)

    def text(self) -> str:
        return f"--reject-with {self.reject_with}"

    def listed(self) -> str:
        return f"reject-with {self.reject_with}"


class DestinationNat(Target):
    """DNAT: send the flow to another address and port, and remember to undo it on the way back."""

    name = "DNAT"
    effect = "dnat"
    options = {"--to-destination": 1, "--random": 0, "--persistent": 0}
    tables = frozenset({"nat"})

    def __init__(self) -> None:
        self.to, self.address, self.port, self.flags = "", "", 0, ""

    def set(self, option: str, values: list[str]) -> None:
        if option != "--to-destination":
            self.flags += " " + option
            return
        self.to = values[0]
        self.address, self.port = parse_nat_address(values[0])

    def check(self, protocol: str) -> None:
        if not self.to:
            raise IptablesError('DNAT: option "--to-destination" must be specified\n')
        if self.port and protocol not in ("tcp", "udp", "sctp"):
            raise IptablesError("Need TCP, UDP, SCTP or DCCP with port specification")

    def text(self) -> str:
        return f"--to-destination {self.to}{self.flags}"

    def listed(self) -> str:
        return f"to:{self.to}{self.flags.replace('--', '')}"


class SourceNat(Target):
    """SNAT: make the flow appear to come from another address."""

    name = "SNAT"
    effect = "snat"
    options = {"--to-source": 1, "--random": 0, "--random-fully": 0, "--persistent": 0}
    tables = frozenset({"nat"})

    def __init__(self) -> None:
        self.to, self.address, self.port, self.flags = "", "", 0, ""

    def set(self, option: str, values: list[str]) -> None:
        if option != "--to-source":
            self.flags += " " + option
            return
        self.to = values[0]
        self.address, self.port = parse_nat_address(values[0])

    def check(self, protocol: str) -> None:
        if not self.to:
            raise IptablesError('SNAT: option "--to-source" must be specified\n')

    @property
    def random_fully(self) -> bool:
        """Whether the source port is drawn anew for each flow."""
        return "--random" in self.flags

    def text(self) -> str:
        return f"--to-source {self.to}{self.flags}"

    def listed(self) -> str:
        return f"to:{self.to}{self.flags.replace('--', '')}"


class Masquerade(SourceNat):
    """MASQUERADE: SNAT to whatever address the outgoing interface has."""

    name = "MASQUERADE"
    options = {"--to-ports": 1, "--random": 0, "--random-fully": 0}

    def set(self, option: str, values: list[str]) -> None:
        if option == "--to-ports":
            self.to = values[0]
        else:
            self.flags += " " + option

    def check(self, protocol: str) -> None:
        if self.to and protocol not in ("tcp", "udp", "sctp"):
            raise IptablesError("Need TCP, UDP, SCTP or DCCP with port specification")

    def text(self) -> str:
        return (f"--to-ports {self.to}" if self.to else "") + (self.flags if self.to else self.flags[1:])

    def listed(self) -> str:
        return (f"masq ports: {self.to}" if self.to else "") + self.flags[1:].replace("--", "")


class Redirect(Target):
    """REDIRECT: send the flow to the node itself, to another port."""

    name = "REDIRECT"
    effect = "dnat"
    options = {"--to-ports": 1, "--random": 0}
    tables = frozenset({"nat"})

    def __init__(self) -> None:
        self.address, self.port = "", 0

    def set(self, option: str, values: list[str]) -> None:
        if option == "--to-ports":
            self.port = port_number(values[0])

    def text(self) -> str:
        return f"--to-ports {self.port}" if self.port else ""

    def listed(self) -> str:
        return f"redir ports {self.port}" if self.port else ""


class SetMark(Target):
    """MARK: change the note beside the packet: ``mark = (mark & ~mask) ^ value``.

    or-mark m is value m, mask m; xor-mark m is value m, mask 0; and-mark m is value 0, mask ~m.
    """

    name = "MARK"
    effect = "mark"
    options = {"--set-mark": 1, "--set-xmark": 1, "--or-mark": 1, "--xor-mark": 1, "--and-mark": 1}

    def __init__(self) -> None:
        self.value: int | None = None
        self.mask = 0xFFFFFFFF

    def set(self, option: str, values: list[str]) -> None:
        value, mask = mark_and_mask(values[0])
        if option == "--set-mark":
            self.value, self.mask = value, value | mask
        elif option == "--set-xmark":
            self.value, self.mask = value, mask
        elif option == "--or-mark":
            self.value, self.mask = value, value
        elif option == "--xor-mark":
            self.value, self.mask = value, 0
        else:
            self.value, self.mask = 0, ~value & 0xFFFFFFFF

    def check(self, protocol: str) -> None:
        if self.value is None:
            raise IptablesError("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required\n")

    def apply(self, mark: int) -> int:
        """The new mark."""
        return (mark & ~self.mask & 0xFFFFFFFF) ^ (self.value or 0)

    def text(self) -> str:
        return f"--set-xmark {self.value:#x}/{self.mask:#x}"

    def listed(self) -> str:
        if self.value == 0:
            return f"MARK and {~self.mask & 0xFFFFFFFF:#x}"
        if self.value == self.mask:
            return f"MARK or {self.value:#x}"
        if self.mask == 0:
            return f"MARK xor {self.value:#x}"
        if self.mask == 0xFFFFFFFF:
            return f"MARK set {self.value:#x}"
        return f"MARK xset {self.value:#x}/{self.mask:#x}"


class Log(Target):
    """LOG: a line in the kernel's log; the packet goes on to the next rule."""

    name = "LOG"
    effect = "note"
    options = {"--log-prefix": 1, "--log-level": 1}

    def __init__(self) -> None:
        self.prefix, self.level = "", "4"

    def set(self, option: str, values: list[str]) -> None:
        if option == "--log-prefix":
            self.prefix = values[0]
        else:
            self.level = values[0]

    def text(self) -> str:
        prefix = f"--log-prefix {quoted(self.prefix)}" if self.prefix else ""
        level = f"--log-level {self.level}" if self.level != "4" else ""
        return f"{prefix} {level}".strip()

    def listed(self) -> str:
        prefix = f' prefix "{self.prefix}"' if self.prefix else ""
        return f"LOG flags 0 level {self.level}{prefix}"


def parse_nat_address(value: str) -> tuple[str, int]:
    """``10.0.0.1:80`` or ``[fd00::1]:80`` or a bare address."""
    try:
        address, port = split_host_port(value)
        ipaddress.ip_address(address)
    except ValueError:
        address = value.rpartition(":")[0] if value.count(":") == 1 else value
        raise IptablesError(f'Bad IP address "{address}"\n') from None
    if port > 65535:
        raise IptablesError(f"Port `{port}' not valid\n")
    return address, port


TARGETS: dict[str, type[Target]] = {
    kind.name: kind for kind in (Reject, DestinationNat, SourceNat, Masquerade, Redirect, SetMark, Log)
}
"""Every target with options by the name after `-j`."""

VERDICTS = ("ACCEPT", "DROP", "RETURN")
BUILTIN_TARGETS = frozenset([*VERDICTS, *TARGETS])


def is_builtin(name: str) -> bool:
    """Whether a `-j` name is a target rather than a chain."""
    return name in BUILTIN_TARGETS
