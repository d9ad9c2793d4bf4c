"""What `iptables -L` prints: chains as tables with columns, for eyes rather than for restoring.

Called by `command`. `numeric` is `-n`, `verbose` is `-v` (counters and interfaces), `numbers` is
`--line-numbers`. Without `-n` well-known ports have names and everything is "anywhere"; addresses stay
numbers, as on a node whose resolver knows none of them. Source: iptables 1.8.9, iptables/nft-shared.c.
"""

from __future__ import annotations

import re

from kubekit.network.iptables import Chain, Table
from kubekit.network.packet import PROTOCOL_NUMBERS
from kubekit.network.rule import Rule

PORT_NAMES = {22: "ssh", 25: "smtp", 53: "domain", 80: "http", 110: "pop3", 143: "imap2", 443: "https"}
"""The names of /etc/services that learners are likely to meet."""

_PORT = re.compile(r"\b([sd]pt:!?)(\d+)\b(?!:)")


def listing(table: Table, chain: str | None, *, numeric: bool, verbose: bool, numbers: bool) -> str:
    """One chain of the table, or all of them with empty lines between."""
    chains = [table.chains[chain]] if chain else list(table.in_order())
    parts = [_chain(table, each, numeric=numeric, verbose=verbose, numbers=numbers) for each in chains]
    return "\n".join(parts)


def _chain(table: Table, chain: Chain, *, numeric: bool, verbose: bool, numbers: bool) -> str:
    if not chain.builtin:
        about = f"{table.referenced(chain.name)} references"
    elif verbose:
        about = f"policy {chain.policy} {chain.packets} packets, {chain.bytes} bytes"
    else:
        about = f"policy {chain.policy}"
    head = ("num  " if numbers else "") + (" pkts bytes " if verbose else "") + f"{'target':<9}  prot opt"
    head += f" {'in':<6} {'out':<6} " if verbose else ""
    head += f" {'source':<19}  {'destination':<19} "
    lines = [f"Chain {chain.name} ({about})", head]
    for index, rule in enumerate(chain.rules):
        line = f"{index + 1:<4} " if numbers else ""
        if verbose:
            hits = chain.hits.get(index, 0)
            line += f"{hits:>5} {hits * 60:>5} "
        lines.append(line + _rule(rule, table.family, numeric, verbose))
    return "\n".join(lines) + "\n"


def _rule(rule: Rule, family: str, numeric: bool, verbose: bool) -> str:
    target = rule.target.name if rule.target else ""
    protocol = "0" if numeric else "all"
    inverted = " "
    if rule.protocol is not None:
        protocol = str(PROTOCOL_NUMBERS.get(rule.protocol[0], 0)) if numeric else rule.protocol[0]
        inverted = "!" if rule.protocol[1] else " "
    line = f"{target:<9} {inverted}{protocol:<4} -- "
    if verbose:
        for place, wanted in enumerate((rule.in_interface, rule.out_interface)):
            anything = "*" if numeric else "any"
            name = anything if wanted is None else ("!" if wanted[1] else "") + wanted[0]
            line += f"{'' if place else ' '}{name:<6} "
    for address in (rule.src, rule.dst):
        everything = "::/0" if family == "IPv6" else "0.0.0.0/0"
        shown = everything if numeric else "anywhere"
        if address is not None:
            shown = str(address[0]).removesuffix("/32").removesuffix("/128")
        line += f"{'!' if address is not None and address[1] else ' '}{shown:<19} "
    words = [match.listed() for match in rule.matches]
    if rule.target is not None:
        words.append(rule.target.listed())
    text = "".join(f" {word}" for word in words if word)
    if not numeric:
        text = _PORT.sub(lambda m: m[1] + PORT_NAMES.get(int(m[2]), m[2]), text)
    return line + text
