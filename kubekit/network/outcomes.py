"""All fates of a packet with their probabilities, found by walking it once for every sequence of coin
flips.

`outcomes` takes a way through netfilter (a function of a transit) and runs it again and again on a dry
transit: the first run answers every question of chance with yes, and each later run answers the same up
to one question and no there. So the walk itself is exactly the one a real packet takes, and nothing is
remembered.

>>> [(fate, round(share, 3)) for fate, share in branches(lambda draw: draw(0.25)[0])]
[(True, 0.25), (False, 0.75)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from kubekit.network.netfilter import Draw, Netfilter, Transit
from kubekit.network.packet import Packet

T = TypeVar("T")


class Fate(NamedTuple):
    """How a packet can end: `verdict` is DNAT, REJECT, DROP, ACCEPT or NONE (no rule ended it)."""

    verdict: str
    to: str = ""
    masquerade: bool = False
    chains: tuple[str, ...] = ()
    """Where the verdict was given, for filter verdicts."""


def branches(run: Callable[[Draw], T]) -> Iterator[tuple[T, float]]:
    """Every result of `run` with the probability of the answers that led to it; the shares sum to 1."""
    scripts: list[tuple[bool, ...]] = [()]
    while scripts:
        script = scripts.pop()
        taken: list[bool] = []
        share = 1.0

        def draw(
            probability: float, script: tuple[bool, ...] = script, taken: list[bool] = taken
        ) -> tuple[bool, float | None]:
            nonlocal share
            place = len(taken)
            yes = script[place] if place < len(script) else probability > 0
            if place >= len(script) and 0 < probability < 1:
                scripts.append((*taken, False))
            taken.append(yes)
            share *= probability if yes else 1 - probability
            return yes, None

        result = run(draw)
        yield result, share


def outcomes(netfilter: Netfilter, packet: Packet, way: Callable[[Transit], Fate]) -> dict[Fate, float]:
    """The fates of a packet on a way, each with its probability."""
    found: dict[Fate, float] = {}
    for fate, share in branches(lambda draw: way(netfilter.transit(packet, draw, dry=True))):
        found[fate] = found.get(fate, 0.0) + share
    return found


def through_kernel(transit: Transit) -> Fate:
    """The way of a new packet through the hooks of its host.

    A packet from one of the node's own addresses begins at OUTPUT, another one at PREROUTING and then goes to
    INPUT or FORWARD, whichever the destination asks for. The last word is MASQUERADE's, at POSTROUTING.
    """
    netfilter = transit.netfilter
    first = transit.packet
    own = transit.is_local(first.src)
    hooks = ["OUTPUT" if own else "PREROUTING"]
    verdict = ""
    chains: tuple[str, ...] = ()
    while hooks and not verdict:
        name = hooks.pop(0)
        passed = netfilter.hook(name, transit)
        if passed.verdict != "ACCEPT":
            verdict, chains = passed.verdict, (passed.in_chain,)
        elif name == "PREROUTING":
            hooks = ["INPUT"] if transit.is_local(transit.packet.dst) else ["FORWARD", "POSTROUTING"]
        elif name == "OUTPUT":
            hooks = ["POSTROUTING", *(["INPUT"] if transit.is_local(transit.packet.dst) else [])]
    flow = transit.flow
    masquerade = flow is not None and bool(flow.snat)
    if verdict:
        return Fate(verdict, "", masquerade, chains)
    if flow is not None and flow.dnat:
        _, address, _, port, _ = flow.reply
        return Fate("DNAT", Packet(first.src, address, first.protocol, 0, port).destination, masquerade)
    return Fate("NONE", "", masquerade)


def through_chains(mark: int, *chains: tuple[str, str]) -> Callable[[Transit], Fate]:
    """A way through the named chains only, whatever hook calls them: (table, chain) in order.

    A DNAT takes effect before the next chain; `mark` is the bit that means "will be masqueraded".
    """

    def way(transit: Transit) -> Fate:
        netfilter = transit.netfilter
        to = ""
        transit.ctstates = frozenset({"NEW"})
        for table, chain in chains:
            ending = netfilter.walk(table, chain, transit, [])
            if ending is None or ending.rule is None:
                continue
            masquerade = bool(transit.packet.mark & mark)
            if ending.target == "DNAT" and ending.rule.target is not None:
                target = ending.rule.target
                address, port = getattr(target, "address", ""), getattr(target, "port", 0)
                packet = transit.packet
                transit.packet = packet.with_(dst=address or packet.dst, dport=port or packet.dport)
                to = transit.packet.destination
            else:
                return Fate(ending.target, "", masquerade, (chain,))
        return Fate("DNAT" if to else "NONE", to, bool(transit.packet.mark & mark))

    return way
