"""What a kubelet may do: the node authorizer, and NodeRestriction behind it."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import UserInfo
from tests.apiserver.conftest import CORE, Asker, pod

Obj = dict[str, Any]

NODE = UserInfo("system:node:n1", "", ("system:nodes", "system:authenticated"))
OTHER = UserInfo("system:node:n2", "", ("system:nodes", "system:authenticated"))
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


@pytest.fixture
def api() -> Asker:
    """A server as kubeadm sets it up, with two nodes and a pod on the first."""
    asker = Asker(authorization_mode="Node,RBAC", enabled_admission=("NodeRestriction",))
    for name in ("kube-node-lease", "kube-system"):
        asker.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    for node in ("n1", "n2"):
        asker.make("/api/v1/nodes", {"metadata": {"name": node}})
    for name in ("used", "env", "pulled", "projected", "unused"):
        asker.make(f"{CORE}/secrets", {"metadata": {"name": name}})
        asker.make(f"{CORE}/configmaps", {"metadata": {"name": name}})
    spec = {
        "nodeName": "n1",
        "imagePullSecrets": [{"name": "pulled"}],
        "volumes": [
            {"name": "a", "secret": {"secretName": "used"}},
            {"name": "b", "configMap": {"name": "used"}},
            {"name": "c", "projected": {"sources": [{"secret": {"name": "projected"}}]}},
            {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        ],
    }
    body = pod("web", **spec)
    body["spec"]["containers"][0]["env"] = [
        {"name": "E", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}}
    ]
    body["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "env"}}]
    asker.make(f"{CORE}/pods", body)
    return asker


@pytest.mark.parametrize("name", ["used", "env", "pulled", "projected"])
def test_a_node_reads_the_secrets_of_its_pods_and_no_others(api: Asker, name: str) -> None:
    path = f"{CORE}/secrets/{name}"
    assert api.ask("GET", path, user=NODE).status == 200
    refused = api.ask("GET", path, user=OTHER).json()
    assert refused["code"] == 403
    where = 'cannot get resource "secrets" in API group "" in the namespace "default"'
    assert refused["message"] == (
        f'secrets "{name}" is forbidden: User "system:node:n2" {where}:'
        " no relationship found between node 'n2' and this object"
    )
    assert api.ask("GET", f"{CORE}/secrets/unused", user=NODE).status == 403


def test_the_relation_ends_with_the_pod(api: Asker) -> None:
    assert api.ask("GET", f"{CORE}/configmaps/env", user=NODE).status == 200
    api.ask("DELETE", f"{CORE}/pods/web", gracePeriodSeconds="0")
    assert api.ask("GET", f"{CORE}/configmaps/env", user=NODE).status == 403


def test_a_restarted_server_knows_the_relations(api: Asker) -> None:
    api.server.stop()
    api.server.start()
    assert api.ask("GET", f"{CORE}/secrets/used", user=NODE).status == 200


def test_a_claims_volume_and_its_secret_belong_to_the_node(api: Asker) -> None:
    source = {
        "driver": "x",
        "volumeHandle": "h",
        "nodeStageSecretRef": {"name": "unused", "namespace": "default"},
    }
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": source}
    api.make("/api/v1/persistentvolumes", {"metadata": {"name": "pv"}, "spec": spec})
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "volumeName": "pv",
    }
    api.make(f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "data"}, "spec": claim})
    for path in (
        f"{CORE}/persistentvolumeclaims/data",
        "/api/v1/persistentvolumes/pv",
        f"{CORE}/secrets/unused",
    ):
        assert api.ask("GET", path, user=NODE).status == 200, path
        assert api.ask("GET", path, user=OTHER).status == 403, path


@pytest.mark.parametrize(
    ("method", "path", "why"),
    [
        ("GET", f"{CORE}/secrets", "No Object name found"),
        ("DELETE", f"{CORE}/secrets/used", "can only read resources of this type"),
        ("GET", "/api/v1/secrets", "can only read namespaced object of this type"),
        ("GET", "/api/v1/persistentvolumes", "can only get individual resources of this type"),
        ("GET", "/api/v1/pods", "can only list/watch pods with spec.nodeName field selector"),
        ("GET", "/api/v1/nodes", "node 'n1' cannot read all nodes, only its own Node object"),
        ("GET", "/api/v1/nodes/n2", "node 'n1' cannot read 'n2', only its own Node object"),
        ("GET", f"{LEASES}/n2", "can only access node lease with the same name as the requesting node"),
        ("GET", LEASES, "can only get, create, update, patch, or delete a node lease"),
        (
            "GET",
            "/apis/coordination.k8s.io/v1/namespaces/default/leases/n1",
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        ("POST", f"{CORE}/serviceaccounts", "can only create tokens for individual service accounts"),
        ("GET", f"{CORE}/configmaps/unused", "no relationship found between node 'n1' and this object"),
    ],
)
def test_what_the_authorizer_has_no_opinion_on(api: Asker, method: str, path: str, why: str) -> None:
    answer = api.ask(method, path, {} if method == "POST" else None, user=NODE).json()
    assert answer["code"] == 403 and answer["message"].endswith(f": {why}")


def test_a_node_lists_its_own_pods_and_what_everybody_needs(api: Asker) -> None:
    assert api.ask("GET", "/api/v1/pods", user=NODE, fieldSelector="spec.nodeName=n1").status == 200
    assert api.ask("GET", "/api/v1/pods", user=NODE, fieldSelector="spec.nodeName!=n1").status == 403
    assert api.ask("GET", "/api/v1/nodes", user=NODE, fieldSelector="metadata.name=n1").status == 200
    assert api.ask("GET", "/api/v1/services", user=NODE).status == 200
    assert api.ask("DELETE", "/api/v1/services/default/x", user=NODE).status in (403, 404)


def mirror(api: Asker, **metadata: Any) -> Obj:
    uid = api.ask("GET", "/api/v1/nodes/n1").json()["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid, "controller": True}
    body = pod("static-n1", nodeName="n1")
    body["metadata"] |= {"annotations": {"kubernetes.io/config.mirror": "x"}, "ownerReferences": [owner]}
    body["metadata"] |= metadata
    return body


def test_mirror_pods_are_the_only_pods_that_a_node_makes(api: Asker) -> None:
    cases = {
        'pod does not have "kubernetes.io/config.mirror" annotation': mirror(api, annotations={}),
        "can only create pods with an owner reference set to itself": mirror(api, ownerReferences=[]),
        "UID mismatch": mirror(
            api,
            ownerReferences=[
                {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "other", "controller": True}
            ],
        ),
    }
    for text, body in cases.items():
        answer = api.ask("POST", f"{CORE}/pods", body, user=NODE).json()
        assert answer["code"] == 403 and text in answer["message"]
    elsewhere = mirror(api)
    elsewhere["spec"]["nodeName"] = "n2"
    text = api.ask("POST", f"{CORE}/pods", elsewhere, user=NODE).json()["message"]
    assert "can only create pods with spec.nodeName set to itself" in text
    secretive = mirror(api)
    secretive["spec"]["volumes"] = [{"name": "s", "secret": {"secretName": "used"}}]
    text = api.ask("POST", f"{CORE}/pods", secretive, user=NODE).json()["message"]
    assert text.endswith("a mirror pod may not reference secrets"), "the account's plugin is asked first"
    claiming = mirror(api)
    claiming["spec"]["volumes"] = [{"name": "s", "persistentVolumeClaim": {"claimName": "c"}}]
    text = api.ask("POST", f"{CORE}/pods", claiming, user=NODE).json()["message"]
    assert text.endswith('node "n1" can not create pods that reference persistentvolumeclaims')
    assert api.ask("POST", f"{CORE}/pods", mirror(api), user=NODE).status == 201


@pytest.mark.parametrize(
    ("path", "patch", "text"),
    [
        ("/api/v1/nodes/n2", {"metadata": {"labels": {"a": "b"}}}, 'is not allowed to modify node "n2"'),
        ("/api/v1/nodes/n1", {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}, "modify taints"),
        (
            "/api/v1/nodes/n1",
            {"metadata": {"labels": {"node-restriction.kubernetes.io/x": "y"}}},
            "is not allowed to modify labels: node-restriction.kubernetes.io/x",
        ),
        (
            "/api/v1/nodes/n1",
            {"metadata": {"labels": {"node-role.kubernetes.io/worker": ""}}},
            "is not allowed to modify labels: node-role.kubernetes.io/worker",
        ),
    ],
)
def test_what_a_node_may_not_change(api: Asker, path: str, patch: Obj, text: str) -> None:
    answer = api.ask("PATCH", path, patch, user=NODE, kind="merge").json()
    assert answer["code"] == 403 and text in answer["message"]


def test_what_a_node_may_change(api: Asker) -> None:
    labels = {"disk": "ssd", "topology.kubernetes.io/zone": "a", "node.kubernetes.io/x": "y"}
    body = {"metadata": {"labels": labels}}
    assert api.ask("PATCH", "/api/v1/nodes/n1", body, user=NODE, kind="merge").status == 200
    status = {"status": {"phase": "Running"}}
    path = f"{CORE}/pods/web/status"
    assert api.ask("PATCH", path, status, user=NODE, kind="merge").status == 200
    refused = api.ask("PATCH", path, status, user=OTHER, kind="merge").json()
    assert "can only update pod status for pods with spec.nodeName set to itself" in refused["message"]


def test_tokens_are_for_pods_of_the_node(api: Asker) -> None:
    uid = api.ask("GET", f"{CORE}/pods/web").json()["metadata"]["uid"]
    path = f"{CORE}/serviceaccounts/default/token"
    ref = {"apiVersion": "v1", "kind": "Pod", "name": "web", "uid": uid}
    assert api.ask("POST", path, {"spec": {"boundObjectRef": ref}}, user=NODE).status == 201
    text = api.ask("POST", path, {"spec": {}}, user=NODE).json()["message"]
    assert text.endswith("node requested token not bound to a pod")
    assert api.ask("POST", path, {"spec": {"boundObjectRef": ref}}, user=OTHER).status == 403


def test_a_user_that_only_looks_like_a_node_is_none(api: Asker) -> None:
    stranger = UserInfo("system:node:n1", "", ("system:authenticated",))
    assert api.ask("GET", f"{CORE}/secrets/used", user=stranger).status == 403
