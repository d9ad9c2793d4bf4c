"""Roles that have the rules of other roles."""

from __future__ import annotations

import kubekit
from tests.controllers.world import World


def test_an_aggregated_role_has_the_rules_of_those_it_selects() -> None:
    world = World(["clusterrole-aggregation"])
    roles = "clusterroles.rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    selectors = [{"matchLabels": {"part": "yes"}}]
    world.create(roles, "all", None, aggregationRule={"clusterRoleSelectors": selectors}, rules=[])
    world.create(roles, "part", None, metadata={"labels": {"part": "yes"}}, rules=[rule])
    role = world.get(roles, "all", "")
    assert role["rules"] == [rule]
    written = [(one["manager"], one["operation"]) for one in role["metadata"]["managedFields"]]
    assert ("clusterrole-aggregation-controller", "Apply") in written
    world.delete(roles, "part", "")
    assert not world.get(roles, "all", "").get("rules")


def test_the_controller_may_write_them_with_its_own_account() -> None:
    cluster = kubekit.up(workers=0)
    cluster.apply(
        """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: shop, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}
rules: [{apiGroups: [shop.example.com], resources: [orders], verbs: [get]}]
"""
    )
    cluster.advance("1s")
    rules = cluster.get("clusterrole", "view")["rules"]
    assert any(rule["apiGroups"] == ["shop.example.com"] for rule in rules)
