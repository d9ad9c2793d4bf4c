"""PATCH: change parts of an object, in one of four languages chosen by Content-Type.

The patch is laid over the present object, the result is decoded and defaulted like any body, and then goes
the way of an update. When somebody else wrote in between, the patch is laid over the newer object.
Upstream: apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.json_text import JSONTextError, Repeated, parse
from kubekit.api.meta import deep_copy
from kubekit.api.schema import DecodeError, for_kind
from kubekit.apiserver import managed_fields
from kubekit.apiserver.endpoints import go_json, write
from kubekit.apiserver.endpoints.apply import apply
from kubekit.apiserver.endpoints.body import read_body
from kubekit.apiserver.endpoints.options import WriteOptions, write_options
from kubekit.apiserver.endpoints.response import form_of, respond
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.endpoints.update import check_name
from kubekit.apiserver.patching import json_patch, strategic_merge
from kubekit.apiserver.patching.conversion import convert_problem
from kubekit.apiserver.patching.merge_patch import merge
from kubekit.apiserver.registry import object_meta
from kubekit.apiserver.registry.defaulting import apply_defaults
from kubekit.apiserver.registry.strategy import Strategy

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
MAX_OPERATIONS = 10_000
_ACCEPTED = "the body of the request was in an unknown format - accepted media types include: "


def patch_type_of(ctx: Context, custom: bool = False) -> str:
    """json, merge, strategic or apply; raises UnsupportedMediaType."""
    given = ctx.request.headers.get("content-type", "").split(";")[0].strip()
    kind = TYPES.get(given)
    if kind is None or (custom and kind == "strategic"):
        known = [name for name, short in TYPES.items() if not (custom and short == "strategic")]
        raise errors.unsupported_media_type(_ACCEPTED + ", ".join(known))
    return kind


def patch(ctx: Context, scope: Scope, strategy: Strategy | None = None) -> Response:
    """Answer a PATCH; `strategy` is a subresource's."""
    kind = patch_type_of(ctx, scope.custom is not None)
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "PatchOptions", apply=kind == "apply")
    ctx.patch = sent = {"type": kind, "body": body}
    if ctx.trail is not None and kind != "apply":
        ctx.trail.sent(body)
    name = ctx.info.name
    if kind == "apply":
        return apply(ctx, scope, strategy, body, options, form)
    manager = write.manager_of(ctx, options)

    def change(existing: Obj | None) -> Obj:
        if existing is None:
            raise errors.not_found(scope.resource, name)
        old = sent["old"] = scope.served(existing)
        resource = scope.resource
        new = apply_patch_to(ctx, scope, kind, body, old, options, resource.api_version, resource.kind)
        scope.store.check_namespace(ctx, new)
        check_name(new["metadata"], name)
        managed_fields.on_update(ctx, scope, new, old, manager)
        write.admit(ctx, scope, name, new, old)
        object_meta.dedup_owner_references(ctx, new["metadata"])
        return scope.to_stored(new)

    stored, created = scope.store.update(
        ctx, ctx.info.namespace, name, change, write.validating(ctx, scope, name), strategy=strategy
    )
    ctx.object = stored
    shown = scope.served(scope.strategy.decorate(ctx, stored))
    return respond(ctx, scope, 201 if created else 200, shown, form)


def apply_patch_to(
    ctx: Context,
    scope: Scope,
    kind: str,
    body: bytes | Any,
    current: Obj,
    options: WriteOptions,
    api_version: str,
    kind_name: str,
) -> Obj:
    """The current object with a patch laid over it, decoded and defaulted."""
    value, repeated = _parse(body, kind, options.field_validation)
    compiled = (
        None
        if scope.custom is not None and kind_name == scope.resource.kind
        else for_kind(api_version, kind_name)
    )
    if kind == "strategic":
        assert compiled is not None
        shown: Any = fields.Raw("")
        try:
            patched = strategic_merge.merge(current, value, compiled.struct)
        except strategic_merge.StrategicError as error:
            raise _strategic_refusal(error) from None
    elif kind == "merge":
        patched = deep_copy(merge(current, value))
    else:
        patched = _json_patched(value, current)
    if compiled is None:
        assert scope.decode is not None
        return scope.decode(ctx, scope, patched, options.field_validation)
    kept = _untouched(ctx, patched, current)
    try:
        new, problems = compiled.decode(
            {**patched, **kept} if kept else patched, strict=options.field_validation
        )
    except DecodeError as error:
        shown = strategic_merge.go_value(value) if kind == "strategic" else _as_json(patched, current, value)
        text = convert_problem(compiled.struct, patched) if kind == "strategic" else ""
        raise errors.invalid("", "", "", [fields.invalid("patch", shown, text or str(error))]) from None
    if len(problems) > 1 and kind != "strategic":
        # Mistakes are told in the order of the document, whose changed parts have sorted keys.
        _, problems = compiled.decode(_ordered(patched, current), strict=options.field_validation)
    problems = [*repeated, *problems]
    if problems and options.field_validation == "Strict":
        shown = strategic_merge.go_value(value) if kind == "strategic" else _as_json(patched, current, value)
        text = f"strict decoding error: {', '.join(problems)}"
        raise errors.invalid("", "", "", [fields.invalid("patch", shown, text)])
    if options.field_validation == "Warn":
        for text in problems:
            ctx.warn(text)
    new["apiVersion"], new["kind"] = api_version, kind_name
    if new.get("metadata") is None:
        new["metadata"] = {}
    apply_defaults(new)
    if "spec" in kept:
        new["spec"] = current["spec"]
    return new


def _untouched(ctx: Context, patched: Obj, current: Obj) -> Obj:
    """Parts that the patch left alone and need no decoding, with what stands in for them meanwhile.

    The managers, which `managed_fields` takes from the present object, and for a status the spec, which every
    strategy of a status keeps.
    """
    kept: Obj = {}
    metadata = patched.get("metadata")
    if isinstance(metadata, dict):
        managers = metadata.get("managedFields")
        if managers is not None and managers is current["metadata"].get("managedFields"):
            kept["metadata"] = {name: value for name, value in metadata.items() if name != "managedFields"}
    spec = patched.get("spec")
    if ctx.info.subresource == "status" and isinstance(spec, dict) and spec is current.get("spec"):
        kept["spec"] = {}
    return kept


def _parse(body: bytes | Any, kind: str, directive: str) -> tuple[Any, list[str]]:
    if not isinstance(body, bytes):
        value = body
    else:
        try:
            value = parse(body)
        except JSONTextError as error:
            if kind == "merge" and directive == "Ignore":
                raise errors.bad_request("Invalid JSON Patch") from None
            prefix = "" if kind == "strategic" or directive == "Ignore" else "error decoding patch: "
            raise errors.bad_request(f"{prefix}{error}") from None
    if kind == "json":
        return _operations(value, directive)
    if value is None:
        if kind == "merge":
            raise errors.bad_request("Invalid JSON Patch")
        return {}, []
    if not isinstance(value, dict):
        text = (
            f"json: cannot unmarshal {go_json.go_type(value)} into Go value of type map[string]interface {{}}"
        )
        raise errors.bad_request(text if kind == "strategic" else f"error decoding patch: {text}")
    # Only text can say a field twice.
    return value, _duplicates(value, "") if isinstance(body, bytes) else []


def _operations(value: Any, directive: str) -> tuple[list[Any], list[str]]:
    """The operations of a JSON patch, read strictly first unless nobody wants to know of mistakes."""
    ignored = directive == "Ignore"
    prefix = "" if ignored else "error decoding patch: "
    whole = "jsonpatch.Patch" if ignored else "[]handlers.jsonPatchOp"
    each = "jsonpatch.Operation" if ignored else "handlers.jsonPatchOp"

    def refuse(found: Any, wanted: str) -> errors.StatusError:
        return errors.bad_request(f"{prefix}json: cannot unmarshal {go_json.go_type(found)} into Go {wanted}")

    if value is None:
        return [], []
    if not isinstance(value, list):
        raise refuse(value, f"value of type {whole}")
    problems: list[str] = []
    for place, item in enumerate(value):
        if item is not None and not isinstance(item, dict):
            raise refuse(item, f"value of type {each}")
        for key, given in (item or {}).items():
            if ignored:
                continue
            if key in ("op", "path", "from") and not isinstance(given, str | None):
                raise refuse(given, f"struct field jsonPatchOp.{key} of type string")
            if key not in ("op", "path", "from", "value"):
                problems.append(f'json patch unknown field "[{place}].{key}"')
    if len(value) > MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(value)}"
        raise errors.too_large(text)
    return [item or {} for item in value], problems


def _duplicates(value: Any, path: str) -> list[str]:
    found: list[str] = []
    if isinstance(value, Repeated):
        seen: set[str] = set()
        for key, _ in value.pairs:
            if key in seen:
                found.append(f'duplicate field "{path}{key}"')
            seen.add(key)
    if isinstance(value, dict):
        for key, item in value.items():
            found += _duplicates(item, f"{path}{key}.")
    return found


def _json_patched(operations: list[Any], current: Obj) -> Obj:
    try:
        return json_patch.apply(current, operations)
    except json_patch.PatchError:
        message = "the server rejected our request due to an error in our request"
        raise errors.StatusError(errors.status(422, "Invalid", message, {})) from None


def _strategic_refusal(error: strategic_merge.StrategicError) -> errors.StatusError:
    if error.code == 400:
        return errors.bad_request(str(error))
    if error.code == 422:
        message = "the server rejected our request due to an error in our request"
        return errors.StatusError(errors.status(422, "Invalid", message, {}))
    return errors.StatusError(errors.status(500, "", str(error)))


def _as_json(patched: Obj, current: Obj, value: Any) -> str:
    """The patched document as the real server prints it: parts that the patch went into have sorted keys."""
    return json.dumps(_ordered(patched, current), separators=(",", ":"), ensure_ascii=False)


def _ordered(patched: Any, current: Any) -> Any:
    if not isinstance(patched, dict):
        return patched
    found: Obj = {}
    for key in sorted(patched):
        before = current.get(key) if isinstance(current, dict) else None
        found[key] = _plain_order(patched[key]) if patched[key] == before else _ordered(patched[key], before)
    return found


_META_ORDER = ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
               "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels",
               "annotations", "ownerReferences", "finalizers", "managedFields")  # fmt: skip


def _plain_order(value: Any) -> Any:
    if isinstance(value, dict) and "uid" in value and "creationTimestamp" in value:
        return {key: value[key] for key in _META_ORDER if key in value}
    return value
