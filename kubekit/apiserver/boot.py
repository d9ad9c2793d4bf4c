"""Boot: what an API server makes in an empty store before anybody can use the cluster.

System namespaces, priority classes, RBAC's default roles and bindings (`data/rbac-policy.jsonl`), the
ServiceCIDR, the `kubernetes` Service with its endpoints, and an APIService a group version. Everything is
written through the generic store as the server's own user; what exists already is left alone. Upstream:
pkg/controlplane (controller/...), pkg/registry/rbac/rest, pkg/registry/scheduling/rest,
plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
"""

from __future__ import annotations

import ipaddress
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Request, UserInfo
from kubekit.api.schema import for_kind
from kubekit.apiserver import discovery
from kubekit.apiserver.context import Context
from kubekit.apiserver.registry.defaulting import apply_defaults
from kubekit.apiserver.request_info import RequestInfo
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

LOOPBACK = UserInfo("system:apiserver", "", ("system:masters",))
NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")
PRIORITIES = (
    ("system-node-critical", 2_000_001_000, (
        "Used for system critical pods that must not be moved from their current node."
    )),
    ("system-cluster-critical", 2_000_000_000, (
        "Used for system critical pods that must run in the cluster, but can be moved to another node if "
        "necessary."
    )),
)  # fmt: skip
RBAC = "rbac.authorization.k8s.io"
_POLICY = Path(__file__).parent / "data" / "rbac-policy.jsonl"


def run(server: APIServer) -> None:
    """Make what is missing."""
    for name in NAMESPACES:
        ensure(server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for name, value, description in PRIORITIES:
        body = {"metadata": {"name": name}, "value": value, "description": description}
        ensure(server, {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", **body})
    for manifest in rbac_policy():
        ensure(server, manifest)
    _services(server)
    _api_services(server)
    ensure(
        server,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        },
    )


@cache
def rbac_policy() -> list[Obj]:
    """The default roles and bindings, as manifests."""
    found: list[Obj] = []
    for line in _POLICY.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        metadata: Obj = {
            "name": row["name"],
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults", **row.get("labels", {})},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        }
        if "namespace" in row:
            metadata["namespace"] = row["namespace"]
        manifest: Obj = {"apiVersion": f"{RBAC}/v1", "kind": row["kind"], "metadata": metadata}
        if "aggregate" in row:
            selector = {"matchLabels": {row["aggregate"]: "true"}}
            manifest["aggregationRule"] = {"clusterRoleSelectors": [selector]}
        if "role" in row:
            kind = "Role" if row["kind"] == "RoleBinding" else "ClusterRole"
            manifest["roleRef"] = {"apiGroup": RBAC, "kind": kind, "name": row["role"]}
            manifest["subjects"] = row.get("subjects") or []
        elif "rules" in row:
            manifest["rules"] = row["rules"]
        found.append(manifest)
    return found


def _services(server: APIServer) -> None:
    cidrs = server.service_cidr.split(",")
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "Kubernetes default Service CIDR is ready",
        "lastTransitionTime": rfc3339(server.loop.clock.now()),
    }
    ensure(
        server,
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": "kubernetes"},
            "spec": {"cidrs": cidrs},
        },
        status={"conditions": [condition]},
    )
    first = str(ipaddress.ip_network(cidrs[0])[1])
    host, _, port = server.address.rpartition(":")
    ports = [{"name": "https", "protocol": "TCP", "port": int(port)}]
    service = {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": first,
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": int(port)}],
        },
    }
    ensure(server, {"apiVersion": "v1", "kind": "Service", **service})
    metadata = {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
    }
    subsets = [{"addresses": [{"ip": host}], "ports": ports}]
    ensure(server, {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets})
    ensure(
        server,
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
            "ports": ports,
        },
    )


def _api_services(server: APIServer) -> None:
    for group, versions in {"": ["v1"], **discovery.versions_by_group(server)}.items():
        priority, known = discovery.PRIORITIES.get(group, (discovery.CUSTOM_PRIORITY, {}))
        for version in versions:
            if group == "apiregistration.k8s.io":
                continue
            spec: Obj = {
                "version": version,
                "groupPriorityMinimum": priority,
                "versionPriority": known.get(version, 100),
            }
            if group:
                spec["group"] = group
            metadata = {
                "name": f"{version}.{group}",
                "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
            }
            api_service(server, metadata, spec)


def api_service(server: APIServer, metadata: Obj, spec: Obj) -> None:
    """An APIService of a group version that the server itself serves; such a one is always available."""
    condition = {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": rfc3339(server.loop.clock.now()),
        "reason": "Local",
        "message": "Local APIServices are always available",
    }
    manifest = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": metadata,
        "spec": spec,
    }
    ensure(server, manifest, status={"conditions": [condition]})


def ensure(server: APIServer, manifest: Obj, status: Obj | None = None) -> Obj:
    """Create an object unless it exists; gives it as it is now."""
    api_version, kind = manifest["apiVersion"], manifest["kind"]
    scope = server.scope_of_kind(api_version, kind)
    assert scope is not None
    metadata = manifest["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    existing = scope.store.find(namespace, name)
    if existing is not None:
        return existing
    resource = scope.resource
    ctx = internal_context(server, resource.group, resource.version, resource.plural, namespace, name)
    obj, _ = for_kind(api_version, kind).decode(manifest, strict="Ignore")
    obj["apiVersion"], obj["kind"] = api_version, kind
    apply_defaults(obj)
    try:
        stored = scope.store.create(ctx, obj)
    except errors.StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        return scope.store.get(namespace, name)
    if status is not None:
        revision = int(stored["metadata"]["resourceVersion"])
        key = scope.store.key(namespace, name)
        return scope.store.cache.storage.update(key, {**stored, "status": status}, revision) or stored
    return stored


def internal_context(
    server: APIServer, group: str, version: str, plural: str, namespace: str, name: str
) -> Context:
    """The context of something the server does by itself."""
    request = Request("POST", "", user=LOOPBACK, source=server.name)
    ctx = Context(server, request)
    ctx.user = LOOPBACK
    ctx.info = RequestInfo("create", "", True, "api", group, version, namespace, plural, "", name)
    return ctx
