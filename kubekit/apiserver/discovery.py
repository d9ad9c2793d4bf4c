"""Discovery: the API describes itself - its groups, their versions, and the resources in each.

kubectl and every dynamic client begin here. Two forms: one document a group version (APIResourceList), or
everything in one (aggregated discovery, chosen by Accept). Read from the server's scopes, so custom resources
appear by themselves. Upstream: apiserver/pkg/endpoints/discovery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.resources import Resource
from kubekit.apiserver.endpoints.response import answer, form_of

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

JSON = {"Content-Type": "application/json"}


def not_found(ctx: Context) -> Response:
    """A path that nothing serves."""
    ctx.refused("Endpoint", "no such path")
    raise errors.page_not_found()


def resources_of(ctx: Context, group: str, version: str) -> list[Resource]:
    """What is served in a group version, by plural."""
    found = [r for r in ctx.server.resources() if (r.group, r.version) == (group, version)]
    return sorted(found, key=lambda r: r.plural)


def _entries(resource: Resource) -> list[Obj]:
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
    entries = [entry]
    for name in sorted(resource.subresources):
        sub = resource.subresources[name]
        part: Obj = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        if (sub.group, sub.version) != (resource.group, resource.version):
            part["group"], part["version"] = sub.group, sub.version
        entries.append(part)
    return entries


def resource_list(ctx: Context) -> Response:
    """/api/v1 and /apis/<group>/<version>."""
    parts = ctx.info.path.strip("/").split("/")
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    found = resources_of(ctx, group, version)
    if not found or len(parts) > (2 if not group else 3):
        return not_found(ctx)
    entries = [entry for resource in found for entry in _entries(resource)]
    body: Obj = {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": entries,
    }
    return answer(200, body, form_of(ctx))


def core_versions(ctx: Context) -> Response:
    """/api."""
    body: Obj = {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ctx.server.address}],
    }
    return answer(200, body, form_of(ctx))


def groups(ctx: Context) -> list[Obj]:
    """Every named group with its versions, the preferred first."""
    versions: dict[str, list[str]] = {}
    for resource in ctx.server.resources():
        if resource.group:
            known = versions.setdefault(resource.group, [])
            if resource.version not in known:
                known.append(resource.version)
    return [_group(name, ordered) for name, ordered in versions.items()]


def _group(name: str, versions: list[str]) -> Obj:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def group_list(ctx: Context) -> Response:
    """/apis."""
    return answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(ctx)}, form_of(ctx))


def group_or_resources(ctx: Context) -> Response:
    """/apis/<group> and /apis/<group>/<version>."""
    parts = ctx.info.path.strip("/").split("/")
    if len(parts) > 2:
        return resource_list(ctx)
    for group in groups(ctx):
        if group["name"] == parts[1]:
            return answer(200, {"kind": "APIGroup", "apiVersion": "v1", **group}, form_of(ctx))
    return not_found(ctx)


def paths(ctx: Context) -> list[str]:
    """Every path worth knowing."""
    found = {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/metrics", "/openapi/v2", "/openapi/v3", "/version"}
    for resource in ctx.server.resources():
        if resource.group:
            found |= {f"/apis/{resource.group}", resource.root}
    return sorted(found)
