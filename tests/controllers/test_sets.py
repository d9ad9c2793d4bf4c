"""StatefulSets that are refused pods or claims; DaemonSets when nodes change."""

from __future__ import annotations

from tests.controllers.world import Obj, World, template, workload


def quota(world: World, **hard: str) -> None:
    world.create(
        "resourcequotas", "q", spec={"hard": {name.replace("_", "/"): n for name, n in hard.items()}}
    )
    world.loop.advance(2.0)


def test_a_parallel_set_stops_at_the_first_batch_that_is_refused() -> None:
    world = World(["statefulset", "resourcequota"])
    quota(world, pods="2")
    spec = workload(6, serviceName="db", podManagementPolicy="Parallel")
    world.create("statefulsets", "web", spec=spec)
    world.loop.run_ready()
    assert world.names("pods") == ["web-0", "web-1"]
    # One, then two at once: the second of these is refused, and the rest waits.
    said = str(world.events("FailedCreate"))
    assert "Create Pod web-2" in said and "web-3" not in said


def test_a_refused_claim_is_said_of_the_claim_and_of_the_pod() -> None:
    world = World(["statefulset", "resourcequota"])
    quota(world, persistentvolumeclaims="0")
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    claim["spec"]["resources"] = {"requests": {"storage": "1Gi"}}  # type: ignore[index]
    world.create("statefulsets", "db", spec=workload(1, serviceName="db", volumeClaimTemplates=[claim]))
    world.loop.run_ready()
    why = (
        'persistentvolumeclaims "data-db-0" is forbidden: exceeded quota: q, requested: '
        "persistentvolumeclaims=1, used: persistentvolumeclaims=0, limited: persistentvolumeclaims=0"
    )
    assert sorted(world.events("FailedCreate")) == [
        f"Create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: {why}",
        f"Create Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: {why}",
    ]


def test_a_set_lets_a_pod_go_whose_name_is_not_one_of_its_own() -> None:
    world = World(["statefulset"])
    owner = world.create("statefulsets.apps", "db", spec=workload(0, app="db", serviceName="db"))
    reference = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": "db",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    pod = template("db")
    metadata = {**pod["metadata"], "ownerReferences": [reference]}
    world.create("pods", "guest", metadata=metadata, spec=pod["spec"])
    assert "ownerReferences" not in world.get("pods", "guest")["metadata"]


def daemons() -> World:
    world = World(["daemonset"])
    world.create("nodes", "a", None)
    taint(world)
    world.client.create("daemonsets.apps", daemon_set())
    world.loop.run_ready()
    bind(world, daemon(world), "a")
    return world


def daemon_set() -> Obj:
    selector = {"matchLabels": {"app": "web"}}
    return {
        "metadata": {"name": "d", "namespace": "default"},
        "spec": {"selector": selector, "template": template()},
    }


def daemon(world: World) -> Obj:
    pod: Obj = world.client.list("pods", "default")["items"][0]
    return pod


def bind(world: World, pod: Obj, node: str) -> None:
    name = pod["metadata"]["name"]
    binding = {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
    world.client.create("pods", binding, "default", name=name, subresource="binding")
    world.loop.run_ready()


def counts(world: World) -> tuple[int, int]:
    status = world.get("daemonsets.apps", "d")["status"]
    return status["desiredNumberScheduled"], status["numberMisscheduled"]


def taint(world: World, *effects: str) -> None:
    taints = [{"key": "k", "effect": effect} for effect in effects]
    world.change("nodes", "a", {"spec": {"taints": taints}}, "")


def test_a_pod_that_may_merely_stay_wakes_no_daemon_set() -> None:
    world = daemons()
    taint(world, "NoSchedule")
    assert counts(world) == (1, 0)
    world.set_status(daemon(world), "Running")  # the next pod that changes does
    assert counts(world) == (0, 1)
    taint(world)
    assert counts(world) == (1, 0)
    taint(world, "NoExecute")
    assert world.pods() == []
