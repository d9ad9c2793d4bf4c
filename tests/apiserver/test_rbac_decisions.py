"""What RBAC allowed once is remembered, and forgotten the moment a role or binding changes."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.authorization import Attributes
from kubekit.apiserver.rbac import RBAC

Obj = dict[str, Any]
ANNA = UserInfo("anna")


class Roles:
    """A source of roles that counts how often it is asked."""

    def __init__(self, *rules: Obj) -> None:
        self.rules = list(rules)
        self.bound = True
        self.changes = 0
        self.asked = 0

    def change(self, **what: Any) -> None:
        self.changes += 1
        vars(self).update(what)

    def cluster_role(self, name: str) -> Obj | None:
        self.asked += 1
        return {"rules": self.rules}

    def role(self, namespace: str, name: str) -> Obj | None:
        return None

    def cluster_role_bindings(self) -> list[Obj]:
        subjects = [{"kind": "User", "name": "anna"}] if self.bound else []
        ref = {"kind": "ClusterRole", "name": "r"}
        return [{"metadata": {"name": "b"}, "roleRef": ref, "subjects": subjects}]

    def role_bindings(self, namespace: str) -> list[Obj]:
        return []

    def version(self) -> int:
        return self.changes


def rule(*verbs: str, names: tuple[str, ...] = ()) -> Obj:
    made: Obj = {"verbs": list(verbs), "apiGroups": [""], "resources": ["pods"]}
    return {**made, "resourceNames": list(names)} if names else made


def asked(verb: str, name: str = "web", namespace: str = "shop") -> Attributes:
    return Attributes(ANNA, verb, resource="pods", namespace=namespace, name=name)


def test_the_second_time_nobody_is_asked() -> None:
    roles = Roles(rule("get"))
    rbac = RBAC(roles)
    assert rbac.authorize(asked("get"))[0] and roles.asked == 1
    assert rbac.authorize(asked("get", name="other"))[0] and roles.asked == 1
    assert not rbac.authorize(asked("delete"))[0]


@pytest.mark.parametrize("change", [{"rules": []}, {"bound": False}], ids=["role", "binding"])
def test_a_change_is_seen_at_once(change: Obj) -> None:
    roles = Roles(rule("get"))
    rbac = RBAC(roles)
    assert rbac.authorize(asked("get"))[0]
    roles.change(**change)
    assert not rbac.authorize(asked("get"))[0]


def test_a_rule_for_some_names_is_no_rule_for_others() -> None:
    rbac = RBAC(Roles(rule("get", names=("web",))))
    assert rbac.authorize(asked("get", name="web"))[0]
    assert not rbac.authorize(asked("get", name="db"))[0]


def test_rules_about_other_things_with_names_do_not_keep_it_from_being_remembered() -> None:
    elsewhere = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["s"]}
    roles = Roles(elsewhere, rule("get"))
    rbac = RBAC(roles)
    assert rbac.authorize(asked("get", "a"))[0]
    before = roles.asked
    assert rbac.authorize(asked("get", "b"))[0]
    assert roles.asked == before


def test_a_rule_for_one_name_allows_no_other_name() -> None:
    rbac = RBAC(Roles(rule("get", names=("a",))))
    assert rbac.authorize(asked("get", "a"))[0]
    assert not rbac.authorize(asked("get", "b"))[0]
