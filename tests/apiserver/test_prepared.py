"""What the strategies make of an object before it is validated and stored."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.apiserver.conftest import CORE, Asker, pod

Obj = dict[str, Any]
CLAIM = {"apiGroup": None, "kind": "PersistentVolumeClaim", "name": "n"}
SLICES = "/apis/resource.k8s.io/v1/resourceslices"


def test_selectors_follow_the_labels_of_a_new_pod(api: Asker) -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "x"}},
        "matchLabelKeys": ["ver", "absent"],
    }
    term = {
        "topologyKey": "zone",
        "labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        "matchLabelKeys": ["ver"],
        "mismatchLabelKeys": ["tenant"],
    }
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    spec = api.pod(
        "p",
        labels={"app": "x", "ver": "1", "tenant": "t"},
        topologySpreadConstraints=[constraint],
        affinity=affinity,
    )["spec"]
    ver = {"key": "ver", "operator": "In", "values": ["1"]}
    assert spec["topologySpreadConstraints"][0]["labelSelector"]["matchExpressions"] == [ver]
    found = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    other = {"key": "tenant", "operator": "NotIn", "values": ["t"]}
    assert found["labelSelector"]["matchExpressions"][1:] == [ver, other]


@pytest.mark.parametrize(
    ("value", "profile"),
    [
        ("localhost/a", {"type": "Localhost", "localhostProfile": "a"}),
        ("runtime/default", {"type": "RuntimeDefault"}),
    ],
)
def test_an_app_armor_annotation_becomes_a_field(api: Asker, value: str, profile: Obj) -> None:
    body = pod("p")
    body["metadata"]["annotations"] = {"container.apparmor.security.beta.kubernetes.io/c": value}
    answer = api.ask("POST", f"{CORE}/pods", body)
    assert answer.json()["spec"]["containers"][0]["securityContext"] == {"appArmorProfile": profile}
    assert "deprecated since v1.30" in answer.headers["Warning"]


def test_fields_of_features_that_are_off_are_dropped(api: Asker) -> None:
    sources = [
        {"clusterTrustBundle": {"name": "b", "path": "b"}},
        {"serviceAccountToken": {"path": "token"}},
    ]
    containers = [{"name": "c", "image": "i", "lifecycle": {"stopSignal": "SIGTERM"}}]
    spec = api.pod(
        "p",
        containers=containers,
        os={"name": "linux"},
        schedulingGroup={"podGroupName": "g"},
        volumes=[{"name": "v", "projected": {"sources": sources}}],
    )["spec"]
    assert "schedulingGroup" not in spec and "lifecycle" not in spec["containers"][0]
    assert [list(source) for source in spec["volumes"][0]["projected"]["sources"]] == [
        [],
        ["serviceAccountToken"],
    ]
    lease = api.make(
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        {"metadata": {"name": "l"}, "spec": {"strategy": "OldestEmulationVersion", "holderIdentity": "me"}},
    )
    assert lease["spec"] == {"holderIdentity": "me"}
    driver = api.make(
        "/apis/storage.k8s.io/v1/csidrivers",
        {"metadata": {"name": "d"}, "spec": {"preventPodSchedulingIfMissing": True}},
    )
    assert "preventPodSchedulingIfMissing" not in driver["spec"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"dataSource": {"kind": "X", "name": "n", "apiGroup": "a.io"}}, {}),
        (
            {"dataSource": {"kind": "PersistentVolumeClaim", "name": "n"}},
            {"dataSource": CLAIM, "dataSourceRef": CLAIM},
        ),
        ({"dataSourceRef": {"kind": "X", "name": "n", "apiGroup": "a.io", "namespace": "other"}}, {}),
    ],
)
def test_where_a_claim_comes_from(api: Asker, given: Obj, kept: Obj) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **given}
    found = api.make(f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": spec})["spec"]
    assert {key: found[key] for key in ("dataSource", "dataSourceRef") if key in found} == kept


def test_small_kinds(api: Asker) -> None:
    limits = {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}}
    assert len(api.make(f"{CORE}/limitranges", limits)["metadata"]["name"]) == 36
    service = {"group": "a.io", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}
    local = api.make(
        "/apis/apiregistration.k8s.io/v1/apiservices", {"metadata": {"name": "v1.a.io"}, "spec": service}
    )
    assert local["status"]["conditions"][0]["reason"] == "Local"
    device = {"name": "d", "taints": [{"key": "k", "effect": "NoSchedule"}]}
    device["attributes"] = {"a": {"ints": [1], "int": 1}}
    pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
    body = {"driver": "d.io", "nodeName": "n", "pool": pool, "devices": [device]}
    found = api.make(SLICES, {"metadata": {"name": "s"}, "spec": body})["spec"]["devices"][0]
    assert found["taints"][0]["timeAdded"] and found["attributes"] == {"a": {"int": 1}}


def test_some_statuses_leave_the_metadata_alone(api: Asker) -> None:
    path = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"
    request = {"name": "r", "exactly": {"deviceClassName": "c"}}
    api.make(path, {"metadata": {"name": "c"}, "spec": {"devices": {"requests": [request]}}})
    change = {"metadata": {"labels": {"a": "b"}}}
    assert "labels" not in api.ask("PATCH", f"{path}/c/status", change, kind="merge").json()["metadata"]
    assert "labels" in api.ask("PATCH", f"{path}/c", change, kind="merge").json()["metadata"]


def test_what_was_observed_stays_known(api: Asker) -> None:
    api.pod("p")
    first = {
        "observedGeneration": 1,
        "conditions": [{"type": "A", "status": "True", "observedGeneration": 1}],
    }
    path = f"{CORE}/pods/p/status"
    api.ask("PATCH", path, {"status": first}, kind="merge")
    body = deepcopy(api.ask("GET", f"{CORE}/pods/p").json())
    body["status"].pop("observedGeneration")
    body["status"]["conditions"] = [{"type": "A", "status": "False"}]
    status = api.ask("PUT", path, body).json()["status"]
    assert (status["observedGeneration"], status["conditions"][0]["observedGeneration"]) == (1, 1)


def test_a_grpc_probe_asks_for_no_service_in_particular(api: Asker) -> None:
    probe = {"grpc": {"port": 1}}
    spec = api.pod("p", containers=[{"name": "c", "image": "i", "livenessProbe": probe}])["spec"]
    assert spec["containers"][0]["livenessProbe"]["grpc"] == {"port": 1, "service": ""}
