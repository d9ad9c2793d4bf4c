"""Subresources: status, scale, binding and their like - parts of an object with a path and rights of their
own.

`serve(ctx, scope)` finds who answers: parts that are updated like objects (status, approval, ...) go
through the ordinary verbs with a strategy of their own; the others are functions listed in `SERVED`.
Upstream: the *REST types in pkg/registry/*/*/storage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response, WatchStream
from kubekit.apiserver.endpoints import binding, eviction, scale, token_request
from kubekit.apiserver.endpoints.connect import CONNECTED, connect
from kubekit.apiserver.endpoints.patch import patch
from kubekit.apiserver.endpoints.read import get
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.endpoints.update import update

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Answer = Response | WatchStream

SERVED: dict[tuple[str, str], Callable[[Context, Scope], Answer]] = {
    ("pods", "binding"): binding.bind_pod,
    ("pods", "eviction"): eviction.evict,
    ("serviceaccounts", "token"): token_request.create_token,
}


def serve(ctx: Context, scope: Scope) -> Answer:
    """Answer a request for a subresource."""
    from kubekit.apiserver.endpoints.dispatch import method_not_allowed, not_served

    info = ctx.info
    sub = scope.resource.subresources.get(info.subresource)
    if sub is None:
        if scope.custom is not None:
            raise errors.not_found(scope.resource, info.name)
        return not_served(ctx)
    if info.verb not in sub.verbs:
        return method_not_allowed(ctx)
    if info.subresource in CONNECTED:
        return connect(ctx, scope)
    special = SERVED.get((scope.resource.plural, info.subresource))
    if special is not None:
        return special(ctx, scope)
    if info.subresource == "scale":
        return scale.serve(ctx, scope)
    strategy = scope.strategy.subresource(info.subresource)
    if strategy is None:
        return not_served(ctx)
    if info.verb == "get":
        return get(ctx, scope)
    if info.verb == "update":
        return update(ctx, scope, strategy)
    return patch(ctx, scope, strategy)
