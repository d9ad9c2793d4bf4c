"""GET: one object, or a list.

Lists are served from the watch cache in key order. With `limit` a list comes in pages; the continue token
holds the revision and the key where it goes on, and later pages are read from the store at that revision,
so that all pages together are one moment. Upstream: apiserver/pkg/endpoints/handlers/get.go, pkg/storage
(continue.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.apiserver.endpoints import paging
from kubekit.apiserver.endpoints.negotiation import Form
from kubekit.apiserver.endpoints.options import ListOptions, list_options
from kubekit.apiserver.endpoints.response import (
    answer,
    form_of,
    list_refusal,
    partial,
    respond,
    table,
)
from kubekit.apiserver.endpoints.scope import Scope, same
from kubekit.apiserver.endpoints.selection import Selection
from kubekit.apiserver.storage import complaint
from kubekit.apiserver.watch_cache import bare

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


def get(ctx: Context, scope: Scope) -> Response:
    """Answer a GET of one object."""
    accept = ctx.request.headers.get("accept")
    if accept is None and not ctx.request.query:
        ctx.server.storage.agree()
        obj = scope.store.get(ctx.info.namespace, ctx.info.name)
        return Response(200, scope.served(scope.strategy.decorate(ctx, obj)), _JSON)
    form = form_of(ctx)
    paging.check_fresh(ctx, scope, ctx.request.param("resourceVersion"))
    obj = scope.store.get(ctx.info.namespace, ctx.info.name)
    return respond(ctx, scope, 200, scope.served(scope.strategy.decorate(ctx, obj)), form)


_JSON = {"Content-Type": "application/json"}


def list_(ctx: Context, scope: Scope) -> Response:
    """Answer a GET of a collection."""
    form = form_of(ctx)
    options = list_options(ctx)
    return list_object(ctx, scope, selected(ctx, scope, options), form)


class Selected:
    """The objects of a list, with what its metadata says."""

    __slots__ = ("all_of", "continue_", "items", "remaining", "revision")

    def __init__(
        self,
        items: list[Obj],
        revision: int,
        continue_: str = "",
        remaining: int | None = None,
        all_of: str | None = None,
    ) -> None:
        self.items = items
        self.revision = revision
        self.continue_ = continue_
        self.remaining = remaining
        self.all_of = all_of
        """The namespace ("" for all) of which these are all objects in the watch cache; None: a choice."""


def selected(ctx: Context, scope: Scope, options: ListOptions) -> Selected:
    """The stored objects that a list's options choose."""
    selection = Selection.of(ctx, scope, options)
    namespace = ctx.info.namespace if scope.resource.namespaced else ""
    cache = scope.store.cache
    if cache.broken:
        key, why = next(iter(cache.broken.items()))
        raise errors.internal_error(complaint(key, why, listing=True))
    exact = options.resource_version_match == "Exact"
    if options.continue_ or exact or (options.limit and options.resource_version != "0"):
        return _paged(ctx, scope, options, selection.predicate(), namespace)
    paging.check_fresh(ctx, scope, options.resource_version)
    if selection.name and selection.only_name and (namespace or not scope.resource.namespaced):
        obj = cache.objects.get(scope.store.key(namespace, selection.name))
        found = [] if obj is None else [obj]
        return Selected(found, ctx.server.storage.revision())
    found = cache.span(namespace)
    matches = selection.predicate()
    if matches is not None:
        found = [obj for obj in found if matches(obj)]
        return Selected(found, ctx.server.storage.revision())
    return Selected(found, ctx.server.storage.revision(), all_of=namespace)


def _paged(
    ctx: Context, scope: Scope, options: ListOptions, matches: Callable[[Obj], bool] | None, namespace: str
) -> Selected:
    page = paging.read(ctx, scope, options, matches, namespace)
    return Selected(page.items, page.revision, page.token, page.remaining)


def list_object(ctx: Context, scope: Scope, chosen: Selected, form: Form) -> Response:
    """A list in the form that was asked for."""
    metadata: Obj = {"resourceVersion": str(chosen.revision)}
    if chosen.continue_:
        metadata["continue"] = chosen.continue_
        if chosen.remaining is not None:
            metadata["remainingItemCount"] = chosen.remaining
    if scope.custom is not None:
        metadata.setdefault("continue", "")
    strategy = scope.strategy
    objects = chosen.items
    as_stored = True
    if type(strategy).decorate is not _PLAIN_DECORATE:
        objects, as_stored = [strategy.decorate(ctx, obj) for obj in objects], False
    if scope.to_served is not same:
        objects, as_stored = [scope.served(obj) for obj in objects], False
    refused = list_refusal(scope, form)
    if refused is not None:
        raise refused
    if form.kind == "Table":
        return answer(200, table(ctx, scope, objects, metadata, form), form)
    if form.kind:
        items: list[Obj] | None = [partial(obj, form.version) for obj in objects] or None
        kind, version = "PartialObjectMetadataList", form.version
    elif scope.custom is not None:
        items, kind, version = objects, scope.custom.list_kind, scope.resource.api_version
    else:
        if as_stored and chosen.all_of is not None:
            items = scope.store.cache.listed(chosen.all_of)
        else:
            items = [bare(obj) for obj in objects]
        kind, version = scope.resource.list_kind, scope.resource.api_version
    return answer(200, {"kind": kind, "apiVersion": version, "metadata": metadata, "items": items}, form)


def _plain_decorate() -> Any:
    from kubekit.apiserver.registry.strategy import Strategy

    return Strategy.decorate


_PLAIN_DECORATE = _plain_decorate()
