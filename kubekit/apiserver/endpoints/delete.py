"""DELETE: of one object, and of a whole collection.

Upstream: apiserver/pkg/endpoints/handlers/delete.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.schema import CompiledType, struct_of
from kubekit.apiserver.admission.plugin import DELETE
from kubekit.apiserver.endpoints import body as bodies
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.options import META_GROUP, check_dry_run, list_options, parse_int
from kubekit.apiserver.endpoints.read import Selected, list_object, selected
from kubekit.apiserver.endpoints.response import answer, form_of, respond
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry.deletion import delete as delete_object
from kubekit.apiserver.registry.store import deletion_status

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

_DELETE_OPTIONS = CompiledType("v1", "DeleteOptions", struct_of("meta.v1.DeleteOptions"))
POLICIES = ("Foreground", "Background", "Orphan", "nil")


def delete(ctx: Context, scope: Scope) -> Response:
    """Answer a DELETE of one object."""
    form = form_of(ctx)
    options = delete_options(ctx)
    name = ctx.info.name
    given_orphan = options.get("orphanDependents")
    for text in scope.strategy.warnings_on_delete(ctx, options):
        ctx.warn(text)
    result = delete_object(
        scope.store,
        ctx,
        ctx.info.namespace,
        name,
        options,
        lambda existing: _admit(ctx, scope, name, existing),
    )
    ctx.object = result.obj
    status = 202 if not result.gone and given_orphan is False else 200
    if scope.strategy.traits.returns_deleted or not result.gone:
        shown = scope.served(scope.strategy.decorate(ctx, result.obj))
        return respond(ctx, scope, status, shown, form)
    return answer(status, deletion_status(scope.resource, result.obj), form)


def _admission(ctx: Context, scope: Scope, name: str) -> Callable[[Obj], None]:
    """The admission of one deletion, as the store calls it."""
    return lambda existing: _admit(ctx, scope, name, existing)


def _admit(ctx: Context, scope: Scope, name: str, existing: Obj) -> None:
    asked = write.attributes(ctx, scope, DELETE, name, None, existing)
    ctx.server.admission.admit(asked)
    ctx.server.admission.validate(asked)


def delete_options(ctx: Context) -> Obj:
    """The DeleteOptions of the body or the query, private to the request; sets `ctx.dry_run`."""
    body = bodies.read_body(ctx)
    options = _from_body(ctx, body) if body else _from_query(ctx)
    if body and ctx.trail is not None:
        ctx.trail.sent(options)
    problems = []
    policy = options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        problems.append(fields.invalid("propagationPolicy", policy, text))
    if policy is not None and policy not in POLICIES[:3]:
        problems.append(fields.not_supported("propagationPolicy", policy, POLICIES))
    problems += check_dry_run(options.get("dryRun") or [])
    if problems:
        raise errors.invalid("DeleteOptions", META_GROUP, "", problems)
    ctx.dry_run = bool(options.get("dryRun"))
    return options


def _from_body(ctx: Context, body: bytes | Any) -> Obj:
    value = bodies.parse(ctx, body, "DeleteOptions")
    version, kind = bodies.identify(value, body, "DeleteOptions")
    if kind not in ("", "DeleteOptions"):
        short = version.rpartition("/")[2] or "v1"
        raise errors.bad_request(f'no kind "{kind}" is registered for version "{version or short}"')
    try:
        options, _ = _DELETE_OPTIONS.decode(value or {}, strict="Ignore")
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    return dict(options)


def _from_query(ctx: Context) -> Obj:
    query = ctx.request.query
    options: Obj = {}
    if query.get("gracePeriodSeconds"):
        options["gracePeriodSeconds"] = parse_int(query["gracePeriodSeconds"][0])
    if query.get("orphanDependents"):
        options["orphanDependents"] = query["orphanDependents"][0].lower() not in ("false", "0")
    if query.get("propagationPolicy"):
        options["propagationPolicy"] = query["propagationPolicy"][0]
    if query.get("dryRun"):
        options["dryRun"] = query["dryRun"]
    return options


def delete_collection(ctx: Context, scope: Scope) -> Response:
    """Answer a DELETE of a collection: every object that the selectors choose."""
    form = form_of(ctx)
    listed = list_options(ctx)
    chosen = selected(ctx, scope, listed)
    options = delete_options(ctx)
    for text in scope.strategy.warnings_on_delete(ctx, options):
        ctx.warn(text)
    gone: list[Obj] = []
    for obj in chosen.items:
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        try:
            # Admission is asked about the collection, and so without a name.
            result = delete_object(scope.store, ctx, namespace, name, options, _admission(ctx, scope, ""))
        except errors.StatusError as error:
            if error.code != 404:
                raise
        else:
            gone.append(obj if ctx.dry_run or result.gone else result.obj)
    shown = Selected(gone, chosen.revision, chosen.continue_, chosen.remaining)
    return list_object(ctx, scope, shown, form)
