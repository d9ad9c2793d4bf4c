"""The component: first sync, rate, crash, canary, records; and packets over its rules."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kubekit.client import Client
from kubekit.network import BridgeCNI, Fabric
from kubekit.network import run as shell
from kubekit.proxy import Proxy
from kubekit.sim import Loop, Record
from tests.proxy.objects import TinyServer, endpoint_slice, service


@dataclass
class Bench:
    """Two nodes with a proxy each, a client pod on the first, two web pods."""

    loop: Loop
    server: TinyServer
    fabric: Fabric
    proxies: list[Proxy]

    def syncs(self, node: str = "node01") -> list[Record]:
        return [r for r in self.loop.trace.records if r.kind == "sync" and r.component.endswith(node)]


@pytest.fixture
def bench() -> Bench:
    loop = Loop(seed=7)
    server = TinyServer()
    fabric = Fabric(loop)
    proxies = []
    for number in (1, 2):
        host = fabric.add_host(f"node0{number}", f"192.168.0.1{number}", f"10.244.{number}.0/24")
        cni = BridgeCNI(host)
        if number == 1:
            cni.add("shop/client")
        cni.add(f"shop/web-{number}")
        client = Client(server, name=f"kube-proxy/{host.name}")
        proxies.append(
            Proxy(loop, client, host.name, node_ip=host.ip, host=host, pod_network_cidr="10.244.0.0/16")
        )
    server.put(service("web", "10.96.0.9", type="NodePort", nodePort=30080))
    server.put(endpoint_slice("web", {"10.244.1.3": "node01", "10.244.2.2": "node02"}))
    for proxy in proxies:
        proxy.start()
    loop.run_until_quiet()
    return Bench(loop, server, fabric, proxies)


def test_the_first_sync_waits_for_both_lists_and_is_full(bench: Bench) -> None:
    [record] = bench.syncs()
    assert record.came_out["kind"] == "full"
    assert "KUBE-SVC-" in bench.fabric.hosts["node01"].netfilter.save("nat")
    assert record.steps[0].reason == "full: it has just started"


def test_a_packet_finds_a_backend_and_its_answer_comes_back(bench: Bench) -> None:
    seen = set()
    for _ in range(12):
        record = bench.fabric.send("shop/client", "10.96.0.9", 80)
        assert record.came_out["status"] == "connected"
        assert record.came_out["answer"]["client_sees"]["src"] == "10.96.0.9:80"
        seen.add(record.came_out["receiver"])
    assert seen == {"pod/shop/web-1", "pod/shop/web-2"}


def test_changes_become_one_partial_sync_and_the_next_waits_a_second(bench: Bench) -> None:
    loop, began = bench.loop, bench.loop.clock.elapsed()
    bench.server.put(service("api", "10.96.0.10"))
    bench.server.put(endpoint_slice("api", {"10.244.2.2": "node02"}))
    loop.run_until_quiet()
    assert [r.came_out["kind"] for r in bench.syncs()] == ["full", "partial"]
    assert bench.syncs()[-1].subject == "service/shop/api"
    assert loop.clock.elapsed() == began
    bench.server.delete("services", "api")
    loop.run_until_quiet()
    assert loop.clock.elapsed() == pytest.approx(began + 1.0)
    assert len(bench.syncs()[-1].came_out["chains_deleted"]) == 2
    text = bench.proxies[0].last_sync
    assert text is not None and "KUBE-SVC-" not in text.text.replace("-j KUBE-SVC-", "").split("*nat")[0]


def test_a_crashed_proxy_leaves_its_rules_and_follows_nothing(bench: Bench) -> None:
    proxy = bench.proxies[0]
    before = bench.fabric.hosts["node01"].netfilter.save()
    proxy.crash()
    bench.server.put(endpoint_slice("web", {"10.244.2.2": "node02"}))
    bench.loop.run_until_quiet()
    assert bench.fabric.hosts["node01"].netfilter.save() == before
    assert bench.fabric.send("shop/client", "10.96.0.9", 80).came_out["status"] == "connected"
    proxy.start()
    bench.loop.run_until_quiet()
    assert "10.244.1.3" not in bench.fabric.hosts["node01"].netfilter.save("nat")


def test_a_flush_of_all_tables_is_noticed_within_half_a_minute(bench: Bench) -> None:
    netfilter = bench.fabric.hosts["node01"].netfilter
    shell(netfilter, ["iptables", "-t", "nat", "-Z"])
    before = netfilter.save("nat")
    for table in ("nat", "filter", "mangle"):
        assert shell(netfilter, ["iptables", "-t", table, "-F"]).status == 0
        assert shell(netfilter, ["iptables", "-t", table, "-X"]).status == 0
    assert bench.fabric.send("shop/client", "10.96.0.9", 80).came_out["status"] == "timed out"
    bench.loop.run_until_quiet()
    assert bench.loop.clock.elapsed() <= 30
    shell(netfilter, ["iptables", "-t", "nat", "-Z"])
    assert netfilter.save("nat") == before


def test_without_the_chains_of_a_service_a_partial_sync_fails_and_the_next_is_full(bench: Bench) -> None:
    netfilter = bench.fabric.hosts["node01"].netfilter
    shell(netfilter, ["iptables", "-t", "nat", "-F"])
    shell(netfilter, ["iptables", "-t", "nat", "-X"])
    bench.server.put(service("api", "10.96.0.10"))
    bench.loop.run_until_quiet()
    failed = bench.syncs()[-1]
    assert not failed.came_out["ok"] and "does not exist" in failed.sentence
    bench.loop.advance(31)
    assert bench.syncs()[-1].came_out["ok"] and bench.syncs()[-1].came_out["kind"] == "full"


def test_a_node_port_from_outside_is_masqueraded_so_the_answer_comes_back(bench: Bench) -> None:
    fates = {bench.fabric.send("outside", "192.168.0.11", 30080).came_out["receiver"] for _ in range(12)}
    assert fates == {"pod/shop/web-1", "pod/shop/web-2"}
    record = bench.fabric.send("outside", "192.168.0.11", 30080)
    assert record.came_out["status"] == "connected"
    assert record.came_out["masqueraded_on"] == "node01"


def test_a_node_port_on_localhost_needs_route_localnet(bench: Bench) -> None:
    assert bench.fabric.hosts["node01"].sysctls["net.ipv4.conf.all.route_localnet"] == 1
    record = bench.fabric.send("node01", "127.0.0.1", 30080)
    assert record.came_out["status"] == "connected", record.came_out["why"]
    assert record.came_out["answer"]["client_sees"]["src"] == "127.0.0.1:30080"
    bench.fabric.hosts["node01"].sysctls["net.ipv4.conf.all.route_localnet"] = 0
    assert "route_localnet is 0" in bench.fabric.send("node01", "127.0.0.1", 30080).sentence


def test_a_service_without_endpoints_is_refused_and_the_record_names_the_rule(bench: Bench) -> None:
    bench.server.put(service("empty", "10.96.0.77"))
    bench.loop.run_until_quiet()
    for sender in ("shop/client", "node01"):
        record = bench.fabric.send(sender, "10.96.0.77", 80)
        assert record.came_out["status"] == "refused"
        assert "shop/empty has no endpoints" in record.sentence
        assert len(list(bench.fabric.hosts["node01"].netfilter.conntrack)) == 0


def test_session_affinity_keeps_a_client_with_its_backend_for_a_while(bench: Bench) -> None:
    sticky = {"clientIP": {"timeoutSeconds": 600}}
    bench.server.put(
        service("sticky", "10.96.0.78", sessionAffinity="ClientIP", sessionAffinityConfig=sticky)
    )
    bench.server.put(endpoint_slice("sticky", {"10.244.1.3": "node01", "10.244.2.2": "node02"}))
    bench.loop.run_until_quiet()

    def receivers() -> set[str]:
        return {bench.fabric.send("shop/client", "10.96.0.78", 80).came_out["receiver"] for _ in range(8)}

    assert len(receivers()) == 1
    found = set()
    for _ in range(12):
        bench.loop.advance(601)
        found |= receivers()
    assert len(found) == 2


def test_a_zone_label_makes_a_full_sync(bench: Bench) -> None:
    node = {
        "kind": "Node",
        "metadata": {"name": "node01", "uid": "n1", "labels": {"topology.kubernetes.io/zone": "a"}},
    }
    bench.server.put(node)
    bench.loop.run_until_quiet()
    assert bench.syncs()[-1].came_out["kind"] == "full"
    assert bench.syncs()[-1].steps[0].reason == "full: the node's zone is now a"


def test_udp_flows_to_a_gone_endpoint_are_deleted(bench: Bench) -> None:
    bench.fabric.hosts["node01"].open_port("udp", 1, "nobody")
    bench.server.put(service("dns", "10.96.0.53", port=53, protocol="UDP"))
    bench.server.put(endpoint_slice("dns", {"10.244.2.2": "node02"}, port=53, protocol="UDP"))
    bench.loop.run_until_quiet()
    sent = bench.fabric.send("shop/client", "10.96.0.53", 53, "udp", sport=5353)
    assert sent.came_out["receiver"] == "pod/shop/web-2"
    bench.server.put(endpoint_slice("dns", {"10.244.1.3": "node01"}, port=53, protocol="UDP"))
    bench.loop.run_until_quiet()
    assert bench.syncs()[-1].came_out["stale_flows"] == 1
    again = bench.fabric.send("shop/client", "10.96.0.53", 53, "udp", sport=5353)
    assert again.came_out["receiver"] == "pod/shop/web-1"


def test_the_health_check_port_says_whether_this_node_has_an_endpoint(bench: Bench) -> None:
    bench.server.put(
        service(
            "lb",
            "10.96.0.11",
            type="LoadBalancer",
            nodePort=30090,
            externalTrafficPolicy="Local",
            healthCheckNodePort=32000,
            ingress=["192.168.0.240"],
        )
    )
    bench.server.put(endpoint_slice("lb", {"10.244.2.2": "node02"}))
    bench.loop.run_until_quiet()
    here, there = (proxy.health.answer("shop/lb") for proxy in bench.proxies)
    assert (here.status, there.status) == (503, 200)
    assert there.headers["X-Load-Balancing-Endpoint-Weight"] == "1"
    bench.fabric.announce("192.168.0.240", ["node02"])
    record = bench.fabric.send("outside", "192.168.0.240", 80)
    assert record.came_out["status"] == "connected" and record.came_out["masqueraded_on"] == ""
    bench.fabric.announce("192.168.0.240", ["node01"])
    assert bench.fabric.send("outside", "192.168.0.240", 80).came_out["status"] == "timed out"


def test_a_dual_stack_node_has_rules_of_both_families() -> None:
    loop, server = Loop(seed=7), TinyServer()
    fabric = Fabric(loop)
    host = fabric.add_host("node01", "192.168.0.11", "10.244.1.0/24,fd00:10:244:1::/64", ["fd00:192:168::11"])
    host.attach_pod("shop/client", "fd00:10:244:1::2")
    host.attach_pod("shop/web", "fd00:10:244:1::3")
    six = {"ipFamilies": ["IPv6"], "clusterIPs": ["fd00:10:96::9"]}
    server.put(service("web", "fd00:10:96::9", **six))
    data = endpoint_slice("web", {"fd00:10:244:1::3": "node01"})
    server.put({**data, "addressType": "IPv6"})
    cidrs = "10.244.0.0/16,fd00:10:244::/56"
    proxy = Proxy(loop, Client(server), "node01", node_ip=host.ip, host=host, pod_network_cidr=cidrs)
    proxy.start()
    loop.run_until_quiet()
    assert "KUBE-SEP-" not in host.netfilter.save()
    saved = host.netfilter6.save("nat")
    assert "--to-destination [fd00:10:244:1::3]:8080" in saved
    assert "! -d ::1/128" in saved
    assert "! -s fd00:10:244::/56" in saved
    record = fabric.send("shop/client", "fd00:10:96::9", 80)
    assert record.came_out["status"] == "connected", record.came_out["why"]
    assert record.came_out["picked"] == "[fd00:10:244:1::3]:8080"


def test_another_mode_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="iptables"):
        Proxy(
            bench.loop,
            bench.proxies[0].client,
            "node09",
            node_ip="192.168.0.19",
            host=bench.fabric.hosts["node01"],
            mode="ipvs",
        )
