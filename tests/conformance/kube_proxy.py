"""kube-proxy: the text given to iptables-restore, what it makes of the tables, and the fates of packets.

Units: each state's rules (`restore`, which chains and how many rules result, health checks, whether the
sync was full), each packet (its outcomes with probabilities, and what a real kernel was seen to do with
it), each kernel's `iptables-save`, and the list of jump rules. Order that is random in the original is
not compared; the README of the recordings says which.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubekit.api.meta import Obj, key_of
from kubekit.network import Fate, Netfilter, Packet, outcomes, through_chains, through_kernel
from kubekit.proxy.local_traffic import LocalDetector
from kubekit.proxy.proxier import Proxier, ProxierConfig
from kubekit.sim import Rng
from tests.conformance.outcome import Outcome, find, read_jsonl

FREE_ORDER = {
    ("filter", "KUBE-SERVICES"),
    ("filter", "KUBE-EXTERNAL-SERVICES"),
    ("filter", "KUBE-NODEPORTS"),
    ("filter", "KUBE-PROXY-FIREWALL"),
    ("nat", "KUBE-SERVICES"),
    ("nat", "KUBE-NODEPORTS"),
}
TRACED = (
    ("nat", "PREROUTING"),
    ("filter", "KUBE-SERVICES"),
    ("filter", "KUBE-EXTERNAL-SERVICES"),
    ("filter", "KUBE-NODEPORTS"),
    ("filter", "KUBE-PROXY-FIREWALL"),
)
LAST = "must be the last rule"


class Node:
    """The node around a netfilter: it only knows its addresses."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = {*addresses, "::1"}

    def is_local(self, address: str) -> bool:
        return address in self.addresses or address.startswith("127.")

    def address_on(self, interface: str, version: int) -> str:
        return ""


class Bench:
    """One case: a netfilter, a proxier on it, and the objects as the changes leave them."""

    def __init__(self, case: Obj) -> None:
        self.case = case
        config = case["config"]
        self.now = 0.0
        self.netfilter = Netfilter(Node(config["localIPs"]), lambda: self.now, Rng(1), config["ipFamily"])
        self.objects: dict[tuple[str, str], Obj] = {}
        for obj in [*case["services"], *case["endpointSlices"], *([case["node"]] if case["node"] else [])]:
            self.objects[(obj["kind"], key_of(obj))] = obj
        self.start()

    def start(self) -> None:
        """A new kube-proxy process, given everything that is there."""
        config = self.case["config"]
        self.proxier = Proxier(
            self.netfilter,
            ProxierConfig(
                node_name=config["nodeName"],
                node_ip=config["nodeIP"],
                family=config["ipFamily"],
                detector=LocalDetector.configured(
                    config["detectLocalMode"],
                    cluster_cidr=config["clusterCIDR"],
                    node_cidr=config["podCIDR"],
                    bridge=config["bridgeInterface"],
                    prefix=config["interfaceNamePrefix"],
                ),
                masquerade_all=config["masqueradeAll"],
                masquerade_bit=config["masqueradeBit"],
                localhost_node_ports=config["localhostNodePorts"],
                node_port_addresses=tuple(config["nodePortAddresses"]),
                conntrack_tcp_be_liberal=config["conntrackTCPBeLiberal"],
                random_fully=config["randomFully"],
                nf_acct=config["nfAcct"],
            ),
            lambda: self.now,
            lambda: config["localIPs"],
        )
        for (kind, _), obj in self.objects.items():
            self.tell(kind, None, obj)

    def tell(self, kind: str, old: Obj | None, new: Obj | None) -> None:
        """One event."""
        if kind == "Service":
            self.proxier.on_service(old, new)
        elif kind == "EndpointSlice":
            self.proxier.on_endpoint_slice(new or old or {}, removed=new is None)
        elif new is not None:
            self.proxier.on_node(new)

    def change(self, change: Obj) -> None:
        """One entry of a state's `changes`."""
        op = change["op"]
        if op == "restart":
            self.start()
        elif op == "fullSync":
            self.proxier.need_full_sync = True
        else:
            obj = change["object"]
            place = (change["kind"], key_of(obj))
            old = self.objects.get(place)
            if op == "delete":
                self.objects.pop(place, None)
                self.tell(change["kind"], old or obj, None)
            else:
                self.objects[place] = obj
                self.tell(change["kind"], old, obj)


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay the folder."""
    outcome = Outcome()
    # A folder may hold cases alone: what a kernel printed, and the jump rules, are recordings of their own.
    saves = read_jsonl(folder, "kernel-save.jsonl") if find(folder, "kernel-save.jsonl") else ()
    kernels = {(k["name"], k["state"]): k["iptablesSave"] for k in saves}
    for case in read_jsonl(folder, "cases.jsonl"):
        if category and case["category"] != category and category not in case["name"]:
            continue
        bench = Bench(case)
        for number, state in enumerate(case["states"]):
            name = f"{case['name']}[{number}]"
            for change in state.get("changes") or []:
                bench.change(change)
            result = bench.proxier.sync()
            outcome.count(*_verdict(name, state_differences(bench, state, result.full, result.text)))
            for place, packet in enumerate(state["packets"]):
                where = f"{name} packet {place} {packet['from']} {packet['srcIP']} > {packet['dstIP']}"
                where += f":{packet['dstPort']} {packet['protocol']}"
                outcome.count(*_verdict(where, packet_differences(bench, packet)))
            if (case["name"], number) in kernels:
                saved = rules_of(kernels[(case["name"], number)], keep_order=True)
                mine = rules_of(bench.netfilter.save("filter") + bench.netfilter.save("nat"), keep_order=True)
                outcome.count(*_verdict(f"{name} iptables-save", list(differences(saved, mine))))
    if category is None and find(folder, "jump-rules.jsonl") is not None:
        outcome.count(*_verdict("jump rules", jump_differences(list(read_jsonl(folder, "jump-rules.jsonl")))))
    return outcome


def _verdict(name: str, problems: list[str]) -> tuple[bool, str, str]:
    return not problems, name, "; ".join(problems[:3])


# -- rules


def rules_of(text: str, keep_order: bool = False) -> dict[str, Any]:
    """A restore text as it is compared: declared and deleted chains, and the lines of each chain."""
    found: dict[str, Any] = {}
    table = ""
    lines: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
            found[f"{table} declared"] = set()
            found[f"{table} deleted"] = set()
        elif line.startswith(":"):
            found[f"{table} declared"].add(line.split(" ")[0][1:])
        elif line.startswith("-X "):
            found[f"{table} deleted"].add(line[3:])
        elif line.startswith("-A "):
            lines[f"{table} {line.split(' ')[1]}"].append(line)
    for place, written in lines.items():
        if tuple(place.split(" ")) in FREE_ORDER:
            last = [line for line in written if LAST in line]
            assert keep_order or not last or written[-len(last) :] == last, place
            found[place] = Counter(written)
        else:
            found[place] = written
    return found


def differences(wanted: dict[str, Any], got: dict[str, Any]) -> Iterator[str]:
    """In words, what two texts differ in."""
    for place in sorted(wanted.keys() | got.keys()):
        a, b = wanted.get(place, []), got.get(place, [])
        if a == b:
            continue
        if isinstance(a, list) and isinstance(b, list):
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            yield f"{place}: recorded {a[at : at + 1]}, here {b[at : at + 1]}"
        else:
            a, b = Counter(a), Counter(b)
            yield f"{place}: only recorded {sorted(a - b)[:2]}, only here {sorted(b - a)[:2]}"


def state_differences(bench: Bench, state: Obj, full: bool, text: str) -> list[str]:
    """What a sync did otherwise than recorded."""
    found: list[str] = []
    if full != state["fullSync"]:
        found.append(f"full sync: recorded {state['fullSync']}, here {full}")
    found += differences(rules_of(state["restore"]), rules_of(text))
    if state.get("save"):
        saved, mine = (
            rules_of(state["save"]),
            rules_of(bench.netfilter.save("filter") + bench.netfilter.save("nat")),
        )
        for place in sorted(saved.keys() | mine.keys()):
            a, b = saved.get(place, []), mine.get(place, [])
            if isinstance(a, set):
                if a != b:
                    found.append(f"tables {place}: {sorted(a ^ b)}")
            elif sum(Counter(a).values()) != sum(Counter(b).values()):
                found.append(f"tables {place}: another number of rules")
    checks = {
        service: {"port": port, "localReadyEndpoints": local}
        for service, (port, local) in bench.proxier.health_checks().items()
    }
    if checks != state["healthChecks"]:
        found.append(f"health checks: recorded {state['healthChecks']}, here {checks}")
    return found


def jump_differences(calls: list[Obj]) -> list[str]:
    """The EnsureChain and EnsureRule calls of a full sync, in order."""
    made: list[Obj] = []
    netfilter = Netfilter(Node([]), lambda: 0.0, Rng(1))
    rules = netfilter.rules
    ensure_chain, ensure_rule = rules.ensure_chain, rules.ensure_rule

    def chain(table: str, name: str) -> bool:
        made.append({"call": "EnsureChain", "table": table, "chain": name})
        return ensure_chain(table, name)

    def rule(table: str, name: str, words: list[str], prepend: bool = True) -> bool:
        position = "Prepend" if prepend else "Append"
        made.append(
            {"call": "EnsureRule", "table": table, "chain": name, "position": position, "args": words}
        )
        return ensure_rule(table, name, words, prepend)

    rules.ensure_chain, rules.ensure_rule = chain, rule  # type: ignore[method-assign]
    Proxier(netfilter, ProxierConfig("n"), lambda: 0.0, list).sync()
    return [] if made == calls else [f"{len(calls)} calls recorded, {len(made)} made or another order"]


# -- packets


def packet_differences(bench: Bench, recorded: Obj) -> list[str]:
    """Whether the packet's fates are the recorded ones, and what the kernel did is among the kernel's
    fates.
    """
    protocol = recorded["protocol"].lower()
    packet = Packet(recorded["srcIP"], recorded["dstIP"], protocol, 40000, recorded["dstPort"])
    if recorded["from"] in ("pod", "pod-on-other-node"):
        packet.in_interface = "cni0" if recorded["from"] == "pod" else "eth0"
    mark = 1 << bench.case["config"]["masqueradeBit"]
    fates = outcomes(bench.netfilter, packet, through_chains(mark, *TRACED))
    wanted: dict[Fate, float] = {}
    for fate in recorded["outcomes"]:
        key = Fate(fate["verdict"], fate.get("to", ""), fate["masquerade"], tuple(fate.get("chains", ())))
        wanted[key] = wanted.get(key, 0.0) + float(fate["probability"])
    found: list[str] = []
    if wanted.keys() != fates.keys():
        found.append(
            f"fates: only recorded {sorted(wanted.keys() - fates.keys())}, "
            f"only here {sorted(fates.keys() - wanted.keys())}"
        )
    elif any(abs(share - fates[fate]) > 1e-6 for fate, share in wanted.items()):
        found.append(f"other probabilities: recorded {wanted}, here {fates}")
    observed = recorded["kernelObserved"]
    if observed:
        possible = outcomes(bench.netfilter, packet, through_kernel)
        for seen in observed:
            if not any(_is(seen, fate) for fate in possible):
                found.append(f"a kernel did {seen!r}, here only {sorted(possible)} can happen")
    return found


def _is(seen: str, fate: Fate) -> bool:
    """Whether what was seen of a packet in a kernel is this fate."""
    words = seen.split(" ")
    if words[0] != fate.verdict or (len(words) > 1 and words[0] == "DNAT" and words[1] != fate.to):
        return False
    return words[-1] == "masq?" or words[0] != "DNAT" or (words[-1] == "masq") == fate.masquerade
