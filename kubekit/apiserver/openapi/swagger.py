"""OpenAPI v2: the same API in one document, for clients that ask in the older way.

`json_of(server)` and `protobuf_of(server)` are its two forms, made once as long as no definition of a custom
resource changes. Types are those of v3 with what v2 cannot say left out:
defaults, and alternatives. kubectl reads the second form. Upstream: k8s.io/kube-openapi/pkg/builder and
pkg/handler.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kubekit.api.resources import Resource
from kubekit.apiserver.openapi import custom, gnostic, roots, routes, schemas
from kubekit.apiserver.openapi.documents import (
    RELEASE,
    SECURITY,
    Document,
    Documents,
    Key,
    document,
    routes_of,
    structures,
)
from kubekit.apiserver.openapi.paths import PHRASES, by_path, head, parameters_of, shared_parameters
from kubekit.apiserver.openapi.roots import ROOTS, Root
from kubekit.apiserver.openapi.routes import Route

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]
BuiltIn = tuple[tuple[tuple[str, str], tuple[Resource, ...]], ...]

_DEFINITIONS = "#/definitions/"
_INT_OR_STRING: Obj = {"format": "int-or-string", "type": "string"}


def json_of(server: APIServer) -> Document:
    """The document as JSON."""
    return _json(*_asked(server))


def protobuf_of(server: APIServer) -> Document:
    """The document in protobuf, under the hash of the JSON: it says the same."""
    return _protobuf(*_asked(server))


def definition(schema: Obj) -> Obj:
    """A schema of v3 as v2 writes it."""
    found: Obj = {}
    for key, value in schema.items():
        if key == "default":
            continue
        if key == "$ref":
            found[key] = _DEFINITIONS + value.removeprefix(schemas.SCHEMAS)
        elif key == "allOf" and len(value) == 1 and "$ref" in value[0]:
            found |= definition(value[0])
        elif key == "oneOf":
            found |= _INT_OR_STRING if schema.get("format") == "int-or-string" else {"type": "string"}
        elif key == "properties":
            found[key] = {name: definition(inner) for name, inner in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            found[key] = definition(value)
        else:
            found[key] = value
    return found


# -- making and keeping ---------------------------------------------------------------------------------


def _asked(server: APIServer) -> tuple[BuiltIn, Key]:
    documents = Documents(server)
    return tuple(sorted(documents.built_in().items(), key=lambda item: item[0])), Key(documents.custom())


@lru_cache(maxsize=4)
def _json(built_in: BuiltIn, key: Key) -> Document:
    return document(_swagger(built_in, key))


@lru_cache(maxsize=4)
def _protobuf(built_in: BuiltIn, key: Key) -> Document:
    return Document(gnostic.encode(_swagger(built_in, key)), _json(built_in, key).hash)


@lru_cache(maxsize=4)
def _swagger(built_in: BuiltIn, key: Key) -> Obj:
    wanted: dict[str, None] = dict.fromkeys(custom.names(key.found))
    pages: Obj = {root.path: _page(root) for root in ROOTS.values()}
    for root in ROOTS.values():
        wanted |= dict.fromkeys([root.answer] if root.answer else [])
    for (group, version), resources in built_in:
        for listing in (roots.of_group(group), roots.of_version(resources[0].root, group, version)):
            if listing.path != "/apis//":
                pages[listing.path] = _page(listing)
                wanted[listing.answer] = None
        wanted |= dict.fromkeys(structures(resources))
        pages |= _paths([route for resource in resources for route in routes.of_resource(resource)], set())
    types = schemas.closure(wanted, [group_version for group_version, _ in built_in])
    found = {name: definition(schema) for name, schema in types.items()}
    own = {name: schema for one in key.found for name, schema in custom.schemas_of(one).items()}
    found |= {name: definition(custom.as_v2(schema)) for name, schema in own.items()}
    pages |= _paths(routes_of(key.found), set(own))
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": RELEASE},
        "paths": dict(sorted(pages.items())),
        "definitions": dict(sorted(found.items())),
        "securityDefinitions": SECURITY,
        "security": [{"BearerToken": []}],
    }


# -- paths ----------------------------------------------------------------------------------------------


def _paths(found: list[Route], own: set[str]) -> Obj:
    pages: Obj = {}
    for path, here in by_path(found).items():
        shared = shared_parameters(here)
        item: Obj = {route.method: _operation(route, shared, own) for route in here}
        if shared:
            every = parameters_of(here[0])
            item["parameters"] = [_parameter(every[key]["name"], route_key(every[key])) for key in shared]
        pages[path] = item
    return pages


def route_key(parameter: Obj) -> tuple[str, str, str]:
    """What tells parameters of the same name apart: place, type and words."""
    return parameter["in"], parameter["schema"]["type"], parameter.get("description", "")


def _operation(route: Route, shared: list[tuple[str, str]], own: set[str]) -> Obj:
    every = parameters_of(route)
    parameters = [
        _parameter(every[key]["name"], route_key(every[key]))
        for key in sorted(every, key=lambda key: (key[1], key[0]))
        if key not in shared
    ]
    if route.body:
        parameters.insert(0, _body(_reference(route.body, own), route.body_required))
    operation: Obj = {**head(route), "consumes": list(route.consumes), "produces": list(route.produces)}
    if parameters:
        operation["parameters"] = parameters
    answers: Obj = {}
    for code, structure in route.answers:
        schema = {"$ref": _reference(structure, own)} if structure else {"type": "string"}
        answers[str(code)] = {"description": PHRASES[code], "schema": schema}
    operation["responses"] = {**answers, "401": {"description": "Unauthorized"}}
    operation["schemes"] = ["https"]
    return operation


def _reference(name: str, own: set[str]) -> str:
    return _DEFINITIONS + (name if name in own else schemas.public(name))


@lru_cache(maxsize=1024)
def _parameter(name: str, key: tuple[str, str, str]) -> Obj:
    """A parameter; the same object wherever it is the same, so that it is encoded once."""
    place, kind, words = key
    found: Obj = {"description": words} if words else {}
    found |= {"in": place, "name": name, "type": kind, "uniqueItems": True}
    return {**found, "required": True} if place == "path" else found


@lru_cache(maxsize=1024)
def _body(reference: str, required: bool) -> Obj:
    found: Obj = {"in": "body", "name": "body", "schema": {"$ref": reference}}
    return {**found, "required": True} if required else found


def _page(root: Root) -> Obj:
    schema: Obj = {"$ref": _DEFINITIONS + schemas.public(root.answer)} if root.answer else {"type": "string"}
    operation = {
        "description": root.description,
        "operationId": root.operation,
        "produces": list(root.produces),
        "responses": {
            "200": {"description": PHRASES[200], "schema": schema},
            "401": {"description": "Unauthorized"},
        },
        "schemes": ["https"],
        "tags": [root.tag],
    }
    return {"get": operation}
