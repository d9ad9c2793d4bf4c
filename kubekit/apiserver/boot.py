"""Boot: what an API server makes in an empty store before anybody can use the cluster.

System namespaces, priority classes, RBAC's default roles and bindings, and the `kubernetes` Service. Everything is
written through the generic store as the server's own user; what exists already is left alone. Upstream:
pkg/controlplane (controller/systemnamespaces, kubernetesservice), pkg/registry/rbac/rest, pkg/registry/scheduling/rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Request, UserInfo
from kubekit.api.schema import for_kind
from kubekit.apiserver.context import Context
from kubekit.apiserver.registry.defaulting import apply_defaults
from kubekit.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

LOOPBACK = UserInfo("system:apiserver", "", ("system:masters",))
NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")
PRIORITIES = (
    ("system-node-critical", 2_000_001_000, "Used for system critical pods that must not be moved from their current node."),
    ("system-cluster-critical", 2_000_000_000, "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."),
)  # fmt: skip


def run(server: APIServer) -> None:
    """Make what is missing."""
    for name in NAMESPACES:
        ensure(server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for name, value, description in PRIORITIES:
        ensure(
            server,
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": name},
                "value": value,
                "description": description,
            },
        )


def ensure(server: APIServer, manifest: Obj) -> Obj:
    """Create an object unless it exists; gives it as it is now."""
    api_version, kind = manifest["apiVersion"], manifest["kind"]
    scope = next(
        s for s in server.scopes() if s.resource.api_version == api_version and s.resource.kind == kind
    )
    metadata = manifest["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    existing = scope.store.find(namespace, name)
    if existing is not None:
        return existing
    ctx = internal_context(server, scope.resource.group, scope.resource.version, scope.resource.plural, namespace, name)
    obj, _ = for_kind(api_version, kind).decode(manifest, strict="Ignore")
    obj["apiVersion"], obj["kind"] = api_version, kind
    apply_defaults(obj)
    try:
        return scope.store.create(ctx, obj)
    except errors.StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        return scope.store.get(namespace, name)


def internal_context(server: APIServer, group: str, version: str, plural: str, namespace: str, name: str) -> Context:
    """The context of something the server does by itself."""
    request = Request("POST", "", user=LOOPBACK, source=server.name)
    ctx = Context(server, request)
    ctx.user = LOOPBACK
    ctx.info = RequestInfo("create", "", True, "api", group, version, namespace, plural, "", name)
    return ctx
