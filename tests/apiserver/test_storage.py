"""The store: conditions of writes, keys, and what is left after a stop."""

from __future__ import annotations

import json

import pytest

from kubekit.api.exchange import ConnectionRefused
from kubekit.apiserver import APIServer
from tests.apiserver.conftest import CORE, Asker, kinds


def test_a_stale_write_is_a_conflict(api: Asker) -> None:
    first = api.config("a", k="1")
    path = f"{CORE}/configmaps/a"
    assert api.ask("PUT", path, {**first, "data": {"k": "2"}}).status == 200
    stale = api.ask("PUT", path, {**first, "data": {"k": "3"}})
    assert stale.status == 409
    assert stale.json()["message"].endswith(
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    assert api.ask("GET", path).json()["data"] == {"k": "2"}


def test_an_update_that_changes_nothing_writes_nothing(api: Asker) -> None:
    made = api.config("a", k="1")
    before = api.store.revision
    again = api.ask("PUT", f"{CORE}/configmaps/a", made)
    assert again.status == 200 and api.store.revision == before
    assert again.json()["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_keys_and_values_in_etcd(api: Asker) -> None:
    made = api.config("a", k="1")
    api.make(f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    api.make("/api/v1/nodes", {"metadata": {"name": "n1"}})
    found = {kv.key.decode(): kv for kv in api.store.range(b"/registry/", b"/registry0").kvs}
    assert "/registry/services/specs/default/s" in found
    assert "/registry/minions/n1" in found
    entry = found["/registry/configmaps/default/a"]
    stored = json.loads(entry.value)
    assert stored["data"] == {"k": "1"} and "resourceVersion" not in stored["metadata"]
    assert str(entry.mod_revision) == made["metadata"]["resourceVersion"]


def test_stopped_server_refuses_and_serves_again_from_the_store(api: Asker) -> None:
    api.config("a", k="1")
    stream = api.watch(f"{CORE}/configmaps")
    closed: list[bool] = []
    stream.on_close(lambda: closed.append(True))
    api.server.crash()
    assert closed
    with pytest.raises(ConnectionRefused):
        api.ask("GET", f"{CORE}/configmaps/a")
    api.server.start()
    assert api.ask("GET", f"{CORE}/configmaps/a").json()["data"] == {"k": "1"}


def test_two_servers_over_one_store_see_each_other(api: Asker) -> None:
    other = APIServer(api.loop, api.store, "kube-apiserver-2")
    other.start()
    stream = api.watch(f"{CORE}/configmaps")
    first, api.server = api.server, other
    made = api.config("a", k="1")
    api.server = first
    assert ("ADDED", "a") in kinds(stream)
    assert api.ask("GET", f"{CORE}/configmaps/a").json() == made


def test_an_object_that_cannot_be_decoded_fails_reads_of_its_kind_only(api: Asker) -> None:
    api.store.put(b"/registry/configmaps/default/bad", b"not json")
    assert api.ask("GET", f"{CORE}/configmaps").status == 500
    assert api.ask("GET", f"{CORE}/secrets").status == 200


def test_generated_names(api: Asker) -> None:
    names = {
        api.make(f"{CORE}/configmaps", {"metadata": {"generateName": "c-"}})["metadata"]["name"]
        for _ in range(5)
    }
    assert len(names) == 5 and all(name.startswith("c-") and len(name) == 7 for name in names)


def test_a_new_cluster_has_what_it_needs(api: Asker) -> None:
    names = {obj["metadata"]["name"] for obj in api.ask("GET", "/api/v1/namespaces").json()["items"]}
    assert names == {"default", "kube-system", "kube-public", "kube-node-lease"}
    service = api.ask("GET", f"{CORE}/services/kubernetes").json()
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    assert api.ask("GET", "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical").status == 200
    assert api.ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin").status == 200


def test_versions_of_an_autoscaler_are_one_object(api: Asker) -> None:
    path = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    spec = {"scaleTargetRef": target, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60}
    made = api.make(path, {"metadata": {"name": "a"}, "spec": spec})
    assert made["apiVersion"] == "autoscaling/v1" and made["spec"]["targetCPUUtilizationPercentage"] == 60
    newer = api.ask("GET", path.replace("v1", "v2", 1) + "/a").json()
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    assert newer["apiVersion"] == "autoscaling/v2" and newer["spec"]["metrics"] == [
        {"type": "Resource", "resource": cpu}
    ]
    pods = {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}
    newer["spec"]["metrics"].append({"type": "Pods", "pods": pods})
    assert api.ask("PUT", path.replace("v1", "v2", 1) + "/a", newer).status == 200
    older = api.ask("GET", f"{path}/a").json()
    assert "rps" in older["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]
    assert api.ask("PUT", f"{path}/a", older).status == 200
    again = api.ask("GET", path.replace("v1", "v2", 1) + "/a").json()
    assert {"type": "Pods", "pods": pods} in again["spec"]["metrics"]
    assert "annotations" not in again["metadata"]
