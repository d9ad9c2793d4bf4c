"""Netfilter: one packet through a node's hooks, walking exactly the rules that stand in its tables.

A host makes a `Transit` for a packet that comes in (`arrive`) or is sent by the node itself (`leave`),
then calls `hook` for each hook on the packet's way. Each call gives a `HookPass`: the packet before and
after, every chain entered and what each rule in it said. Two things are easy to get wrong and are done
here as the kernel does them: the nat table is asked for the first packet of a flow only, and the answer's
NAT is undone from the flow, not from rules; filter rules are asked for every packet.

With `dry=True` nothing is remembered (no flow, no recent list, no counter): that is how all fates of a
packet can be worked out (`outcomes`) with the very same code. Source: the kernel's net/netfilter and
net/ipv4/netfilter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from kubekit.network.conntrack import Conntrack, Flow
from kubekit.network.iptables import BUILTIN_CHAINS, Tables
from kubekit.network.packet import Packet
from kubekit.network.restore import restore
from kubekit.network.rule import Rule, RulePass
from kubekit.network.targets import DestinationNat, Jump, Log, Redirect, Reject, SetMark, SourceNat
from kubekit.sim import Rng

HOOKS: dict[str, tuple[str, ...]] = {
    "PREROUTING": ("raw", "mangle", "nat"),
    "INPUT": ("mangle", "filter", "nat"),
    "FORWARD": ("mangle", "filter"),
    "OUTPUT": ("raw", "mangle", "nat", "filter"),
    "POSTROUTING": ("mangle", "nat"),
}
"""The hooks, each with the tables it asks, in order. Connection tracking sits behind raw at the first
hook.
"""

JUMP_LIMIT = 16
"""How deep chains may call each other (the kernel refuses deeper rule sets)."""

PACKET_BYTES = 60
"""What a packet counts for in the byte counters: an IPv4 SYN."""


class Place(Protocol):
    """What netfilter must know of the host around it."""

    def is_local(self, address: str) -> bool:
        """Whether the address is one of the node's own."""

    def address_on(self, interface: str, version: int) -> str:
        """The first address of an interface: what MASQUERADE and REDIRECT translate to."""


class ChainPass(NamedTuple):
    """One visit to a chain: what each rule said, up to the one that ended the visit."""

    table: str
    chain: str
    said: tuple[RulePass, ...]
    rest: tuple[Rule, ...]
    """Rules that were not reached."""
    ended: str
    """How the visit ended: a target's name, "RETURN", "end" or the policy."""

    def to_json(self) -> dict[str, Any]:
        """Every rule of the chain with its text, whether it matched (null: not reached), and why."""
        rules = [
            {
                "rule": answer.rule.without_comment(),
                "comment": answer.rule.comment,
                "matched": answer.matched,
                "why": answer.why,
                "target": answer.rule.target.name if answer.rule.target else "",
                **({} if answer.drew is None else {"drew": round(answer.drew, 4)}),
            }
            for answer in self.said
        ]
        rules += [
            {
                "rule": rule.without_comment(),
                "comment": rule.comment,
                "matched": None,
                "why": "not reached",
                "target": rule.target.name if rule.target else "",
            }
            for rule in self.rest
        ]
        return {"table": self.table, "chain": self.chain, "rules": rules, "ended": self.ended}


class HookPass(NamedTuple):
    """What one hook did to a packet. `verdict` is ACCEPT, DROP or REJECT; `by` the rule that said so."""

    hook: str
    before: Packet
    after: Packet
    verdict: str
    chains: tuple[ChainPass, ...] = ()
    by: Rule | None = None
    in_chain: str = ""
    notes: tuple[str, ...] = ()
    """What happened without a rule: a flow that was known, an answer that was translated back."""

    @property
    def tables(self) -> list[str]:
        """The tables whose rules were asked, in order."""
        return list(dict.fromkeys(visit.table for visit in self.chains))


class Transit:
    """A packet on its way through one host, with its flow. Also the context in which matches are asked."""

    def __init__(self, netfilter: Netfilter, packet: Packet, draw: Draw, dry: bool) -> None:
        self.netfilter = netfilter
        self.packet = packet
        self.draw = draw
        self.dry = dry
        self.flow: Flow | None = None
        self.reply = False
        self.ctstates: frozenset[str] = frozenset({"UNTRACKED"})
        self.tracked = False
        self.now = netfilter.conntrack.now()
        memory = netfilter.recents
        self.recents = (
            {name: {k: list(v) for k, v in seen.items()} for name, seen in memory.items()} if dry else memory
        )
        self.nfacct = dict(netfilter.nfacct) if dry else netfilter.nfacct
        self.turns = dict(netfilter.turns) if dry else netfilter.turns

    def is_local(self, address: str) -> bool:
        """Whether the address belongs to this node."""
        return self.netfilter.place.is_local(address)

    def decide(self, probability: float, key: object) -> tuple[bool, float | None]:
        """Ask chance."""
        return self.draw(probability)


Draw = Callable[[float], tuple[bool, "float | None"]]
"""From a probability to whether it happens, and the figure drawn."""


class Ending(NamedTuple):
    """Why a walk through chains ended: the rule with the final target, and the chain it stands in."""

    rule: Rule | None
    chain: str
    target: str


class Netfilter:
    """The tables, flows and memory of one node's kernel, for one address family."""

    def __init__(self, place: Place, now: Callable[[], float], rng: Rng, family: str = "IPv4") -> None:
        self.place = place
        self.family = family
        self.rng = rng
        self.rules = Tables(family)
        self.conntrack = Conntrack(now, rng)
        self.recents: dict[str, dict[str, list[float]]] = {}
        """Lists of `-m recent`: name -> address -> times seen."""
        self.nfacct: dict[str, int] = {}
        self.turns: dict[int, int] = {}
        """Whose turn it is in rules with `-m statistic --mode nth`."""

    def save(self, table: str | None = None) -> str:
        """`iptables-save` text."""
        return self.rules.save(table)

    def restore(self, text: str, noflush: bool = True, counters: bool = True) -> None:
        """`iptables-restore` text; raises IptablesError with what the program prints."""
        restore(self.rules, text, noflush, counters)

    def toss(self, probability: float) -> tuple[bool, float | None]:
        """Draw from the node's random stream."""
        drew = self.rng.random()
        return drew < probability, drew

    def transit(self, packet: Packet, draw: Draw | None = None, dry: bool = False) -> Transit:
        """A packet about to meet its first hook here."""
        return Transit(self, packet, draw or self.toss, dry)

    def hook(self, name: str, transit: Transit) -> HookPass:
        """Take the packet through one hook; `transit.packet` is what comes out."""
        before = transit.packet
        visits: list[ChainPass] = []
        notes: list[str] = []
        for table in HOOKS[name]:
            if table != "raw" and not transit.tracked:
                self._track(transit, notes)
            if table == "nat":
                self._nat(name, transit, visits, notes)
                continue
            ending = self._table(table, name, transit, visits)
            if ending is not None and ending.target in ("DROP", "REJECT"):
                return HookPass(
                    name,
                    before,
                    transit.packet,
                    ending.target,
                    tuple(visits),
                    ending.rule,
                    ending.chain,
                    tuple(notes),
                )
        if name in ("INPUT", "POSTROUTING") and transit.flow is not None and not transit.dry:
            self.conntrack.confirm(transit.flow)
        return HookPass(name, before, transit.packet, "ACCEPT", tuple(visits), None, "", tuple(notes))

    # -- connection tracking and nat

    def _track(self, transit: Transit, notes: list[str]) -> None:
        transit.tracked = True
        packet = transit.packet
        flow, reply = self.conntrack.find(packet)
        if flow is None and self.conntrack.begins(packet):
            flow, reply = Flow(packet), False
        elif flow is not None:
            way = "the answer to a flow" if reply else "part of a flow"
            notes.append(f"conntrack knows it: {way} it remembers")
        transit.flow, transit.reply = flow, reply
        if flow is None:
            notes.append("conntrack does not know it and no flow begins like this: state INVALID")
        elif not transit.dry:
            self.conntrack.saw(flow, packet, reply)
        transit.ctstates = self.conntrack.states(flow, reply, packet)

    def _nat(self, hook: str, transit: Transit, visits: list[ChainPass], notes: list[str]) -> None:
        flow = transit.flow
        if flow is None:
            return
        destination = hook in ("PREROUTING", "OUTPUT")
        decided = flow.dnat if destination else flow.snat
        if decided is None and not transit.reply:
            ending = self._table("nat", hook, transit, visits)
            self._translate(hook, destination, ending, transit, flow)
        elif not flow.confirmed:
            return
        self._apply(destination, transit, flow, notes)
        transit.ctstates = self.conntrack.states(flow, transit.reply, transit.packet)

    def _translate(
        self, hook: str, destination: bool, ending: Ending | None, transit: Transit, flow: Flow
    ) -> None:
        target = ending.rule.target if ending is not None and ending.rule is not None else None
        packet = transit.packet
        version = 6 if self.family == "IPv6" else 4
        if destination:
            if isinstance(target, DestinationNat):
                flow.translate_destination(target.address, target.port)
            elif isinstance(target, Redirect):
                loopback = "::1" if version == 6 else "127.0.0.1"
                here = loopback if hook == "OUTPUT" else self.place.address_on(packet.in_interface, version)
                flow.translate_destination(here, target.port)
            else:
                flow.dnat = False
            return
        address, anew = packet.src, False
        if isinstance(target, SourceNat):
            address = target.address or self.place.address_on(packet.out_interface, version) or packet.src
            anew = target.random_fully
        port = packet.sport if transit.dry else self.conntrack.free_port(flow, address, packet.sport, anew)
        if isinstance(target, SourceNat) or port != packet.sport:
            flow.translate_source(address, port)
        else:
            flow.snat = False

    @staticmethod
    def _apply(destination: bool, transit: Transit, flow: Flow, notes: list[str]) -> None:
        packet = transit.packet
        _, src, dst, sport, dport = flow.original
        _, rsrc, rdst, rsport, rdport = flow.reply
        if destination:
            address, port = (src, sport) if transit.reply else (rsrc, rsport)
            if (packet.dst, packet.dport) != (address, port):
                transit.packet = packet.with_(dst=address, dport=port)
                if flow.confirmed:
                    what = "the source NAT is undone" if transit.reply else "destination as before"
                    notes.append(f"{what}: to {transit.packet.destination}, no nat rule is asked")
        else:
            address, port = (dst, dport) if transit.reply else (rdst, rdport)
            if (packet.src, packet.sport) != (address, port):
                transit.packet = packet.with_(src=address, sport=port)
                if flow.confirmed:
                    what = "the destination NAT is undone" if transit.reply else "source as before"
                    notes.append(f"{what}: from {transit.packet.source}, no nat rule is asked")

    # -- rules

    def _table(self, table: str, hook: str, transit: Transit, visits: list[ChainPass]) -> Ending | None:
        chain = self.rules.chain(table, hook)
        if chain is None or hook not in BUILTIN_CHAINS[table]:
            return None
        ending = self.walk(table, hook, transit, visits)
        if ending is None or ending.target == "RETURN":
            if not transit.dry:
                chain.packets += 1
                chain.bytes += PACKET_BYTES
            return Ending(None, hook, chain.policy)
        return ending

    def walk(
        self, table: str, name: str, transit: Transit, visits: list[ChainPass], depth: int = 0
    ) -> Ending | None:
        """Walk one chain, and those it jumps to; None when the packet comes out at its end."""
        chain = self.rules.chain(table, name)
        if chain is None or depth > JUMP_LIMIT:
            return None
        rules = chain.rules
        if not rules:
            return None
        said: list[RulePass] = []
        place = len(visits)
        visits.append(ChainPass(table, name, (), (), ""))
        ending: Ending | None = None
        for index, rule in enumerate(rules):
            answer = rule.ask(transit.packet, transit)
            said.append(answer)
            if not answer.matched:
                continue
            if not transit.dry:
                chain.hits[index] = chain.hits.get(index, 0) + 1
            ending = self._obey(table, name, rule, transit, visits, depth)
            if ending is not None:
                break
        ended = ending.target if ending else ("end" if not chain.builtin else f"policy {chain.policy}")
        visits[place] = ChainPass(table, name, tuple(said), tuple(rules[len(said) :]), ended)
        if ending is not None and ending.target == "RETURN" and ending.chain == name:
            return None
        return ending

    def _obey(
        self, table: str, name: str, rule: Rule, transit: Transit, visits: list[ChainPass], depth: int
    ) -> Ending | None:
        target = rule.target
        if target is None or isinstance(target, Log):
            return None
        if isinstance(target, SetMark):
            transit.packet = transit.packet.with_(mark=target.apply(transit.packet.mark))
            return None
        if isinstance(target, Jump):
            ending = self.walk(table, target.name, transit, visits, depth + 1)
            if ending is None and target.goto:
                return Ending(rule, name, "RETURN")
            return ending
        if isinstance(target, Reject):
            return Ending(rule, name, "REJECT")
        return Ending(rule, name, target.name)
