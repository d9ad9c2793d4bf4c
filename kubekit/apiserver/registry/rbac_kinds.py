"""Roles and bindings: what is written must not grant more than its writer has.

Upstream: pkg/registry/rbac/*/policybased/storage.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.apiserver import escalation
from kubekit.apiserver.registry.strategy import Strategy, Undo

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


class RoleStrategy(Strategy):
    """Roles and ClusterRoles."""

    def begin_create(self, ctx: Context, obj: Obj) -> Undo | None:
        """Check the rights of a new role."""
        self._check(ctx, obj, obj)
        return None

    def begin_update(self, ctx: Context, obj: Obj, old: Obj) -> Undo | None:
        """Check the rights of a changed role."""
        if not only_collected(obj, old):
            self._check(ctx, obj, old)
        return None

    def _check(self, ctx: Context, obj: Obj, old: Obj) -> None:
        rules = obj.get("rules") or []
        escalation.check_role(ctx, self.resource, obj, rules)
        if any((one.get("aggregationRule") or {}).get("clusterRoleSelectors") for one in (obj, old)):
            # Whatever is aggregated later is granted too: only those with all rights may ask for that.
            everything = [
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ]
            text = "must have cluster-admin privileges to use the aggregationRule"
            escalation.check_role(ctx, self.resource, obj, everything, text)


class BindingStrategy(Strategy):
    """RoleBindings and ClusterRoleBindings."""

    def begin_create(self, ctx: Context, obj: Obj) -> Undo | None:
        """Check the rights of the role that is bound."""
        escalation.check_binding(ctx, self.resource, obj, ctx.info.namespace)
        return None

    def begin_update(self, ctx: Context, obj: Obj, old: Obj) -> Undo | None:
        """As for a new one."""
        if not only_collected(obj, old):
            escalation.check_binding(ctx, self.resource, obj, ctx.info.namespace)
        return None


def only_collected(obj: Obj, old: Obj) -> bool:
    """Whether nothing but owners and finalizers differs: the garbage collector may change those."""

    def rest(one: Obj) -> Obj:
        dropped = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")
        metadata = {k: v for k, v in one["metadata"].items() if k not in dropped}
        return {**one, "metadata": metadata}

    return rest(obj) == rest(old)
