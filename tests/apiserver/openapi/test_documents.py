"""What stands in the documents: types with all that clients need to know, paths with their operations."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kubekit.api.schema import kinds
from kubekit.apiserver.openapi.schemas import closure, public
from tests.apiserver.openapi.conftest import Get, getter, server

Obj = dict[str, Any]

DEFINITION: Obj = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.stable.example.com", "uid": "1", "resourceVersion": "1"},
    "spec": {
        "group": "stable.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas"}},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {
                    "openAPIV3Schema": {
                        "description": "A widget.",
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "color": {"type": "string", "nullable": True},
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
    "status": {"conditions": [{"type": "Established", "status": "True"}]},
}


def types(get: Get, path: str) -> Obj:
    found: Obj = get(f"/openapi/v3/{path}").json()["components"]["schemas"]
    return found


@pytest.mark.parametrize(
    ("structure", "field", "expected"),
    [
        ("core.v1.Container", "name", {"type": "string", "default": ""}),
        (
            "core.v1.ServicePort",
            "protocol",
            {"type": "string", "default": "TCP", "enum": ["SCTP", "TCP", "UDP"]},
        ),
        ("core.v1.ContainerPort", "containerPort", {"type": "integer", "format": "int32", "default": 0}),
        ("core.v1.LocalObjectReference", "name", {"type": "string", "default": ""}),
        (
            "core.v1.PersistentVolumeSpec",
            "accessModes",
            {
                "type": "array",
                "items": {
                    "type": "string",
                    "enum": ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"],
                },
                "x-kubernetes-list-type": "atomic",
            },
        ),
        (
            "core.v1.PodSpec",
            "containers",
            {
                "type": "array",
                "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"},
                "x-kubernetes-list-map-keys": ["name"],
                "x-kubernetes-list-type": "map",
                "x-kubernetes-patch-merge-key": "name",
                "x-kubernetes-patch-strategy": "merge",
            },
        ),
        (
            "core.v1.PodSpec",
            "volumes",
            {
                "type": "array",
                "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Volume"},
                "x-kubernetes-list-map-keys": ["name"],
                "x-kubernetes-list-type": "map",
                "x-kubernetes-patch-merge-key": "name",
                "x-kubernetes-patch-strategy": "merge,retainKeys",
            },
        ),
        (
            "core.v1.PersistentVolumeSpec",
            "claimRef",
            {
                "allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.ObjectReference"}],
                "x-kubernetes-map-type": "granular",
            },
        ),
        (
            "core.v1.ResourceRequirements",
            "limits",
            {
                "type": "object",
                "additionalProperties": {
                    "$ref": "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"
                },
            },
        ),
        (
            "meta.v1.ManagedFieldsEntry",
            "fieldsV1",
            {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"}]},
        ),
        (
            "core.v1.Secret",
            "data",
            {"type": "object", "additionalProperties": {"type": "string", "format": "byte"}},
        ),
    ],
)
def test_fields(structure: str, field: str, expected: Obj) -> None:
    found = dict(closure([structure])[public(structure)]["properties"][field])
    assert found.pop("description")
    assert found == expected


def test_types_say_their_kinds_unions_and_what_is_required(get: Get) -> None:
    core = types(get, "api/v1")
    pod = core["io.k8s.api.core.v1.Pod"]
    assert pod["x-kubernetes-group-version-kind"] == [{"group": "", "kind": "Pod", "version": "v1"}]
    assert core["io.k8s.api.core.v1.PodSpec"]["required"] == ["containers"]
    assert core["io.k8s.api.core.v1.SeccompProfile"]["x-kubernetes-unions"] == [
        {"discriminator": "type", "fields-to-discriminateBy": {"localhostProfile": "LocalhostProfile"}}
    ]
    assert core["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["format"] == "int-or-string"
    options = types(get, "apis/apps/v1")["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"]
    assert [one["group"] for one in options["x-kubernetes-group-version-kind"]] == ["", "apps"]


def test_every_kind_is_described_and_every_reference_leads_somewhere(get: Get) -> None:
    seen = set()
    for path in get("/openapi/v3").json()["paths"]:
        body = get(f"/openapi/v3/{path}").encoded().decode()
        found = get(f"/openapi/v3/{path}").json()["components"].get("schemas", {})
        seen |= set(found)
        assert set(re.findall(r'"#/components/schemas/([^"]+)"', body)) <= set(found), path
    assert {public(name) for name in kinds().values()} <= seen


def test_operations(get: Get) -> None:
    paths = get("/openapi/v3/api/v1").json()["paths"]
    pods = paths["/api/v1/namespaces/{namespace}/pods"]
    assert pods["delete"]["operationId"] == "deleteCoreV1CollectionNamespacedPod"
    assert pods["get"]["description"] == "list or watch objects of kind Pod"
    assert pods["get"]["x-kubernetes-action"] == "list"
    # What every operation takes stands at the path.
    assert [one["name"] for one in pods["parameters"]] == ["namespace", "pretty"]
    pod = paths["/api/v1/namespaces/{namespace}/pods/{name}"]
    assert "fieldValidation" in [one["name"] for one in pod["patch"]["parameters"]]
    assert "application/strategic-merge-patch+json" in pod["patch"]["requestBody"]["content"]
    eviction = paths["/api/v1/namespaces/{namespace}/pods/{name}/eviction"]["post"]
    assert eviction["x-kubernetes-group-version-kind"] == {
        "group": "policy",
        "kind": "Eviction",
        "version": "v1",
    }
    execute = paths["/api/v1/namespaces/{namespace}/pods/{name}/exec"]["post"]
    assert execute["operationId"] == "connectCoreV1PostNamespacedPodExec"
    assert "/api/v1/watch/namespaces/{namespace}/pods/{name}" in paths


@pytest.mark.parametrize(
    ("document", "operation"),
    [
        ("version", "getCodeVersion"),
        ("api", "getCoreAPIVersions"),
        ("apis/rbac.authorization.k8s.io", "getRbacAuthorizationAPIGroup"),
    ],
)
def test_pages_of_no_resource(get: Get, document: str, operation: str) -> None:
    assert get(f"/openapi/v3/{document}").json()["paths"][f"/{document}/"]["get"]["operationId"] == operation


def test_a_custom_resource_describes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    api = server()
    store = api.store("apiextensions.k8s.io", "customresourcedefinitions")
    monkeypatch.setattr(store.cache, "span", lambda prefix: [DEFINITION])
    get = getter(api)
    assert "apis/stable.example.com/v1" in get("/openapi/v3").json()["paths"]
    document = get("/openapi/v3/apis/stable.example.com/v1").json()
    widget = document["components"]["schemas"]["com.example.stable.v1.Widget"]
    assert list(widget["properties"]) == ["spec", "apiVersion", "kind", "metadata"]
    assert widget["description"] == "A widget."
    assert widget["x-kubernetes-selectable-fields"] == [{"fieldPath": "spec.color"}]
    item = "/apis/stable.example.com/v1/namespaces/{namespace}/widgets/{name}"
    assert {item, f"{item}/status", f"{item}/scale"} <= set(document["paths"])
    second = get("/openapi/v2").json()["definitions"]["com.example.stable.v1.Widget"]["properties"]["spec"]
    # v2 cannot say that a value may be null, so it does not say what it is.
    assert second["properties"]["color"] == {}
    assert second["properties"]["free"] == {"x-kubernetes-preserve-unknown-fields": True}
