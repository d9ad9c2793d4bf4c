"""The proxier beyond the recordings: partial syncs stay small, endpoints and topology in table form."""

from __future__ import annotations

import pytest

from kubekit.network import Fabric
from kubekit.proxy.endpoints import Endpoint, EndpointsChangeTracker, EndpointsMap
from kubekit.proxy.proxier import Proxier, ProxierConfig
from kubekit.proxy.service_map import ServiceChangeTracker, ServicePort, ServicePortMap, service_ports
from kubekit.proxy.topology import categorize, topology_mode
from kubekit.sim import Loop
from tests.proxy.objects import endpoint_slice, service


def test_one_change_among_a_thousand_services_writes_one_service() -> None:
    loop = Loop(seed=1)
    host = Fabric(loop).add_host("node01", "192.168.0.11", "10.244.1.0/24")
    proxier = Proxier(host.netfilter, ProxierConfig("node01"), loop.clock.now, lambda: [host.ip])
    for number in range(1000):
        proxier.on_service(None, service(f"s{number}", f"10.96.{number // 250}.{number % 250 + 1}"))
        proxier.on_endpoint_slice(
            endpoint_slice(f"s{number}", {f"10.244.{number // 250}.{number % 250 + 2}": "x"})
        )
    first = proxier.sync()
    assert first.full and len(first.chains_written) == 2000
    proxier.on_endpoint_slice(endpoint_slice("s7", {"10.244.9.9": "x"}))
    second = proxier.sync()
    assert not second.full and second.services == ["shop/s7"]
    assert len(second.chains_written) == 2 and len(second.chains_deleted) == 1
    assert second.text.count("\n-A KUBE-SEP-") == 2
    saved = host.netfilter.save("nat")
    proxier.need_full_sync = True
    proxier.sync()
    assert sorted(host.netfilter.save("nat").splitlines()) == sorted(saved.splitlines())


def test_a_change_taken_back_is_no_change() -> None:
    tracker, ports = ServiceChangeTracker("IPv4"), ServicePortMap()
    one, other = service("web", "10.96.0.9"), service("web", "10.96.0.10")
    assert tracker.update(None, one)
    assert ports.update_from(tracker) == {"shop/web"}
    assert tracker.update(one, other)
    assert not tracker.update(other, one)
    assert ports.update_from(tracker) == set()


@pytest.mark.parametrize(
    ("changes", "proxied"),
    [
        ({}, True),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, False),
        ({"type": "ExternalName"}, False),
        ({"ipFamilies": ["IPv6"], "clusterIPs": ["fd00::9"]}, False),
    ],
)
def test_which_services_are_proxied(changes: dict[str, object], proxied: bool) -> None:
    assert bool(service_ports(service("web", "10.96.0.9", **changes), "IPv4")) is proxied


def test_a_terminating_twin_does_not_replace_a_running_endpoint() -> None:
    tracker, endpoints = EndpointsChangeTracker("IPv4", "node01"), EndpointsMap()
    data = endpoint_slice("web", {"10.244.1.3": "node01"})
    twin = {"addresses": ["10.244.1.3"], "conditions": {"ready": False, "serving": True, "terminating": True}}
    data["endpoints"].append(twin)
    assert tracker.update(data)
    endpoints.update_from(tracker)
    [found] = endpoints.values()
    assert [(e.text, e.ready, e.terminating) for e in found] == [("10.244.1.3:8080", True, False)]
    assert not tracker.update(data), "the same slice again is no change"
    assert tracker.update(data, removed=True)
    endpoints.update_from(tracker)
    assert not endpoints


def _endpoint(
    ip: str, *, local: bool = False, state: str = "ready", zone: str = "", node: str = ""
) -> Endpoint:
    hints = frozenset([zone] if zone else []), frozenset([node] if node else [])
    leaving = state == "terminating"
    return Endpoint(
        ip, 80, f"{ip}:80", local, state == "ready", state != "down", leaving, *hints, f"SEP-{ip}"
    )


def _port(**spec: object) -> ServicePort:
    [port] = (service_ports(service("web", "10.96.0.9", **spec), "IPv4") or {}).values()
    return port


@pytest.mark.parametrize(
    ("endpoints", "spec", "cluster", "local", "some"),
    [
        ([], {}, [], [], False),
        ([_endpoint("a"), _endpoint("b", state="down")], {}, ["a"], [], True),
        ([_endpoint("a", state="terminating"), _endpoint("b", state="down")], {}, ["a"], [], True),
        ([_endpoint("a", state="terminating"), _endpoint("b")], {}, ["b"], [], True),
        ([_endpoint("a"), _endpoint("b", local=True)], {"internalTrafficPolicy": "Local"}, [], ["b"], True),
        ([_endpoint("a")], {"internalTrafficPolicy": "Local"}, [], [], True),
        (
            [_endpoint("a"), _endpoint("b", local=True, state="terminating")],
            {"internalTrafficPolicy": "Local"},
            [],
            ["b"],
            True,
        ),
        ([_endpoint("a", zone="z1"), _endpoint("b", zone="z2")], {}, ["a"], [], True),
        ([_endpoint("a", zone="z1"), _endpoint("b")], {}, ["a", "b"], [], True),
        ([_endpoint("a", zone="z3"), _endpoint("b", zone="z2")], {}, ["a", "b"], [], True),
        ([_endpoint("a", zone="z1", node="n"), _endpoint("b", zone="z1", node="m")], {}, ["a"], [], True),
    ],
)
def test_which_endpoints_are_used(
    endpoints: list[Endpoint], spec: dict[str, object], cluster: list[str], local: list[str], some: bool
) -> None:
    found = categorize(endpoints, _port(**spec), "n", {"topology.kubernetes.io/zone": "z1"})
    assert ([e.ip for e in found.cluster], [e.ip for e in found.local], found.any) == (cluster, local, some)


def test_hints_need_every_ready_endpoint() -> None:
    assert (
        topology_mode([_endpoint("a", zone="z1"), _endpoint("b", state="down")], "n", "z1")
        == "PreferSameZone"
    )
    assert topology_mode([_endpoint("a", state="down", zone="z1")], "n", "z1") == ""
