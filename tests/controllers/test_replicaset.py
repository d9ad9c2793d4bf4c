"""ReplicaSets: creating, deleting, adopting, releasing, and what the record of a reconcile shows."""

from __future__ import annotations

import pytest

from kubekit.api import status_error
from kubekit.api.exchange import Handler, Request, Response, WatchStream
from tests.controllers.world import World, workload


@pytest.fixture
def world() -> World:
    return World(["replicaset"])


def test_as_many_as_it_says(world: World) -> None:
    world.create("replicasets", "web", spec=workload(3))
    assert len(world.pods()) == 3
    owner = world.get("replicasets", "web")
    assert owner["status"]["replicas"] == 3 and owner["status"]["observedGeneration"] == 1
    (reference,) = world.pods()[0]["metadata"]["ownerReferences"]
    assert reference == {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web",
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    world.change("replicasets", "web", {"spec": {"replicas": 1}})
    assert len(world.pods()) == 1
    assert len(world.events("SuccessfulCreate")) == 3 and len(world.events("SuccessfulDelete")) == 2


def test_a_lost_pod_is_made_again_and_a_finished_one_is_replaced(world: World) -> None:
    world.create("replicasets", "web", spec=workload(2))
    first, second = world.pods()
    world.delete("pods", first["metadata"]["name"], grace_seconds=0)
    assert len(world.pods()) == 2
    world.set_status(second, "Failed", ready=False)
    assert len(world.pods()) == 3, "the failed pod stays, and does not count"


def test_orphans_are_adopted_and_relabelled_pods_released(world: World) -> None:
    bare = {"containers": [{"name": "c", "image": "nginx:1.28"}]}
    world.create("pods", "orphan", metadata={"labels": {"app": "web"}}, spec=bare)
    world.create("replicasets", "web", spec=workload(2))
    assert len(world.pods()) == 2
    orphan = world.get("pods", "orphan")
    assert orphan["metadata"]["ownerReferences"][0]["name"] == "web"
    world.change("pods", "orphan", {"metadata": {"labels": {"app": "other"}}})
    assert "ownerReferences" not in world.get("pods", "orphan")["metadata"]
    assert len(world.pods()) == 2


def test_availability_waits_for_min_ready_seconds(world: World) -> None:
    world.create("replicasets", "web", spec=workload(1, minReadySeconds=10))
    world.all_ready()
    status = world.get("replicasets", "web")["status"]
    assert status["readyReplicas"] == 1 and status.get("availableReplicas", 0) == 0
    world.loop.run_until_quiet()
    assert world.get("replicasets", "web")["status"]["availableReplicas"] == 1


class Refusing:
    """Refuses to create pods while it is told to."""

    def __init__(self, inner: Handler) -> None:
        self.inner = inner
        self.tries = 0
        self.allowed = 0

    def __call__(self, request: Request) -> Response | WatchStream:
        if request.method == "POST" and request.path.endswith("/pods"):
            self.tries += 1
            if self.tries > self.allowed:
                refusal = status_error.forbidden("pods", "", "exceeded quota: q")
                return Response(403, refusal.status)
        return self.inner(request)


def test_batches_double_and_stop_at_the_first_refusal(world: World) -> None:
    controller = world.manager["replicaset"]
    refusing = Refusing(controller.client.handler)
    refusing.allowed = 5
    controller.client.handler = refusing
    world.create("replicasets", "web", spec=workload(100))
    record = world.reconciles("replicaset/default/web")[0]
    verdicts = [step.verdict for step in record.steps if step.asked.startswith("POST")]
    assert verdicts == ["pass"] * 5 + ["refuse"] * 2, "1, 2 and then a batch of 4 of which 2 failed"
    assert record.came_in["desired"] == 100 and record.came_in["observed"] == 0
    assert record.came_in["difference"] == 100
    assert record.came_in["heard"] == [{"type": "ADDED", "object": "replicaset/web"}]
    assert record.came_out["refused"] == 2 and record.came_out["retry_in"] == 0.005
    assert "exceeded quota" in record.came_out["error"]
    assert record.sentence == (
        "replicaset-controller looks at default/web, wants 100 and sees 0: "
        "6 writes done, 2 refused; it will try again in 0.005 s."
    )
    (condition,) = world.get("replicasets", "web")["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert world.events("FailedCreate")[0].startswith("Error creating: pods is forbidden: exceeded quota")


def test_it_gets_there_when_the_refusals_end(world: World) -> None:
    controller = world.manager["replicaset"]
    refusing = Refusing(controller.client.handler)
    controller.client.handler = refusing
    world.create("replicasets", "web", spec=workload(20))
    world.loop.advance(1.0)
    assert controller.queue.failures("default/web") > 3 and world.pods() == []
    refusing.allowed = 10_000
    world.loop.advance(3.0)
    assert len(world.pods()) == 20 and controller.queue.failures("default/web") == 0
    assert world.get("replicasets", "web")["status"].get("conditions") is None


def test_it_does_not_act_on_a_cache_that_lags(world: World) -> None:
    world.create("replicasets", "web", spec=workload(2))
    controller = world.manager["replicaset"]
    controller.expectations.expect_creations("default/web", 1)  # type: ignore[attr-defined]
    world.change("replicasets", "web", {"spec": {"replicas": 5}})
    assert len(world.pods()) == 2
    last = world.reconciles("replicaset/default/web")[-1]
    assert last.came_in["expectations"] == {"creations": 1, "deletions": 0}
    controller.expectations.creation_observed("default/web")  # type: ignore[attr-defined]
    controller.enqueue("default/web")
    world.loop.run_ready()
    assert len(world.pods()) == 5


def test_stopped_it_does_nothing_and_started_again_it_catches_up(world: World) -> None:
    world.create("replicasets", "web", spec=workload(2))
    world.manager.stop_controller("replicaset")
    world.change("replicasets", "web", {"spec": {"replicas": 4}})
    assert len(world.pods()) == 2
    world.manager.start_controller("replicaset-controller")
    world.loop.run_ready()
    assert len(world.pods()) == 4


def test_a_crashed_manager_knows_nothing_and_does_not_repeat_itself(world: World) -> None:
    world.create("replicasets", "web", spec=workload(3))
    world.manager.crash()
    world.change("replicasets", "web", {"spec": {"replicas": 5}})
    world.manager.start()
    world.loop.advance(5.0)
    assert len(world.pods()) == 5
