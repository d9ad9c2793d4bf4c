"""What defaulting filled in, worked out from what a request brought.

Defaulting is a function of the body (for a patch: of the body and the object it was laid over), so it need
not be recorded: whoever looks at the record has it done once more and compares. `defaulting` gives the step
that belongs before admission. Upstream: apimachinery/pkg/runtime/serializer/versioning (where decoding ends
with the defaulter).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubekit.api import protobuf
from kubekit.api import status_error as errors
from kubekit.api.meta import deep_copy
from kubekit.api.schema import for_kind
from kubekit.apiserver.custom import schema as schemas
from kubekit.apiserver.endpoints.body import from_yaml
from kubekit.apiserver.patching import json_patch, strategic_merge
from kubekit.apiserver.patching.difference import difference, dotted
from kubekit.apiserver.patching.merge_patch import merge
from kubekit.apiserver.registry.defaulting import apply_defaults
from kubekit.sim import Step

if TYPE_CHECKING:
    from kubekit.api.resources import Resource
    from kubekit.apiserver.custom.kind import CustomKind
    from kubekit.apiserver.records import ToldOfWrite

Obj = dict[str, Any]

_OTHER_KINDS = frozenset({"binding", "eviction", "scale", "token"})
"""Subresources whose body is of another kind than the resource."""

NAMED = 2
"""How many fields a reason names."""


def defaulting(told: ToldOfWrite) -> Step | None:
    """The step of the defaulting; None where there is nothing to default."""
    info, resource = told.info, told.resource
    if resource is None or info.subresource in _OTHER_KINDS or info.verb not in ("create", "update", "patch"):
        return None
    try:
        value = _brought(told, resource)
        if value is None:
            return None
        before = _decoded(value, resource, told.custom)
    except (ValueError, errors.StatusError):
        # A body that was refused.
        return None
    after = deep_copy(before)
    if told.custom is None:
        apply_defaults(after)
    else:
        schemas.default(after, told.custom.schema)
    patch = difference(before, after)
    if not patch:
        return Step("Defaulting", "pass", "nothing that has a default was left out")
    return Step("Defaulting", "pass", f"fills in {named(patch)}", {"patch": patch})


def named(patch: list[Obj]) -> str:
    """The fields that a patch sets: the first few by name."""
    paths = list(dict.fromkeys(dotted(one["path"]) for one in patch))
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


def _brought(told: ToldOfWrite, resource: Resource) -> Any:
    """The object as the request wants it, before it is decoded."""
    if told.info.verb != "patch":
        value = parsed(told.body)
        own = isinstance(value, dict) and value.get("kind", resource.kind) == resource.kind
        return value if own else None
    patch: Obj = told.patch or {}
    if "merged" in patch:
        return patch["merged"]
    if "old" not in patch:
        return None
    kind, old, body = patch["type"], patch["old"], parsed(patch["body"])
    if kind == "json":
        return json_patch.apply(old, body)
    if kind == "merge":
        return merge(old, body)
    return strategic_merge.merge(old, body, for_kind(resource.api_version, resource.kind).struct)


def parsed(body: Any) -> Any:
    """The value of a body that came as JSON, protobuf or YAML; raises ValueError and BadRequest."""
    if not isinstance(body, bytes):
        return body
    if body.startswith(b"k8s\x00"):
        return protobuf.decode(body)
    try:
        return json.loads(body)
    except ValueError:
        return from_yaml(body)


def _decoded(value: Obj, resource: Resource, custom: CustomKind | None) -> Obj:
    """The value as its kind's schema has it, without defaults; raises ValueError."""
    if custom is not None:
        pruned, _ = schemas.prune(dict(value), custom.schema)
        found: Obj = deep_copy(pruned)
        schemas.drop_nulls(found, custom.schema)
        return found
    obj, _ = for_kind(resource.api_version, resource.kind).decode(value, strict="Ignore")
    obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    return obj
