"""Packets between pods, nodes and the outside: ways, faults, and what their records hold."""

from __future__ import annotations

import json

import pytest

from kubekit.network import BridgeCNI, CniError, Fabric, run
from kubekit.sim import Loop

RULES = """*filter
:KUBE-FORWARD - [0:0]
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j KUBE-FORWARD
COMMIT
*nat
:KUBE-SVC - [0:0]
:KUBE-SEP-A - [0:0]
:KUBE-SEP-B - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A PREROUTING -d 10.96.0.9 -p tcp --dport 80 -j KUBE-SVC
-A OUTPUT -d 10.96.0.9 -p tcp --dport 80 -j KUBE-SVC
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-SVC ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC -m statistic --mode random --probability 0.5 -j KUBE-SEP-A
-A KUBE-SVC -j KUBE-SEP-B
-A KUBE-SEP-A -s 10.244.1.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-A -p tcp -j DNAT --to-destination 10.244.1.2:8080
-A KUBE-SEP-B -p tcp -j DNAT --to-destination 10.244.2.2:8080
COMMIT
"""


@pytest.fixture
def fabric() -> Fabric:
    """node01 with the pods shop/client (.2) and shop/near (.3), node02 with shop/far (.2); rules on
    node01.
    """
    fabric = Fabric(Loop(seed=7))
    one = fabric.add_host("node01", "192.168.0.11", "10.244.1.0/24")
    two = fabric.add_host("node02", "192.168.0.12", "10.244.2.0/24")
    cni = BridgeCNI(one)
    cni.add("shop/client")
    cni.add("shop/near", lambda protocol, port: port == 8080)
    BridgeCNI(two).add("shop/far")
    one.netfilter.restore(RULES)
    return fabric


@pytest.mark.parametrize(
    ("src", "dst", "port", "status", "receiver"),
    [
        ("shop/client", "shop/near", 8080, "connected", "pod/shop/near"),
        ("shop/client", "shop/near", 81, "refused", "pod/shop/near"),
        ("shop/client", "shop/far", 80, "connected", "pod/shop/far"),
        ("shop/far", "shop/client", 80, "connected", "pod/shop/client"),
        ("shop/client", "shop/client", 80, "connected", "pod/shop/client"),
        ("node01", "shop/far", 80, "connected", "pod/shop/far"),
        ("node02", "shop/client", 80, "connected", "pod/shop/client"),
        ("shop/client", "node02", 10250, "connected", "node/node02"),
        ("shop/client", "node02", 99, "refused", "node/node02"),
        ("node01", "127.0.0.1", 10248, "connected", "node/node01"),
        ("outside", "node02", 10250, "connected", "node/node02"),
        ("outside", "10.244.2.9", 80, "timed out", ""),
        ("shop/client", "10.244.2.77", 80, "unreachable", ""),
        ("shop/client", "8.8.8.8", 53, "timed out", ""),
        ("shop/client", "203.0.113.10", 443, "timed out", "address/203.0.113.10"),
    ],
)
def test_ways_without_any_service(
    fabric: Fabric, src: str, dst: str, port: int, status: str, receiver: str
) -> None:
    fabric.hosts["node02"].open_port("tcp", 10250, "kubelet")
    fabric.hosts["node01"].open_port("tcp", 10248, "kubelet")
    out = fabric.send(src, dst, port).came_out
    assert (out["status"], out["receiver"]) == (status, receiver), out["why"]


def test_the_record_tells_every_hop_every_rule_and_the_draw(fabric: Fabric) -> None:
    record = next(r for r in iter(lambda: fabric.send("shop/client", "10.96.0.9", 80), None)
                  if r.came_out["receiver"] == "pod/shop/far")  # fmt: skip
    json.dumps(record.to_json())
    out = [step for step in record.steps if step.figures["way"] == "out"]
    assert [step.figures["hop"] for step in out] == [
        "sends", "PREROUTING", "routing", "FORWARD", "POSTROUTING", "cable",
        "PREROUTING", "routing", "FORWARD", "POSTROUTING", "receives",
    ]  # fmt: skip
    prerouting = out[1]
    assert (prerouting.verdict, prerouting.reason) == ("pick", "DNAT to 10.244.2.2:8080")
    chains = {chain["chain"]: chain for chain in prerouting.figures["chains"]}
    assert list(chains) == ["PREROUTING", "KUBE-SVC", "KUBE-SEP-B"]
    masquerade, chance, rest = chains["KUBE-SVC"]["rules"]
    assert (masquerade["matched"], masquerade["why"]) == (False, "source 10.244.1.2 is in 10.244.0.0/16")
    assert not chance["matched"] and chance["drew"] >= 0.5 and "not below 0.5" in chance["why"]
    assert rest["matched"] and rest["rule"] == "-j KUBE-SEP-B"
    assert prerouting.figures["before"]["dst"] == "10.96.0.9:80"
    assert prerouting.figures["after"]["dst"] == "10.244.2.2:8080"
    flow = record.came_out["conntrack"]["node01"]
    assert "SYN_SENT" in flow["out"]["line"] and "[UNREPLIED]" in flow["out"]["line"]
    assert flow["out"]["reply"]["src"] == "10.244.2.2"
    back = [step for step in record.steps if step.figures["way"] == "back"]
    walked = [chain["chain"] for step in back for chain in step.figures.get("chains", [])]
    assert walked == ["FORWARD", "KUBE-FORWARD"], "no nat chain is walked on the way back"
    answer = record.came_out["answer"]
    assert (answer["came"]["src"], answer["client_sees"]["src"]) == ("10.244.2.2:8080", "10.96.0.9:80")


def test_rules_after_the_one_that_ended_the_walk_are_not_reached(fabric: Fabric) -> None:
    run(fabric.hosts["node01"].netfilter, ["iptables", "-A", "FORWARD", "-j", "DROP"])
    run(
        fabric.hosts["node01"].netfilter,
        ["iptables", "-I", "FORWARD", "1", "-d", "10.244.2.2", "-j", "REJECT"],
    )
    record = fabric.send("shop/client", "shop/far", 80)
    assert record.came_out["status"] == "refused"
    [step] = [step for step in record.steps if step.verdict == "refuse"]
    assert [rule["matched"] for rule in step.figures["chains"][0]["rules"]] == [True, None, None]


def test_a_pod_that_reaches_itself_through_its_service_is_masqueraded(fabric: Fabric) -> None:
    records = [fabric.send("shop/client", "10.96.0.9", 80) for _ in range(12)]
    own = next(r for r in records if r.came_out["receiver"] == "pod/shop/client")
    assert own.came_out["masqueraded_on"] == "node01"
    assert own.came_out["packet"]["after"]["src"].startswith("10.244.1.1:")
    assert own.came_out["status"] == "connected"


def test_an_established_flow_does_not_walk_nat_again(fabric: Fabric) -> None:
    first = fabric.send("shop/client", "10.96.0.9", 80, sport=40000, hold=True)
    run(fabric.hosts["node01"].netfilter, ["iptables", "-t", "nat", "-F", "KUBE-SVC"])
    again = fabric.send("shop/client", "10.96.0.9", 80, sport=40000, hold=True)
    assert again.came_out["status"] == "connected"
    assert again.came_out["receiver"] == first.came_out["receiver"]
    assert not any("nat" in step.figures.get("tables", []) for step in again.steps)
    fresh = fabric.send("shop/client", "10.96.0.9", 80)
    assert fresh.came_out["status"] == "timed out", "a new flow finds no rule any more"
    listed = run(fabric.hosts["node01"].netfilter, ["conntrack", "-L", "-p", "tcp"]).stdout
    assert "ESTABLISHED src=10.244.1.2 dst=10.96.0.9 sport=40000 dport=80" in listed
    fabric.loop.advance(432001)
    assert run(fabric.hosts["node01"].netfilter, ["conntrack", "-L"]).stdout == ""


def test_cables_routes_and_sysctls_can_be_broken(fabric: Fabric) -> None:
    fabric.cut("node01", "node02")
    assert "is cut" in fabric.send("shop/client", "shop/far", 80).sentence
    assert not fabric.reachable("node02", "node01") and fabric.cuts == [("node01", "node02")]
    fabric.mend()
    fabric.hosts["node01"].blackholes.add("10.244.2.0/24")
    assert fabric.send("shop/client", "shop/far", 80).came_out["status"] == "unreachable"
    fabric.hosts["node01"].blackholes.clear()
    fabric.hosts["node02"].sysctls["net.ipv4.ip_forward"] = 0
    assert "forwards nothing" in fabric.send("shop/client", "shop/far", 80).sentence
    with pytest.raises(KeyError, match="node09"):
        fabric.cut("node01", "node09")


def test_without_bridge_netfilter_the_answer_of_a_neighbour_comes_from_the_wrong_address(
    fabric: Fabric,
) -> None:
    host = fabric.hosts["node01"]
    rules = "*nat\n:KUBE-SVC - [0:0]\n-A KUBE-SVC -p tcp -j DNAT --to-destination 10.244.1.3:8080\nCOMMIT\n"
    host.netfilter.restore(rules)
    assert fabric.send("shop/client", "10.96.0.9", 80).came_out["status"] == "connected"
    host.sysctls["net.bridge.bridge-nf-call-iptables"] = 0
    broken = fabric.send("shop/client", "10.96.0.9", 80)
    assert broken.came_out["status"] == "timed out"
    assert "the answer comes from 10.244.1.3:8080, but 10.96.0.9:80 was asked" in broken.sentence


def test_the_cni_gives_addresses_in_turn_and_takes_them_back() -> None:
    fabric = Fabric(Loop())
    host = fabric.add_host("node01", "192.168.0.11")
    cni = BridgeCNI(host)
    with pytest.raises(CniError, match="no pod CIDR assigned"):
        cni.add("a/a")
    host.pod_cidr = "10.244.1.0/29"
    assert [cni.add(f"a/{n}") for n in range(5)] == [f"10.244.1.{n}" for n in range(2, 7)]
    assert cni.add("a/0") == "10.244.1.2"
    with pytest.raises(CniError, match="no IP addresses available in range set"):
        cni.add("a/9")
    cni.delete("a/3")
    cni.delete("a/3")
    assert fabric.host_of_pod("a/3") is None
    assert cni.add("a/9") == "10.244.1.5"


def test_with_the_plugins_masquerade_pods_reach_the_world_with_the_nodes_address() -> None:
    fabric = Fabric(Loop(seed=7), pod_network_cidr="10.244.0.0/16")
    for number in (1, 2):
        host = fabric.add_host(f"node0{number}", f"192.168.0.1{number}", f"10.244.{number}.0/24")
        BridgeCNI(host).add(f"shop/pod-{number}")
    out = fabric.send("shop/pod-1", "203.0.113.10", 443).came_out
    assert (out["status"], out["masqueraded_on"]) == ("connected", "node01")
    assert out["packet"]["after"]["src"].startswith("192.168.0.11:")
    assert fabric.send("shop/pod-1", "shop/pod-2", 80).came_out["masqueraded_on"] == ""


def test_hosts_come_and_go() -> None:
    fabric = Fabric(Loop())
    host = fabric.add_host("node01", "192.168.0.11", "10.244.1.0/24", ["172.16.0.1"])
    assert host.addresses == ["192.168.0.11", "172.16.0.1"]
    assert fabric.host_of_range("10.244.1.9") is host and fabric.host_of_address("172.16.0.1") is host
    with pytest.raises(ValueError, match="already"):
        fabric.add_host("node01", "192.168.0.99")
    fabric.add_host("node02", "192.168.0.12", "10.244.2.0/24")
    assert [route.line() for route in host.routes()] == [
        "default via 192.168.0.1 dev eth0",
        "10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1",
        "10.244.2.0/24 via 192.168.0.12 dev eth0",
    ]
    host.pod_cidr = "10.244.7.0/24"
    assert fabric.host_of_range("10.244.1.9") is None and host.bridge_address == "10.244.7.1"
    fabric.remove_host("node01")
    assert fabric.host_of_address("192.168.0.11") is None
    with pytest.raises(KeyError, match="no pod or host nobody"):
        fabric.send("nobody", "192.168.0.12", 80)


def test_the_same_seed_walks_the_same_way() -> None:
    def sentences() -> list[str]:
        fabric = Fabric(Loop(seed=11))
        host = fabric.add_host("node01", "192.168.0.11", "10.244.1.0/24")
        BridgeCNI(host).add("shop/client")
        host.netfilter.restore(RULES)
        return [fabric.send("shop/client", "10.96.0.9", 80).sentence for _ in range(8)]

    assert sentences() == sentences()
