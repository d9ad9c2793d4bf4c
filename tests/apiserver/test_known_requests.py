"""A request like one before goes the short way, with the same answer and record, until something changes."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import UserInfo
from kubekit.apiserver import known_requests
from kubekit.apiserver.known_requests import KnownRequests
from kubekit.apiserver.pipeline import FILTERS
from tests.apiserver.conftest import ADMIN, CORE, Asker, pod

Obj = dict[str, Any]
EVE = UserInfo("eve", "", ("devs",))
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"


@pytest.fixture
def filtered(api: Asker, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that went through the filters."""
    seen: list[str] = []
    pipeline = api.server.pipeline
    assert isinstance(pipeline, KnownRequests)
    filters = pipeline._filters

    def look(ctx: Any) -> Any:
        seen.append(ctx.request.path)
        return filters(ctx)

    monkeypatch.setattr(pipeline, "_filters", look)
    return seen


def rights(api: Asker, **rule: Any) -> None:
    """Let eve do something with pods."""
    rules = [{"apiGroups": [""], "resources": ["pods", "pods/binding"], **rule}]
    api.make(f"{RBAC}/roles", {"metadata": {"name": "eve"}, "rules": rules})
    subject = {"kind": "User", "name": "eve", "apiGroup": GROUP}
    ref = {"apiGroup": GROUP, "kind": "Role", "name": "eve"}
    api.make(f"{RBAC}/rolebindings", {"metadata": {"name": "eve"}, "roleRef": ref, "subjects": [subject]})


def last(api: Asker) -> Obj:
    """The record of the last request, without what differs from one to the next."""
    found = [record for record in api.loop.trace.in_order() if record.kind == "request"][-1].to_json()
    found["steps"] = found["steps"][:4]
    return {key: found[key] for key in ("component", "kind", "steps")} | {
        key: found["came_in"][key]
        for key in ("verb", "resource", "subresource", "namespace", "user", "groups")
    }


def test_the_second_request_goes_no_more_through_the_filters(api: Asker, filtered: list[str]) -> None:
    answers, records = [], []
    for number in range(3):
        answers.append(api.ask("POST", f"{CORE}/pods", pod(f"p{number}")))
        records.append(last(api))
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert filtered == [f"{CORE}/pods"]
    assert records[0] == records[1] == records[2]
    assert answers[0].headers == answers[2].headers
    assert len(records[0]["steps"]) == 4 < len(FILTERS)


def test_a_name_in_the_path_does_not_matter(api: Asker, filtered: list[str]) -> None:
    for name in ("a", "b", "c"):
        api.pod(name)
    filtered.clear()
    for name in ("a", "b", "c"):
        assert api.ask("GET", f"{CORE}/pods/{name}").json()["metadata"]["name"] == name
        target = {"target": {"kind": "Node", "name": "n1"}}
        assert api.ask("POST", f"{CORE}/pods/{name}/binding", target).status == 201
        assert api.ask("GET", f"{CORE}/pods/{name}").json()["spec"]["nodeName"] == "n1"
    assert filtered == [f"{CORE}/pods/a", f"{CORE}/pods/a/binding"]
    record = api.loop.trace.in_order()[-1]
    assert record.came_in["name"] == "c" and record.subject == "pod/default/c"
    assert api.ask("GET", f"{CORE}/pods/d").status == 404


def test_every_user_verb_and_namespace_is_known_for_itself(api: Asker) -> None:
    rights(api, verbs=["create"])
    assert api.ask("POST", f"{CORE}/pods", pod("a")).status == 201
    assert api.ask("POST", f"{CORE}/pods", pod("b"), user=EVE).status == 201
    assert api.ask("POST", f"{CORE}/pods", pod("c"), user=UserInfo("bob")).status == 403
    assert api.ask("POST", "/api/v1/namespaces/kube-system/pods", pod("a"), user=EVE).status == 403
    assert api.ask("GET", f"{CORE}/pods", user=EVE).status == 403
    assert api.ask("GET", f"{CORE}/pods/a").status == 200
    assert api.ask("GET", f"{CORE}/pods/a", user=EVE).status == 403
    assert api.ask("DELETE", f"{CORE}/pods/a", user=EVE).status == 403


def test_a_binding_that_is_deleted_between_two_equal_requests(api: Asker) -> None:
    rights(api, verbs=["*"])
    for _ in range(2):
        assert api.ask("GET", f"{CORE}/pods", user=EVE).status == 200
        assert api.ask("GET", f"{CORE}/pods/a", user=EVE).status == 404
    api.ask("DELETE", f"{RBAC}/rolebindings/eve")
    assert api.ask("GET", f"{CORE}/pods", user=EVE).status == 403
    assert api.ask("GET", f"{CORE}/pods/a", user=EVE).status == 403


def test_a_role_that_changes_between_two_equal_requests(api: Asker) -> None:
    rights(api, verbs=["get", "list"])
    assert [api.ask("GET", f"{CORE}/pods", user=EVE).status for _ in range(2)] == [200, 200]
    api.ask("PATCH", f"{RBAC}/roles/eve", {"rules": []}, kind="merge")
    assert api.ask("GET", f"{CORE}/pods", user=EVE).status == 403


def test_resource_names_are_asked_about_each_time(api: Asker, filtered: list[str]) -> None:
    rights(api, verbs=["get"], resourceNames=["a"])
    filtered.clear()
    for _ in range(2):
        assert api.ask("GET", f"{CORE}/pods/a", user=EVE).status == 404
        assert api.ask("GET", f"{CORE}/pods/b", user=EVE).status == 403
    assert len(filtered) == 4


def test_a_flow_schema_that_appears_between_two_equal_requests(api: Asker) -> None:
    rights(api, verbs=["list"])
    for _ in range(2):
        assert api.ask("GET", f"{CORE}/pods", user=EVE).status == 200
    before = api.loop.trace.in_order()[-1].steps[2].figures["schema"]
    subject = {"kind": "User", "user": {"name": "eve"}}
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    spec = {
        "matchingPrecedence": 5,
        "priorityLevelConfiguration": {"name": "workload-low"},
        "rules": [{"subjects": [subject], "resourceRules": [rule]}],
    }
    made = api.make(f"{FLOW}/flowschemas", {"metadata": {"name": "of-eve"}, "spec": spec})
    answer = api.ask("GET", f"{CORE}/pods", user=EVE)
    record = next(r for r in reversed(api.loop.trace.in_order()) if r.kind == "request")
    assert before != record.steps[2].figures["schema"] == "of-eve"
    assert answer.headers["X-Kubernetes-PF-FlowSchema-UID"] == made["metadata"]["uid"]


def test_no_seat_is_told_as_the_filters_tell_it(api: Asker) -> None:
    rights(api, verbs=["list"])
    told = []
    for _ in range(2):
        assert api.ask("GET", f"{CORE}/pods", user=EVE).status == 200
    control = api.server.flow_control
    level = next(one for one in control.levels() if one.name == "global-default")
    level.taken, level.current = 5, 5
    for forget in (False, True):
        if forget:
            assert isinstance(api.server.pipeline, KnownRequests)
            api.server.pipeline._known.clear()
        answer = api.ask("GET", f"{CORE}/pods", user=EVE)
        record = next(r for r in reversed(api.loop.trace.in_order()) if r.kind == "request")
        told.append((answer.status, answer.body, answer.headers, [step.to_json() for step in record.steps]))
    assert told[0] == told[1] and told[0][0] == 429


@pytest.mark.parametrize("headers", [{"impersonate-user": "eve"}, {"impersonate-group": "x"}])
def test_who_acts_as_another_is_not_taken_for_himself(api: Asker, headers: dict[str, str]) -> None:
    for _ in range(2):
        assert api.ask("GET", f"{CORE}/pods").status == 200
    for _ in range(2):
        assert api.ask("GET", f"{CORE}/pods", headers=headers).status in (400, 403, 500)
    assert api.ask("GET", f"{CORE}/pods").status == 200


def test_an_audit_hears_of_what_was_known_before(api: Asker) -> None:
    for name in ("a", "b"):
        api.pod(name)
    rules = [{"level": "Metadata"}]
    api.server.audit_with({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules})
    for name in ("c", "d"):
        api.pod(name)
    assert api.server.audit is not None
    names = [event["objectRef"].get("name") for event in api.server.audit.events if "objectRef" in event]
    assert names.count("c") == names.count("d") and names.count("c") > 0 == names.count("a")


def test_the_credentials_of_another_request_do_not_count(api: Asker) -> None:
    api.pod("a")
    assert api.ask("POST", f"{CORE}/pods", pod("b"), user=None).status == 403
    assert api.ask("POST", f"{CORE}/pods", pod("b"), user=UserInfo("system:anonymous")).status == 403
    assert api.ask("POST", f"{CORE}/pods", pod("b")).status == 201


def test_paths_that_only_look_alike(api: Asker) -> None:
    target = {"target": {"kind": "Node", "name": "n1"}}
    for name in ("a", "b", "c"):
        api.pod(name)
    for name in ("a", "b"):
        assert api.ask("POST", f"{CORE}/pods/{name}/binding", target).status == 201
    alike = ("pods//binding", "pods/c/binding/", "pods/c/d/binding", "services/c/binding", "pods/c/status")
    answers = [api.ask("POST", f"{CORE}/{path}", target) for path in alike]
    fresh = Asker()
    fresh.pod("c")
    assert [(a.status, a.body) for a in answers if a.status != 201] == [
        (a.status, a.body)
        for path in alike
        if (a := fresh.ask("POST", f"{CORE}/{path}", target)).status != 201
    ]


def test_no_more_than_a_limit_is_known(api: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_requests, "LIMIT", 3)
    assert isinstance(api.server.pipeline, KnownRequests)
    for number in range(10):
        assert api.ask("GET", f"/api/v1/namespaces/n{number}/pods", user=ADMIN).status == 200
        assert len(api.server.pipeline._known) <= 3
