"""Deployments: rolling, recreating, going back, pausing, scaling in proportion, giving up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controllers.world import Obj, World, workload


@pytest.fixture
def world() -> World:
    return World(["deployment", "replicaset"])


def set_image(world: World, image: str) -> None:
    containers = [{"name": "c", "image": image}]
    world.change("deployments", "web", {"spec": {"template": {"spec": {"containers": containers}}}})


def sets(world: World) -> dict[str, Obj]:
    """The ReplicaSets by image."""
    return {s["spec"]["template"]["spec"]["containers"][0]["image"]: s for s in world.list("replicasets")}


def condition(world: World, kind: str) -> tuple[str, str]:
    found = world.get("deployments", "web")["status"]["conditions"]
    (one,) = [c for c in found if c["type"] == kind]
    return one["status"], one["reason"]


def started(world: World, replicas: int, **spec: Any) -> None:
    world.create("deployments", "web", spec=workload(replicas, **spec))
    world.all_ready()


def test_a_deployment_makes_a_set_and_says_when_it_is_done(world: World) -> None:
    world.create("deployments", "web", spec=workload(3))
    assert condition(world, "Available") == ("False", "MinimumReplicasUnavailable")
    assert condition(world, "Progressing") == ("True", "ReplicaSetUpdated")
    world.all_ready()
    assert condition(world, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(world, "Progressing") == ("True", "NewReplicaSetAvailable")
    deployment, (replica_set,) = world.get("deployments", "web"), sets(world).values()
    assert deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    label = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{label}"
    assert replica_set["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": label}
    name = replica_set["metadata"]["name"]
    assert world.events("ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 3"]


def test_a_rolling_update_keeps_within_its_fenceposts(world: World) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    started(world, 4, strategy=rolling)
    set_image(world, "nginx:1.29")
    for _ in range(40):
        pods = world.pods()
        ready = [p for p in pods if p["status"]["phase"] == "Running"]
        assert len(pods) <= 5 and len(ready) >= 3
        pending = [p for p in pods if p["status"]["phase"] == "Pending"]
        if not pending:
            break
        world.set_status(pending[0], "Running")
    found = sets(world)
    assert found["nginx:1.29"]["spec"]["replicas"] == 4 and found["nginx:1.28"]["spec"]["replicas"] == 0
    assert condition(world, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_pods_that_never_get_ready_stop_the_rollout_and_it_gives_up(world: World) -> None:
    started(world, 4, progressDeadlineSeconds=30)
    set_image(world, "nginx:broken")
    world.loop.advance(10.0)
    found = sets(world)
    assert found["nginx:1.28"]["spec"]["replicas"] == 3 and found["nginx:broken"]["spec"]["replicas"] == 2
    world.loop.advance(30.0)
    assert condition(world, "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert condition(world, "Available") == ("True", "MinimumReplicasAvailable")


def test_going_back_takes_the_old_set_with_a_new_number(world: World) -> None:
    started(world, 2)
    set_image(world, "nginx:1.29")
    world.all_ready()
    before = sets(world)["nginx:1.28"]["metadata"]["uid"]
    set_image(world, "nginx:1.28")
    world.all_ready()
    again = sets(world)["nginx:1.28"]
    assert again["metadata"]["uid"] == before and again["spec"]["replicas"] == 2
    annotations = again["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"


def test_recreate_waits_until_the_old_pods_are_gone(world: World) -> None:
    started(world, 2, strategy={"type": "Recreate"})
    old = {p["metadata"]["name"] for p in world.pods()}
    for name in old:  # a kubelet would hold them for a while
        world.change("pods", name, {"metadata": {"finalizers": ["test/hold"]}})
    set_image(world, "nginx:1.29")
    assert world.pods() == [] and "nginx:1.29" not in sets(world)
    for name in old:
        world.change("pods", name, {"metadata": {"finalizers": None}})
        world.delete("pods", name, grace_seconds=0) if world.find("pods", name) else None
    assert len(world.pods()) == 2 and sets(world)["nginx:1.29"]["spec"]["replicas"] == 2


def test_paused_it_scales_and_does_not_roll(world: World) -> None:
    started(world, 2)
    world.change("deployments", "web", {"spec": {"paused": True}})
    assert condition(world, "Progressing") == ("Unknown", "DeploymentPaused")
    set_image(world, "nginx:1.29")
    world.change("deployments", "web", {"spec": {"replicas": 4}})
    assert sets(world).keys() == {"nginx:1.28"} and len(world.pods()) == 4
    world.change("deployments", "web", {"spec": {"paused": False}})
    world.all_ready()
    assert sets(world)["nginx:1.29"]["spec"]["replicas"] == 4


def test_scaling_in_the_middle_of_a_rollout_is_shared_out(world: World) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    started(world, 10, strategy=rolling)
    set_image(world, "nginx:1.29")
    before = {image: s["spec"]["replicas"] for image, s in sets(world).items()}
    assert before == {"nginx:1.28": 8, "nginx:1.29": 5}
    world.change("deployments", "web", {"spec": {"replicas": 15}})
    after = {image: s["spec"]["replicas"] for image, s in sets(world).items()}
    assert after == {"nginx:1.28": 11, "nginx:1.29": 7}, "18 shared out as 8 to 5"


def test_old_sets_beyond_the_limit_go(world: World) -> None:
    started(world, 1, revisionHistoryLimit=1)
    for version in (29, 30, 31):
        set_image(world, f"nginx:1.{version}")
        world.all_ready()
    world.loop.run_until_quiet()
    assert sorted(sets(world)) == ["nginx:1.30", "nginx:1.31"]


def test_a_set_that_is_deleted_is_made_again() -> None:
    world = World(["deployment"])
    world.create("deployments", "web", spec=workload(1))
    replica_set = world.list("replicasets")[0]
    world.delete("replicasets", replica_set["metadata"]["name"])
    assert [s["metadata"]["name"] for s in world.list("replicasets")] == [replica_set["metadata"]["name"]]


def test_a_rollback_to_no_number_is_no_rollback() -> None:
    world = World(["deployment", "replicaset"])
    world.create("deployments", "web", spec=workload(1))
    world.all_ready()
    mark = {"deprecated.deployment.rollback.to": "yesterday"}
    world.change("deployments", "web", {"metadata": {"annotations": mark}})
    assert world.events("DeploymentRollbackRevisionNotFound") == []
    assert world.get("deployments", "web")["metadata"]["annotations"].items() >= mark.items()


def test_a_deployment_whose_set_is_refused_is_dropped_in_the_end() -> None:
    world = World(["deployment", "replicaset", "resourcequota"])
    world.create("resourcequotas", "q", spec={"hard": {"count/replicasets.apps": "0"}})
    world.create("deployments", "web", spec=workload(1))
    world.loop.advance(1000.0)
    tried = len([r for r in world.reconciles("deployment/default/web") if "error" in r.came_out])
    world.loop.advance(10000.0)
    again = len([r for r in world.reconciles("deployment/default/web") if "error" in r.came_out])
    assert tried == again <= 20
    assert world.reconciles("deployment/default/web")[-1].sentence.endswith("it gives up.")


def test_a_deployment_that_is_made_paused_and_resumed_tells_of_no_new_set(world: World) -> None:
    world.create("deployments", "web", spec=workload(1, paused=True))
    world.loop.run_until_quiet()
    assert condition(world, "Progressing") == ("Unknown", "DeploymentPaused")
    reasons: list[str] = []
    stream = world.client.watch("deployments", "default")

    def heard(event: Any) -> None:
        conditions = (event.object.get("status") or {}).get("conditions") or ()
        reasons.extend(c["reason"] for c in conditions if c["type"] == "Progressing")

    stream.on_event(heard)
    world.change("deployments", "web", {"spec": {"paused": False}})
    world.loop.run_until_quiet()
    world.all_ready()
    assert list(dict.fromkeys(reasons)) == [
        "DeploymentPaused",
        "DeploymentResumed",
        "ReplicaSetUpdated",
        "NewReplicaSetAvailable",
    ]
