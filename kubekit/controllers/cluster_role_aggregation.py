"""Cluster role aggregation: a ClusterRole with an aggregation rule has the rules of those that it selects.

Source: pkg/controller/clusterroleaggregation.
"""

from __future__ import annotations

from typing import ClassVar

from kubekit.api.meta import Obj, labels_of, name_of
from kubekit.api.selectors import from_object
from kubekit.client import APPLY, Informer
from kubekit.controllers.controller import Context, Controller


class ClusterRoleAggregation(Controller):
    """Fills in aggregated ClusterRoles."""

    name: ClassVar[str] = "clusterrole-aggregation-controller"
    kind: ClassVar[str] = "ClusterRole"
    resource: ClassVar[str] = "clusterroles.rbac.authorization.k8s.io"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.roles: Informer

    def set_up(self) -> None:
        self.roles = self.informer(self.resource)
        self.watch(
            self.roles,
            lambda role: self._wake("ADDED", role),
            lambda old, new: self._wake("MODIFIED", new),
            lambda role: self._wake("DELETED", role),
        )

    def _wake(self, event: str, role: Obj) -> None:
        for other in self.roles.list():
            if other.get("aggregationRule") is not None:
                self.enqueue(name_of(other), event, role)

    def reconcile(self, key: str) -> None:
        role = self.roles.get(key)
        if role is None or role.get("aggregationRule") is None:
            return
        rules: list[Obj] = []
        for chosen in role["aggregationRule"].get("clusterRoleSelectors") or ():
            selector = from_object(chosen)
            for other in sorted(self.roles.list(), key=name_of):
                if name_of(other) != key and selector.matches(labels_of(other)):
                    rules += [rule for rule in other.get("rules") or () if rule not in rules]
        if rules == (role.get("rules") or []):
            return
        wanted = {"apiVersion": role["apiVersion"], "kind": role["kind"], "metadata": {"name": key}}
        if rules:
            wanted["rules"] = rules
        # What nobody else wrote it takes away, what somebody wrote it takes over: the rules are its own.
        query = {"fieldManager": self.name, "force": "true"}
        self.client.patch(self.resource, key, wanted, patch_type=APPLY, **query)
