"""The pages that belong to no resource: what discovery, the version and the service account issuer answer.

`ROOTS` are those that every server has, `of_group` and `of_version` the lists of a group and of a group
version. They are described in small documents of their own. Upstream: apiserver/pkg/endpoints/discovery,
apiserver/pkg/server/routes.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubekit.apiserver.openapi.routes import MEDIA, group_of, tag_of


@dataclass(frozen=True, slots=True)
class Root:
    """One page: its operation and the structure of its answer ("" is plain text)."""

    path: str
    operation: str
    description: str
    tag: str
    answer: str = ""
    produces: tuple[str, ...] = MEDIA


ROOTS = {
    ".well-known/openid-configuration": Root(
        "/.well-known/openid-configuration/",
        "getServiceAccountIssuerOpenIDConfiguration",
        "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
        "WellKnown",
        produces=("application/json",),
    ),
    "api": Root("/api/", "getCoreAPIVersions", "get available API versions", "core", "meta.v1.APIVersions"),
    "apis": Root("/apis/", "getAPIVersions", "get available API versions", "apis", "meta.v1.APIGroupList"),
    "openid/v1/jwks": Root(
        "/openid/v1/jwks/",
        "getServiceAccountIssuerOpenIDKeyset",
        "get service account issuer OpenID JSON Web Key Set (contains public token verification keys)",
        "openid",
        produces=("application/jwk-set+json",),
    ),
    "version": Root(
        "/version/",
        "getCodeVersion",
        "get the version information for this server",
        "version",
        "version.Info",
        ("application/json",),
    ),
}
"""Document -> its one page."""


def of_group(group: str) -> Root:
    """`/apis/<group>/`: the versions of a group."""
    name = f"get{group_of(group)}APIGroup"
    return Root(f"/apis/{group}/", name, "get information of a group", tag_of(group), "meta.v1.APIGroup")


def of_version(root: str, group: str, version: str) -> Root:
    """`/apis/<group>/<version>/`: the resources of a group version."""
    name = f"get{group_of(group)}{version.capitalize()}APIResources"
    tag = tag_of(group, version)
    return Root(f"{root}/", name, "get available resources", tag, "meta.v1.APIResourceList")
