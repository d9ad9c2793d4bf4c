"""What the writing verbs share: admission attributes, field managers, and the authorization of a create by
PUT.

Upstream: apiserver/pkg/endpoints/handlers/create.go, update.go, patch.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.apiserver.admission.plugin import CREATE, UPDATE, Attributes
from kubekit.apiserver.authorization import Attributes as Asked
from kubekit.apiserver.authorization import forbidden_message
from kubekit.apiserver.endpoints.options import WriteOptions
from kubekit.apiserver.endpoints.scope import Scope

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


def manager_of(ctx: Context, options: WriteOptions) -> str:
    """The field manager: the one named, else the first part of the User-Agent."""
    if options.field_manager:
        return options.field_manager
    agent = ctx.request.headers.get("user-agent") or ctx.request.source or "unknown"
    return agent.split("/", 1)[0][:128]


def attributes(
    ctx: Context, scope: Scope, operation: str, name: str, obj: Obj | None, old: Obj | None
) -> Attributes:
    """The question to the admission plugins."""
    info = ctx.info
    namespace = info.namespace
    if scope.resource.plural == "namespaces" and not scope.resource.group:
        namespace = name or ((obj or {}).get("metadata") or {}).get("name", "")
    return Attributes(
        ctx, scope.resource, info.subresource, operation, namespace, name, obj, old, scope.resource.kind
    )


def validating(
    ctx: Context, scope: Scope, name: str, by_put: bool = False
) -> Callable[[Obj, Obj | None], None]:
    """The validating admission of one write, as the store calls it."""
    chain = ctx.server.admission

    def validate(obj: Obj, old: Obj | None) -> None:
        if old is None and by_put:
            authorize_create(ctx, name)
        operation = CREATE if old is None else UPDATE
        chain.validate(attributes(ctx, scope, operation, name or obj["metadata"].get("name", ""), obj, old))

    return validate


def validating_new(asked: Attributes) -> Callable[[Obj, Obj | None], None]:
    """The same of a create that admission was asked about before: by now the object is complete, and has a
    name (another one each time, where it was taken)."""
    named = bool(asked.name)

    def validate(obj: Obj, old: Obj | None) -> None:
        asked.obj = obj
        if not named:
            asked.name = obj["metadata"].get("name", "")
            if asked.resource.plural == "namespaces" and not asked.resource.group:
                asked.namespace = asked.name
        asked.ctx.server.admission.validate(asked)

    return validate


def admit(ctx: Context, scope: Scope, name: str, obj: Obj, old: Obj | None) -> Attributes:
    """Mutating admission; the object is changed in place. Gives what was asked."""
    asked = attributes(ctx, scope, CREATE if old is None else UPDATE, name, obj, old)
    ctx.server.admission.admit(asked)
    return asked


def authorize_create(ctx: Context, name: str) -> None:
    """A PUT or an apply that creates needs the create verb too (handlers/create.go: withAuthorization)."""
    info = ctx.info
    asked = Asked(
        ctx.user,
        "create",
        info.group,
        info.version,
        info.resource,
        info.subresource,
        info.namespace,
        name,
        info.path,
    )
    decision = ctx.server.authorization.decide(asked)
    if not decision.allowed:
        qualified = f"{info.resource}.{info.group}" if info.group else info.resource
        raise errors.forbidden(qualified, name, forbidden_message(asked, decision.reason))
