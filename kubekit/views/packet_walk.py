"""The packet walk: one packet's hops, and at each hop the chains and rules that were asked.

Drawn from one record of kind "packet". A stop of the stepper is a hop; at a hop of netfilter every rule of
every chain that was reached stands there with its answer. Long chains keep what matched and what stood close
to it, and say how many other rules did not match.
"""

from __future__ import annotations

from typing import Any

from kubekit.sim import Record, Step
from kubekit.views import cards
from kubekit.views.view import Table, View

CLOSE = 3
"""Rules that did not match and are shown all the same, next to what did."""

LONGEST_CHAIN = 8
"""Rules up to which a chain is shown whole."""

Hop = dict[str, Any]


class PacketWalk(View):
    """One packet from sender to receiver and back."""

    name = "packet_walk"

    def __init__(self, record: Record, meta: list[list[str]], cluster_id: str = "") -> None:
        self.record = record
        out = record.came_out
        hops = [_hop(number, step) for number, step in enumerate(record.steps)]
        title = _title(record, hops)
        table = Table(record.sentence, ["chain", "rule", "match", "why"], _rows(hops))
        scene: dict[str, Any] = {
            "title": title,
            "meta": meta,
            "inspector": False,
            "legend": _legend(hops),
            "unit": "hop",
            "records": [_stop(hop, record) for hop in hops],
            "hops": hops,
            "cursor": _interesting(hops),
            "packet": _before_after(out["packet"]),
            "conntrack": _flows(out["conntrack"]),
            "answer": out["answer"],
            "status": out["status"],
            "why": out["why"],
            "sentence": record.sentence,
            "cluster": cluster_id,
        }
        super().__init__(scene, _text(record, hops), table)


def _hop(number: int, step: Step) -> Hop:
    figures = step.figures
    hop: Hop = {
        "number": number,
        "node": figures["node"],
        "what": figures["hop"],
        "way": figures["way"],
        "verdict": step.verdict,
        "reason": step.reason,
        "tables": ", ".join(figures.get("tables", ())),
        "chains": [_chain(chain) for chain in figures.get("chains", ())],
        "notes": list(figures.get("notes", ())),
    }
    hop["place"] = step.asked.removesuffix(f" {hop['what']}").removesuffix(":")
    packet = figures.get("packet") or figures.get("after") or {}
    hop["src"], hop["dst"] = packet.get("src", ""), packet.get("dst", "")
    return hop


def _chain(chain: dict[str, Any]) -> dict[str, Any]:
    rules = chain["rules"]
    matched = [at for at, rule in enumerate(rules) if rule["matched"]]
    near = {at + offset for at in matched for offset in range(-CLOSE, CLOSE + 1)}
    if len(rules) <= LONGEST_CHAIN:
        near = set(range(len(rules)))
    elif not matched:
        near = set(range(CLOSE))
    shown = [rule for at, rule in enumerate(rules) if at in near]
    return {
        "name": chain["chain"],
        "table": chain["table"],
        "ended": chain["ended"],
        "hidden": len(rules) - len(shown),
        # A chain has no comment of its own: what the matching rule says is what the chain was about here.
        "comment": next((rule["comment"] for rule in rules if rule["comment"] and rule["matched"]), ""),
        "rules": [{"text": rule["rule"], "matched": rule["matched"], "why": rule["why"]} for rule in shown],
    }


def _title(record: Record, hops: list[Hop]) -> str:
    out = record.came_out
    goal = record.came_in["asked_for"]
    matches = sum(bool(rule["matched"]) for hop in hops for chain in hop["chains"] for rule in chain["rules"])
    if out["status"] != "connected":
        return f"One packet to {goal}: {out['status']}"
    if out["picked"]:
        return f"One packet to {goal}: {matches} rules match, one backend is drawn"
    return f"One packet to {goal}: it arrives as it was sent"


def _legend(hops: list[Hop]) -> list[dict[str, str]]:
    answers = {rule["matched"] for hop in hops for chain in hop["chains"] for rule in chain["rules"]}
    items = []
    if True in answers:
        items.append({"glyph": "pass", "text": "rule matches"})
    if False in answers:
        items.append({"glyph": "skip", "text": "does not match"})
    if None in answers:
        items.append({"glyph": "note", "text": "not reached"})
    return [*items, {"line": "packet", "text": "packet"}]


def _stop(hop: Hop, record: Record) -> dict[str, Any]:
    hue, shape = {
        "pick": ("chosen", "round"),
        "refuse": ("refuse", "diamond"),
        "pass": ("good" if hop["what"] == "receives" else "ask", "square"),
    }.get(hop["verdict"], ("ask", "square"))
    return {
        "id": f"{record.id}.{hop['number']}",
        "t": round(record.at, 3),
        "kind": hop["what"],
        "tick": {"hue": hue, "shape": shape},
        "sentence": _sentence(hop, record),
        "halt": {"pick": "picked", "refuse": "refused"}.get(hop["verdict"], ""),
        "card": cards.of_any(record, hop["what"]),
    }


def _sentence(hop: Hop, record: Record) -> str:
    way = "On the way back: " if hop["way"] == "back" else ""
    reason = f": {hop['reason']}" if hop["reason"] else ""
    if hop["what"] == "sends":
        return f"{way}{_who(hop['place'])} sends a packet from `{hop['src']}` to `{hop['dst']}`."
    if hop["what"] == "receives":
        more = "" if hop["way"] == "out" else f" {record.sentence}"
        return f"{way}{_who(hop['place'])} receives it from `{hop['src']}`.{more}"
    if hop["what"] == "routing":
        return f"{way}{hop['node']} routes it to `{hop['dst']}`{reason}."
    if hop["verdict"] == "refuse":
        return f"{way}{hop['node']} ends it in {hop['what']}{reason}."
    asked = f"{len(hop['chains'])} chain(s) are asked" if hop["chains"] else "no chain is asked"
    return f"{way}{hop['what']} on {hop['node']}: {asked}{'; ' + hop['reason'] if hop['reason'] else ''}."


def _who(place: str) -> str:
    kind, _, name = place.partition("/")
    return f"{kind} {name}" if name else place


def _interesting(hops: list[Hop]) -> int:
    """Where the view opens: where the packet was refused, else where a backend was picked."""
    for verdict in ("refuse", "pick"):
        for hop in hops:
            if hop["verdict"] == verdict:
                return int(hop["number"])
    return 0


def _before_after(packet: dict[str, Any]) -> list[list[Any]]:
    before, after = packet["before"], packet["after"]
    rows = [[name, before[name], after[name], before[name] != after[name]] for name in ("src", "dst")]
    marks = packet["marks"]
    return [*rows, ["mark", marks[0] if marks else "", ", then ".join(marks), len(marks) > 1]]


def _flows(flows: dict[str, Any]) -> list[dict[str, str]]:
    told = []
    for node, kept in flows.items():
        for way, flow in kept.items():
            when = "after the packet" if way == "out" else "after the answer"
            told.append({"node": node, "when": when, "line": flow["line"]})
    return told


def _rows(hops: list[Hop]) -> list[list[str]]:
    rows = []
    for hop in hops:
        if not hop["chains"]:
            rows.append([f"{hop['place']} {hop['what']}".strip(), "", hop["verdict"], hop["reason"]])
        for chain in hop["chains"]:
            for rule in chain["rules"]:
                rows.append([chain["name"], rule["text"], _match(rule["matched"]), rule["why"]])
            if chain["hidden"]:
                rows.append([chain["name"], f"{chain['hidden']} other rules", "no match", ""])
    return rows


def _match(matched: bool | None) -> str:
    return {True: "match", False: "no match", None: "not reached"}[matched]


def _text(record: Record, hops: list[Hop]) -> str:
    lines = [record.sentence]
    way = "out"
    for hop in hops:
        if hop["way"] != way:
            way = hop["way"]
            lines.append("the answer:")
        reason = f"  {hop['reason']}" if hop["reason"] else ""
        lines.append(f"{hop['place']:<22} {hop['what']:<12} {hop['src']} -> {hop['dst']}{reason}")
        for chain in hop["chains"]:
            for rule in chain["rules"]:
                if rule["matched"]:
                    lines.append(f"    {chain['name']}  {rule['text']}  match: {rule['why']}")
    return "\n".join(lines)
