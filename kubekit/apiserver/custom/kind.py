"""One served version of a custom kind: its schema, its columns, its subresources, and how bodies are read.

The endpoints find a `CustomKind` in `scope.custom`; `decode` is the scope's decoder. Upstream:
apiextensions-apiserver/pkg/apiserver/customresource_handler.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.meta import deep_copy
from kubekit.api.resources import Resource, Subresource
from kubekit.api.schema import DecodeError
from kubekit.apiserver.custom import schema as schemas
from kubekit.apiserver.custom.embedded import METADATA, BadEmbedded, coerce, embeds
from kubekit.apiserver.endpoints import go_json

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.endpoints.scope import Scope

Obj = dict[str, Any]

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
PART_VERBS = ("get", "patch", "update")


class CustomKind:
    """A version of a definition, as it is served."""

    __slots__ = (
        "defaults",
        "embeds",
        "list_kind",
        "printer_columns",
        "rules",
        "scale",
        "schema",
        "selectable",
        "status",
        "terminating",
    )

    def __init__(self, names: Obj, version: Obj) -> None:
        self.schema: Obj = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        self.list_kind: str = names.get("listKind") or names["kind"] + "List"
        self.printer_columns: list[Obj] = version.get("additionalPrinterColumns") or []
        parts = version.get("subresources") or {}
        self.status = parts.get("status") is not None
        self.scale: Obj | None = parts.get("scale")
        self.selectable: dict[str, Callable[[Obj], str]] = {
            field["jsonPath"].lstrip("."): _reader(field["jsonPath"])
            for field in version.get("selectableFields") or ()
        }
        self.terminating = False
        """Whether the definition is on its way out: then nothing new is taken."""
        self.defaults = schemas.has_defaults(self.schema)
        self.rules = schemas.has_rules(self.schema)
        self.embeds = embeds(self.schema)

    def shown(self, obj: Obj) -> Obj:
        """A stored object with the defaults that came after it was written."""
        if not self.defaults:
            return obj
        filled = deep_copy(obj)
        schemas.default(filled, self.schema)
        return obj if filled == obj else filled


def _reader(path: str) -> Callable[[Obj], str]:
    steps = path.lstrip(".").split(".")

    def read(obj: Obj) -> str:
        value: Any = obj
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    return read


def resource_of(definition: Obj, version: Obj) -> Resource:
    """The resource that a version of a definition serves."""
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    group, name, kind = spec["group"], version["name"], names["kind"]
    parts = version.get("subresources") or {}
    subresources = {}
    if parts.get("status") is not None:
        subresources["status"] = Subresource("status", kind, group, name, PART_VERBS)
    if parts.get("scale") is not None:
        subresources["scale"] = Subresource("scale", "Scale", "autoscaling", "v1", PART_VERBS)
    return Resource(
        group,
        name,
        names["plural"],
        kind,
        names.get("singular") or kind.lower(),
        tuple(names.get("shortNames") or ()),
        tuple(names.get("categories") or ()),
        spec["scope"] == "Namespaced",
        VERBS,
        subresources,
    )


def decode(ctx: Context, scope: Scope, value: Any, validation: str) -> Obj:
    """A body as an instance: metadata decoded, pruned, defaulted; raises BadRequest."""
    resource, custom = scope.resource, scope.custom
    if not isinstance(value, dict):
        value = {}
    if problem := go_json.type_meta_problem(value):
        what = go_json.summary(json.dumps(value).encode())
        text = f"couldn't get version/kind; json parse error: {problem} ({what})"
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): {text}"
        )
    kind, version = value.get("kind") or "", value.get("apiVersion") or ""
    if not kind:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        problem = f"Object 'Kind' is missing in '{text}'"
        what = go_json.summary(text.encode())
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): {problem} ({what})"
        )
    metadata, problems = _metadata(value.get("metadata"), kind, version)
    found: Obj = dict(value)
    unknown: list[str] = []
    group = version.rpartition("/")[0]
    if group == resource.group and kind == resource.kind:
        there = version == resource.api_version
        found, unknown = schemas.prune(found, custom.schema if there else {})
        if there:
            found = deep_copy(found)
            schemas.drop_nulls(found, custom.schema)
            if custom.embeds:
                unknown += _coerced(found, custom, kind, version)
    problems += [f'unknown field "{path}"' for path in unknown]
    _tell(ctx, resource.kind, version, problems, validation)
    if version != resource.api_version:
        raise errors.bad_request(
            f"the API version in the data ({version}) does not match the expected API version"
            f" ({resource.api_version})"
        )
    found["apiVersion"], found["kind"], found["metadata"] = version, kind, metadata
    if kind == resource.kind:
        ctx.custom = custom
        schemas.default(found, custom.schema)
    return found


def _coerced(found: Obj, custom: CustomKind, kind: str, version: str) -> list[str]:
    try:
        return coerce(found, custom.schema)
    except BadEmbedded as error:
        short = version.rpartition("/")[2]
        text = f'{kind} in version "{short}" cannot be handled as a {kind}: {error}'
        raise errors.bad_request(text) from None


def _metadata(value: Any, kind: str, version: str) -> tuple[Obj, list[str]]:
    try:
        metadata, problems = METADATA.decode(value or {}, "Warn")
    except DecodeError as error:
        short = version.rpartition("/")[2]
        text = str(error).replace("ObjectMeta.", "ObjectMeta.", 1)
        raise errors.bad_request(
            f'{kind} in version "{short}" cannot be handled as a {kind}: {text}'
        ) from None
    return dict(metadata), [text.replace('field "', 'field "metadata.', 1) for text in problems]


def _tell(ctx: Context, kind: str, version: str, problems: list[str], validation: str) -> None:
    if not problems or validation == "Ignore":
        return
    if validation == "Strict":
        short = version.rpartition("/")[2]
        text = f'{kind} in version "{short}" cannot be handled as a {kind}: strict decoding error: '
        raise errors.bad_request(text + ", ".join(problems))
    for problem in problems:
        ctx.warn(problem)
