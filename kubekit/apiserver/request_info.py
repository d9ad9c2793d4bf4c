"""Request info: what a path and a method ask for, before anything else is known.

The first filter of the pipeline calls `request_info(method, path, query)`; everything after it
(authorization, admission, the endpoints, the records) speaks of verb, resource and namespace and never
looks at the path again. Paths are only taken apart here. Follows
`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

    GET    /api/v1/namespaces/shop/pods/web/status  ->  get, pods/status, shop/web
    DELETE /apis/apps/v1/namespaces/shop/deployments ->  deletecollection, deployments.apps, in shop
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_SPECIAL_VERBS = frozenset({"proxy", "watch"})
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


class RequestInfo(NamedTuple):
    """What is asked: of a resource (`is_resource`), or of any other path."""

    verb: str
    path: str
    is_resource: bool = False
    prefix: str = ""
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    parts: tuple[str, ...] = ()
    verb_in_path: bool = False

    @property
    def long_running(self) -> bool:
        """Whether the request is not counted as in flight (watches, logs, streams, proxies)."""
        return self.verb in ("watch", "proxy") or self.subresource in (
            "log",
            "exec",
            "attach",
            "portforward",
            "proxy",
        )


class BadPath(ValueError):
    """The path begins like a resource path and cannot be one."""


def _truthy(values: list[str]) -> bool:
    return bool(values) and values[0].lower() not in ("false", "0")


def request_info(method: str, path: str, query: dict[str, list[str]]) -> RequestInfo:
    """Take a request's path apart; raises `BadPath`."""
    info = _parsed(method, path)
    if not info.is_resource or info.name:
        return info
    verb, name = info.verb, ""
    if verb == "get":
        verb = "watch" if _truthy(query.get("watch", [])) else "list"
        selector = query.get("fieldSelector")
        if selector and "metadata.name=" in selector[0]:
            name = _exact_name(selector[0])
    elif verb == "delete":
        verb = "deletecollection"
    if verb == info.verb and not name:
        return info
    return info._replace(verb=verb, name=name)


def _exact_name(selector: str) -> str:
    for term in selector.split(","):
        if term.startswith("metadata.name=") and not term.startswith("metadata.name=!"):
            name = term.removeprefix("metadata.name=").removeprefix("=")
            if name not in (".", "..") and "/" not in name and "%" not in name:
                return name
    return ""


@lru_cache(maxsize=4096)
def _parsed(method: str, path: str) -> RequestInfo:
    stripped = path.strip("/")
    parts = stripped.split("/") if stripped else []
    plain = RequestInfo(method.lower(), path)
    if len(parts) < 3 or parts[0] not in ("api", "apis"):
        return plain
    prefix, parts = parts[0], parts[1:]
    group = ""
    if prefix == "apis":
        if len(parts) < 3:
            return plain
        group, parts = parts[0], parts[1:]
    version, parts = parts[0], parts[1:]
    in_path = parts[0] in _SPECIAL_VERBS
    if in_path:
        if len(parts) < 2:
            raise BadPath(f"unable to determine kind and namespace from url, {path}")
        verb, parts = parts[0], parts[1:]
    else:
        verb = _VERBS.get(method, "")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    subresource = parts[2] if len(parts) >= 3 and verb not in _SPECIAL_VERBS else ""
    name = parts[1] if len(parts) >= 2 else ""
    return RequestInfo(
        verb,
        path,
        True,
        prefix,
        group,
        version,
        namespace,
        parts[0],
        subresource,
        name,
        tuple(parts),
        in_path,
    )
