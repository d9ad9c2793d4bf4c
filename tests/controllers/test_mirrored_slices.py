"""Endpoints written by hand become slices; a pod whose node is unknown is said to be left out."""

from __future__ import annotations

from tests.controllers.world import Obj, World, template

SLICES = "endpointslices.discovery.k8s.io"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


def mirrored(world: World) -> list[Obj]:
    mine = [one for one in world.list(SLICES) if "mirroring" in one["metadata"]["labels"].get(MANAGED_BY, "")]
    return sorted(mine, key=lambda one: one["addressType"])


def world_with(subsets: list[Obj], **metadata: Obj) -> World:
    world = World(["endpointslice-mirroring", "endpoints", "endpointslice"])
    world.create("services", "ext", spec={"ports": [{"port": 80}]})
    world.create("endpoints", "ext", metadata=metadata, subsets=subsets)
    world.loop.advance(3.0)
    return world


def test_endpoints_written_by_hand_are_copied_into_slices() -> None:
    subset = {
        "addresses": [{"ip": "192.0.2.7", "nodeName": "n"}],
        "notReadyAddresses": [{"ip": "192.0.2.8"}, {"ip": "2001:db8::1", "hostname": "h"}],
        "ports": [{"port": 80, "name": "a"}],
    }
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "y"}
    world = world_with([subset], annotations=applied, labels={"team": "x"})
    four, six = mirrored(world)
    ready, waiting = four["endpoints"]
    assert ready == {"addresses": ["192.0.2.7"], "conditions": {"ready": True}, "nodeName": "n"}
    assert waiting == {"addresses": ["192.0.2.8"], "conditions": {"ready": False}}
    assert six["addressType"] == "IPv6" and six["endpoints"][0]["hostname"] == "h"
    assert four["ports"] == [{"name": "a", "port": 80, "protocol": "TCP"}]
    meta = four["metadata"]
    assert meta["generateName"] == "ext-" and meta["annotations"] == {"note": "y"}
    assert meta["labels"] == {
        "team": "x",
        "kubernetes.io/service-name": "ext",
        MANAGED_BY: "endpointslicemirroring-controller.k8s.io",
    }
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Endpoints", "ext", True)


def test_slices_follow_their_endpoints_and_go_with_them() -> None:
    world = world_with([{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 80}]}])
    (before,) = mirrored(world)
    changed = [{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"port": 81}]}]
    world.change("endpoints", "ext", {"subsets": changed})
    world.loop.advance(3.0)
    (after,) = mirrored(world)
    assert after["metadata"]["name"] == before["metadata"]["name"]  # one to go, one to come: one that changes
    assert after["ports"][0]["port"] == 81 and after["endpoints"][0]["addresses"] == ["192.0.2.9"]
    world.change("services", "ext", {"spec": {"selector": {"app": "web"}}})
    world.loop.advance(3.0)
    assert mirrored(world) == []


def test_some_endpoints_are_not_copied() -> None:
    subsets = [{"addresses": [{"ip": "192.0.2.7"}]}]
    skipped = world_with(subsets, labels={"endpointslice.kubernetes.io/skip-mirror": "true"})
    assert mirrored(skipped) == []
    elected = world_with(subsets, annotations={"control-plane.alpha.kubernetes.io/leader": "{}"})
    assert mirrored(elected) == []


def test_a_pod_on_an_unknown_node_is_left_out_and_said_so() -> None:
    world = World(["endpointslice"])
    pod = template()
    world.create("pods", "web", metadata=pod["metadata"], spec={**pod["spec"], "nodeName": "gone"})
    world.set_status(world.get("pods", "web"), "Running", podIP="10.0.0.9", podIPs=[{"ip": "10.0.0.9"}])
    world.create("services", "web", spec={"ports": [{"port": 80}], "selector": {"app": "web"}})
    world.loop.advance(3.0)
    text = "skipping Pod web for Service default/web: Node gone Not Found"
    said = f"Error updating Endpoint Slices for Service default/web: {text}"
    assert world.events("FailedToUpdateEndpointSlices") == [said]
    (one,) = [s for s in world.list(SLICES) if s["metadata"]["name"] != "kubernetes"]
    assert one["endpoints"] is None or one["endpoints"] == []
