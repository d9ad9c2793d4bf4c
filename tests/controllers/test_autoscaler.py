"""The autoscaler without any metrics API: what it says of each kind of metric."""

from __future__ import annotations

from typing import Any

import pytest

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
