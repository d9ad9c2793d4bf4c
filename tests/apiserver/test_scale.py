"""The scale of a workload: applied, as a table, for the right object."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.conftest import Asker

PATH = "/apis/apps/v1/namespaces/default/deployments"
SCALE = f"{PATH}/d/scale"
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


def wanted(replicas: int, **metadata: Any) -> dict[str, Any]:
    meta = {"name": "d", "namespace": "default", **metadata}
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": meta, "spec": {"replicas": replicas}}


@pytest.fixture
def scaled(api: Asker) -> Asker:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    api.make(PATH, {"metadata": {"name": "d"}, "spec": spec})
    return api


def test_who_applies_a_scale_owns_the_replicas(scaled: Asker) -> None:
    refused = scaled.ask("PATCH", SCALE, wanted(3), kind="apply", fieldManager="me")
    assert refused.status == 409
    text = 'Apply failed with 1 conflict: conflict with "user" using autoscaling/v1: .spec.replicas'
    assert refused.json()["message"] == text
    given = scaled.ask("PATCH", SCALE, wanted(3), kind="apply", fieldManager="me", force="true").json()
    assert given["spec"] == {"replicas": 3}
    entries = scaled.ask("GET", f"{PATH}/d").json()["metadata"]["managedFields"]
    mine = next(entry for entry in entries if entry["manager"] == "me")
    assert (mine["operation"], mine["subresource"]) == ("Apply", "scale")
    assert mine["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    wrong = scaled.ask("PATCH", SCALE, {"apiVersion": "v1", "kind": "X"}, kind="apply", fieldManager="me")
    assert wrong.json()["message"] == "invalid object type: /v1, Kind=X"


def test_a_scale_is_a_table_of_its_own(scaled: Asker) -> None:
    table = scaled.ask("GET", SCALE, headers=TABLE).json()
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name",
        "Desired",
        "Available",
        "Age",
    ]
    assert table["rows"][0]["cells"] == ["d", 2, 0, "0s"]


def test_a_scale_of_an_object_that_is_gone(scaled: Asker) -> None:
    assert scaled.ask("PUT", SCALE, wanted(3, uid="other")).status == 409
