"""A journey: what the hops of a packet told, and the record that comes of it.

The carrier tells, the journey keeps, `record` turns it into a Record of kind "packet". Steps are made when
somebody looks: until then the journey holds only immutable visits (`HookPass`) and a few strings. Read
`came_out` for the figures a view needs: `packet` before and after, `conntrack` of each node, `answer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.network.netfilter import HookPass
from kubekit.network.packet import Packet
from kubekit.sim import Record, Step, Trace

if TYPE_CHECKING:
    from kubekit.network.carrier import Start
    from kubekit.network.conntrack import Flow
    from kubekit.network.host import Host


class Hop(NamedTuple):
    """One place the packet was at. `passed` is set for netfilter's hooks only."""

    way: str
    what: str
    where: str
    node: str
    verdict: str
    why: str
    packet: Packet
    passed: HookPass | None = None


class Journey:
    """The way there and back of one attempt to connect."""

    def __init__(self, start: Start, packet: Packet, asked_for: str) -> None:
        self.start = start
        self.asked_for = asked_for
        self.sent = packet
        self.way = "out"
        self.hops: list[Hop] = []
        self.received: Packet | None = None
        self.receiver = ""
        self.status = "timed out"
        self.why = ""
        self.answer_sent: Packet | None = None
        self.answer_seen: Packet | None = None
        self.flows: dict[str, dict[str, Any]] = {}
        self._flows: dict[str, Flow] = {}
        self.picked = ""
        self.picked_on = ""
        self.masqueraded_on = ""

    @property
    def connected(self) -> bool:
        """Whether the client got the answer it waited for."""
        return self.status == "connected"

    # -- told by the carrier

    def hop(self, what: str, where: str, node: str, verdict: str, why: str, packet: Packet) -> None:
        """A hop that is no hook: a sender, a route, a cable, a receiver."""
        self.hops.append(Hop(self.way, what, where, node, verdict, why, packet))

    def hook(self, node: str, passed: HookPass, flow: Flow | None) -> None:
        """A hook of netfilter."""
        verdict, why = "pass", "; ".join(passed.notes)
        if passed.verdict != "ACCEPT":
            verdict = "refuse"
            why = f"{passed.verdict} in {passed.in_chain}" + (
                f": {passed.by.comment}" if passed.by and passed.by.comment else ""
            )
        elif self.way == "out" and not passed.notes:
            if passed.before.destination != passed.after.destination:
                verdict, why = "pick", f"DNAT to {passed.after.destination}"
                self.picked, self.picked_on = passed.after.destination, node
            elif passed.before.source != passed.after.source:
                why = f"masqueraded: {passed.after.source} instead of {passed.before.source}"
                self.masqueraded_on = node
        if flow is not None:
            self._flows.setdefault(node, flow)
        self.hops.append(Hop(self.way, passed.hook, node, node, verdict, why, passed.after, passed))

    def remember_flows(self, hosts: dict[str, Host], way: str) -> None:
        """Write down what each node's connection tracking knows of the flow now."""
        for node, flow in self._flows.items():
            if not flow.confirmed or node not in hosts:
                continue
            now = hosts[node].fabric.loop.clock.now()
            kept = self.flows.setdefault(node, {})
            kept[way] = {"line": flow.line(now), **flow.to_json()}

    def arrived(self, what: str, why: str, at: Start | None, packet: Packet | None, told: str) -> None:
        """How the question ended."""
        self.received, self.why = packet, why
        if at is not None:
            self.receiver = at.subject
        if what == "refused":
            self.status = "refused" if told != "icmp-host-prohibited" else "unreachable"
            self.why = f"{why}; the sender is told {told}"
        elif what == "unreachable":
            self.status = "unreachable"

    def no_listener(self, who: str, packet: Packet) -> None:
        """Nobody listens on a port without connections: the sender gets an ICMP message."""
        self.status, self.why = (
            "refused",
            f"nothing listens on {packet.protocol} port {packet.dport} of {who}",
        )

    def turn(self, listening: bool) -> None:
        """The receiver answers."""
        self.way = "back"
        if not listening and self.received is not None:
            self.why = f"nothing listens on tcp port {self.received.dport} of {self.receiver}"

    def came_back(
        self,
        what: str,
        why: str,
        at: Start | None,
        packet: Packet | None,
        start: Start,
        asked: Packet,
        listening: bool,
    ) -> None:
        """How the answer ended."""
        first = next((hop for hop in self.hops if hop.way == "back"), None)
        self.answer_sent = first.packet if first else None
        self.answer_seen = packet
        if what != "delivered" or packet is None or at is None:
            self.status, self.why = "timed out", f"the answer is lost: {why}"
        elif at.subject != start.subject or (packet.dst, packet.dport) != (asked.src, asked.sport):
            self.status, self.why = "timed out", f"the answer went to {at.subject} at {packet.destination}"
        elif (packet.src, packet.sport) != (asked.dst, asked.dport):
            self.status = "timed out"
            self.why = f"the answer comes from {packet.source}, but {asked.destination} was asked"
        elif not listening:
            self.status = "refused"
        else:
            self.status = "connected"

    # -- the record

    def sentence(self) -> str:
        """The journey in one sentence."""
        who = self.start.subject.partition("/")[2]
        goal = f"{self.asked_for} ({self.sent.destination})" if self.asked_for else self.sent.destination
        how = f", which {self.picked_on} turns into {self.picked}" if self.picked else ""
        if self.connected:
            return f"{who} connects to {goal}{how}: {self.receiver} answers."
        words = {
            "refused": "is refused by",
            "unreachable": "cannot reach",
            "timed out": "gets no answer from",
        }
        return f"{who} {words[self.status]} {goal}{how}" + (f": {self.why}." if self.why else ".")

    def record(self, trace: Trace, component: str) -> Record:
        """Emit the record of the journey."""
        hops = tuple(self.hops)
        return trace.emit(
            "packet",
            component,
            self.start.subject,
            self.sentence(),
            came_in={
                "from": self.start.subject,
                "node": self.start.host.name if self.start.host else "",
                "asked_for": self.asked_for or self.sent.destination,
                **self.sent.to_json(),
            },
            steps=lambda: [as_step(hop) for hop in hops],
            came_out=self.result(),
        )

    def result(self) -> dict[str, Any]:
        """What came of it, as JSON: status, receiver, the packet before and after, flows, the answer."""
        seen, sent = self.answer_seen, self.answer_sent
        return {
            "status": self.status,
            "why": self.why,
            "receiver": self.receiver,
            "picked": self.picked,
            "picked_on": self.picked_on,
            "masqueraded_on": self.masqueraded_on,
            "packet": {
                "before": self.sent.to_json(),
                "after": (self.received or self.hops[-1].packet).to_json(),
                "marks": [f"{mark:#x}" for mark in dict.fromkeys(self._marks())],
            },
            "conntrack": self.flows,
            "answer": {
                "came": sent.to_json() if sent else None,
                "client_sees": seen.to_json() if seen else None,
            },
        }

    def _marks(self) -> list[int]:
        return [hop.packet.mark for hop in self.hops if hop.way == "out"]


def as_step(hop: Hop) -> Step:
    """A hop as a step of a record; `figures` hold the chains with every rule."""
    figures: dict[str, Any] = {"way": hop.way, "hop": hop.what, "node": hop.node}
    if hop.passed is None:
        figures["packet"] = hop.packet.to_json()
    else:
        figures["before"] = hop.passed.before.to_json()
        figures["after"] = hop.passed.after.to_json()
        figures["tables"] = hop.passed.tables
        figures["verdict"] = hop.passed.verdict
        figures["chains"] = [visit.to_json() for visit in hop.passed.chains]
        figures["notes"] = list(hop.passed.notes)
    place = f"{hop.where}: {hop.what}" if hop.passed is not None else f"{hop.where} {hop.what}"
    return Step(place, hop.verdict, hop.why, figures)
