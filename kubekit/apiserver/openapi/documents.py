"""The documents of OpenAPI v3, each made once, when somebody asks, and kept as bytes.

`Document`s are found by their path without slashes around it: ``api/v1``, ``apis/apps/v1``, ``apis/apps``,
``version``. Documents of built-in groups depend on nothing but the release, those of custom resources on
their definitions. The hash is of the bytes, so a client that has a document under it never needs to ask
again. Upstream: k8s.io/kube-openapi/pkg/handler3, apiserver/pkg/server/routes/openapi.go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import encode_json
from kubekit.api.resources import Resource
from kubekit.apiserver.openapi import custom, roots, routes, schemas
from kubekit.apiserver.openapi.custom import Served
from kubekit.apiserver.openapi.paths import PHRASES, paths
from kubekit.apiserver.openapi.roots import ROOTS, Root

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

RELEASE = "v1.36.2"
SECURITY: Obj = {
    "BearerToken": {
        "description": "Bearer Token authentication",
        "in": "header",
        "name": "authorization",
        "type": "apiKey",
    }
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is sent, and its hash (upper-case hexadecimal SHA-512)."""

    body: bytes
    hash: str


class Documents:
    """What is described of one server. Cheap to make; everything is found or made when asked for."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._custom = custom.served(server)

    def paths(self) -> list[str]:
        """The paths of all documents, sorted."""
        found = set(ROOTS)
        for group, version in self.built_in():
            found |= {f"apis/{group}", f"apis/{group}/{version}"} if group else {f"api/{version}"}
        found |= {f"apis/{group}/{version}" for group, version in self._custom}
        return sorted(found)

    def find(self, path: str) -> Document | None:
        """The document at a path, or None."""
        if path in ROOTS:
            return _of_root(ROOTS[path])
        parts = path.split("/")
        built_in = self.built_in()
        if len(parts) == 2 and parts[0] == "apis" and any(group == parts[1] for group, _ in built_in):
            return _of_root(roots.of_group(parts[1]))
        if len(parts) != (2 if parts[0] == "api" else 3) or parts[0] not in ("api", "apis"):
            return None
        group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
        if (group, version) in self._custom:
            return _of_definitions(Key(self._custom[group, version]))
        resources = built_in.get((group, version))
        return _of_resources(group, version, resources) if resources else None

    def built_in(self) -> dict[tuple[str, str], tuple[Resource, ...]]:
        """The built-in resources of each group version."""
        found: dict[tuple[str, str], list[Resource]] = {}
        for resource in self._server.resources():
            if not self._server.is_custom(resource):
                found.setdefault((resource.group, resource.version), []).append(resource)
        return {key: tuple(sorted(each, key=lambda r: r.plural)) for key, each in found.items()}

    def custom(self) -> list[Served]:
        """Every custom resource that is served."""
        return [one for key in sorted(self._custom) for one in self._custom[key]]


class Key:
    """Some custom resources as the key of a cache: the same as long as their definitions are."""

    def __init__(self, found: list[Served]) -> None:
        self.found = found
        self._stamps = tuple((one.structure, *one.stamp) for one in found)

    def __hash__(self) -> int:
        return hash(self._stamps)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._stamps == other._stamps


def document(value: Obj) -> Document:
    """A value as a document."""
    body = encode_json(value)
    return Document(body, hashlib.sha512(body).hexdigest().upper())


def structures(found: tuple[Resource, ...]) -> list[str]:
    """The structures that the routes of some resources take and give."""
    wanted: dict[str, None] = {"meta.v1.APIResourceList": None}
    for resource in found:
        for route in routes.of_resource(resource):
            wanted |= dict.fromkeys([route.body, *(structure for _, structure in route.answers)])
    wanted.pop("", None)
    return [*wanted]


def routes_of(found: list[Served]) -> list[routes.Route]:
    """The routes of some custom resources."""
    return [
        route
        for one in found
        for route in routes.of_definition(one.resource, one.structure, [*one.subresources])
    ]


@lru_cache(maxsize=128)
def _of_resources(group: str, version: str, found: tuple[Resource, ...]) -> Document:
    routes_ = [route for resource in found for route in routes.of_resource(resource)]
    listing = roots.of_version(found[0].root, group, version)
    pages = {listing.path: _page(listing), **paths(routes_, schemas.reference)}
    types = schemas.closure(structures(found), [(group, version)])
    return document(_whole(pages, types, "Kubernetes", RELEASE))


@lru_cache(maxsize=64)
def _of_root(root: Root) -> Document:
    types = schemas.closure([root.answer] if root.answer else [])
    return document(_whole({root.path: _page(root)}, types, "Kubernetes", RELEASE))


@lru_cache(maxsize=64)
def _of_definitions(key: Key) -> Document:
    resource = key.found[0].resource
    types = schemas.closure(custom.names(key.found), [(resource.group, resource.version)])
    own = {name: schema for one in key.found for name, schema in custom.schemas_of(one).items()}

    def reference(name: str) -> Obj:
        return {"$ref": schemas.SCHEMAS + name} if name in own else schemas.reference(name)

    pages = paths(routes_of(key.found), reference)
    return document(_whole(pages, {**types, **own}, "Kubernetes CRD Swagger", "v0.1.0"))


def _whole(pages: Obj, types: Obj, title: str, version: str) -> Obj:
    components: Obj = {"schemas": types} if types else {}
    return {
        "openapi": "3.0.0",
        "info": {"title": title, "version": version},
        "paths": pages,
        "components": {**components, "securitySchemes": SECURITY},
    }


def _page(root: Root) -> Obj:
    schema = schemas.reference(root.answer) if root.answer else {"type": "string"}
    answer = {
        "content": {media: {"schema": schema} for media in root.produces},
        "description": PHRASES[200],
    }
    operation = {
        "description": root.description,
        "operationId": root.operation,
        "responses": {"200": answer, "401": {"description": "Unauthorized"}},
        "tags": [root.tag],
    }
    return {"get": operation}
