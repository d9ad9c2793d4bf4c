"""Who may do what: each cell is what the API server answers when it is asked for real."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.api.exchange import Request, UserInfo
from kubekit.cluster.errors import KubekitError
from kubekit.views.rights import VERBS, Rights

GROUP = "rbac.authorization.k8s.io"


def grant(cluster: Any) -> None:
    """A namespace in which jane may a little, and the service account builder may get pods."""
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}})
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["settings"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"]},
    ]
    subjects = [
        {"kind": "User", "name": "jane", "apiGroup": GROUP},
        {"kind": "ServiceAccount", "name": "builder", "namespace": "default"},
        {"kind": "Group", "name": "dev", "apiGroup": GROUP},
    ]
    meta = {"name": "a-little", "namespace": "prod"}
    version = {"apiVersion": f"{GROUP}/v1", "metadata": meta}
    cluster.create({**version, "kind": "Role", "rules": rules})
    ref = {"apiGroup": GROUP, "kind": "Role", "name": "a-little"}
    cluster.create({**version, "kind": "RoleBinding", "subjects": subjects, "roleRef": ref})


@pytest.fixture(scope="module")
def cluster() -> Any:
    made = kubekit.up(workers=1, seed=7, name="rights")
    grant(made)
    made.settle()
    return made


def cells(view: Rights, name: str) -> dict[str, str]:
    row = next(row for row in view.scene["rows"] if name in row["names"])
    return {verb: cell["v"] for verb, cell in zip(VERBS, row["cells"], strict=True)}


def test_what_jane_may(cluster: Any) -> None:
    view = cluster.view.rights("jane", namespace="prod")
    pods = cells(view, "pods")
    assert [verb for verb in VERBS if pods[verb] == "yes"] == ["get", "list"]
    assert cells(view, "configmaps")["get"] == "some" and cells(view, "configmaps")["list"] == "no"
    assert set(cells(view, "deployments").values()) == {"yes"}
    assert cells(view, "pods/log")["create"] == "none" and cells(view, "pods/log")["get"] == "no"
    row = next(row for row in view.scene["rows"] if "pods" in row["names"])
    assert (
        row["cells"][0]["why"]
        == 'RBAC: allowed by RoleBinding "a-little/prod" of Role "a-little" to User "jane"'
    )
    assert row["cells"][3]["why"] == (
        'User "jane" cannot create resource "pods" in API group "" in the namespace "prod"'
    )
    assert "pods  get, list  RBAC: allowed by RoleBinding" in repr(view)
    assert view.scene["title"].startswith("jane may read 3 and write 1 of ")
    assert cells(cluster.view.rights("jane"), "pods")["get"] == "no", "the binding reaches into prod only"


def test_each_answer_is_the_server_s(cluster: Any) -> None:
    user = UserInfo("jane", "", ("system:authenticated",))
    view = cluster.view.rights("jane", namespace="prod")
    for plural, path in (("pods", "/api/v1"), ("secrets", "/api/v1"), ("deployments", "/apis/apps/v1")):
        root = f"{path}/namespaces/prod/{plural}"
        for verb, request in {
            "get": Request("GET", f"{root}/x", user=user),
            "list": Request("GET", root, user=user),
            "delete": Request("DELETE", f"{root}/x", user=user),
            "deletecollection": Request("DELETE", root, {"dryRun": ["All"]}, user=user),
        }.items():
            allowed = cluster.apiserver(request).status != 403
            assert (cells(view, plural)[verb] == "yes") is allowed, (plural, verb)


def test_groups_service_accounts_nodes_and_superusers(cluster: Any) -> None:
    assert cells(cluster.view.rights(group="dev", namespace="prod"), "pods")["list"] == "yes"
    builder = cluster.view.rights(service_account="default/builder", namespace="prod")
    assert cells(builder, "pods")["get"] == "yes" and builder.scene["subject"]["called"].endswith(
        "default/builder"
    )
    node = cluster.view.rights("system:node:node01")
    assert cells(node, "services")["list"] == "yes" and cells(node, "pods")["create"] == "yes"
    assert cells(node, "deployments")["get"] == "no"
    admin = cluster.view.rights(namespace="")
    assert admin.scene["title"] == "kubernetes-admin may do everything in the whole cluster"
    assert "fold" not in admin.scene and cells(admin, "nodes")["delete"] == "yes"
    nobody = cluster.view.rights("system:anonymous")
    assert (
        nobody.scene["title"] == "system:anonymous may do nothing in default" and "fold" not in nobody.scene
    )


def test_groups_are_those_of_the_last_request(cluster: Any) -> None:
    assert cells(cluster.view.rights("kim", namespace="prod"), "pods")["list"] == "no"
    kim = UserInfo("kim", "", ("dev", "system:authenticated"))
    cluster.apiserver(Request("GET", "/api/v1/namespaces/prod/pods", user=kim))
    assert cells(cluster.view.rights("kim", namespace="prod"), "pods")["list"] == "yes"


def test_the_form_shows_somebody_else(cluster: Any) -> None:
    view = cluster.view.rights("jane", namespace="prod")
    assert (
        "default/builder" in view.scene["known"]["service account"] and "jane" in view.scene["known"]["user"]
    )
    view.handle({"action": "show", "arguments": {"kind": "group", "subject": "dev", "namespace": "default"}})
    assert view.scene["title"] == "group dev may do nothing in default"
    for arguments, why in (
        ({"kind": "group", "subject": " ", "namespace": ""}, "the name is empty"),
        ({"kind": "robot", "subject": "x", "namespace": ""}, "there is no subject of kind 'robot'"),
        ({"kind": "service account", "subject": "x", "namespace": ""}, "is named namespace/name"),
    ):
        view.handle({"action": "show", "arguments": arguments})
        assert why in view.scene["notice"]["text"] and view.subject == "dev"
    with pytest.raises(KubekitError, match="one subject at a time"):
        cluster.view.rights("jane", group="dev")
