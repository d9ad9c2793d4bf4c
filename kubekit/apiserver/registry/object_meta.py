"""Object metadata: what the server itself writes there, and what nobody may change.

The generic store calls `fill_system_fields` on create and `keep_system_fields` on update; `validate` and
`validate_update` are the checks that every kind gets, after its own. Upstream:
apiserver/pkg/registry/rest/meta.go, apimachinery/pkg/api/validation/objectmeta.go,
apiserver/pkg/storage/names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api.field_path import FieldError
from kubekit.sim import Rng, rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

MAX_NAME = 63
SUFFIX = 5
IMMUTABLE = "field is immutable"


def generate_name(rng: Rng, prefix: str) -> str:
    """A name that begins with `prefix`, cut so that the whole has at most 63 letters."""
    return prefix[: MAX_NAME - SUFFIX] + rng.suffix(SUFFIX)


def wipe_system_fields(metadata: Obj) -> None:
    """Forget what a client must not set on create (rest.WipeObjectMetaSystemFields)."""
    for field in ("creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(field, None)


def fill_system_fields(ctx: Context, metadata: Obj) -> None:
    """A new object's time and uid."""
    loop = ctx.server.loop
    metadata["creationTimestamp"] = rfc3339(loop.clock.now())
    metadata["uid"] = loop.rng.uuid()


def keep_system_fields(metadata: Obj, before: Obj) -> None:
    """What an update never changes: uid, creation and deletion (rest.BeforeUpdate)."""
    if not metadata.get("uid") and "uid" in before:
        metadata["uid"] = before["uid"]
    if before.get("creationTimestamp"):
        metadata["creationTimestamp"] = before["creationTimestamp"]
    if before.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = before["deletionTimestamp"]
    if (
        before.get("deletionGracePeriodSeconds") is not None
        and metadata.get("deletionGracePeriodSeconds") is None
    ):
        metadata["deletionGracePeriodSeconds"] = before["deletionGracePeriodSeconds"]


def path_segment_problems(name: str, prefix: bool = False) -> list[str]:
    """Why a text cannot be a segment of a path."""
    if not prefix and name in (".", ".."):
        return [f"may not be '{name}'"]
    if "/" not in name and "%" not in name:
        return []
    return [f"may not contain '{letter}'" for letter in "/%" if letter in name]


def validate(metadata: Obj, namespaced: bool) -> list[FieldError]:
    """The checks of metadata that every kind gets after its own."""
    problems: list[FieldError] = []
    prefix = metadata.get("generateName", "")
    if prefix:
        for text in path_segment_problems(prefix, True):
            problems.append(fields.invalid("metadata.generateName", prefix, text))
    name = metadata.get("name", "")
    if not name:
        problems.append(fields.required("metadata.name", "name or generateName is required"))
    else:
        for text in path_segment_problems(name):
            problems.append(fields.invalid("metadata.name", name, text))
    if namespaced and not metadata.get("namespace"):
        problems.append(fields.required("metadata.namespace", ""))
    elif not namespaced and metadata.get("namespace"):
        problems.append(fields.forbidden("metadata.namespace", "not allowed on this type"))
    return problems


def validate_update(metadata: Obj, before: Obj) -> list[FieldError]:
    """What an update may not change in the metadata."""
    problems: list[FieldError] = []
    if before.get("deletionTimestamp") and (
        added := [f for f in metadata.get("finalizers") or () if f not in (before.get("finalizers") or ())]
    ):
        text = (
            "no new finalizers can be added if the object is being deleted, found new finalizers"
            f" {_go_set(added)}"
        )
        problems.append(fields.forbidden("metadata.finalizers", text))
    if (metadata.get("generation") or 0) < (before.get("generation") or 0):
        text = "must not be decremented"
        problems.append(fields.invalid("metadata.generation", metadata.get("generation") or 0, text))
    for field in ("name", "namespace", "uid", "creationTimestamp"):
        if metadata.get(field) != before.get(field):
            problems.append(fields.invalid(f"metadata.{field}", metadata.get(field), IMMUTABLE))
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if metadata.get(field) != before.get(field):
            problems.append(fields.invalid(f"metadata.{field}", metadata.get(field), IMMUTABLE))
    return problems


def _go_set(values: list[str]) -> str:
    """A set of texts as Go prints it with %#v of its sorted list."""
    return "[]string{" + ", ".join(fields.go_quote(value) for value in sorted(values)) + "}"


def needs_revision() -> FieldError:
    """An unconditional update of a kind that does not allow it."""
    return fields.invalid("metadata.resourceVersion", 0, "must be specified for an update")


def dedup_owner_references(ctx: Context, metadata: Obj) -> None:
    """Drop repeated owner references, with a Warning (handlers/rest.go)."""
    refs = metadata.get("ownerReferences")
    if not refs or len(refs) < 2:
        return
    kept: list[Obj] = []
    doubles: list[str] = []
    for ref in refs:
        if ref in kept:
            doubles.append(ref.get("uid", ""))
        else:
            kept.append(ref)
    if doubles:
        metadata["ownerReferences"] = kept
        uids = ", ".join(dict.fromkeys(doubles))
        ctx.warn(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in"
            " 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate"
            f" UID(s) observed: {uids}"
        )
