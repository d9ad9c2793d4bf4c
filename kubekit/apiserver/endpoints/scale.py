"""Scale: one small object through which the replicas of any workload are read and set.

Upstream: pkg/registry/apps/deployment/storage (ScaleREST) and its siblings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.api.label_text import selector_string
from kubekit.api.schema import CompiledType, struct_of
from kubekit.apiserver import managed_fields
from kubekit.apiserver.custom.strategy import nested
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.apply import configuration
from kubekit.apiserver.endpoints.body import decode_as, read_body
from kubekit.apiserver.endpoints.options import WriteOptions, write_options
from kubekit.apiserver.endpoints.patch import apply_patch_to, patch_type_of
from kubekit.apiserver.endpoints.response import form_of, respond
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.endpoints.update import check_name

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
VERSION = "autoscaling/v1"
_SCALE = CompiledType(VERSION, "Scale", struct_of("autoscaling.v1.Scale"))


def scale_of(scope: Scope, obj: Obj) -> Obj:
    """The Scale of a workload."""
    metadata = obj["metadata"]
    kept = {
        k: metadata[k]
        for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if k in metadata
    }
    if scope.custom is not None:
        return _custom_scale(scope.custom.scale, obj, kept)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    shown: Obj = {"replicas": status.get("replicas", 0)}
    selector = spec.get("selector")
    if scope.resource.plural == "replicationcontrollers":
        text = ",".join(f"{key}={value}" for key, value in sorted((selector or {}).items()))
    else:
        text = selector_string(selector)
    if text:
        shown["selector"] = text
    wanted = {"replicas": spec["replicas"]} if spec.get("replicas") else {}
    return {"kind": "Scale", "apiVersion": VERSION, "metadata": kept, "spec": wanted, "status": shown}


def _custom_scale(paths: Obj, obj: Obj, metadata: Obj) -> Obj:
    """The Scale that the paths of a definition describe."""
    replicas, problem = nested(obj, paths["specReplicasPath"], int)
    if problem:
        raise errors.internal_error(f"could not load replicas: {problem}")
    now, _ = nested(obj, paths["statusReplicasPath"], int)
    shown: Obj = {"replicas": now or 0}
    if paths.get("labelSelectorPath"):
        selector, _ = nested(obj, paths["labelSelectorPath"], str)
        if selector:
            shown["selector"] = selector
    wanted = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": VERSION, "metadata": metadata, "spec": wanted, "status": shown}


def _scaled(scope: Scope, obj: Obj, replicas: int) -> Obj:
    """The object with another number of replicas."""
    if scope.custom is None:
        return {**obj, "spec": {**obj["spec"], "replicas": replicas}}
    steps = scope.custom.scale["specReplicasPath"].lstrip(".").split(".")
    return _with(obj, steps, replicas)


def _with(obj: Obj, steps: list[str], value: Any) -> Obj:
    if len(steps) == 1:
        return {**obj, steps[0]: value}
    inner = obj.get(steps[0])
    return {**obj, steps[0]: _with(inner if isinstance(inner, dict) else {}, steps[1:], value)}


def _applied(ctx: Context, scope: Scope, config: Obj, existing: Obj, options: WriteOptions) -> Obj:
    """The object after an apply of a Scale: who applies one owns the replicas of the object behind it."""
    given = str(config.get("apiVersion") or ""), str(config.get("kind") or "")
    if given != (VERSION, "Scale"):
        raise errors.bad_request(f"invalid object type: {managed_fields.gvk(*given)}")
    if isinstance(config.get("metadata"), dict) and config["metadata"].get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    scale, problems = _SCALE.decode(config, strict=options.field_validation)
    for text in problems:
        ctx.warn(text)
    resource = scope.resource
    own: Obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {}}
    if "replicas" in (config.get("spec") or {}):
        own = _scaled(scope, {**own, "spec": {}}, (scale.get("spec") or {}).get("replicas", 0))
    try:
        return managed_fields.applied(ctx, scope, own, existing, options.field_manager, bool(options.force))
    except errors.StatusError as error:
        # Conflicts are told as the Scale sees them.
        path = "" if scope.custom is None else scope.custom.scale["specReplicasPath"]
        text = json.dumps(error.status).replace(f"using {resource.api_version}", f"using {VERSION}")
        raise errors.StatusError(json.loads(text.replace(path, ".spec.replicas") if path else text)) from None


def serve(ctx: Context, scope: Scope) -> Response:
    """Answer GET, PUT and PATCH of .../scale."""
    form = form_of(ctx)
    namespace, name = ctx.info.namespace, ctx.info.name
    if ctx.info.verb == "get":
        return respond(ctx, scope, 200, scale_of(scope, scope.store.get(namespace, name)), form)
    body = read_body(ctx)
    kind = uid = ""
    if ctx.info.verb == "patch":
        kind = patch_type_of(ctx)
        options = write_options(ctx, "PatchOptions", apply=kind == "apply")
    else:
        options = write_options(ctx, "UpdateOptions")
        given = decode_as(ctx, scope, body, options.field_validation, VERSION, "Scale")
        check_name(given["metadata"], name)
        scope.store.check_namespace(ctx, given)
        uid = given["metadata"].get("uid", "")

    def change(existing: Obj | None) -> Obj:
        assert existing is not None
        before = scale_of(scope, existing)
        if kind == "apply":
            changed = _applied(ctx, scope, configuration(body), existing, options)
            wanted = scale_of(scope, changed)
            write.admit(ctx, scope, name, wanted, before)
            _check(scope, name, wanted)
            return changed
        if ctx.info.verb == "patch":
            wanted = apply_patch_to(ctx, scope, kind, body, before, options, VERSION, "Scale")
        else:
            wanted = given
        write.admit(ctx, scope, name, wanted, before)
        _check(scope, name, wanted)
        revision = wanted["metadata"].get("resourceVersion") or ""
        metadata = {**existing["metadata"], "resourceVersion": revision}
        replicas = (wanted.get("spec") or {}).get("replicas", 0)
        changed = _scaled(scope, {**existing, "metadata": metadata}, replicas)
        managed_fields.on_update(ctx, scope, changed, existing, write.manager_of(ctx, options))
        return changed

    stored, _ = scope.store.update(ctx, namespace, name, change, uid=uid)
    ctx.object = stored
    return respond(ctx, scope, 200, scale_of(scope, stored), form)


def _check(scope: Scope, name: str, wanted: Obj) -> None:
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        text = "must be greater than or equal to 0"
        raise errors.invalid("Scale", "autoscaling", name, [fields.invalid("spec.replicas", replicas, text)])
