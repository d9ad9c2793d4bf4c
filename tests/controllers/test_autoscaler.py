"""The autoscaler without any metrics API: what it says of each kind of metric."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.sim import rfc3339
from tests.controllers.world import Obj, World, workload

HPA = "horizontalpodautoscalers.autoscaling"
TEN: Obj = {"type": "AverageValue", "averageValue": "10"}
CUSTOM = (
    "unable to fetch metrics from custom metrics API: "
    "no custom metrics API (custom.metrics.k8s.io) registered"
)


def autoscaler(world: World, name: str, **spec: Any) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 5, **spec},
    }
    world.client.create(HPA, body)


def world_with_deployment() -> World:
    world = World(["deployment", "replicaset", "horizontal-pod-autoscaler"])
    world.create("deployments", "web", spec=workload(2))
    return world


def condition(world: World, name: str, kind: str) -> tuple[str, str]:
    conditions = world.get(HPA, name)["status"]["conditions"]
    return next((c["reason"], c["message"]) for c in conditions if c["type"] == kind)


@pytest.mark.parametrize(
    ("metric", "reason", "why", "outer"),
    [
        (
            {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": TEN}},
            "FailedGetPodsMetric",
            f"unable to get metric rps: {CUSTOM}",
            "failed to get pods metric value: ",
        ),
        (
            {
                "type": "External",
                "external": {"metric": {"name": "q", "selector": {"matchLabels": {"a": "b"}}}, "target": TEN},
            },
            "FailedGetExternalMetric",
            "unable to get external metric default/q/&LabelSelector{MatchLabels:map[string]string{a: b,},"
            "MatchExpressions:[]LabelSelectorRequirement{},}: unable to fetch metrics from external metrics "
            "API: the server could not find the requested resource (get q.external.metrics.k8s.io)",
            "failed to get q external metric value: failed to get q external metric: ",
        ),
        (
            {
                "type": "Object",
                "object": {
                    "metric": {"name": "hits"},
                    "describedObject": {"kind": "Service", "name": "x", "apiVersion": "v1"},
                    "target": {"type": "Value", "value": "10"},
                },
            },
            "FailedGetObjectMetric",
            f"unable to get metric hits: Service on default x/{CUSTOM}",
            "failed to get object metric value: ",
        ),
    ],
)
def test_a_metric_that_nobody_serves_is_said_to_be_missing(
    metric: Obj, reason: str, why: str, outer: str
) -> None:
    world = world_with_deployment()
    autoscaler(world, "h", metrics=[metric])
    world.loop.advance(16.0)
    assert world.events(reason) == [why]
    text = f"the HPA was unable to compute the replica count: {why}"
    assert condition(world, "h", "ScalingActive") == (reason, text)
    text = f"invalid metrics (1 invalid out of 1), first error is: {outer}{why}"
    assert world.events("FailedComputeMetricsReplicas") == [text]
    assert world.get(HPA, "h")["status"]["currentMetrics"] == [{"type": ""}]


def test_two_autoscalers_of_the_same_pods_are_ambiguous() -> None:
    world = world_with_deployment()
    autoscaler(world, "a")
    autoscaler(world, "b")
    world.loop.advance(31.0)
    why = "pods by selector app=web are controlled by multiple HPAs: [{a default} {b default}]"
    assert condition(world, "a", "ScalingActive") == ("AmbiguousSelector", why)
    assert world.events("AmbiguousSelector")


class Loaded:
    """A Deployment whose pods use as much CPU as a test says; its autoscaler aims at half of it each."""

    def __init__(self, replicas: int, requests: str = "1", **spec: Any) -> None:
        self.world = World(["deployment", "replicaset", "horizontal-pod-autoscaler"])
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        crd = {
            "group": "metrics.k8s.io",
            "names": {"kind": "PodMetrics", "plural": "pods"},
            "scope": "Namespaced",
            "versions": [{"name": "v1beta1", "served": True, "storage": True, "schema": schema}],
        }
        approved = {"annotations": {"api-approved.kubernetes.io": "unapproved, test"}}
        name = "pods.metrics.k8s.io"
        self.world.create("customresourcedefinitions", name, None, metadata=approved, spec=crd)
        template = workload(replicas)
        (container,) = template["template"]["spec"]["containers"]
        container["resources"] = {"requests": {"cpu": requests}}
        self.world.create("deployments", "web", spec=template)
        self.all_run()
        target = {"type": "Utilization", "averageUtilization": 50}
        metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
        autoscaler(self.world, "h", **{"metrics": metrics, "maxReplicas": 50, **spec})

    def all_run(self) -> None:
        """All pods have been ready for a long time."""
        for pod in self.world.pods():
            if (pod.get("status") or {}).get("phase") != "Running":
                self.world.set_status(pod, "Running", startTime="1999-12-31T00:00:00Z")

    def use(self, *milli: int) -> None:
        """The first pods that run use this much, of the others nothing is known."""
        path = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"
        for item in self.world.client.request("GET", path).json()["items"]:
            self.world.client.request("DELETE", f"{path}/{item['metadata']['name']}")
        now = rfc3339(self.world.loop.clock.now())
        running = [pod for pod in self.world.pods() if pod["status"]["phase"] == "Running"]
        for pod, amount in zip(running, milli):
            meta = {"name": pod["metadata"]["name"], "labels": {"app": "web"}}
            containers = [{"name": "c", "usage": {"cpu": f"{amount}m"}}]
            body = {"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": meta}
            body.update({"timestamp": now, "window": "15s", "containers": containers})
            assert self.world.client.request("POST", path, None, body).status == 201

    def after(self, seconds: float) -> int:
        """The size after some time."""
        self.world.loop.advance(seconds)
        self.all_run()
        size: int = self.world.get("deployments", "web")["spec"]["replicas"]
        return size


def test_pods_that_use_more_than_they_should_become_more() -> None:
    loaded = Loaded(2)
    loaded.use(900, 900)
    assert loaded.after(16.0) == 4
    assert loaded.world.events("SuccessfulRescale") == [
        "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    ]
    shown = loaded.world.get(HPA, "h")["status"]["currentMetrics"]
    current = {"averageUtilization": 90, "averageValue": "900m"}
    assert shown == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]


def test_ten_percent_more_or_less_is_as_wanted() -> None:
    loaded = Loaded(2)
    loaded.use(540, 550)
    assert loaded.after(16.0) == 2
    assert condition(loaded.world, "h", "AbleToScale")[0] == "ReadyForNewScale"


def test_a_workload_at_most_doubles_at_a_time() -> None:
    loaded = Loaded(3, requests="10m")
    loaded.use(900, 900, 900)
    assert loaded.after(16.0) == 6
    assert condition(loaded.world, "h", "ScalingLimited")[0] == "ScaleUpLimit"


def test_fewer_only_after_five_minutes() -> None:
    loaded = Loaded(4)
    loaded.use(100, 100, 100, 100)
    assert loaded.after(16.0) == 4
    assert condition(loaded.world, "h", "AbleToScale")[0] == "ScaleDownStabilized"
    assert loaded.after(270.0) == 4
    assert loaded.after(60.0) == 1


def test_a_pod_of_which_nothing_is_known_damps() -> None:
    loaded = Loaded(4)
    loaded.use(700, 700)
    assert loaded.after(16.0) == 4, "with the others at nothing it would turn round"


def test_a_pod_that_starts_damps() -> None:
    loaded = Loaded(2)
    loaded.world.change("deployments", "web", {"spec": {"replicas": 3}})
    loaded.use(800, 800)
    assert loaded.after(16.0) == 3, "1.6 times two would be four, but with the third at nothing it is enough"


UP: Obj = {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}
DOWN: Obj = {
    "stabilizationWindowSeconds": 0,
    "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
}


def test_policies_say_how_fast() -> None:
    loaded = Loaded(3, behavior={"scaleUp": UP, "scaleDown": DOWN})
    loaded.use(1000, 1000, 1000)
    assert loaded.after(16.0) == 5
    loaded.use(*[1000] * 5)
    assert loaded.after(30.0) == 5, "two in a minute"
    assert condition(loaded.world, "h", "ScalingLimited")[0] == "ScaleUpLimit"
    assert loaded.after(32.0) == 7
    loaded.use(*[10] * 7)
    assert loaded.after(16.0) == 2, "half of the five that there were a minute ago"
    assert condition(loaded.world, "h", "ScalingLimited")[0] == "ScaleDownLimit"


def test_a_direction_can_be_switched_off() -> None:
    loaded = Loaded(3, behavior={"scaleDown": {"selectPolicy": "Disabled", "stabilizationWindowSeconds": 0}})
    loaded.use(10, 10, 10)
    assert loaded.after(600.0) == 3


def test_up_too_can_wait_for_the_lowest_recommendation() -> None:
    loaded = Loaded(2, behavior={"scaleUp": {"stabilizationWindowSeconds": 60}})
    loaded.use(1000, 1000)
    assert loaded.after(16.0) == 2
    assert condition(loaded.world, "h", "AbleToScale")[0] == "ScaleUpStabilized"
    assert loaded.after(60.0) == 4


def test_a_tolerance_of_its_own() -> None:
    loaded = Loaded(2, behavior={"scaleUp": {"tolerance": "0.5"}})
    loaded.use(700, 700)
    assert loaded.after(16.0) == 2
    loaded.use(760, 760)
    assert loaded.after(16.0) == 4


def test_a_custom_resource_with_a_scale_is_a_target() -> None:
    world = World(["horizontal-pod-autoscaler"])
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {
        "group": "example.com",
        "names": {"kind": "Fleet", "plural": "fleets"},
        "scope": "Namespaced",
        "versions": [{**version, "subresources": {"scale": paths, "status": {}}}],
    }
    world.create("customresourcedefinitions", "fleets.example.com", None, spec=spec)
    world.loop.advance(2.0)
    path = "/apis/example.com/v1/namespaces/default/fleets"
    fleet = {
        "apiVersion": "example.com/v1",
        "kind": "Fleet",
        "metadata": {"name": "f"},
        "spec": {"replicas": 9},
    }
    assert world.client.request("POST", path, None, fleet).status == 201
    target = {"apiVersion": "example.com/v1", "kind": "Fleet", "name": "f"}
    autoscaler(world, "h", scaleTargetRef=target)
    world.loop.advance(16.0)
    assert world.client.request("GET", f"{path}/f").json()["spec"]["replicas"] == 5
