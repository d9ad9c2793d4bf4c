"""GET ?watch=true: a stream of changes, from now, from a revision, or after a replay of everything there is.

Without a resourceVersion (or with 0) the stream begins with an ADDED event for each object; with one it
begins with the remembered events after it, or is one ERROR event (410) when they have left the window.
`sendInitialEvents` replays everything and then sends a bookmark annotated `k8s.io/initial-events-end`.
Upstream: apiserver/pkg/endpoints/handlers/watch.go, apiserver/pkg/storage/cacher/cacher.go.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response, WatchEvent, WatchStream
from kubekit.apiserver.endpoints import paging
from kubekit.apiserver.endpoints.negotiation import Form
from kubekit.apiserver.endpoints.options import list_options
from kubekit.apiserver.endpoints.response import as_form, form_of
from kubekit.apiserver.endpoints.scope import Scope, same
from kubekit.apiserver.endpoints.selection import Selection
from kubekit.apiserver.watch_cache import EVERYTHING, CacheEvent, TooOld, Transform, Watcher

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.server import APIServer

Obj = dict[str, Any]

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def watch(ctx: Context, scope: Scope) -> WatchStream | Response:
    """Open a watch."""
    form = form_of(ctx)
    options = list_options(ctx)
    selection = Selection.of(ctx, scope, options)
    start = paging.parse_revision(options.resource_version)
    cache = scope.store.cache
    stream = WatchStream(headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
    name, transform = _form(ctx, scope, form)
    watcher = Watcher(
        stream,
        route_of(ctx, scope, selection),
        _with_namespace(ctx, scope, selection),
        ctx.request.source or ctx.user.name,
        partial(bookmark, scope, transform) if options.allow_bookmarks else None,
        name,
        transform,
    )
    present = ctx.server.storage.revision()
    replay = start == 0 or options.send_initial_events is True
    if options.send_initial_events is True and start > present:
        return _failed(stream, paging.too_large(start, present))
    if options.send_initial_events is False and start == 0:
        replay = False
    if replay:
        _send_all(ctx, scope, watcher)
        watcher.heard = present
        if options.send_initial_events and options.allow_bookmarks:
            last = max(cache.revision, present)
            stream.send(bookmark(scope, transform, last, end_of_initial=True))
    elif start:
        try:
            missed = cache.since(start)
        except TooOld as error:
            return _failed(stream, errors.expired(str(error)))
        for event in missed:
            send(watcher, event)
        watcher.heard = present
    cache.add(watcher)
    seconds = options.timeout_seconds
    if seconds:
        handle = ctx.server.loop.call_later(
            seconds, ctx.server.name, stream.close, what="end of a watch (timeoutSeconds)", background=True
        )
        stream.on_close(handle.cancel)
    return stream


def _failed(stream: WatchStream, error: errors.StatusError) -> WatchStream:
    """The stream has begun when this is noticed: what is wrong is its one event."""
    stream.send(WatchEvent("ERROR", error.status))
    stream.close()
    return stream


def send(watcher: Watcher, event: CacheEvent) -> None:
    """Tell one watcher of a past event, if it concerns it."""
    verdict = watcher.verdict(event)
    if verdict:
        watcher.stream.send(event.for_watcher(verdict, watcher.form, watcher.transform))


def _send_all(ctx: Context, scope: Scope, watcher: Watcher) -> None:
    namespace = ctx.info.namespace if scope.resource.namespaced else ""
    for obj in scope.store.cache.span(namespace):
        if watcher.matches is None or watcher.matches(obj):
            shown = watcher.transform(obj) if watcher.transform is not None else obj
            watcher.stream.send(WatchEvent("ADDED", shown, ctx.server.loop.trace.cause))


def route_of(ctx: Context, scope: Scope, selection: Selection) -> tuple[str, str]:
    """By what the cache finds this watcher: a routed field, a name, a namespace, or everything."""
    for field in scope.store.cache.routes:
        value = selection.exact(field)
        if value is not None:
            return field, value
    if selection.name:
        return "metadata.name", selection.name
    if ctx.info.namespace and scope.resource.namespaced:
        return "metadata.namespace", ctx.info.namespace
    return EVERYTHING


def _with_namespace(ctx: Context, scope: Scope, selection: Selection) -> Any:
    matches = selection.predicate()
    namespace = ctx.info.namespace if scope.resource.namespaced else ""
    if not namespace:
        return matches
    if matches is None:
        return lambda obj: obj["metadata"].get("namespace") == namespace
    both = matches
    return lambda obj: obj["metadata"].get("namespace") == namespace and both(obj)


def _form(ctx: Context, scope: Scope, form: Form) -> tuple[Any, Transform | None]:
    """(what names the form, how an object gets it): watchers of the same form share their events."""
    if not form.kind:
        if scope.to_served is same:
            return None, None
        return scope.resource.api_version, scope.to_served
    include = ctx.request.param("includeObject")
    first = True

    def shape(obj: Obj) -> Obj:
        nonlocal first
        shown = as_form(ctx, scope, scope.served(obj), form)
        if form.kind == "Table":
            if not first:
                shown = {**shown, "columnDefinitions": None}
            first = False
        return shown

    if form.kind == "Table":
        # Only the first table of a stream has its columns: such events cannot be shared.
        return (object(),), shape
    return (scope.resource.api_version, form.kind, form.version, include), shape


def bookmark(
    scope: Scope, transform: Transform | None, revision: int, end_of_initial: bool = False
) -> WatchEvent:
    """A BOOKMARK: nothing but the revision up to which the watcher has heard everything, in its form."""
    metadata: Obj = {"resourceVersion": str(revision)}
    if end_of_initial:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    resource = scope.resource
    obj: Obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    if scope.custom is None:
        obj.update(scope.store.strategy.empty_fields())
    if transform is not None and scope.to_served is same:
        obj = transform(obj)
    return WatchEvent("BOOKMARK", obj)


def send_bookmarks(server: APIServer) -> None:
    """Tell every watch that wants to know, and has heard nothing lately, how far it has come."""
    for cache in server.caches():
        for watcher in list(cache.watchers()):
            if watcher.bookmark is not None and watcher.heard < cache.revision:
                watcher.heard = cache.revision
                watcher.stream.send(watcher.bookmark(cache.revision))
