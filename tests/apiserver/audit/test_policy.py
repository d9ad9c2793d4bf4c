"""Audit policy: which rule decides, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.audit.policy import AuditPolicy, load
from kubekit.apiserver.authorization import Attributes
from kubekit.apiserver.configuration_file import ConfigurationError


def policy(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **more}


def asked(verb: str = "get", resource: str = "pods", user: str = "eve", **more: Any) -> Attributes:
    groups = more.pop("groups", ("system:authenticated",))
    return Attributes(UserInfo(user, groups=groups), verb, resource=resource, version="v1", **more)


def path(url: str) -> Attributes:
    return Attributes(UserInfo("eve"), "get", path=url, is_resource=False)


def level(rule: dict[str, Any], attributes: Attributes) -> str:
    return load(policy({"level": "Request", **rule})).of(attributes).level


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ({}, asked(), None),
        ({"users": ["eve"]}, asked(), asked(user="bob")),
        ({"userGroups": ["a", "b"]}, asked(groups=("b",)), asked()),
        ({"verbs": ["watch"]}, asked("watch"), asked("list")),
        ({"namespaces": ["shop"]}, asked(namespace="shop"), asked(namespace="default")),
        ({"namespaces": [""]}, asked(resource="nodes"), asked(namespace="default")),
        ({"resources": [{"group": ""}]}, asked(), asked(group="apps")),
        (
            {"resources": [{"group": "*", "resources": ["pods"]}]},
            asked(group="metrics.k8s.io"),
            asked("get", "x"),
        ),
        ({"resources": [{"resources": ["pods"]}]}, asked(), asked(subresource="log")),
        ({"resources": [{"resources": ["pods/log"]}]}, asked(subresource="log"), asked()),
        ({"resources": [{"resources": ["pods/*"]}]}, asked(subresource="exec"), asked(resource="nodes")),
        ({"resources": [{"resources": ["*/status"]}]}, asked(subresource="status"), asked(subresource="log")),
        ({"resources": [{"resources": ["*"]}]}, asked(subresource="log"), path("/version")),
        (
            {"resources": [{"resources": ["secrets"], "resourceNames": ["key"]}]},
            asked(resource="secrets", name="key"),
            asked(resource="secrets", name="other"),
        ),
        ({"nonResourceURLs": ["/api*", "/version"]}, path("/apis/apps"), path("/version/x")),
        ({"nonResourceURLs": ["*"]}, path("/healthz"), asked()),
    ],
)
def test_what_a_rule_is_about(rule: dict[str, Any], yes: Attributes, no: Attributes | None) -> None:
    assert level(rule, yes) == "Request"
    if no is not None:
        assert level(rule, no) == "None"


def test_the_first_rule_decides_and_stages_add_up() -> None:
    made: AuditPolicy = load(
        policy(
            {"level": "None", "users": ["bob"]},
            {"level": "Metadata", "omitStages": ["Panic"], "omitManagedFields": False},
            {"level": "RequestResponse"},
            omitStages=["RequestReceived"],
            omitManagedFields=True,
        )
    )
    assert made.of(asked(user="bob")).level == "None"
    plan = made.of(asked())
    assert plan.level == "Metadata" and plan.omitted == {"Panic", "RequestReceived"}
    assert not plan.without_managed_fields
    assert plan.wants("Metadata") and not plan.wants("Request")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (policy(), "loading audit policy file: loaded illegal policy with 0 rules"),
        (policy({}), "loading audit policy file: rules[0].level: Required value"),
        (
            policy({"level": "All"}),
            'loading audit policy file: rules[0].level: Unsupported value: "All": supported values: "None", '
            '"Metadata", "Request", "RequestResponse"',
        ),
        (
            policy({"level": "None", "nonResourceURLs": ["api"]}),
            'loading audit policy file: rules[0].nonResourceURLs[0]: Invalid value: "api": non-resource '
            "URL rules "
            "must begin with a '/' character",
        ),
        (
            policy({"level": "None", "nonResourceURLs": ["/a"], "namespaces": ["x"]}),
            'loading audit policy file: rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot '
            "apply to "
            "both regular resources and non-resource URLs",
        ),
        (
            policy({"level": "None", "resources": [{"resourceNames": ["x"]}]}),
            'loading audit policy file: rules[0].resources.resourceNames: Invalid value: ["x"]: using '
            "resourceNames requires at least one resource",
        ),
        (
            policy({"level": "None", "omitStages": ["Never"]}),
            'loading audit policy file: rules[0].omitStages[0]: Invalid value: "Never": allowed stages are '
            "RequestReceived,ResponseStarted,ResponseComplete,Panic",
        ),
    ],
)
def test_refusals(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(given)
    assert str(caught.value) == why
