"""POST: create an object.

Read top to bottom this is what happens to a manifest: form -> body -> options -> decode and default ->
admission (mutating) -> store (prepare, validate, admission (validating), put if new).
Upstream: apiserver/pkg/endpoints/handlers/create.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.apiserver import managed_fields
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.body import decode_object, read_body
from kubekit.apiserver.endpoints.options import write_options
from kubekit.apiserver.endpoints.response import form_of, respond
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry import object_meta

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


def details_of(scope: Scope) -> Obj:
    """The details of a refusal that names the resource only."""
    return {"group": scope.resource.group, "kind": scope.resource.plural}


def create(ctx: Context, scope: Scope) -> Response:
    """Answer a POST to a collection."""
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "CreateOptions")
    if scope.custom is not None and scope.custom.terminating:
        text = "create not allowed while custom resource definition is terminating"
        raise errors.StatusError(errors.status(405, "MethodNotAllowed", text, details_of(scope)))
    obj = decode_object(ctx, scope, body, options.field_validation)
    metadata = obj["metadata"]
    object_meta.wipe_system_fields(metadata)
    scope.store.check_namespace(ctx, obj)
    name = metadata.get("name", "")
    if metadata.get("ownerReferences"):
        object_meta.dedup_owner_references(ctx, metadata)
    managed_fields.on_create(ctx, scope, obj, write.manager_of(ctx, options))
    asked = write.admit(ctx, scope, name, obj, None)
    ctx.body_obj = obj
    stored = scope.store.create(ctx, scope.to_stored(obj), write.validating_new(asked))
    ctx.object = stored
    shown = scope.served(scope.store.strategy.decorate(ctx, stored))
    return respond(ctx, scope, 201, shown, form)
