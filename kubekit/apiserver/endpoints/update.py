"""PUT: replace an object, or one of its subresources.

Upstream: apiserver/pkg/endpoints/handlers/update.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.meta import deep_copy
from kubekit.apiserver import managed_fields
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.body import decode_object, read_body
from kubekit.apiserver.endpoints.options import write_options
from kubekit.apiserver.endpoints.response import form_of, respond
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry import object_meta
from kubekit.apiserver.registry.strategy import Strategy

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


def update(ctx: Context, scope: Scope, strategy: Strategy | None = None) -> Response:
    """Answer a PUT; `strategy` is a subresource's."""
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "UpdateOptions")
    obj = decode_object(ctx, scope, body, options.field_validation)
    metadata = obj["metadata"]
    name = ctx.info.name
    scope.store.check_namespace(ctx, obj)
    check_name(metadata, name)
    object_meta.dedup_owner_references(ctx, metadata)
    ctx.body_obj = obj
    manager = write.manager_of(ctx, options)
    first = True

    def change(existing: Obj | None) -> Obj:
        nonlocal first
        new = obj if first else deep_copy(obj)
        first = False
        old = None if existing is None else scope.served(existing)
        managed_fields.on_update(ctx, scope, new, old, manager)
        write.admit(ctx, scope, name, new, old)
        return scope.to_stored(new)

    stored, created = scope.store.update(
        ctx,
        ctx.info.namespace,
        name,
        change,
        write.validating(ctx, scope, name, by_put=True),
        strategy=strategy,
        uid=metadata.get("uid") or "",
    )
    ctx.object = stored
    shown = scope.served(scope.strategy.decorate(ctx, stored))
    return respond(ctx, scope, 201 if created else 200, shown, form)


def check_name(metadata: Obj, name: str) -> None:
    """The object's name must be the path's."""
    given = metadata.get("name") or ""
    if not given:
        text = f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        raise errors.bad_request(text)
    if given != name:
        text = f"the name of the object ({given}) does not match the name on the URL ({name})"
        raise errors.bad_request(text)
