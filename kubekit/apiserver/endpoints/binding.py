"""Binding: how a pod gets its node.

POST of a Binding to pods/<name>/binding (the scheduler's only write to a pod) sets spec.nodeName once; a
pod that is bound, being deleted or held by a scheduling gate is refused. Upstream:
pkg/registry/core/pod/storage (BindingREST).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.apiserver.admission.plugin import CREATE, Attributes
from kubekit.apiserver.endpoints import write
from kubekit.apiserver.endpoints.body import decode_as, read_body
from kubekit.apiserver.endpoints.options import write_options
from kubekit.apiserver.endpoints.response import answer, form_of
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


def bind_pod(ctx: Context, scope: Scope) -> Response:
    """Answer a POST to pods/<name>/binding."""
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "CreateOptions")
    binding = decode_as(ctx, scope, body, options.field_validation, "v1", "Binding")
    name = ctx.info.name
    scope.store.check_namespace(ctx, binding)
    given = binding["metadata"].get("name", "")
    if given and given != name:
        text = "name in URL does not match name in Binding object"
        raise errors.bad_request(text)
    asked = write.admit(ctx, scope, name, binding, None)
    return bind(ctx, scope, name, binding, form, asked)


def create_binding(ctx: Context, scope: Scope) -> Response:
    """Answer a POST to bindings, the older form of the same."""
    form = form_of(ctx)
    body = read_body(ctx)
    options = write_options(ctx, "CreateOptions")
    binding = decode_as(ctx, scope, body, options.field_validation, "v1", "Binding")
    scope.store.check_namespace(ctx, binding)
    name = binding["metadata"].get("name", "")
    write.admit(ctx, scope, name, binding, None)
    pods = ctx.server.scope("", "v1", "pods")
    assert pods is not None
    asked = write.attributes(ctx, pods, CREATE, name, binding, None)
    return bind(ctx, pods, name, binding, form, asked)


def bind(ctx: Context, scope: Scope, name: str, binding: Obj, form: Any, asked: Attributes) -> Response:
    """Set the node of a pod from a Binding; `asked` goes to the plugins that may refuse it."""
    metadata = binding["metadata"]
    problems = check(binding)
    if problems:
        # The original gives its validation errors as they are: an unknown error, 500.
        raise errors.StatusError(errors.status(500, "", fields.aggregate(problems)))
    ctx.server.admission.validate(asked)
    target = binding["target"]["name"]
    ctx.body_obj = binding
    uid, revision = metadata.get("uid"), metadata.get("resourceVersion")
    store = scope.store
    existing = store.find(ctx.info.namespace, name)
    if existing is None:
        raise errors.not_found(scope.resource, name)
    if uid or revision:
        _preconditions(scope, name, existing, uid, revision)
    while True:
        pod = _bound(ctx, existing, target, metadata)
        key = store.key(ctx.info.namespace, name)
        before = existing["metadata"]["resourceVersion"]
        if ctx.dry_run:
            break
        stored = store.cache.storage.update(key, pod, int(before))
        if stored is not None:
            ctx.wrote(key, f"put if mod = {before}", int(stored["metadata"]["resourceVersion"]))
            ctx.object = stored
            break
        again = store.cache.storage.get(key)
        if again is None:
            raise errors.not_found(scope.resource, name)
        existing = again
    body: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return answer(201, body, form)


def _preconditions(scope: Scope, name: str, pod: Obj, uid: str | None, revision: str | None) -> None:
    metadata = pod["metadata"]
    for field, word, given in (("uid", "UID", uid), ("resourceVersion", "ResourceVersion", revision)):
        if given and given != metadata.get(field):
            key = scope.store.key(metadata.get("namespace", ""), name)
            text = (
                f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg:"
                f" Precondition failed: {word} in precondition: {given}, {word} in object meta:"
                f" {metadata.get(field)}"
            )
            raise errors.conflict(scope.resource, name, text)


def check(binding: Obj) -> list[fields.FieldError]:
    """The field errors of a Binding."""
    problems: list[fields.FieldError] = []
    target = binding.get("target") or {}
    kind = target.get("kind", "")
    if kind not in ("", "Node"):
        problems.append(fields.not_supported("target.kind", kind, ["Node", "<empty>"]))
    if not target.get("name"):
        problems.append(fields.required("target.name", ""))
    return problems


def _bound(ctx: Context, pod: Obj, node: str, given: Obj) -> Obj:
    metadata, spec = pod["metadata"], pod["spec"]
    name = metadata["name"]
    if metadata.get("deletionTimestamp"):
        raise errors.conflict(
            "pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host"
        )
    if spec.get("nodeName"):
        text = f'pod {name} is already assigned to node "{spec["nodeName"]}"'
        raise errors.conflict("pods/binding", name, text)
    if spec.get("schedulingGates"):
        text = f"pod {name} has non-empty .spec.schedulingGates"
        raise errors.conflict("pods/binding", name, text)
    annotations = {**(metadata.get("annotations") or {}), **(given.get("annotations") or {})}
    labels = {**(metadata.get("labels") or {}), **(given.get("labels") or {})}
    new_metadata = dict(metadata)
    if annotations:
        new_metadata["annotations"] = annotations
    if labels:
        new_metadata["labels"] = labels
    changed: Obj = {**pod, "metadata": new_metadata, "spec": {**spec, "nodeName": node}}
    changed["status"] = dict(pod.get("status") or {})
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(ctx.server.loop.clock.now()),
    }
    # The whole condition is replaced: why the pod could not be scheduled before is not said any more.
    kept = [c for c in changed["status"].get("conditions") or () if c["type"] != "PodScheduled"]
    changed["status"]["conditions"] = [*kept, condition]
    return changed
