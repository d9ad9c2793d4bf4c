"""Priority and fairness: which schema a request belongs to, seats, and the objects that must be."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import Request, Response, UserInfo
from kubekit.apiserver.request_info import request_info
from tests.apiserver.conftest import ADMIN, CORE, Asker

GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1"
EVE = UserInfo("eve", groups=("system:authenticated",))
NODE = UserInfo("system:node:n1", groups=("system:nodes", "system:authenticated"))
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1"


def account(namespace: str) -> UserInfo:
    name = f"system:serviceaccount:{namespace}:x"
    return UserInfo(name, groups=("system:serviceaccounts", "system:authenticated"))


@pytest.mark.parametrize(
    ("user", "method", "path", "schema"),
    [
        (ADMIN, "GET", f"{CORE}/pods", "exempt"),
        (EVE, "GET", "/readyz", "probes"),
        (EVE, "GET", "/readyz/etcd", "probes"),
        (EVE, "GET", "/version", "global-default"),
        (EVE, "GET", f"{CORE}/pods", "global-default"),
        (UserInfo("system:kube-scheduler"), "PUT", LEASE, "system-leader-election"),
        (UserInfo("system:kube-scheduler"), "PATCH", LEASE, "kube-scheduler"),
        (UserInfo("system:kube-controller-manager"), "GET", f"{CORE}/pods", "kube-controller-manager"),
        (account("kube-system"), "GET", LEASE, "system-leader-election"),
        (account("kube-system"), "GET", f"{CORE}/pods", "kube-system-service-accounts"),
        (account("kube-system2"), "GET", f"{CORE}/pods", "service-accounts"),
        (NODE, "PATCH", LEASE, "system-node-high"),
        (NODE, "PATCH", "/api/v1/nodes/n1/status", "system-node-high"),
        (NODE, "GET", f"{CORE}/pods", "system-nodes"),
        (UserInfo("nobody"), "GET", "/version", "catch-all"),
    ],
)
def test_which_schema(api: Asker, user: UserInfo, method: str, path: str, schema: str) -> None:
    assert api.server.flow_control.classify(user, request_info(method, path, {})).schema == schema


def test_the_objects_of_every_cluster(api: Asker) -> None:
    schemas = api.ask("GET", f"{GROUP}/flowschemas").json()["items"]
    assert len(schemas) == 11
    for schema in schemas:
        (condition,) = schema["status"]["conditions"]
        assert (condition["type"], condition["status"], condition["reason"]) == ("Dangling", "False", "Found")
    levels = api.ask("GET", f"{GROUP}/prioritylevelconfigurations").json()["items"]
    assert {one["metadata"]["name"] for one in levels} == {
        "exempt",
        "catch-all",
        "system",
        "node-high",
        "leader-election",
        "workload-high",
        "workload-low",
        "global-default",
    }
    # 600 seats in 245 shares, rounded up.
    limits = {level.name: level.limit for level in api.server.flow_control.levels()}
    assert limits["exempt"] is None and limits["workload-low"] == 245 and limits["catch-all"] == 13


def test_the_answer_names_schema_and_level_and_so_does_the_record(api: Asker) -> None:
    answer = api.ask("GET", f"{CORE}/pods", user=EVE)
    assert answer.status == 403
    schema = api.ask("GET", f"{GROUP}/flowschemas/global-default").json()
    level = api.ask("GET", f"{GROUP}/prioritylevelconfigurations/global-default").json()
    assert answer.headers["X-Kubernetes-PF-FlowSchema-UID"] == schema["metadata"]["uid"]
    assert answer.headers["X-Kubernetes-PF-PriorityLevel-UID"] == level["metadata"]["uid"]
    bad = api.ask("GET", f"{CORE}/pods", user=None, headers={"authorization": "Bearer x"})
    assert bad.status == 401 and "X-Kubernetes-PF-FlowSchema-UID" not in bad.headers
    record = next(r for r in api.loop.trace.in_order() if "eve" in r.sentence)
    assert "flow schema global-default, priority level global-default (49 seats)" in [
        step.reason for step in record.steps
    ]


def test_a_full_level_sends_people_away_and_others_are_served(api: Asker) -> None:
    api.make(
        f"{GROUP}/prioritylevelconfigurations",
        {
            "metadata": {"name": "tiny"},
            "spec": {
                "type": "Limited",
                "limited": {"nominalConcurrencyShares": 0, "limitResponse": {"type": "Reject"}},
            },
        },
    )
    rule = {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["default"]}
    subject = {"kind": "User", "user": {"name": "eve"}}
    spec = {
        "priorityLevelConfiguration": {"name": "tiny"},
        "matchingPrecedence": 50,
        "rules": [{"subjects": [subject], "resourceRules": [rule]}],
    }
    api.make(f"{GROUP}/flowschemas", {"metadata": {"name": "eves"}, "spec": spec})
    answer = api.ask("GET", f"{CORE}/pods", user=EVE)
    assert answer.status == 429 and answer.headers["Retry-After"] == "1"
    assert answer.json()["reason"] == "TooManyRequests"
    assert api.ask("GET", f"{CORE}/secrets", user=EVE).status == 403, "another schema"
    assert api.ask("GET", f"{CORE}/pods").status == 200
    assert all(level.taken == 0 for level in api.server.flow_control.levels())


def test_a_request_inside_a_request_takes_another_seat(api: Asker) -> None:
    user = UserInfo("webhook", groups=("system:authenticated",))
    inner: list[Response] = []
    control = api.server.flow_control
    api.make(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        {
            "metadata": {"name": "w"},
            "webhooks": [
                {
                    "name": "w.x.io",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "clientConfig": {"url": "https://w.x.io"},
                    "rules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["*"],
                            "resources": ["configmaps"],
                        }
                    ],
                }
            ],
        },
    )

    def call(*_: Any) -> dict[str, Any]:
        for level in control.levels():
            if level.name == "global-default":
                level.limit = 0
        answer = api.server(Request("GET", "/version", user=user))
        assert isinstance(answer, Response)
        inner.append(answer)
        return {"response": {"allowed": True}}

    api.server.call_webhook = call
    api.config("a", k="1")
    assert [answer.status for answer in inner] == [429]


def test_a_schema_without_its_level_says_so_and_mandatory_ones_come_back(api: Asker) -> None:
    spec = {"priorityLevelConfiguration": {"name": "none"}, "matchingPrecedence": 5, "rules": []}
    api.make(f"{GROUP}/flowschemas", {"metadata": {"name": "lost"}, "spec": spec})
    (condition,) = api.ask("GET", f"{GROUP}/flowschemas/lost").json()["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "NotFound")
    assert condition["message"] == (
        'This FlowSchema references the PriorityLevelConfiguration object named "none" but there is no '
        "such object"
    )
    assert api.ask("DELETE", f"{GROUP}/flowschemas/catch-all").status == 200
    api.loop.advance(61.0)
    assert api.ask("GET", f"{GROUP}/flowschemas/catch-all").status == 200


def test_a_table_has_them_in_the_order_in_which_they_are_tried(api: Asker) -> None:
    accept = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    rows = api.ask("GET", f"{GROUP}/flowschemas", headers=accept).json()["rows"]
    names = [row["cells"][0] for row in rows]
    assert names[:3] == ["exempt", "probes", "system-leader-election"] and names[-1] == "catch-all"
    assert rows[0]["cells"][-1] == "False"
