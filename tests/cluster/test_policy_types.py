"""Warnings about expressions that cannot be right for the kinds a policy is about."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit

Obj = dict[str, Any]


def warnings(cluster: Any, expression: str, group: str = "apps", plural: str = "deployments") -> list[Obj]:
    kind = "ValidatingAdmissionPolicy"
    rule = {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": [plural],
    }
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "p"},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "variables": [{"name": "size", "expression": "object.spec.replicas"}],
            "validations": [{"expression": expression}],
        },
    }
    cluster.create(policy)
    cluster.advance("1s")
    status = cluster.get(kind, "p")["status"]
    assert status["observedGeneration"] == 1
    cluster.delete(kind, "p")
    found: list[Obj] = status["typeChecking"].get("expressionWarnings", [])
    return found


@pytest.fixture(scope="module")
def cluster() -> Any:
    return kubekit.up(workers=0)


def test_a_field_that_the_kind_does_not_have(cluster: Any) -> None:
    text = "\n".join(
        [
            "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'",
            " | object.replicas > 1",
            " | ......^",
            "",
        ]
    )
    assert warnings(cluster, "object.replicas > 1") == [
        {"fieldRef": "spec.validations[0].expression", "warning": text}
    ]


def test_types_are_known_down_to_the_variables(cluster: Any) -> None:
    (warning,) = warnings(cluster, "variables.size == 'many'")
    assert "found no matching overload for '_==_' applied to '(int, string)'" in warning["warning"]


@pytest.mark.parametrize(
    "expression",
    [
        "object.spec.replicas > 1 && object.metadata.labels.app == 'web'",
        "variables.size < 5",
        "'team' in object.metadata.?labels.orValue({})",
        "!has(object.spec.paused) || oldObject == null || object.spec.selector == oldObject.spec.selector",
        "object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')",
        "object.spec.template.spec.containers.map(c, c.name).exists(n, n in ['a'])",
        "authorizer.group('').resource('pods').check('get').allowed() && request.userInfo.username != ''",
        "object.spec.template.spec.containers.all(c, c.image.startsWith('a/'))",
        "object.spec.strategy.rollingUpdate.maxSurge == 1",
    ],
)
def test_what_may_be_right_is_not_found_fault_with(cluster: Any, expression: str) -> None:
    assert warnings(cluster, expression) == []


def test_kinds_that_are_named_by_a_star_are_not_looked_at(cluster: Any) -> None:
    assert warnings(cluster, "object.replicas > 1", plural="*") == []
