"""Dispatch: the innermost end of the pipeline, from a request's info to the verb that answers it.

`dispatch(ctx)` finds the scope of the resource, or the page of a non-resource path, and refuses what is
not served with the real texts (404 for unknown paths, 405 for known ones with another method). Each verb
is a function of `(ctx, scope)`. Upstream: apiserver/pkg/endpoints/installer.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response, WatchStream
from kubekit.api.resources import RESOURCES
from kubekit.apiserver.endpoints import pages, subresources
from kubekit.apiserver.endpoints.create import create
from kubekit.apiserver.endpoints.delete import delete, delete_collection
from kubekit.apiserver.endpoints.patch import patch
from kubekit.apiserver.endpoints.read import get, list_
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.endpoints.update import update
from kubekit.apiserver.endpoints.watch import watch
from kubekit.apiserver.registry.builtin import VIRTUAL

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Answer = Response | WatchStream

BUILT_IN = frozenset(resource.group for resource in RESOURCES)

VERBS: dict[str, Callable[[Context, Scope], Answer]] = {
    "create": create,
    "get": get,
    "list": list_,
    "watch": watch,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": delete_collection,
}


def dispatch(ctx: Context) -> Answer:
    """Answer a request that has passed every filter."""
    info = ctx.info
    if not info.is_resource:
        return pages.page(ctx)
    scope = ctx.server.scope(info.group, info.version, info.resource)
    if scope is None:
        return not_served(ctx)
    resource = scope.resource
    ctx.resource = resource
    ctx.subject = ctx.server.subject(resource, info)
    if scope.deprecation:
        ctx.warn(scope.deprecation)
        ctx.annotate("k8s.io/deprecated", "true")
    if info.subresource:
        return subresources.serve(ctx, scope)
    verb = info.verb
    if len(info.parts) > 2 or not ((resource.namespaced and info.namespace) or _placed(ctx, scope)):
        return not_served(ctx)
    if (verb == "create" and len(info.parts) > 1) or (verb in ("update", "patch") and len(info.parts) == 1):
        return method_not_allowed(ctx)
    if resource.namespaced and not info.namespace and verb not in ("list", "watch"):
        # Objects of all namespaces can be looked at; to write, one says which.
        return method_not_allowed(ctx) if scope.custom is None else not_served(ctx)
    if verb in resource.verbs or (info.verb_in_path and verb == "watch"):
        special = ctx.server.special(resource) if resource.plural in VIRTUAL else None
        return VERBS[verb](ctx, scope) if special is None else special(ctx, scope)
    return method_not_allowed(ctx)


def _placed(ctx: Context, scope: Scope) -> bool:
    """Whether the path fits the scope: no namespace before cluster objects, one before namespaced ones."""
    info = ctx.info
    if not scope.resource.namespaced:
        return not info.namespace or scope.resource.plural == "namespaces"
    if info.namespace:
        return True
    if len(info.parts) > 1:
        return False
    return info.verb in ("list", "watch", "create", "deletecollection", "update", "patch", "delete")


def not_served(ctx: Context) -> Response:
    """Nothing is served at this path: a Status below the built-in groups, plain text anywhere else."""
    ctx.refused("Endpoint", "no such path")
    if ctx.info.group in BUILT_IN:
        raise errors.page_not_found()
    return Response(404, "404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})


def method_not_allowed(ctx: Context) -> Response:
    """The path is served, but not with this method."""
    ctx.refused("Endpoint", "no such method here")
    raise errors.no_such_method()
