"""Server-side apply: PATCH with a configuration that names the fields its sender wants.

The configuration (YAML or JSON) is checked for its kind and types, merged into the present object by
`managed_fields`, and the result goes the way of an update - or of a create when there is no such object yet.
Upstream: apiserver/pkg/endpoints/handlers/patch.go (applyPatcher).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.meta import deep_copy
from kubekit.api.schema import DecodeError, for_kind
from kubekit.apiserver import managed_fields
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.body import duplicate_keys, from_yaml, strict_text
from kubekit.apiserver.endpoints.negotiation import Form
from kubekit.apiserver.endpoints.options import WriteOptions
from kubekit.apiserver.endpoints.response import respond
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry import object_meta
from kubekit.apiserver.registry.defaulting import apply_defaults
from kubekit.apiserver.registry.strategy import Strategy

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


def apply(
    ctx: Context,
    scope: Scope,
    strategy: Strategy | None,
    body: bytes | Any,
    options: WriteOptions,
    form: Form,
) -> Response:
    """Answer an apply; `strategy` is a subresource's (which never creates)."""
    from kubekit.apiserver.endpoints.update import check_name

    name = ctx.info.name
    config = configuration(body)
    ctx.body_obj = config
    if ctx.trail is not None:
        ctx.trail.sent(config)

    def change(existing: Obj | None) -> Obj:
        old = None if existing is None else scope.served(existing)
        new = new_object(ctx, scope, config, old, options)
        _check_strict(ctx, body, options)
        metadata = new["metadata"]
        if old is None and metadata.get("uid"):
            text = (
                f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object"
                " was found"
            )
            raise errors.conflict(scope.resource, name, text)
        scope.store.check_namespace(ctx, new)
        check_name(metadata, name)
        write.admit(ctx, scope, name, new, old)
        object_meta.dedup_owner_references(ctx, metadata)
        return scope.to_stored(new)

    stored, created = scope.store.update(
        ctx,
        ctx.info.namespace,
        name,
        change,
        write.validating(ctx, scope, name, by_put=True),
        strategy=strategy,
        force_create=strategy is None,
    )
    ctx.object = stored
    shown = scope.served(scope.strategy.decorate(ctx, stored))
    return respond(ctx, scope, 201 if created else 200, shown, form)


def configuration(body: bytes | Any) -> Obj:
    """The configuration that an apply sends; raises BadRequest."""
    value = from_yaml(body) if isinstance(body, bytes) else body
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise errors.bad_request(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
            f"{_json_kind(value)} into Go value of type map[string]interface {{}}"
        )
    return value


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "array" if isinstance(value, list) else "string" if isinstance(value, str) else "number"


def _check_strict(ctx: Context, body: bytes | Any, options: WriteOptions) -> None:
    """A key written twice is refused or warned of, as asked."""
    if options.field_validation == "Ignore" or not isinstance(body, bytes):
        return
    twice = duplicate_keys(body)
    if not twice:
        return
    problem = f"error converting YAML to JSON: {strict_text(twice)}"
    if options.field_validation == "Strict":
        raise errors.bad_request(f"error strict decoding YAML: {problem}")
    ctx.warn(problem)


def new_object(ctx: Context, scope: Scope, config: Obj, old: Obj | None, options: WriteOptions) -> Obj:
    """The object that an apply makes: merged, decoded, defaulted."""
    resource = scope.resource
    given = config.get("apiVersion") or "", config.get("kind") or ""
    if given != (resource.api_version, resource.kind):
        raise errors.bad_request(f"invalid object type: {managed_fields.gvk(str(given[0]), str(given[1]))}")
    merged = managed_fields.applied(ctx, scope, config, old, options.field_manager, bool(options.force))
    if scope.decode is not None:
        return scope.decode(ctx, scope, deep_copy(merged), options.field_validation)
    entries = merged["metadata"].pop("managedFields", None)
    if ctx.patch is not None:
        ctx.patch["merged"] = merged
    try:
        new, _ = for_kind(resource.api_version, resource.kind).decode(merged, strict="Ignore")
    except DecodeError as error:
        metadata = merged["metadata"]
        what = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        what += f"; {managed_fields.gvk(resource.api_version, resource.kind)}"
        text = f"failed to convert new typed object ({what}) to object: {error}"
        raise errors.StatusError(errors.status(500, "", text)) from None
    new["apiVersion"], new["kind"] = resource.api_version, resource.kind
    if new.get("metadata") is None:
        new["metadata"] = {}
    apply_defaults(new)
    if entries is not None:
        new["metadata"]["managedFields"] = _same_or_new(new, old, entries)
    return new


def _same_or_new(new: Obj, old: Obj | None, entries: list[Obj]) -> list[Obj]:
    """The present managers when nothing but their times would change: then there is nothing to write."""
    before: list[Obj] | None = None if old is None else old["metadata"].get("managedFields")
    if old is None or before is None or len(before) != len(entries):
        return entries
    if any({**a, "time": ""} != {**b, "time": ""} for a, b in zip(before, entries)):
        return entries
    rest = {k: v for k, v in old["metadata"].items() if k != "managedFields"}
    return before if {**old, "metadata": rest} == new else entries
