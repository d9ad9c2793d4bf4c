"""Priority and fairness: which schema a request belongs to, seats, and the objects that must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubekit.api.exchange import Request, Response, UserInfo
from kubekit.apiserver.fairness.hands import flow_hash, hand
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


def level_of(name: str, kind: str = "Reject", **limited: Any) -> dict[str, Any]:
    """A priority level's manifest."""
    response: dict[str, Any] = {"type": kind}
    if kind == "Queue":
        response["queuing"] = {"queues": 8, "handSize": 2, "queueLengthLimit": 5}
    spec = {"type": "Limited", "limited": {"limitResponse": response, **limited}}
    return {"metadata": {"name": name}, "spec": spec}


def schema_of(level: str, user: str = "eve") -> dict[str, Any]:
    """A flow schema for all that a user asks for."""
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    subject = {"kind": "User", "user": {"name": user}}
    spec = {
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": 50,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [{"subjects": [subject], "resourceRules": [rule]}],
    }
    return {"metadata": {"name": f"{user}s"}, "spec": spec}


def hooked(api: Asker, inside: Callable[[], Any]) -> None:
    """Have something done inside of each request that writes a ConfigMap."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
    webhook = {"name": "w.x.io", "admissionReviewVersions": ["v1"], "sideEffects": "None", "rules": [rule]}
    webhook["clientConfig"] = {"url": "https://w.x.io"}
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    api.make(path, {"metadata": {"name": "w"}, "webhooks": [webhook]})

    def call(*_: Any) -> dict[str, Any]:
        inside()
        return {"response": {"allowed": True}}

    api.server.call_webhook = call


@pytest.mark.parametrize(("kind", "reason"), [("Reject", "concurrency-limit"), ("Queue", "time-out")])
def test_a_full_level_sends_people_away_and_others_are_served(kind: str, reason: str) -> None:
    api = Asker(authorization_mode="AlwaysAllow")
    api.make(f"{GROUP}/prioritylevelconfigurations", level_of("tiny", kind, nominalConcurrencyShares=0))
    api.make(f"{GROUP}/flowschemas", schema_of("tiny"))
    assert api.ask("GET", f"{CORE}/pods", user=EVE).status == 200, (
        "an empty level serves one, whatever its limit"
    )
    inner: list[Response] = []
    ask = api.server
    hooked(api, lambda: inner.extend([ask(Request("GET", f"{CORE}/pods", user=one)) for one in (EVE, NODE)]))  # type: ignore[misc]
    assert api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "a"}}, user=EVE).status == 201
    assert [answer.status for answer in inner] == [429, 200]
    assert inner[0].headers["Retry-After"] == "1" and inner[0].json()["reason"] == "TooManyRequests"
    assert all(level.taken == 0 for level in api.server.flow_control.levels())
    found = api.ask("GET", "/metrics").body
    rejected = "apiserver_flowcontrol_rejected_requests_total"
    assert f'{rejected}{{flow_schema="eves",priority_level="tiny",reason="{reason}"}} 1\n' in found
    dump = api.ask("GET", "/debug/api_priority_and_fairness/dump_priority_levels").body
    row = next(line for line in dump.splitlines() if line.startswith("tiny,"))
    assert [cell.strip() for cell in row.split(",")][6:] == ["2", "1", "0", "1" if kind == "Queue" else "0"]
    tiny = next(level for level in api.server.flow_control.levels() if level.name == "tiny")
    assert tiny.high == (2 if kind == "Queue" else 1), "who waits wants a seat, too"
    served = 'apiserver_flowcontrol_dispatched_requests_total{flow_schema="eves",priority_level="tiny"} 2\n'
    assert served in found
    record = next(r for r in api.loop.trace.in_order() if r.kind == "request" and r.came_out["status"] == 429)
    assert record.steps[-1].reason == "all 0 seats of tiny are taken"


def test_levels_lend_and_borrow(api: Asker) -> None:
    """A server at rest: what nobody needs goes to all in proportion to what they keep in any case."""
    levels = {level.name: level for level in api.server.flow_control.levels()}
    low = levels["workload-low"]
    assert (low.nominal, low.lower, low.upper) == (245, 24, 845)
    api.loop.advance(21.0)
    now = {name: level.current for name, level in levels.items()}
    assert now == {
        "exempt": None, "catch-all": 30, "system": 117, "node-high": 170, "leader-election": 58,
        "workload-high": 114, "workload-low": 56, "global-default": 56,
    }  # fmt: skip
    low.high = 200
    api.loop.advance(10.0)
    assert low.watermark == 200 and low.current is not None and low.current > 200
    assert sum(level.current or 0 for level in levels.values()) in range(600, 606)
    assert levels["system"].current in range(50, 117)
    limit = 'apiserver_flowcontrol_current_limit_seats{priority_level="workload-low"}'
    assert f"{limit} {low.current}\n" in api.ask("GET", "/metrics").body
    api.loop.advance(10.0)
    assert low.watermark == 0 and low.current == 56


def test_what_may_be_lent_and_borrowed_is_the_levels_own(api: Asker) -> None:
    path = f"{GROUP}/prioritylevelconfigurations"
    wanted = {"nominalConcurrencyShares": 55, "lendablePercent": 10, "borrowingLimitPercent": 50}
    api.make(path, level_of("mine", **wanted))
    mine = next(level for level in api.server.flow_control.levels() if level.name == "mine")
    # 600 seats in 300 shares.
    assert (mine.nominal, mine.lower, mine.upper) == (110, 99, 165)
    assert mine.current is not None and 99 <= mine.current <= 165


def test_the_pages_for_debugging(api: Asker) -> None:
    def page(name: str, **query: str) -> list[list[str]]:
        answer = api.ask("GET", f"/debug/api_priority_and_fairness/{name}", **query)
        assert answer.status == 200 and answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        lines = answer.body.splitlines()
        assert len({line.rstrip().count(",") for line in lines}) == 1
        return [[cell.strip() for cell in line.split(",")] for line in lines]

    heads, *levels = page("dump_priority_levels")
    assert heads[:3] == ["PriorityLevelName", "ActiveQueues", "IsIdle"]
    by_name = {row[0]: row for row in levels}
    assert list(by_name) == sorted(by_name) and by_name["exempt"][2] == "false"
    assert by_name["exempt"][5] == "1" and by_name["catch-all"][2:6] == ["true", "false", "0", "0"]
    assert int(by_name["exempt"][6]) > 1
    assert len(page("dump_queues")) == 1 + 64 + 64 + 16 + 128 + 128 + 128
    heads, row = page("dump_requests", includeRequestDetails="1")
    assert row[:5] == ["exempt", "exempt", "-1", "-1", ""] and heads[-1] == "SubResource"
    assert row[10:13] == ["kubernetes-admin", "get", "/debug/api_priority_and_fairness/dump_requests"]
    refused = api.ask("GET", "/debug/api_priority_and_fairness/dump_queues", user=EVE)
    assert refused.status == 403


def test_a_request_passes_a_queue_of_its_flows_hand() -> None:
    api = Asker(authorization_mode="AlwaysAllow")
    api.make(f"{GROUP}/prioritylevelconfigurations", level_of("q", "Queue", nominalConcurrencyShares=30))
    api.make(f"{GROUP}/flowschemas", schema_of("q"))
    pages: list[str] = []

    def look() -> None:
        for name in ("dump_requests", "dump_queues"):
            request = Request("GET", f"/debug/api_priority_and_fairness/{name}", user=ADMIN)
            answer = api.server(request)
            assert isinstance(answer, Response)
            pages.append(answer.body)

    hooked(api, look)
    dealt = hand(flow_hash("eves", "eve"), 8, 2)
    passed = []
    for name in ("a", "b", "c"):
        pages.clear()
        api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": name}}, user=EVE)
        row = next(line for line in pages[0].splitlines() if line.startswith("q,"))
        passed.append(int(row.split(",")[2]))
        assert row.split(",")[4].strip() == "eve"
        queue = next(
            line for line in pages[1].splitlines() if line.replace(" ", "").startswith(f"q,{passed[-1]},")
        )
        assert [cell.strip() for cell in queue.split(",")][2:5] == ["0", "1", "1"]
    assert passed == [dealt[0], dealt[1], dealt[0]]


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
