"""Roles and bindings for RBAC, straight from the watch caches.

Bindings are asked for on every request: they are kept in lists that change with the caches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"


class CachedRoles:
    """The `RoleSource` of a server."""

    def __init__(self, server: APIServer) -> None:
        self._server = server

    def cluster_role(self, name: str) -> Obj | None:
        """A ClusterRole."""
        return self._server.store(GROUP, "clusterroles").find("", name)

    def role(self, namespace: str, name: str) -> Obj | None:
        """A Role."""
        return self._server.store(GROUP, "roles").find(namespace, name)

    def cluster_role_bindings(self) -> list[Obj]:
        """Every ClusterRoleBinding."""
        return self._server.store(GROUP, "clusterrolebindings").cache.span()

    def role_bindings(self, namespace: str) -> list[Obj]:
        """The RoleBindings of a namespace."""
        return self._server.store(GROUP, "rolebindings").cache.span(namespace)
