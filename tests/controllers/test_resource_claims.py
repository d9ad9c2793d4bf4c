"""ResourceClaims: made from a template for a pod, reserved for it, given back when it has ended."""

from __future__ import annotations

from kubekit.controllers.pod_claims import generate_name
from tests.controllers.world import Obj, World

CLAIMS = "resourceclaims.resource.k8s.io"
FINALIZER = "resource.kubernetes.io/delete-protection"
DEVICES: Obj = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com"}}]}}
CONTAINERS = [{"name": "c", "image": "nginx:1.28"}]


def template(world: World, name: str = "gpu") -> None:
    metadata = {"labels": {"made-for": "pods"}}
    world.create("resourceclaimtemplates", name, spec={"metadata": metadata, "spec": DEVICES})


def pod(world: World, name: str = "web", **spec: object) -> None:
    claims = [{"name": "accelerator", "resourceClaimTemplateName": "gpu"}]
    world.create("pods", name, spec={"containers": CONTAINERS, "resourceClaims": claims, **spec})
    world.loop.run_until_quiet()


def allocate(world: World, claim: Obj, consumer: Obj | None = None) -> None:
    """What the scheduler would have written."""
    meta = claim["metadata"]
    world.change(CLAIMS, meta["name"], {"metadata": {"finalizers": [FINALIZER]}})
    status: Obj = {"allocation": {"devices": {}}}
    if consumer is not None:
        its = consumer["metadata"]
        status["reservedFor"] = [{"resource": "pods", "name": its["name"], "uid": its["uid"]}]
    world.client.patch(CLAIMS, meta["name"], {"status": status}, "default", subresource="status")
    world.loop.run_until_quiet()


def test_a_pod_gets_a_claim_of_its_own() -> None:
    world = World(["resourceclaim"])
    template(world)
    pod(world)
    (claim,) = world.list(CLAIMS)
    meta = claim["metadata"]
    assert meta["name"].startswith("web-accelerator-") and meta["labels"] == {"made-for": "pods"}
    assert meta["annotations"] == {"resource.kubernetes.io/pod-claim-name": "accelerator"}
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Pod", "web", True)
    statuses = world.get("pods", "web")["status"]["resourceClaimStatuses"]
    assert statuses == [{"name": "accelerator", "resourceClaimName": meta["name"]}]


def test_a_template_that_comes_late() -> None:
    world = World(["resourceclaim"])
    pod(world)
    text = (
        'PodResourceClaim accelerator: resource claim template "gpu": '
        'resourceclaimtemplate.resource.k8s.io "gpu" not found'
    )
    assert set(world.events("FailedResourceClaimCreation")) == {text} and world.names(CLAIMS) == []
    template(world)
    world.loop.run_until_quiet()
    assert len(world.names(CLAIMS)) == 1


def test_an_allocated_claim_is_reserved_for_a_pod_with_a_node() -> None:
    world = World(["resourceclaim"])
    world.create(CLAIMS, "shared", spec=DEVICES)
    claims = [{"name": "accelerator", "resourceClaimName": "shared"}]
    world.create("pods", "web", spec={"containers": CONTAINERS, "resourceClaims": claims, "nodeName": "a"})
    world.loop.run_until_quiet()
    assert not world.get(CLAIMS, "shared").get("status")
    allocate(world, world.get(CLAIMS, "shared"))
    (consumer,) = world.get(CLAIMS, "shared")["status"]["reservedFor"]
    assert (consumer["resource"], consumer["name"]) == ("pods", "web")


def test_what_a_finished_pod_had_is_given_back() -> None:
    world = World(["resourceclaim"])
    template(world)
    pod(world)
    (claim,) = world.list(CLAIMS)
    allocate(world, claim, world.get("pods", "web"))
    assert world.list(CLAIMS)[0]["status"]["reservedFor"]
    world.set_status(world.get("pods", "web"), "Succeeded", ready=False)
    world.loop.run_until_quiet()
    assert world.names(CLAIMS) == [], "reservation, allocation, finalizer and claim have gone"


def test_a_shared_claim_outlives_its_pods() -> None:
    world = World(["resourceclaim"])
    world.create(CLAIMS, "shared", spec=DEVICES)
    claims = [{"name": "accelerator", "resourceClaimName": "shared"}]
    world.create("pods", "web", spec={"containers": CONTAINERS, "resourceClaims": claims})
    allocate(world, world.get(CLAIMS, "shared"), world.get("pods", "web"))
    world.delete("pods", "web", grace_seconds=0)
    world.loop.run_until_quiet()
    claim = world.get(CLAIMS, "shared")
    assert "allocation" not in (claim.get("status") or {}) and "finalizers" not in claim["metadata"]


def test_long_names_are_shortened_alike() -> None:
    assert generate_name("web", "gpu") == "web-gpu-"
    name = generate_name("p" * 60, "c" * 20)
    assert name == "p" * 41 + "-" + "c" * 13
