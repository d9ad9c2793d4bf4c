"""Routes as OpenAPI v3 writes them down: one item a path, one operation a method.

`paths(routes, reference)` gives the `paths` of a document. A parameter that all operations of a path have
stands once, at the path. kubectl looks here whether a server checks fields strictly: it searches the PATCH of
a kind, by `x-kubernetes-group-version-kind`, for the parameter `fieldValidation`. Upstream:
k8s.io/kube-openapi/pkg/builder3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kubekit.apiserver.openapi import parameters
from kubekit.apiserver.openapi.routes import Route, group_of, tag_of

Obj = dict[str, Any]

PHRASES = {200: "OK", 201: "Created", 202: "Accepted"}


def by_path(routes: Iterable[Route]) -> dict[str, list[Route]]:
    """The routes of each path, paths sorted."""
    found: dict[str, list[Route]] = {}
    for route in routes:
        found.setdefault(route.path, []).append(route)
    return dict(sorted(found.items()))


def parameters_of(route: Route) -> dict[tuple[str, str], Obj]:
    """A route's parameters of the query and the path, by place and name."""
    found = {("path", name): parameters.path(name, route.subject) for name in route.places}
    if route.options:
        found |= {("query", name): one for name, one in parameters.query(route.options).items()}
    return found


def shared_parameters(routes: list[Route]) -> list[tuple[str, str]]:
    """The parameters that all routes of a path have, sorted by name."""
    first, *others = [parameters_of(route) for route in routes]
    shared = [key for key in first if all(key in other for other in others)]
    return sorted(shared, key=lambda key: (key[1], key[0]))


def head(route: Route) -> Obj:
    """What an operation is called and what it is about, as both versions of OpenAPI write it."""
    group, version, kind = route.kind
    owner = route.path.split("/")[2] if route.path.startswith("/apis/") else ""
    within = route.path.split("/")[3 if owner else 2]
    found: Obj = {
        "description": route.description,
        "operationId": f"{route.verb}{group_of(owner)}{within.capitalize()}{route.rest}",
        "tags": [tag_of(owner, within)],
    }
    if route.action:
        found["x-kubernetes-action"] = route.action
        found["x-kubernetes-group-version-kind"] = {"group": group, "kind": kind, "version": version}
    return found


def paths(routes: Iterable[Route], reference: Callable[[str], Obj]) -> Obj:
    """Path -> its operations; `reference` makes the reference to a structure."""
    found: Obj = {}
    for path, here in by_path(routes).items():
        shared = shared_parameters(here)
        item: Obj = {route.method: _operation(route, shared, reference) for route in here}
        if shared:
            every = parameters_of(here[0])
            item["parameters"] = [every[key] for key in shared]
        found[path] = item
    return found


def _operation(route: Route, shared: list[tuple[str, str]], reference: Callable[[str], Obj]) -> Obj:
    own = parameters_of(route)
    operation = head(route)
    if left := [own[key] for key in sorted(own, key=lambda key: (key[1], key[0])) if key not in shared]:
        operation["parameters"] = left
    if route.body:
        content = {media: {"schema": reference(route.body)} for media in route.consumes}
        operation["requestBody"] = {"content": content}
        if route.body_required:
            operation["requestBody"]["required"] = True
    answers: Obj = {}
    for code, structure in route.answers:
        schema = reference(structure) if structure else {"type": "string"}
        content = {media: {"schema": schema} for media in route.produces}
        answers[str(code)] = {"content": content, "description": PHRASES[code]}
    operation["responses"] = {**answers, "401": {"description": "Unauthorized"}}
    return operation
