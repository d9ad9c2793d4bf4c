"""The routes of a group version: each verb on each resource, as the documents list them.

`of_resource(resource)` and `of_definition(...)` give `Route`s, which know names of structures and parameters
but no form of document; `paths` writes them down as OpenAPI v3, `swagger` as OpenAPI v2. Upstream:
apiserver/pkg/endpoints/installer.go, apiserver/pkg/endpoints/openapi, and for custom resources
apiextensions-apiserver/pkg/controller/openapi/builder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kubekit.api.resources import Resource, Subresource
from kubekit.apiserver.openapi.schemas import name_of
from kubekit.apiserver.registry.traits import traits_of

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
MEDIA = (JSON, YAML, PROTOBUF)
STREAMS = (*MEDIA, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
CUSTOM_MEDIA, CUSTOM_PATCHES = (JSON, YAML), (PATCHES[0], PATCHES[1], PATCHES[3])
STATUS, PATCH, DELETE_OPTIONS = (
    "meta.v1.Status",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "meta.v1.DeleteOptions",
)
CONNECT = {
    "attach": ("GET", "POST"),
    "exec": ("GET", "POST"),
    "portforward": ("GET", "POST"),
    "proxy": ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"),
}
"""Subresources that are a connection, and their methods."""

_OPERATIONS = {
    "get": ("read", "get", "get"),
    "list": ("list", "get", "list"),
    "create": ("create", "post", "post"),
    "update": ("replace", "put", "put"),
    "patch": ("patch", "patch", "patch"),
    "delete": ("delete", "delete", "delete"),
    "deletecollection": ("deletecollection", "delete", "deletecollection"),
    "watch": ("watch", "get", "watch"),
    "watchlist": ("watch", "get", "watchlist"),
}
"""Verb -> (its word in operation names, HTTP method, x-kubernetes-action)."""

_LISTED = ". deprecated: use the 'watch' parameter with a list operation instead"
_DOCS = {
    "get": "read{of} the specified {kind}",
    "list": "list{of} objects of kind {kind}",
    "listwatch": "list or watch{of} objects of kind {kind}",
    "create": "create{of}{article}{kind}",
    "update": "replace{of} the specified {kind}",
    "patch": "partially update{of} the specified {kind}",
    "delete": "delete{of}{article}{kind}",
    "deletecollection": "delete collection of {kind}",
    "watch": "watch changes to an object of kind {kind}" + _LISTED
    + ", filtered to a single item with the 'fieldSelector' parameter.",
    "watchlist": "watch individual changes to a list of {kind}" + _LISTED + ".",
    "connect": "connect {method} requests to{of} {kind}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: what it takes and gives. Structures have the names of `schemas`; "" is plain text."""

    path: str
    method: str
    verb: str
    """As the operation's name begins: ``list``, ``replace``."""
    rest: str
    """As it goes on after the group and version: ``NamespacedPodForAllNamespaces``."""
    description: str
    action: str = ""
    options: str = ""
    """Whose query parameters it has (see `parameters.OPTIONS`)."""
    kind: tuple[str, str, str] = ("", "", "")
    subject: str = ""
    """The kind that the path's name is of."""
    body: str = ""
    body_required: bool = True
    consumes: tuple[str, ...] = ("*/*",)
    produces: tuple[str, ...] = MEDIA
    answers: tuple[tuple[int, str], ...] = ()
    places: tuple[str, ...] = field(default=())
    """Parameters in the path."""


def of_resource(resource: Resource) -> Iterator[Route]:
    """The routes of a built-in resource and its subresources."""
    structure = name_of(resource.api_version, resource.kind)
    if structure is None:
        return
    whole, item, everywhere = _paths(resource)
    verbs = set(resource.verbs)
    for verb in ("list", "create", "deletecollection"):
        if verb in verbs:
            yield _route(resource, verb, whole, structure)
    for verb in ("get", "update", "delete", "patch"):
        if verb in verbs:
            yield _route(resource, verb, item, structure)
    if "list" in verbs and resource.namespaced:
        yield _route(resource, "list", everywhere, structure, everywhere=True)
    if "watch" in verbs:
        yield _route(resource, "watchlist", _watched(resource, whole), structure)
        yield _route(resource, "watch", _watched(resource, item), structure)
        if resource.namespaced:
            yield _route(resource, "watchlist", _watched(resource, everywhere), structure, everywhere=True)
    for name in sorted(resource.subresources):
        yield from _of_subresource(resource, resource.subresources[name], item)


def of_definition(resource: Resource, structure: str, subresources: list[str]) -> Iterator[Route]:
    """The routes of a custom resource; `structure` is the public name of its schema."""
    whole, item, everywhere = _paths(resource)
    listing = structure.removesuffix(resource.kind) + resource.list_kind
    if resource.namespaced:
        yield _custom(resource, "list", everywhere, listing, everywhere=True)
    for verb, answer in (("list", listing), ("create", structure), ("deletecollection", STATUS)):
        yield _custom(resource, verb, whole, answer)
    for verb, answer in (("get", structure), ("update", structure), ("delete", STATUS), ("patch", structure)):
        yield _custom(resource, verb, item, answer)
    for name in subresources:
        inner = "autoscaling.v1.Scale" if name == "scale" else structure
        for verb in ("get", "update", "patch"):
            yield _custom(resource, verb, f"{item}/{name}", inner, sub=name)


def group_of(group: str) -> str:
    """How operation names write a group: ``RbacAuthorization``, ``Core``."""
    words = re.split(r"[^a-zA-Z0-9_]", group.removesuffix(".k8s.io") or "core")
    return "".join(word[:1].upper() + word[1:] for word in words)


def tag_of(group: str, version: str = "") -> str:
    """The tag of a group version's operations: ``rbacAuthorization_v1``."""
    name = group_of(group)
    return name[:1].lower() + name[1:] + (f"_{version}" if version else "")


# -- details --------------------------------------------------------------------------------------------


def _paths(resource: Resource) -> tuple[str, str, str]:
    """The paths of the collection, of one object, and of the collection in all namespaces."""
    namespace = "{namespace}" if resource.namespaced else None
    return resource.path(namespace), resource.path(namespace, "{name}"), resource.path()


def _watched(resource: Resource, path: str) -> str:
    return f"{resource.root}/watch{path.removeprefix(resource.root)}"


def _places(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\{(\w+)\}", path))


def _kind(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.kind


def _article(kind: str) -> str:
    """Between a verb and a kind; plurals have none."""
    if kind.endswith("s") and not kind.endswith("ss"):
        return " "
    return " an " if kind[0].lower() in "aeiou" else " a "


def _text(verb: str, kind: str, sub: str = "", method: str = "") -> str:
    of = f" {sub} of" if sub else ""
    return _DOCS[verb].format(kind=kind, of=of, article=_article(kind), method=method)


def _route(resource: Resource, verb: str, path: str, structure: str, everywhere: bool = False) -> Route:
    word, method, action = _OPERATIONS[verb]
    scope = "Namespaced" if resource.namespaced and not everywhere else ""
    rest = f"{scope}{resource.kind}{'List' if verb == 'watchlist' else ''}"
    if everywhere:
        rest += "ForAllNamespaces"
    if verb == "deletecollection":
        word, rest = "delete", f"Collection{rest}"
    deleted = structure if traits_of(resource.group, resource.plural).returns_deleted else STATUS
    listing = f"{structure}List"
    answers = {
        "list": ((200, listing),),
        "create": ((200, structure), (201, structure), (202, structure)),
        "update": ((200, structure), (201, structure)),
        "patch": ((200, structure), (201, structure)),
        "delete": ((200, deleted), (202, deleted)),
        "deletecollection": ((200, STATUS),),
        "watch": ((200, "meta.v1.WatchEvent"),),
        "watchlist": ((200, "meta.v1.WatchEvent"),),
    }.get(verb, ((200, structure),))
    body = {"create": structure, "update": structure, "patch": PATCH}.get(verb, "")
    deletes = verb in ("delete", "deletecollection")
    return Route(
        path, method, word, rest,
        _text("listwatch" if verb == "list" and "watch" in resource.verbs else verb, resource.kind),
        action=action, options=action, kind=_kind(resource), subject=resource.kind,
        body=DELETE_OPTIONS if deletes else body, body_required=not deletes,
        consumes=PATCHES if verb == "patch" else ("*/*",),
        produces=STREAMS if verb in ("list", "watch", "watchlist") else MEDIA,
        answers=answers, places=_places(path),
    )  # fmt: skip


def _of_subresource(resource: Resource, sub: Subresource, item: str) -> Iterator[Route]:
    scope = "Namespaced" if resource.namespaced else ""
    path = f"{item}/{sub.name}"
    kind = (sub.group, sub.version, sub.kind)
    rest = f"{scope}{resource.kind}{sub.name.capitalize()}"
    if sub.name in CONNECT:
        places = {path: ""} | ({f"{path}/{{path}}": "WithPath"} if sub.name == "proxy" else {})
        for place, suffix in places.items():
            for method in CONNECT[sub.name]:
                yield Route(
                    place, method.lower(), "connect", f"{method.capitalize()}{rest}{suffix}",
                    _text("connect", resource.kind, sub.name, method),
                    action="connect", options=sub.name, kind=kind, subject=sub.kind,
                    produces=("*/*",), answers=((200, ""),), places=_places(place),
                )  # fmt: skip
        return
    if sub.name == "log":
        yield Route(
            path, "get", "read", rest, _text("get", resource.kind, sub.name),
            action="get", options="log", kind=kind, subject=resource.kind,
            produces=("text/plain", *MEDIA), answers=((200, ""),), places=_places(path),
        )  # fmt: skip
        return
    api_version = f"{sub.group}/{sub.version}" if sub.group else sub.version
    structure = name_of(api_version, sub.kind)
    if structure is None:
        return
    for verb in ("get", "create", "update", "patch"):
        if verb in sub.verbs:
            word, method, action = _OPERATIONS[verb]
            codes = {"get": (200,), "create": (200, 201, 202)}.get(verb, (200, 201))
            yield Route(
                path, method, word, rest, _text(verb, resource.kind, sub.name),
                action=action, options=action, kind=kind, subject=sub.kind,
                body={"get": "", "patch": PATCH}.get(verb, structure),
                consumes=PATCHES if verb == "patch" else ("*/*",),
                answers=tuple((code, structure) for code in codes), places=_places(path),
            )  # fmt: skip


def _custom(
    resource: Resource, verb: str, path: str, answer: str, everywhere: bool = False, sub: str = ""
) -> Route:
    word, method, action = _OPERATIONS[verb]
    rest = ("Namespaced" if resource.namespaced and not everywhere else "") + resource.kind + sub.capitalize()
    if everywhere:
        rest += "ForAllNamespaces"
    if verb == "deletecollection":
        word, rest = "delete", f"Collection{rest}"
    codes = {"create": (200, 201, 202), "update": (200, 201), "delete": (200, 202)}.get(verb, (200,))
    body = {"create": answer, "update": answer, "patch": PATCH, "delete": DELETE_OPTIONS}.get(verb, "")
    return Route(
        path, method, word, rest, _text(verb, resource.kind, sub),
        action=action, options="list" if verb == "deletecollection" else action,
        kind=_kind(resource), subject=resource.kind,
        body=body, body_required=verb != "delete",
        consumes=CUSTOM_PATCHES if verb == "patch" else CUSTOM_MEDIA, produces=CUSTOM_MEDIA,
        answers=tuple((code, answer) for code in codes), places=_places(path),
    )  # fmt: skip
