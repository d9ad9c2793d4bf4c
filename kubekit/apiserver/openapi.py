"""OpenAPI v3: the API describes its types and paths, one document a group version.

`/openapi/v3` lists the documents, `/openapi/v3/apis/apps/v1` is one. kubectl reads there which fields a
kind has and what they mean (`explain`), how lists merge (`apply`), and whether a server can check fields
strictly. The structure is the schema's, the words are the reference release's (`field_docs`), custom
resources are described by their own definitions. Documents of built-in groups are made once, when somebody
asks.
Upstream: kube-openapi/pkg/handler3, apiextensions-apiserver/pkg/controller/openapiv3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kubekit.api.exchange import Response, encode_json
from kubekit.api.resources import Resource
from kubekit.apiserver import discovery, openapi_protobuf, openapi_types
from kubekit.apiserver.openapi_types import SCHEMAS, TITLE_VERSION, Reference

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

JSON = {"Content-Type": "application/json"}
BODIES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
QUERY: dict[str, tuple[tuple[str, str], ...]] = {
    "list": tuple(
        (name, kind)
        for name, kind in (
            ("allowWatchBookmarks", "boolean"),
            ("continue", "string"),
            ("fieldSelector", "string"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
            ("watch", "boolean"),
        )
    ),
    "get": (),
    "create": (("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")),
    "update": (("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")),
    "patch": (
        ("dryRun", "string"),
        ("fieldManager", "string"),
        ("fieldValidation", "string"),
        ("force", "boolean"),
    ),
    "delete": (
        ("dryRun", "string"),
        ("gracePeriodSeconds", "integer"),
        ("orphanDependents", "boolean"),
        ("propagationPolicy", "string"),
    ),
}
"""The query parameters of each verb."""

ACTIONS = {
    "create": "post",
    "update": "put",
    "get": "get",
    "list": "list",
    "patch": "patch",
    "delete": "delete",
}
METHODS = {
    "create": "post",
    "update": "put",
    "get": "get",
    "list": "get",
    "patch": "patch",
    "delete": "delete",
}


def serve(ctx: Context) -> Response:
    """/openapi/v3 and everything below."""
    path = ctx.info.path.rstrip("/").removeprefix("/openapi/v3").strip("/")
    if not path:
        return Response(200, {"paths": _index(ctx.server)}, JSON)
    parts = path.split("/")
    if parts[0] == "api" and len(parts) == 2:
        group, version = "", parts[1]
    elif parts[0] == "apis" and len(parts) == 3:
        group, version = parts[1], parts[2]
    else:
        return discovery.not_found(ctx)
    body = _document(ctx.server, group, version)
    return discovery.not_found(ctx) if body is None else Response(200, body, JSON)


def _index(server: APIServer) -> Obj:
    """Each document's path; the hash in it changes when the document does."""
    found = {}
    for group, version in sorted({(r.group, r.version) for r in server.resources()} | set(_custom(server))):
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        definitions = _custom(server).get((group, version))
        about = (
            encode_json([d["spec"] for d in definitions])
            if definitions
            else f"{TITLE_VERSION} {path}".encode()
        )
        digest = hashlib.sha256(about).hexdigest().upper()
        found[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return found


def _document(server: APIServer, group: str, version: str) -> bytes | None:
    definitions = _custom(server).get((group, version))
    if definitions:
        return encode_json(_of_definitions(definitions, group, version))
    resources = tuple(discovery.resources_of(server, group, version))
    return _of_resources(group, version, resources) if resources else None


@lru_cache(maxsize=64)
def _of_resources(group: str, version: str, resources: tuple[Resource, ...]) -> bytes:
    """The document of a built-in group version, encoded."""
    wanted: dict[str, None] = {}
    paths: Obj = {}
    for resource in resources:
        name = openapi_types.name_of(resource.api_version, resource.kind)
        if name is not None:
            paths |= _paths(resource, name)
            wanted[name] = None
            wanted |= dict.fromkeys(openapi_types.names_of_list(resource.api_version, resource.kind))
        for sub in resource.subresources.values():
            api_version = f"{sub.group}/{sub.version}" if sub.group else sub.version
            inner = openapi_types.name_of(api_version, sub.kind)
            if inner is not None:
                paths |= _subresource(
                    resource, sub.name, sub.verbs, inner, (sub.group, sub.version, sub.kind)
                )
                wanted[inner] = None
    wanted["meta.v1.DeleteOptions"] = wanted["meta.v1.Status"] = None
    return encode_json(_envelope(paths, openapi_types.closure(wanted)))


def _envelope(paths: Obj, schemas: Obj) -> Obj:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": TITLE_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


# -- the second version ---------------------------------------------------------------------------------


def serve_v2(ctx: Context) -> Response:
    """/openapi/v2: all types in one document, as JSON or, for clients before 1.28, in protobuf."""
    if ctx.info.path.rstrip("/") != "/openapi/v2":
        return discovery.not_found(ctx)
    accept = ctx.request.headers.get("accept", "")
    resources = tuple(r for r in ctx.server.resources() if openapi_types.name_of(r.api_version, r.kind))
    json_body, binary = _second(resources)
    if openapi_protobuf.MEDIA in accept or openapi_protobuf.CONTENT_TYPE in accept:
        return Response(200, binary, {"Content-Type": openapi_protobuf.CONTENT_TYPE})
    return Response(200, json_body, JSON)


@lru_cache(maxsize=4)
def _second(resources: tuple[Resource, ...]) -> tuple[bytes, bytes]:
    names = [openapi_types.name_of(r.api_version, r.kind) for r in resources]
    schemas = openapi_types.closure(name for name in names if name is not None)
    document = {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": TITLE_VERSION},
        "paths": {},
        "definitions": {name: openapi_types.second_version(schema) for name, schema in schemas.items()},
    }
    return encode_json(document), openapi_protobuf.encode(document)


# -- paths ----------------------------------------------------------------------------------------------


def _paths(resource: Resource, name: str) -> Obj:
    """The collection's and the object's path, and the collection over all namespaces."""
    kind = (resource.group, resource.version, resource.kind)
    schema = openapi_types.reference(name)
    verbs = set(resource.verbs)
    found: Obj = {}
    namespace = "{namespace}" if resource.namespaced else None
    collection, item = resource.path(namespace), resource.path(namespace, "{name}")
    whole = [verb for verb in ("list", "create") if verb in verbs]
    one = [verb for verb in ("get", "update", "delete", "patch") if verb in verbs]
    if whole:
        found[collection] = _operations(resource, whole, schema, kind, resource.namespaced, False)
    if one:
        found[item] = _operations(resource, one, schema, kind, resource.namespaced, True)
    if resource.namespaced and "list" in verbs:
        found[resource.path()] = _operations(resource, ["list"], schema, kind, False, False)
    return dict(sorted(found.items()))


def _subresource(
    resource: Resource, name: str, verbs: Iterable[str], inner: str, kind: tuple[str, str, str]
) -> Obj:
    namespace = "{namespace}" if resource.namespaced else None
    path = f"{resource.path(namespace, '{name}')}/{name}"
    wanted = [verb for verb in ("get", "create", "update", "patch", "delete") if verb in verbs]
    schema = openapi_types.reference(inner)
    return {path: _operations(resource, wanted, schema, kind, resource.namespaced, True)} if wanted else {}


def _operations(
    resource: Resource,
    verbs: Sequence[str],
    schema: Obj,
    kind: tuple[str, str, str],
    namespaced: bool,
    named: bool,
) -> Obj:
    found: Obj = {METHODS[verb]: _operation(resource, verb, schema, kind) for verb in verbs}
    where = [place for place, there in (("name", named), ("namespace", namespaced)) if there]
    if where:
        found["parameters"] = [_parameter(place, "string", "path") for place in where]
    return found


def _operation(resource: Resource, verb: str, schema: Obj, kind: tuple[str, str, str]) -> Obj:
    tag = f"{resource.group.partition('.')[0] or 'core'}_{resource.version}"
    answers = {media: {"schema": schema} for media in BODIES}
    operation: Obj = {
        "tags": [tag],
        "description": f"{verb} {resource.kind}",
        "parameters": [_parameter(name, kind_, "query") for name, kind_ in QUERY[verb]],
        "responses": {
            "200": {"description": "OK", "content": answers},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": ACTIONS[verb],
        "x-kubernetes-group-version-kind": {"group": kind[0], "version": kind[1], "kind": kind[2]},
    }
    if verb in ("create", "update"):
        operation["requestBody"] = {"content": {"*/*": {"schema": schema}}, "required": True}
    elif verb == "patch":
        patch: Reference = openapi_types.reference("meta.v1.Patch")
        operation["requestBody"] = {"content": {m: {"schema": patch} for m in PATCHES}, "required": True}
    return operation


def _parameter(name: str, kind: str, place: str) -> Obj:
    found: Obj = {"name": name, "in": place, "schema": {"type": kind, "uniqueItems": True}}
    if place == "path":
        found["required"] = True
    return found


# -- custom resources -----------------------------------------------------------------------------------


def _custom(server: APIServer) -> dict[tuple[str, str], list[Obj]]:
    """The definitions that serve each group version."""
    found: dict[tuple[str, str], list[Obj]] = {}
    store = server.store("apiextensions.k8s.io", "customresourcedefinitions")
    for definition in store.cache.span(""):
        conditions = (definition.get("status") or {}).get("conditions") or ()
        if not any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions):
            continue
        for version in definition["spec"]["versions"]:
            if version.get("served"):
                found.setdefault((definition["spec"]["group"], version["name"]), []).append(definition)
    return found


def _of_definitions(definitions: list[Obj], group: str, version: str) -> Obj:
    paths: Obj = {}
    schemas: Obj = {}
    wanted = dict.fromkeys(
        ("meta.v1.ObjectMeta", "meta.v1.ListMeta", "meta.v1.DeleteOptions", "meta.v1.Status")
    )
    for definition in definitions:
        spec = definition["spec"]
        names = spec["names"]
        served = next(v for v in spec["versions"] if v["name"] == version)
        resource = Resource(
            group, version, names["plural"], names["kind"], namespaced=spec["scope"] == "Namespaced",
            verbs=("create", "delete", "get", "list", "patch", "update"),
        )  # fmt: skip
        name = ".".join([*reversed(group.split(".")), version, names["kind"]])
        kind = (group, version, names["kind"])
        schemas[name] = _custom_schema((served.get("schema") or {}).get("openAPIV3Schema") or {}, kind)
        schema = {"$ref": f"{SCHEMAS}{name}"}
        namespace = "{namespace}" if resource.namespaced else None
        collection, item = resource.path(namespace), resource.path(namespace, "{name}")
        paths[collection] = _operations(
            resource, ["list", "create"], schema, kind, resource.namespaced, False
        )
        one = ["get", "update", "delete", "patch"]
        paths[item] = _operations(resource, one, schema, kind, resource.namespaced, True)
        for sub in served.get("subresources") or {}:
            paths[f"{item}/{sub}"] = _operations(
                resource, ["get", "update", "patch"], schema, kind, resource.namespaced, True
            )
    return _envelope(paths, {**openapi_types.closure(wanted), **schemas})


def _custom_schema(schema: Obj, kind: tuple[str, str, str]) -> Obj:
    """A definition's schema with what every object has, and its group, version and kind."""
    common = openapi_types.common_properties()
    if schema.get("x-kubernetes-preserve-unknown-fields") and not schema.get("properties"):
        shown = {**schema, "properties": common}
    else:
        shown = {**schema, "properties": {**common, **_without(schema.get("properties") or {}, common)}}
    shown.setdefault("type", "object")
    group, version, name = kind
    shown["x-kubernetes-group-version-kind"] = [{"group": group, "version": version, "kind": name}]
    return shown


def _without(properties: Obj, common: Obj) -> Obj:
    return {name: value for name, value in properties.items() if name not in common}
