"""Between two equal pods or events something appears that concerns them: the second one hears of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kubekit.apiserver.managed_fields.outline import LONGEST, outline, plain
from kubekit.apiserver.registry import pods as pods_registry
from tests.apiserver.conftest import CORE, Asker, pod

Obj = dict[str, Any]
HOOKS = "/apis/admissionregistration.k8s.io/v1"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
RULE = {
    "operations": ["CREATE"],
    "apiGroups": ["", "events.k8s.io"],
    "apiVersions": ["v1"],
    "resources": ["pods", "events"],
}


def event(name: str, **more: Any) -> Obj:
    """An event that is in order."""
    return {
        "metadata": {"name": name},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "me",
        "reportingInstance": "me-1",
        "action": "Look",
        "reason": "Looked",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "web"},
        "note": "hello",
        "type": "Normal",
        **more,
    }


def two(api: Asker) -> None:
    """Two equal pods and two equal events that are in order."""
    for number in range(2):
        api.pod(f"before{number}")
        api.make(EVENTS, event(f"before{number}"))


def after(api: Asker) -> tuple[Obj, int]:
    """One more pod (or the refusal) and the status of one more event."""
    found = api.ask("POST", f"{CORE}/pods", pod("after")).json()
    return found, api.ask("POST", EVENTS, event("after")).status


def test_a_webhook(api: Asker) -> None:
    two(api)
    hook = {
        "name": "no.example.com",
        "clientConfig": {"url": "https://no.example.com/"},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    api.make(f"{HOOKS}/validatingwebhookconfigurations", {"metadata": {"name": "no"}, "webhooks": [hook]})
    found, status = after(api)
    assert 'failed calling webhook "no.example.com"' in found["message"] and status == 500
    api.ask("DELETE", f"{HOOKS}/validatingwebhookconfigurations/no")
    assert after(api)[1] == 201


def test_a_policy(api: Asker) -> None:
    two(api)
    constraints = {"resourceRules": [RULE]}
    spec = {"matchConstraints": constraints, "validations": [{"expression": "false", "message": "never"}]}
    api.make(f"{HOOKS}/validatingadmissionpolicies", {"metadata": {"name": "never"}, "spec": spec})
    assert after(api)[1] == 201
    bound = {"policyName": "never", "validationActions": ["Deny"]}
    api.make(f"{HOOKS}/validatingadmissionpolicybindings", {"metadata": {"name": "never"}, "spec": bound})
    found, status = after(api)
    assert "denied request: never" in found["message"] and status == 422


def test_a_limit_range(api: Asker) -> None:
    two(api)
    limit = {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}
    api.make(f"{CORE}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    found, _ = after(api)
    assert found["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1"}
    assert found["status"]["qosClass"] == "Burstable"
    assert api.ask("GET", f"{CORE}/pods/before1").json()["status"]["qosClass"] == "BestEffort"


def test_a_quota(api: Asker) -> None:
    two(api)
    quota = api.make(f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}})
    status = {**quota, "status": {"hard": {"pods": "2"}, "used": {"pods": "2"}}}
    api.ask("PUT", f"{CORE}/resourcequotas/q/status", status)
    found, of_event = after(api)
    assert found["message"].endswith("exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2")
    assert of_event == 201


def test_the_level_of_pod_security(api: Asker) -> None:
    two(api)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.ask("PATCH", "/api/v1/namespaces/default", {"metadata": {"labels": labels}}, kind="merge")
    found, _ = after(api)
    assert 'violates PodSecurity "restricted:latest"' in found["message"]


def test_a_service_account(api: Asker) -> None:
    two(api)
    change = {"automountServiceAccountToken": False, "imagePullSecrets": [{"name": "s"}]}
    api.ask("PATCH", f"{CORE}/serviceaccounts/default", change, kind="merge")
    found, _ = after(api)
    assert "volumes" not in found["spec"] and found["spec"]["imagePullSecrets"] == [{"name": "s"}]
    api.ask("DELETE", f"{CORE}/serviceaccounts/default")
    assert api.ask("POST", f"{CORE}/pods", pod("orphan")).status == 403


def test_a_default_priority_class(api: Asker) -> None:
    two(api)
    for name, value in (("b", 7), ("a", 7)):
        api.make(
            "/apis/scheduling.k8s.io/v1/priorityclasses",
            {"metadata": {"name": name}, "value": value, "globalDefault": name == "b"},
        )
    found, _ = after(api)
    assert (found["spec"]["priority"], found["spec"]["priorityClassName"]) == (7, "b")


@pytest.mark.parametrize(
    ("spec", "annotations"),
    [
        (
            {
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "zone",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": {"a": "b"}},
                        "matchLabelKeys": ["version"],
                    }
                ]
            },
            {},
        ),
        ({}, {"container.apparmor.security.beta.kubernetes.io/c": "runtime/default"}),
    ],
)
def test_a_pod_that_is_adjusted_is_adjusted_each_time(api: Asker, spec: Obj, annotations: Obj) -> None:
    made = []
    for number in range(3):
        manifest = pod(f"p{number}", {"version": f"v{number}"}, **copy.deepcopy(spec))
        manifest["metadata"]["annotations"] = annotations
        made.append(api.ask("POST", f"{CORE}/pods", manifest))
    if annotations:
        assert len({answer.headers["Warning"] for answer in made}) == 1
        contexts = [answer.json()["spec"]["containers"][0]["securityContext"] for answer in made]
        assert contexts == [{"appArmorProfile": {"type": "RuntimeDefault"}}] * 3
    else:
        selectors = [
            answer.json()["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchExpressions"]
            for answer in made
        ]
        assert [one[0]["values"] for one in selectors] == [["v0"], ["v1"], ["v2"]]
        assert {len(one) for one in selectors} == {1}


def test_names_and_labels_of_known_pods_are_looked_at(api: Asker) -> None:
    for number in range(2):
        api.pod(f"p{number}")
    wrong = api.ask("POST", f"{CORE}/pods", pod("Upper", {"a b": "c"})).json()["details"]["causes"]
    assert [cause["field"] for cause in wrong] == ["metadata.name", "metadata.labels"]
    dotted = api.ask("POST", f"{CORE}/pods", pod("a.b"))
    assert dotted.status == 201 and "this is used in the Pod's hostname" in dotted.headers["Warning"]


@pytest.mark.parametrize("path", [f"{CORE}/pods", "/api/v1/namespaces"])
def test_whoever_may_refuse_hears_the_name_that_was_drawn(
    api: Asker, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = {**RULE, "resources": ["pods", "namespaces"]}
    checks = [
        {"expression": "request.name == object.metadata.name"},
        {"expression": "object.kind == 'Pod' || request.namespace == object.metadata.name"},
    ]
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": checks}
    api.make(f"{HOOKS}/validatingadmissionpolicies", {"metadata": {"name": "names"}, "spec": spec})
    bound = {"policyName": "names", "validationActions": ["Deny"]}
    api.make(f"{HOOKS}/validatingadmissionpolicybindings", {"metadata": {"name": "names"}, "spec": bound})
    body = pod("") if path.endswith("pods") else {"spec": {}}
    body["metadata"] = {"generateName": "drawn-"}
    assert api.make(path, copy.deepcopy(body))["metadata"]["name"] != "drawn-taken"
    # The first name that is drawn next is taken: the second one is what they hear of.
    drawn = iter(["taken", "free"])
    name = "kubekit.apiserver.registry.object_meta.generate_name"
    taken = copy.deepcopy(body)
    taken["metadata"] = {"name": "drawn-taken"}
    api.make(path, taken)
    monkeypatch.setattr(name, lambda rng, prefix: prefix + next(drawn))
    assert api.make(path, copy.deepcopy(body))["metadata"]["name"] == "drawn-free"


def test_only_so_many_pods_are_known(api: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pods_registry, "KNOWN_LIMIT", 2)
    strategy: Any = api.server.store("", "pods").strategy
    for number in range(5):
        api.pod(f"p{number}", hostname=f"h{number}")
        assert len(strategy._known) <= 2


# -- outlines -------------------------------------------------------------------------------------------


def test_the_fields_of_an_event_follow_from_its_outline(api: Asker) -> None:
    variants: list[Obj] = [
        {},
        {"note": "another"},
        {"note": ""},
        {"related": {"kind": "Node", "name": "n"}},
        {"regarding": {}, "metadata": {"namespace": "default"}},
        {"deprecatedCount": 0},
        {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z"}},
    ]
    for labels in ({}, {"a": "b"}, {"c": "d"}):
        for number, variant in enumerate(variants):
            owned = []
            for server in (api, Asker()):
                made = event(f"e{number}{''.join(labels)}", **variant)
                made["metadata"] = {**made["metadata"], "name": f"e{number}{''.join(labels)}"}
                if labels:
                    made["metadata"]["labels"] = labels
                stored = server.make(EVENTS, made)
                owned.append(stored["metadata"]["managedFields"][0]["fieldsV1"])
            assert owned[0] == owned[1]


def test_outlines_tell_names_maps_and_empty_values_apart() -> None:
    assert outline({"a": "x", "b": 1}) == outline({"a": "y", "b": 2})
    different = [
        {"a": 1},
        {"a": 0},
        {"a": False},
        {"a": ""},
        {"a": None},
        {"a": {}},
        {"a": {"b": 1}},
        {"b": 1},
    ]
    assert len({outline(one) for one in different}) == len(different)
    assert outline({"a": {}, "b": 1}) != outline({"a": {"b": 1}})
    assert outline({"a": []}) is None and outline({"a": {"b": [1]}}) is None
    assert outline({str(n): 1 for n in range(LONGEST + 1)}) is None


def test_an_empty_object_that_holds_something_has_no_outlines() -> None:
    assert plain({"metadata": {"creationTimestamp": None}, "eventTime": None, "regarding": {}})
    assert not plain({"spec": {"amount": "0"}})
