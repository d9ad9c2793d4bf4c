"""Roles and bindings for RBAC, straight from the watch caches.

Bindings are asked for on every request: they are kept in lists that change with the caches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer
    from kubekit.apiserver.watch_cache import WatchCache

Obj = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
PLURALS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")


class CachedRoles:
    """The `RoleSource` of a server."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._caches: list[WatchCache] = []
        self._lists: dict[tuple[str, str], tuple[int, list[Obj]]] = {}

    def cluster_role(self, name: str) -> Obj | None:
        """A ClusterRole."""
        return self._server.store(GROUP, "clusterroles").find("", name)

    def role(self, namespace: str, name: str) -> Obj | None:
        """A Role."""
        return self._server.store(GROUP, "roles").find(namespace, name)

    def version(self) -> tuple[int, ...]:
        """The revisions of the four caches."""
        caches = self._caches
        if not caches:
            caches += [self._server.store(GROUP, plural).cache for plural in PLURALS]
        one, two, three, four = caches
        return one.revision, two.revision, three.revision, four.revision

    def cluster_role_bindings(self) -> list[Obj]:
        """Every ClusterRoleBinding."""
        return self._span("clusterrolebindings", "")

    def role_bindings(self, namespace: str) -> list[Obj]:
        """The RoleBindings of a namespace."""
        return self._span("rolebindings", namespace)

    def _span(self, plural: str, namespace: str) -> list[Obj]:
        """The same list as long as the cache is the same."""
        cache = self._server.store(GROUP, plural).cache
        found = self._lists.get((plural, namespace))
        if found is None or found[0] != cache.revision:
            found = self._lists[plural, namespace] = (cache.revision, cache.span(namespace))
        return found[1]
