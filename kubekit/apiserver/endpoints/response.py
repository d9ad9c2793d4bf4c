"""The answer: an object in the form that the client asked for.

`respond` gives the whole object, a Table (from `printers`) or only the metadata, as JSON or YAML. Lists of
built-in kinds leave apiVersion and kind out of their items, as the real server does. Bodies are shared
objects: nothing here changes them. Upstream: apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.exchange import Response
from kubekit.apiserver import printers
from kubekit.apiserver.endpoints.negotiation import PLAIN, Form, wanted_form
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.printers.table import Shown

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]


class _Plain(yaml.SafeDumper):
    """Writes an object that occurs twice twice: clients are not to meet references."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def form_of(ctx: Context, tables: bool = True) -> Form:
    """The form of this request's answer; raises NotAcceptable."""
    accept = ctx.request.headers.get("accept")
    return PLAIN if accept is None or accept == "application/json" else wanted_form(accept, tables)


def respond(ctx: Context, scope: Scope, status: int, obj: Obj, form: Form) -> Response:
    """An object (already in the served version) or a Status as the answer."""
    if form is PLAIN:
        return Response(status, obj, {"Content-Type": "application/json"})
    if form.kind and obj.get("kind") != "Status":
        if form.kind == "PartialObjectMetadataList":
            raise _mismatch(scope, form, str(obj.get("kind", "")), "not a list")
        obj = as_form(ctx, scope, obj, form)
    return answer(status, obj, form)


def list_refusal(scope: Scope, form: Form) -> errors.StatusError | None:
    """Why a list cannot be given in this form, if it cannot."""
    if form.kind != "PartialObjectMetadata":
        return None
    return _mismatch(scope, form, scope.resource.list_kind, "a list")


def _mismatch(scope: Scope, form: Form, kind: str, what: str) -> errors.StatusError:
    if scope.custom is not None:
        shown = "unstructured.Unstructured" + ("List" if kind.endswith("List") else "")
    else:
        package = scope.resource.group.partition(".")[0] or "core"
        shown = f"{_PACKAGES.get(package, package)}.{kind}"
    text = f"you requested {form.kind}, but the requested object is {what} (*{shown})"
    return errors.not_acceptable(text)


_PACKAGES = {"events": "core", "internal": "apiserverinternal"}
"""Groups whose internal types are in a package of another name."""


def as_form(ctx: Context, scope: Scope, obj: Obj, form: Form) -> Obj:
    """One object as a Table or as metadata."""
    if form.kind == "Table":
        return table(ctx, scope, [obj], obj.get("metadata") or {}, form)
    return partial(obj, form.version)


def partial(obj: Obj, version: str) -> Obj:
    """Only the metadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": obj.get("metadata") or {}}


class _Kind(NamedTuple):
    """What a subresource shows is of another kind than the resource."""

    group: str
    kind: str


def table(ctx: Context, scope: Scope, objects: list[Obj], metadata: Obj, form: Form) -> Obj:
    """The server-side Table of some objects."""
    custom = scope.custom
    wanted = ctx.request.param("includeObject")
    if wanted not in ("", "Metadata", "Object", "None"):
        problem = fields.invalid("includeObject", wanted, "must be 'Metadata', 'Object', 'None', or empty")
        raise errors.bad_request(f"Unable to convert to Table as requested: {problem}")
    kept: Obj = {
        k: metadata[k] for k in ("resourceVersion", "continue", "remainingItemCount") if k in metadata
    }
    shown: Shown = scope.resource
    kind = objects[0].get("kind") if len(objects) == 1 else None
    if kind and kind != scope.resource.kind:
        shown = _Kind(objects[0].get("apiVersion", "").rpartition("/")[0], kind)
    return printers.table(
        shown,
        objects,
        now=ctx.server.loop.clock.now(),
        list_meta=kept,
        include_object=wanted or "Metadata",
        printer_columns=None if custom is None else custom.printer_columns,
        version=form.version.rpartition("/")[2],
    )


def answer(status: int, obj: Obj, form: Form) -> Response:
    """The body in its media type."""
    if form.media == "application/yaml":
        text = yaml.dump(obj, Dumper=_Plain, default_flow_style=False, allow_unicode=True)
        return Response(status, text, {"Content-Type": "application/yaml"})
    return Response(status, obj, {"Content-Type": "application/json"})
