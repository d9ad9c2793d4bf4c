"""Rules of the other groups: storage, flow control, autoscaling, webhooks, policies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.conftest import Asker

Obj = dict[str, Any]

NAMESPACED = "/namespaces/default"
DRIVERS = "/apis/storage.k8s.io/v1/csidrivers"
NODES = "/apis/storage.k8s.io/v1/csinodes"
CAPACITIES = f"/apis/storage.k8s.io/v1{NAMESPACED}/csistoragecapacities"
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"
CLASSES = "/apis/storage.k8s.io/v1/volumeattributesclasses"
SCHEMAS = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
LEVELS = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations"
SCALERS = f"/apis/autoscaling/v2{NAMESPACED}/horizontalpodautoscalers"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
IMMUTABLE = "field is immutable"
LABEL = "a lowercase RFC 1123 label must consist of"


def spec(**fields: Any) -> Obj:
    return {"metadata": {"name": "x"}, "spec": fields}


def hook(**fields: Any) -> Obj:
    base = {
        "name": "a.b.c",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "s", "namespace": "n"}},
    }
    return {"metadata": {"name": "x"}, "webhooks": [{**base, **fields}]}


LIMITED = {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}
RULE = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
SCHEMA = {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "p"}}
ATTACHMENT = {"attacher": "a.io", "nodeName": "n", "source": {"persistentVolumeName": "p"}}

CREATIONS: list[tuple[str, Obj, list[tuple[str, str]]]] = [
    (
        DRIVERS,
        spec(fsGroupPolicy="x", volumeLifecycleModes=["y"], tokenRequests=[{"audience": ""}] * 2),
        [
            ("spec.fsGroupPolicy", 'Unsupported value: "x": supported values: "File", "None"'),
            ("spec.tokenRequests[1].audience", 'Duplicate value: ""'),
            ("spec.volumeLifecycleModes", 'Unsupported value: "y": supported values: "Persistent"'),
        ],
    ),
    (
        NODES,
        spec(drivers=[{"name": "d", "nodeID": "", "topologyKeys": ["a", "a"]}]),
        [("spec.drivers[0].nodeID", "Required value"), ("spec.drivers[0]", 'Duplicate value: "a"')],
    ),
    (
        CAPACITIES,
        {"metadata": {"name": "x"}, "storageClassName": "s", "capacity": "-1"},
        [("capacity", 'Invalid value: "-1": must be greater than or equal to 0')],
    ),
    (
        ATTACHMENTS,
        spec(attacher="", nodeName="n", source={}),
        [
            ("spec.attacher", "Required value"),
            ("spec.source", "Required value: must specify exactly one of inlineVolumeSpec"),
        ],
    ),
    (
        CLASSES,
        {"metadata": {"name": "x"}, "driverName": "d.io"},
        [("parameters", "Required value: must contain at least one key/value pair")],
    ),
    (
        SCHEMAS,
        spec(
            matchingPrecedence=1,
            priorityLevelConfiguration={"name": ""},
            distinguisherMethod={"type": "x"},
            rules=[{"subjects": [{"kind": "User", "group": {"name": "g"}}], "nonResourceRules": [
                {"verbs": ["*", "get"], "nonResourceURLs": ["a"]}]}],
        ),
        [
            ("spec.matchingPrecedence", "Invalid value: 1: only the schema named 'exempt' may have"),
            ("spec.distinguisherMethod.type", 'Unsupported value: {"Type":"x"}: supported values: "ByNa'),
            ("spec.priorityLevelConfiguration.name", "Required value: must reference a priority level"),
            ("spec.rules[0].subjects[0].user", "Required value: user is required when subject kind"),
            ("spec.rules[0].subjects[0].group", "Forbidden: group is forbidden when subject kind is not"),
            ("spec.rules[0].nonResourceRules[0].verbs", 'Invalid value: ["*","get"]: if \'*\' is present'),
            ("spec.rules[0].nonResourceRules[0].nonResourceURLs[0]", 'Invalid value: "a": must start'),
        ],
    ),
    (
        LEVELS,
        spec(type="Limited", limited={"lendablePercent": 101, "limitResponse": {
            "type": "Queue", "queuing": {"queues": 64, "handSize": 11, "queueLengthLimit": -1}}}),
        [
            ("spec.limited.limitResponse.queuing.queueLengthLimit", "Invalid value: -1: must be positive"),
            ("spec.limited.limitResponse.queuing.handSize", "Invalid value: 11: required entropy bits"),
            ("spec.limited.lendablePercent", "Invalid value: 101: must be between 0 and 100, inclusive"),
        ],
    ),
    (
        SCALERS,
        spec(maxReplicas=3, scaleTargetRef={"kind": "Deployment", "name": "d"}),
        [("spec.scaleTargetRef.apiVersion", 'Invalid value: "": apiVersion must specify API group')],
    ),
    (
        SCALERS,
        spec(maxReplicas=3, scaleTargetRef=TARGET, metrics=[
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "x", "averageValue": "1"}}}]),
        [("spec.metrics[0].resource.target.type",
          'Invalid value: "x": must be either Utilization, Value, or AverageValue')],
    ),
    (
        HOOKS,
        hook(
            clientConfig={"service": {"name": "", "namespace": "n", "path": "/a//B"}},
            matchConditions=[{"name": "m", "expression": "1"}],
            admissionReviewVersions=["v2"],
        ),
        [
            ("webhooks[0].clientConfig.service.namespace", "Required value"),
            ("webhooks[0].clientConfig.service.path", 'Invalid value: "/a//B": segment[1] may not be empty'),
            ("webhooks[0].clientConfig.service.path", 'Invalid value: "/a//B": segment[2]: a lowercase'),
            ("webhooks[0].matchConditions[0].expression", 'Invalid value: "1": must evaluate to bool'),
            ("webhooks[0].admissionReviewVersions", 'Invalid value: ["v2"]: must include at least one of'),
        ],
    ),
    (
        POLICIES,
        spec(
            matchConstraints={"resourceRules": [RULE]},
            matchConditions=[{"name": "", "expression": "1"}],
            variables=[{"name": "in", "expression": "true"}],
            validations=[{"expression": "1", "reason": "x"}],
        ),
        [
            ("spec.matchConditions[0].expression", 'Invalid value: "1": must evaluate to bool'),
            ("spec.matchConditions[0].name", "Required value"),
            ("spec.variables[0].name", 'Invalid value: "in": must be a valid CEL identifier'),
            ("spec.validations[0].expression", 'Invalid value: "1": must evaluate to bool'),
            ("spec.validations[0].reason", 'Unsupported value: "x": supported values: "Forbidden"'),
        ],
    ),
]  # fmt: skip


def check(answer: Any, expected: list[tuple[str, str]]) -> None:
    if not expected:
        assert answer.status in (200, 201), answer.body
        return
    assert answer.status == 422, answer.body
    found = [(one["field"], one["message"]) for one in answer.json()["details"]["causes"]]
    assert [field for field, _ in found] == [field for field, _ in expected], found
    for (_, message), (_, start) in zip(found, expected, strict=True):
        assert message.startswith(start)


@pytest.mark.parametrize(("path", "body", "expected"), CREATIONS)
def test_creations(api: Asker, path: str, body: Obj, expected: list[tuple[str, str]]) -> None:
    check(api.ask("POST", path, body), expected)


CHANGES: list[tuple[str, Obj, Obj, list[tuple[str, str]]]] = [
    (
        DRIVERS,
        spec(),
        {"spec": {"attachRequired": False}},
        [("spec.attachedRequired", f"Invalid value: false: {IMMUTABLE}")],
    ),
    (
        NODES,
        spec(drivers=[{"name": "d", "nodeID": "n"}]),
        {"spec": {"drivers": [{"name": "d", "nodeID": "m"}]}},
        [("spec.drivers", 'Invalid value: {"Name":"d","NodeID":"m","TopologyKeys":null,"Allocatable":null}')],
    ),
    (
        ATTACHMENTS,
        spec(**ATTACHMENT),
        {"spec": {"nodeName": "m"}},
        [("spec", 'Invalid value: {"Attacher":"a.io","Source":{"PersistentVolumeName":"p","InlineVolume')],
    ),
    (
        CLASSES,
        {"metadata": {"name": "x"}, "driverName": "d.io", "parameters": {"a": "b"}},
        {"parameters": {"a": "c"}},
        [("parameters", "Forbidden: updates to parameters are forbidden.")],
    ),
    (SCALERS, spec(maxReplicas=3, scaleTargetRef=TARGET), {"spec": {"maxReplicas": 4}}, []),
    (SCHEMAS, spec(**SCHEMA), {"spec": {"matchingPrecedence": 6}}, []),
    (LEVELS, spec(**LIMITED), {"spec": {"limited": {"borrowingLimitPercent": 10}}}, []),
]


@pytest.mark.parametrize(("path", "body", "patch", "expected"), CHANGES)
def test_changes(api: Asker, path: str, body: Obj, patch: Obj, expected: list[tuple[str, str]]) -> None:
    api.make(path, body)
    check(api.ask("PATCH", f"{path}/x", patch, kind="merge"), expected)


def test_conditions_of_a_status_are_complete(api: Asker) -> None:
    path = f"/apis/policy/v1{NAMESPACED}/poddisruptionbudgets"
    api.make(path, spec(minAvailable=1))
    condition = {"type": "Ready!", "status": "x", "reason": "no good"}
    answer = api.ask("PATCH", f"{path}/x/status", {"status": {"conditions": [condition]}}, kind="merge")
    at = "status.conditions[0]"
    check(
        answer,
        [
            (f"{at}.type", 'Invalid value: "Ready!": name part must consist of'),
            (f"{at}.status", 'Unsupported value: "x": supported values: "False", "True", "Unknown"'),
            (f"{at}.lastTransitionTime", "Required value"),
            (f"{at}.reason", 'Invalid value: "no good": a condition reason must start with'),
        ],
    )
