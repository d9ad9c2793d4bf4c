"""Topology-aware hints: who gets endpoints of which zone, and what is said when that cannot be done."""

from __future__ import annotations

from collections import Counter

from tests.controllers.world import Obj, World, template

SLICES = "endpointslices.discovery.k8s.io"
AUTO = {"service.kubernetes.io/topology-mode": "Auto"}


def world_with(zones: tuple[str, ...], pods: str) -> World:
    """Nodes n0, n1, ... in these zones; a pod for each digit of `pods`, which names its node."""
    world = World(["endpointslice"])
    for number, zone in enumerate(zones):
        labels = {"topology.kubernetes.io/zone": zone} if zone else {}
        world.create("nodes", f"n{number}", None, metadata={"labels": labels})
        ready = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "4"}}
        world.client.patch("nodes", f"n{number}", {"status": ready}, subresource="status")
    pod = template()
    for number, node in enumerate(pods):
        spec = {**pod["spec"], "nodeName": f"n{node}"}
        world.create("pods", f"p{number}", metadata=pod["metadata"], spec=spec)
        ip = f"10.0.0.{number + 1}"
        world.set_status(world.get("pods", f"p{number}"), "Running", podIP=ip, podIPs=[{"ip": ip}])
    spec = {"ports": [{"port": 80}], "selector": {"app": "web"}}
    world.create("services", "web", metadata={"annotations": AUTO}, spec=spec)
    world.loop.advance(3.0)
    return world


def hints(world: World) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in world.client.list(SLICES, "default")["items"]:
        for endpoint in one["endpoints"] or ():
            for hint in (endpoint.get("hints") or {}).get("forZones") or ():
                found[hint["name"]] += 1
    return found


def test_endpoints_are_shared_out_between_zones() -> None:
    world = world_with(("a", "b"), "0001")
    assert hints(world) == {"a": 2, "b": 2}  # one of the three in a is lent to b
    text = "Topology Aware Hints has been enabled, addressType: IPv4"
    assert world.events("TopologyAwareHintsEnabled") == [text]


def test_it_is_said_why_there_are_no_hints() -> None:
    for zones, pods, why in (
        (
            ("", ""),
            "01",
            "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes",
        ),
        (("a", "b", "c"), "01", "Insufficient number of endpoints (2 endpoints, 3 zones)"),
    ):
        world = world_with(zones, pods)
        assert hints(world) == {}
        assert world.events("TopologyAwareHintsDisabled") == [f"{why}, addressType: IPv4"]


def test_a_zone_that_is_lost_takes_the_hints_with_it() -> None:
    world = world_with(("a", "b"), "01")
    assert hints(world) == {"a": 1, "b": 1}
    gone: Obj = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    world.client.patch("nodes", "n1", gone, subresource="status")
    world.loop.advance(3.0)
    assert hints(world) == {}


def test_what_is_done_to_a_slice_is_undone_a_second_later() -> None:
    world = World(["endpointslice"])
    world.create("services", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    slices, label = "endpointslices.discovery.k8s.io", "kubernetes.io/service-name"

    def own() -> list[str]:
        found = world.list(slices)
        return [one["metadata"]["name"] for one in found if one["metadata"]["labels"][label] == "web"]

    world.loop.advance(5.0)
    (name,) = own()
    world.delete(slices, name)
    world.loop.advance(0.5)
    assert own() == []
    world.loop.advance(0.6)
    (again,) = own()
    world.change(slices, again, {"endpoints": [{"addresses": ["10.0.0.9"]}]})
    world.loop.advance(0.5)
    assert world.get(slices, again).get("endpoints")
    world.loop.advance(0.6)
    assert not world.get(slices, again).get("endpoints")
