"""The audit log: events, stages, bodies and annotations of real requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubekit.api.exchange import Request, UserInfo
from tests.apiserver.audit.test_policy import policy
from tests.apiserver.conftest import ADMIN, CORE, Asker, pod

EVE = UserInfo("eve", groups=("system:authenticated",))


class Audited(Asker):
    """A server with an audit policy; `events` gives what has come since the last call."""

    def __init__(self, *rules: dict[str, Any], log: str = "", **more: Any) -> None:
        super().__init__(audit_policy=policy(*rules, **more), audit_log=log)
        self.events()

    def events(self) -> list[dict[str, Any]]:
        assert self.server.audit is not None
        found = list(self.server.audit.events)
        self.server.audit.events.clear()
        return found


def test_one_request_has_two_events_and_one_id() -> None:
    api = Audited({"level": "Metadata"})
    answer = api.ask("GET", f"{CORE}/configmaps/none", headers={"user-agent": "curl/8"}, pretty="true")
    received, complete = api.events()
    assert [received["stage"], complete["stage"]] == ["RequestReceived", "ResponseComplete"]
    assert received["auditID"] == complete["auditID"]
    assert "responseStatus" not in received and "annotations" not in received
    assert list(complete) == [
        "kind",
        "apiVersion",
        "level",
        "auditID",
        "stage",
        "requestURI",
        "verb",
        "user",
        "sourceIPs",
        "userAgent",
        "objectRef",
        "responseStatus",
        "requestReceivedTimestamp",
        "stageTimestamp",
        "annotations",
    ]
    assert complete["requestURI"] == f"{CORE}/configmaps/none?pretty=true"
    assert complete["user"] == {"username": "kubernetes-admin", "groups": list(ADMIN.groups)}
    assert complete["objectRef"] == {
        "resource": "configmaps",
        "namespace": "default",
        "name": "none",
        "apiVersion": "v1",
    }
    assert complete["responseStatus"] == {
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "none" not found',
        "reason": "NotFound",
        "details": {"name": "none", "kind": "configmaps"},
        "code": 404,
    }
    assert complete["annotations"] == {
        "authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": "",
    }
    assert answer.status == 404


def test_the_id_is_in_the_answer_and_may_be_the_clients() -> None:
    api = Audited({"level": "Metadata"})
    answer = api.ask("GET", f"{CORE}/configmaps", headers={"audit-id": "mine"})
    assert {event["auditID"] for event in api.events()} == {"mine"}
    assert answer.headers["Audit-Id"] == "mine"
    long = "x" * 65
    api.ask("GET", f"{CORE}/configmaps", headers={"audit-id": long})
    assert long not in {event["auditID"] for event in api.events()}


def test_levels_say_how_much_is_written() -> None:
    api = Audited(
        {"level": "None", "resources": [{"resources": ["pods"]}]},
        {"level": "Request", "resources": [{"resources": ["configmaps"]}]},
        {"level": "RequestResponse", "resources": [{"resources": ["secrets"]}]},
        omitStages=["RequestReceived"],
        omitManagedFields=True,
    )
    body = {"metadata": {"name": "x"}, "data": {"k": "dg=="}}
    api.make(f"{CORE}/pods", pod("p"))
    api.make(f"{CORE}/configmaps", body)
    api.make(f"{CORE}/secrets", body)
    asked, both = api.events()
    assert asked["requestObject"]["data"] == {"k": "dg=="} and "responseObject" not in asked
    assert "uid" not in asked["requestObject"]["metadata"]
    assert asked["objectRef"]["name"] == "x"
    assert both["requestObject"]["kind"] == "Secret"
    assert (
        both["responseObject"]["metadata"]["uid"]
        and "managedFields" not in both["responseObject"]["metadata"]
    )
    assert both["responseStatus"] == {"metadata": {}, "code": 201}
    stored = api.ask("GET", f"{CORE}/secrets/x").json()
    assert stored["metadata"]["managedFields"], "only the audit's copy is without them"
    api.events()
    api.ask("PATCH", f"{CORE}/secrets/x", {"data": {"l": "dg=="}}, kind="merge")
    (patched,) = api.events()
    assert patched["requestObject"] == {"data": {"l": "dg=="}}
    api.ask(
        "DELETE", f"{CORE}/secrets/x", {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
    )
    (deleted,) = api.events()
    assert deleted["requestObject"]["gracePeriodSeconds"] == 0
    assert deleted["responseStatus"]["status"] == "Success" and deleted["responseStatus"]["code"] == 200


def test_a_watch_starts_and_is_complete_when_it_ends() -> None:
    api = Audited({"level": "Metadata", "verbs": ["watch"]})
    stream = api.watch(f"{CORE}/pods")
    assert [e["stage"] for e in api.events()] == ["RequestReceived", "ResponseStarted"]
    api.loop.advance(7.0)
    stream.close()
    (event,) = api.events()
    assert event["stage"] == "ResponseComplete" and event["verb"] == "watch"
    assert event["stageTimestamp"] > event["requestReceivedTimestamp"]


def test_who_was_refused_and_why() -> None:
    api = Audited({"level": "Metadata"}, omitStages=["RequestReceived"])
    api.ask("GET", f"{CORE}/secrets", user=EVE)
    (event,) = api.events()
    assert event["annotations"] == {
        "authorization.k8s.io/decision": "forbid",
        "authorization.k8s.io/reason": "",
    }
    assert event["responseStatus"]["reason"] == "Forbidden"
    api.ask("GET", f"{CORE}/pods", headers={"impersonate-user": "eve"})
    (event,) = api.events()
    assert event["user"]["username"] == "kubernetes-admin"
    assert event["impersonatedUser"]["username"] == "eve"
    api.ask("GET", f"{CORE}/pods", user=None, headers={"authorization": "Bearer nonsense"})
    (event,) = api.events()
    assert event["user"] == {"username": "system:anonymous", "groups": ["system:unauthenticated"]}
    assert event["stage"] == "ResponseStarted"
    assert event["responseStatus"]["message"] == "Authentication failed, attempted: bearer"
    assert event["responseStatus"]["code"] == 401


def test_a_failure_of_the_server_is_a_panic(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Audited({"level": "Metadata"})

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(api.server.authorization, "decide", fail)
    with pytest.raises(RuntimeError):
        api.server(Request("GET", f"{CORE}/pods", user=EVE))
    last = api.events()[-1]
    assert last["stage"] == "Panic" and last["responseStatus"]["message"] == "APIServer panic'd: boom"


def test_admission_leaves_annotations() -> None:
    api = Audited({"level": "Metadata", "verbs": ["create"]}, omitStages=["RequestReceived"])
    api.make(f"{CORE}/pods", pod("plain"))
    key = "pod-security.kubernetes.io/"
    assert api.events()[-1]["annotations"][f"{key}enforce-policy"] == "privileged:latest"
    labels = {f"{key}audit": "restricted", f"{key}enforce": "baseline"}
    api.make("/api/v1/namespaces", {"metadata": {"name": "strict", "labels": labels}})
    api.make("/api/v1/namespaces/strict/serviceaccounts", {"metadata": {"name": "default"}})
    api.events()
    api.make("/api/v1/namespaces/strict/pods", pod("p"))
    found = api.events()[-1]["annotations"]
    assert found[f"{key}enforce-policy"] == "baseline:latest"
    assert found[f"{key}audit-violations"].startswith('would violate PodSecurity "restricted:latest": ')


def test_policies_in_cel_leave_annotations() -> None:
    api = Audited({"level": "Metadata", "verbs": ["create"]}, omitStages=["RequestReceived"])
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    group = "/apis/admissionregistration.k8s.io/v1"
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.data.size() < 1", "message": "too much"}],
        "auditAnnotations": [{"key": "size", "valueExpression": "string(object.data.size())"}],
    }
    api.make(f"{group}/validatingadmissionpolicies", {"metadata": {"name": "small"}, "spec": spec})
    bound = {"policyName": "small", "validationActions": ["Audit"]}
    api.make(f"{group}/validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": bound})
    api.events()
    api.config("a", k="1")
    found = api.events()[-1]["annotations"]
    assert found["small/size"] == "1"
    assert json.loads(found["validation.policy.admission.k8s.io/validation_failure"]) == [
        {
            "message": "too much",
            "policy": "small",
            "binding": "b",
            "expressionIndex": 0,
            "validationActions": ["Audit"],
        }
    ]


def test_the_file_has_a_line_an_event_and_nothing_is_kept_without_a_policy(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    api = Audited({"level": "Metadata"}, log=str(file))
    before = len(file.read_text().splitlines())
    api.ask("GET", f"{CORE}/pods")
    lines = file.read_text().splitlines()[before:]
    assert [json.loads(line)["stage"] for line in lines] == ["RequestReceived", "ResponseComplete"]
    assert [json.loads(line) for line in lines] == api.events()
    api.server.audit_with(None)
    api.ask("GET", f"{CORE}/pods")
    assert api.server.audit is None and len(file.read_text().splitlines()) == before + 2
