"""PodDisruptionBudgets of pods that nobody manages, or that something without a scale manages."""

from __future__ import annotations

from tests.controllers.world import Obj, World, template

PDB = "poddisruptionbudgets.policy"
SELECTOR: Obj = {"matchLabels": {"app": "web"}}


def world_with(*owners: Obj, budgets: tuple[str, ...] = ("b",)) -> World:
    world = World(["disruption"])
    for name in budgets:
        world.create(PDB, name, spec={"maxUnavailable": 1, "selector": SELECTOR})
    pod = template()
    metadata = {**pod["metadata"], **({"ownerReferences": list(owners)} if owners else {})}
    world.create("pods", "web", metadata=metadata, spec=pod["spec"])
    world.loop.advance(1.0)
    return world


def condition(world: World) -> tuple[str, str]:
    (found,) = world.get(PDB, "b")["status"]["conditions"]
    return found["reason"], found["message"]


def owner(kind: str, version: str = "batch/v1") -> Obj:
    uid = "11111111-1111-1111-1111-111111111111"
    return {"apiVersion": version, "kind": kind, "name": "x", "uid": uid, "controller": True}


def test_unmanaged_pods_are_said_with_the_selector_as_go_prints_it() -> None:
    world = world_with()
    assert "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:" in str(
        world.events("UnmanagedPods")
    )
    assert condition(world)[0] == "InsufficientPods"


def test_controllers_without_a_scale_cannot_be_counted() -> None:
    why = "jobs.batch does not implement the scale subresource"
    world = world_with(owner("Job"))
    assert condition(world) == ("SyncFailed", why)
    said = f"Failed to calculate the number of expected pods: {why}"
    assert world.events("CalculateExpectedPodCountFailed") == [said]
    assert condition(world_with(owner("Foo", "a.b/v1"))) == (
        "SyncFailed",
        'no matches for kind "Foo" in version "a.b/v1"',
    )
    assert condition(world_with(owner("ReplicaSet", "apps/v1"))) == (
        "SyncFailed",
        'found no controllers for pod "web"',
    )


def test_a_pod_of_two_budgets_is_warned_of() -> None:
    world = world_with(budgets=("b", "c"))
    assert 'Pod "default"/"web" matches multiple PodDisruptionBudgets.  Chose ' in str(
        world.events("MultiplePodDisruptionBudgets")
    )
