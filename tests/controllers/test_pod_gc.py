"""Pods that nobody else removes: of a node that is said not to come back, and of one that is gone."""

from __future__ import annotations

from tests.controllers.world import Obj, World, template


def world_with_node(taints: list[Obj]) -> World:
    world = World(["pod-garbage-collector"])
    world.create("nodes", "a", None)
    world.change("nodes", "a", {"spec": {"taints": taints}}, "")
    pod = template()
    metadata = {**pod["metadata"], "finalizers": ["test/stay"]}
    world.create("pods", "web", metadata=metadata, spec={**pod["spec"], "nodeName": "a"})
    return world


def test_pods_of_a_node_out_of_service_are_not_waited_for() -> None:
    for key, phase in (("node.kubernetes.io/out-of-service", "Failed"), ("other", "Running")):
        world = world_with_node([{"key": key, "effect": "NoExecute"}])
        world.set_status(world.get("pods", "web"), "Running")
        world.delete("pods", "web")
        world.loop.advance(41.0)
        pod = world.get("pods", "web")
        assert pod["status"]["phase"] == phase
        conditions = {c["type"] for c in pod["status"]["conditions"]}
        assert "DisruptionTarget" not in conditions


def test_pods_of_a_node_that_is_gone_fail_with_a_condition() -> None:
    world = world_with_node([])
    world.set_status(world.get("pods", "web"), "Running")
    world.delete("nodes", "a", "")
    world.loop.advance(81.0)
    pod = world.get("pods", "web")
    assert pod["status"]["phase"] == "Failed" and pod["status"]["observedGeneration"] >= 1
    (condition,) = [c for c in pod["status"]["conditions"] if c["type"] == "DisruptionTarget"]
    assert condition["message"] == "PodGC: node no longer exists"
