"""Admission policies: who is concerned, what is denied, what is only said, what is changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.conftest import CORE, Asker

Obj = dict[str, Any]
GROUP = "/apis/admissionregistration.k8s.io/v1"
WRITES = ["CREATE", "UPDATE"]
CONFIG_MAPS = {
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": WRITES, "resources": ["configmaps"]}
    ]
}


def policy(api: Asker, validations: list[Obj], actions: tuple[str, ...] = ("Deny",), **spec: Any) -> None:
    binding = spec.pop("binding", {})
    body = {"matchConstraints": CONFIG_MAPS, "validations": validations, **spec}
    api.make(f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": "rule"}, "spec": body})
    bound = {"policyName": "rule", "validationActions": list(actions), **binding}
    api.make(f"{GROUP}/validatingadmissionpolicybindings", {"metadata": {"name": "bound"}, "spec": bound})


def config_map(api: Asker, name: str, **data: str) -> Any:
    return api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": name}, "data": data})


def test_a_denial_names_policy_and_binding_and_has_its_reason(api: Asker) -> None:
    policy(
        api, [{"expression": "has(object.data.owner)", "message": "say whose it is", "reason": "Forbidden"}]
    )
    answer = config_map(api, "a", x="1").json()
    text = "ValidatingAdmissionPolicy 'rule' with binding 'bound' denied request: say whose it is"
    assert (answer["code"], answer["reason"]) == (403, "Forbidden")
    assert answer["message"] == f'configmaps "a" is forbidden: {text}'
    assert answer["details"]["causes"] == [{"message": text}]
    assert config_map(api, "a", owner="me").status == 201


def test_without_a_message_the_expression_stands_for_it(api: Asker) -> None:
    policy(api, [{"expression": "object.metadata.name == 'b'"}])
    assert (
        "denied request: failed expression: object.metadata.name == 'b'"
        in config_map(api, "a").json()["message"]
    )


@pytest.mark.parametrize(("failure_policy", "status"), [("Fail", 422), ("Ignore", 201)])
def test_an_expression_that_fails(api: Asker, failure_policy: str, status: int) -> None:
    policy(api, [{"expression": "object.spec.x == 1"}], failurePolicy=failure_policy)
    assert config_map(api, "a").status == status


def test_variables_are_worked_out_once_and_build_on_each_other(api: Asker) -> None:
    variables = [
        {"name": "names", "expression": "object.data.map(k, k)"},
        {"name": "long", "expression": "variables.names.filter(n, n.size() > 3)"},
    ]
    validation = {
        "expression": "variables.long.size() == 0",
        "messageExpression": "'too long: ' + variables.long[0]",
    }
    policy(api, [validation], variables=variables)
    assert config_map(api, "a", ok="1").status == 201
    assert config_map(api, "b", much="1").json()["message"].endswith("denied request: too long: much")


def test_conditions_select_and_the_request_is_known(api: Asker) -> None:
    conditions = [{"name": "only-alice", "expression": "request.userInfo.username == 'alice'"}]
    policy(api, [{"expression": "request.operation != 'CREATE'"}], matchConditions=conditions)
    assert config_map(api, "a").status == 201


def test_parameters_come_from_an_object_that_the_binding_names(api: Asker) -> None:
    api.make(f"{CORE}/configmaps", {"metadata": {"name": "limits"}, "data": {"most": "2"}})
    policy(
        api,
        [{"expression": "object.metadata.name == 'limits' || object.data.size() <= int(params.data.most)"}],
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        binding={"paramRef": {"name": "limits", "parameterNotFoundAction": "Deny"}},
    )
    assert config_map(api, "a", x="1", y="2").status == 201
    assert config_map(api, "b", x="1", y="2", z="3").status == 422
    api.ask("DELETE", f"{CORE}/configmaps/limits")
    assert "no params found for policy binding with `Deny`" in config_map(api, "c").json()["message"]


def test_the_authorizer_can_be_asked(api: Asker) -> None:
    ask = "authorizer.group('').resource('secrets').namespace('default').check('delete').allowed()"
    policy(api, [{"expression": ask}, {"expression": "authorizer.requestResource.check('create').allowed()"}])
    assert config_map(api, "a").status == 201


def test_warnings_and_remarks_do_not_deny(api: Asker) -> None:
    policy(api, [{"expression": "false", "message": "mind this"}], ("Warn", "Audit"))
    answer = config_map(api, "a")
    assert answer.status == 201
    said = "Validation failed for ValidatingAdmissionPolicy 'rule' with binding 'bound': mind this"
    assert said in answer.headers["Warning"]
    steps = [record.steps for record in api.loop.trace.records if record.kind == "request"][-1]
    assert [step.reason for step in steps if step.asked.startswith("Audit annotation")] == ["mind this"]


def test_policies_cannot_lock_themselves_in(api: Asker) -> None:
    everything = {
        "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]
    }
    policy(api, [{"expression": "false"}], matchConstraints=everything)
    assert config_map(api, "a").status == 422
    assert api.ask("DELETE", f"{GROUP}/validatingadmissionpolicies/rule").status == 200
    assert config_map(api, "a").status == 201


@pytest.mark.parametrize(
    ("spec", "field", "text"),
    [
        ({"validations": [{"expression": "nope"}]}, "spec.validations[0].expression", "undeclared reference"),
        (
            {"validations": [{"expression": "1"}]},
            "spec.validations[0].expression",
            "must evaluate to bool but got int",
        ),
        ({"validations": [{"expression": "params.x"}]}, "spec.validations[0].expression", "'params'"),
        (
            {"validations": [{"expression": "true", "messageExpression": "1"}]},
            "spec.validations[0].messageExpression",
            "must evaluate to string but got int",
        ),
        (
            {"validations": [{"expression": "variables.nope"}]},
            "spec.validations[0].expression",
            "undeclared reference to 'variables'",
        ),
        (
            {
                "validations": [{"expression": "true"}],
                "auditAnnotations": [{"key": "k", "valueExpression": "1"}],
            },
            "spec.auditAnnotations[0].valueExpression",
            "must evaluate to one of [string null_type] but got int",
        ),
        (
            {"validations": [{"expression": "object.metadata.ready"}]},
            "spec.validations[0].expression",
            "must evaluate to bool but got dyn",
        ),
        (
            {"validations": [{"expression": "int('a') == 1"}]},
            "spec.validations[0].expression",
            "Internal error: program instantiation failed: type conversion error from 'string' to 'int'",
        ),
    ],
)
def test_what_does_not_compile_is_refused_at_once(api: Asker, spec: Obj, field: str, text: str) -> None:
    body = {"metadata": {"name": "bad"}, "spec": {"matchConstraints": CONFIG_MAPS, **spec}}
    answer = api.ask("POST", f"{GROUP}/validatingadmissionpolicies", body).json()
    assert answer["code"] == 422
    assert [cause["field"] for cause in answer["details"]["causes"]] == [field]
    assert text in answer["details"]["causes"][0]["message"]


def mutation(api: Asker, name: str, expression: str, kind: str = "JSONPatch", again: str = "Never") -> None:
    field = "jsonPatch" if kind == "JSONPatch" else "applyConfiguration"
    spec = {
        "matchConstraints": CONFIG_MAPS,
        "mutations": [{"patchType": kind, field: {"expression": expression}}],
        "reinvocationPolicy": again,
    }
    api.make(f"{GROUP}/mutatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec})
    bound = {"metadata": {"name": name}, "spec": {"policyName": name}}
    api.make(f"{GROUP}/mutatingadmissionpolicybindings", bound)


def test_mutations_follow_each_other_in_the_order_of_names(api: Asker) -> None:
    mutation(api, "b", "[JSONPatch{op: 'add', path: '/data/second', value: object.data.first + '!'}]")
    mutation(api, "a", "[JSONPatch{op: 'add', path: '/data/first', value: 'hi'}]")
    assert config_map(api, "x", own="1").json()["data"] == {"own": "1", "first": "hi", "second": "hi!"}


def test_a_configuration_is_merged(api: Asker) -> None:
    expression = "Object{metadata: Object.metadata{labels: Object.metadata.labels{team: 'shop'}}}"
    mutation(api, "a", expression, "ApplyConfiguration")
    body = {"metadata": {"name": "x", "labels": {"own": "1"}}}
    made = api.ask("POST", f"{CORE}/configmaps", body).json()
    assert made["metadata"]["labels"] == {"own": "1", "team": "shop"}


def test_a_policy_may_be_asked_again_when_a_later_one_changed_the_object(api: Asker) -> None:
    count = "[JSONPatch{op: 'add', path: '/data/seen', value: string(object.data.size())}]"
    mutation(api, "a", count, again="IfNeeded")
    mutation(api, "b", "[JSONPatch{op: 'add', path: '/data/more', value: 'x'}]")
    assert config_map(api, "x", own="1").json()["data"]["seen"] == "3"


def test_a_mutation_that_fails_refuses(api: Asker) -> None:
    mutation(api, "a", "[JSONPatch{op: 'remove', path: '/data/nope'}]")
    answer = config_map(api, "x", own="1").json()
    assert (answer["code"], answer["reason"]) == (403, "Invalid")
    why = "error in remove for path: '/data/nope': Unable to remove nonexistent key: nope: missing value"
    assert answer["message"] == f"policy 'a' with binding 'a' denied request: JSON Patch: {why}"


@pytest.mark.parametrize(
    ("operations", "code", "text"),
    [
        ("[JSONPatch{op: 'test', path: '/data/own', value: 'other'}]", 201, ""),
        (
            "[JSONPatch{op: 'replace', path: '/spec/x', value: 'y'}]",
            403,
            "doc is missing path: /spec/x: missing",
        ),
        ("[JSONPatch{op: 'turn', path: '/data/own'}]", 403, "JSON Patch: Unexpected kind: turn"),
        (
            "[JSONPatch{op: 'add', path: '/nope', value: 1}]",
            500,
            'strict decoding error: unknown field "nope"',
        ),
        ("[JSONPatch{op: 'add', path: '/data/own', value: 1}]", 500, "json: cannot unmarshal number into Go"),
    ],
)
def test_how_patches_of_mutations_fail(api: Asker, operations: str, code: int, text: str) -> None:
    mutation(api, "a", operations)
    answer = config_map(api, "x", own="1")
    assert answer.status == code and (not text or text in answer.json()["message"])


def test_what_a_configuration_may_not_hold(api: Asker) -> None:
    mutation(api, "a", "Object{spec: Object.spec{nope: 'a'}}", "ApplyConfiguration")
    message = config_map(api, "x", own="1").json()["message"]
    assert message.endswith(
        "failed to convert patch object to typed object: .spec: field not declared in schema"
    )


def test_plugins_see_what_a_mutation_added(api: Asker) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    value = "Object.spec.containers{name: 'x', image: 'y'}"
    added = f"[JSONPatch{{op: 'add', path: '/spec/containers/-', value: {value}}}]"
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": added}}],
        "reinvocationPolicy": "Never",
    }
    api.make(f"{GROUP}/mutatingadmissionpolicies", {"metadata": {"name": "a"}, "spec": spec})
    bound = {"metadata": {"name": "a"}, "spec": {"policyName": "a"}}
    api.make(f"{GROUP}/mutatingadmissionpolicybindings", bound)
    side = api.pod("p")["spec"]["containers"][1]
    assert side["imagePullPolicy"] == "Always"
    assert [one["mountPath"] for one in side["volumeMounts"]] == [
        "/var/run/secrets/kubernetes.io/serviceaccount"
    ]


def test_a_kind_of_params_that_nobody_serves(api: Asker) -> None:
    kind = {"apiVersion": "rules.example.com/v1", "kind": "Rule"}
    spec = {"matchConstraints": CONFIG_MAPS, "paramKind": kind, "validations": [{"expression": "true"}]}
    api.make(f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": "a"}, "spec": spec})
    ref = {"name": "x", "parameterNotFoundAction": "Deny"}
    bound = {"policyName": "a", "validationActions": ["Deny"], "paramRef": ref}
    api.make(f"{GROUP}/validatingadmissionpolicybindings", {"metadata": {"name": "a"}, "spec": bound})
    text = "failed to find resource referenced by paramKind: 'rules.example.com/v1, Kind=Rule'"
    assert config_map(api, "x", own="1").json()["message"].endswith(f"failed to configure policy: {text}")
