"""Discovery: the API describes itself - its groups, their versions, and the resources in each.

kubectl and every dynamic client begin here. Two forms: one document a group version (APIResourceList), or
everything in one (aggregated discovery, chosen by Accept). Read from the server's scopes, so custom resources
appear by themselves. Upstream: apiserver/pkg/endpoints/discovery, kube-aggregator's priorities.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.resources import Resource
from kubekit.apiserver.endpoints.negotiation import wants_aggregated
from kubekit.apiserver.endpoints.response import answer, form_of

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

PRIORITIES: dict[str, tuple[int, dict[str, int]]] = {
    "": (18000, {"v1": 1}),
    "apiregistration.k8s.io": (20000, {"v1": 18}),
    "apps": (17800, {"v1": 15}),
    "events.k8s.io": (17750, {"v1": 15}),
    "authentication.k8s.io": (17700, {"v1": 15}),
    "authorization.k8s.io": (17600, {"v1": 15}),
    "autoscaling": (17500, {"v1": 15, "v2": 30}),
    "batch": (17400, {"v1": 15}),
    "certificates.k8s.io": (17300, {"v1": 15}),
    "networking.k8s.io": (17200, {"v1": 15}),
    "policy": (17100, {"v1": 15}),
    "rbac.authorization.k8s.io": (17000, {"v1": 15}),
    "storage.k8s.io": (16800, {"v1": 15}),
    "admissionregistration.k8s.io": (16700, {"v1": 15}),
    "apiextensions.k8s.io": (16700, {"v1": 15}),
    "scheduling.k8s.io": (16600, {"v1": 20}),
    "coordination.k8s.io": (16500, {"v1": 15}),
    "node.k8s.io": (16300, {"v1": 15}),
    "discovery.k8s.io": (16200, {"v1": 15}),
    "resource.k8s.io": (16150, {"v1": 20}),
    "flowcontrol.apiserver.k8s.io": (16100, {"v1": 21}),
}
"""group -> (its priority, the priority of each version): the order of lists, and what APIServices say."""

CUSTOM_PRIORITY = 1000
_STORED_GROUP = {
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): ("admissionregistration.k8s.io", "v1beta1"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): (
        "admissionregistration.k8s.io",
        "v1beta1",
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("apiextensions.k8s.io", "v1beta1"),
    ("autoscaling", "HorizontalPodAutoscaler"): ("autoscaling", "v2"),
    ("events.k8s.io", "Event"): ("", "v1"),
}
"""Kinds whose storage version is not the one that is served first."""


def not_found(ctx: Context) -> Response:
    """A path that nothing serves."""
    ctx.refused("Endpoint", "no such path")
    return Response(404, "404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})


def resources_of(server: APIServer, group: str, version: str) -> list[Resource]:
    """What is served in a group version, by plural."""
    found = [r for r in server.resources() if (r.group, r.version) == (group, version)]
    return sorted(found, key=lambda r: r.plural)


def storage_hash(resource: Resource) -> str:
    """What changes when a resource is stored in another version (StorageVersionHash)."""
    group, version = _STORED_GROUP.get((resource.group, resource.kind), (resource.group, resource.version))
    digest = hashlib.sha256(f"{group}/{version}/{resource.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _entries(server: APIServer, resource: Resource) -> list[Obj]:
    entry: Obj = {
        "name": resource.plural,
        "singularName": resource.singular or resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if server.special(resource) is None:
        entry["storageVersionHash"] = storage_hash(resource)
    entries = [entry]
    for name in sorted(resource.subresources):
        sub = resource.subresources[name]
        part: Obj = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
        }
        if (sub.group, sub.version) != (resource.group, resource.version):
            part |= {"group": sub.group, "version": sub.version}
        part |= {"kind": sub.kind, "verbs": list(sub.verbs)}
        entries.append(part)
    return entries


def resource_list(ctx: Context) -> Response:
    """/api/v1 and /apis/<group>/<version>."""
    parts = ctx.info.path.strip("/").split("/")
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    found = resources_of(ctx.server, group, version)
    if not found or len(parts) > (2 if not group else 3):
        if group and group not in versions_by_group(ctx.server):
            return not_found(ctx)
        ctx.refused("Endpoint", "no such group version")
        raise errors.page_not_found()
    entries = [entry for resource in found for entry in _entries(ctx.server, resource)]
    body: Obj = {"kind": "APIResourceList"}
    if group:
        body["apiVersion"] = "v1"
    body["groupVersion"] = f"{group}/{version}" if group else version
    body["resources"] = entries
    return answer(200, body, form_of(ctx, False))


def core_versions(ctx: Context) -> Response:
    """/api."""
    if wants_aggregated(ctx):
        return _aggregated(ctx, [""])
    body: Obj = {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ctx.server.address}],
    }
    return answer(200, body, form_of(ctx, False))


def versions_by_group(server: APIServer) -> dict[str, list[str]]:
    """Named groups in the order of their priority, each with its versions, the preferred first."""
    found: dict[str, list[str]] = {}
    for resource in server.resources():
        versions = found.setdefault(resource.group, [])
        if resource.version not in versions:
            versions.append(resource.version)
    found.pop("", None)
    for group, versions in found.items():
        known = PRIORITIES.get(group, (0, {}))[1]
        if known:
            versions.sort(key=_by_priority(known))
        else:
            versions.sort(key=version_order)
    return dict(
        sorted(found.items(), key=lambda item: (-PRIORITIES.get(item[0], (CUSTOM_PRIORITY, {}))[0], item[0]))
    )


def _by_priority(known: dict[str, int]) -> Callable[[str], int]:
    return lambda version: -known.get(version, 0)


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts GA before beta before alpha, newer first, and other names last
    (version.CompareKubeAwareVersionStrings)."""
    import re

    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return 9, 0, 0, version
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return stage, -int(found[1]), -int(found[3] or 0), ""


def _group(name: str, versions: list[str]) -> Obj:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def group_list(ctx: Context) -> Response:
    """/apis."""
    found = versions_by_group(ctx.server)
    if wants_aggregated(ctx):
        return _aggregated(ctx, list(found))
    groups = [_group(name, versions) for name, versions in found.items()]
    return answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}, form_of(ctx, False))


def group_or_resources(ctx: Context) -> Response:
    """/apis/<group> and /apis/<group>/<version>."""
    parts = ctx.info.path.strip("/").split("/")
    if len(parts) > 2:
        return resource_list(ctx)
    versions = versions_by_group(ctx.server).get(parts[1])
    if versions is None:
        return not_found(ctx)
    return answer(
        200, {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], versions)}, form_of(ctx, False)
    )


def _aggregated(ctx: Context, groups: list[str]) -> Response:
    items: list[Obj] = []
    versions = {"": ["v1"], **versions_by_group(ctx.server)}
    for group in groups:
        entries = [
            {
                "version": version,
                "resources": [
                    _discovered(resource, ctx.server.is_custom(resource))
                    for resource in resources_of(ctx.server, group, version)
                ],
                "freshness": "Current",
            }
            for version in versions[group]
        ]
        items.append({"metadata": {"name": group} if group else {}, "versions": entries})
    body: Obj = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }
    return Response(200, body, {"Content-Type": AGGREGATED})


def _kind(kind: str, group: str, version: str, resource: Resource, custom: bool) -> Obj:
    if (group, version) == (resource.group, resource.version) and not custom:
        return {"group": "", "version": "", "kind": kind}
    return {"group": group, "version": version, "kind": kind}


def _discovered(resource: Resource, custom: bool) -> Obj:
    entry: Obj = {
        "resource": resource.plural,
        "responseKind": _kind(resource.kind, resource.group, resource.version, resource, custom),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular or resource.kind.lower(),
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": _kind(sub.kind, sub.group, sub.version, resource, custom),
                "verbs": list(sub.verbs),
            }
            for name, sub in sorted(resource.subresources.items())
        ]
    return entry


def paths(ctx: Context) -> list[str]:
    """Every path worth knowing."""
    from kubekit.apiserver.endpoints import health

    found = {
        "/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/", "/flagz", "/metrics",
        "/metrics/slis",
        "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/openid/v1/jwks", "/statusz", "/version",
    }  # fmt: skip
    for resource in ctx.server.resources():
        if resource.group:
            found |= {f"/apis/{resource.group}", resource.root}
    for root in health.CHECKS:
        checks = (*health.checks_of(ctx.server, root), *health.UNSHOWN.get(root, ()))
        found |= {f"/{root}", *(f"/{root}/{check}" for check in checks)}
    return sorted(found)
