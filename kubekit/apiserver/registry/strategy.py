"""Strategy: what is particular about one resource when it is created, changed or deleted.

The verbs in `endpoints/` are the same for every resource; at the marked places they ask the resource's
strategy. A resource with nothing particular uses `Strategy` as it is, with its traits from
`registry/traits.py`. A kind with particular behaviour subclasses it in a file of its own and registers one
line in `registry/builtin.py`. Objects handed to `prepare_*` are private to the request and may be changed;
`old` never. Upstream: apiserver/pkg/registry/rest (create.go, update.go, delete.go) and
pkg/registry/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api.field_path import FieldError
from kubekit.api.schema import for_kind
from kubekit.apiserver.registry import checks as validation
from kubekit.apiserver.registry import gated_fields
from kubekit.apiserver.registry.traits import Traits

if TYPE_CHECKING:
    from kubekit.api.resources import Resource
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.registry.store import ResourceStore

Obj = dict[str, Any]
Undo = Callable[[], None]


_COUNTED = {("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets")}


class Deleted:
    """What became of a delete request: the object as it is now, and whether it is gone from the store."""

    __slots__ = ("gone", "obj")

    def __init__(self, obj: Obj, gone: bool) -> None:
        self.obj = obj
        self.gone = gone


class Strategy:
    """The default behaviour of a resource; `traits` tell which of the usual things apply."""

    def __init__(self, resource: Resource, traits: Traits) -> None:
        self.resource = resource
        self.traits = traits
        self.drop_gated = gated_fields.drop(resource.group, resource.plural)
        """Takes out the fields of features that are off; None where there are none."""

    # -- create -----------------------------------------------------------------------------------------

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """Normalise a new object: no status from outside, the first generation."""
        if self.traits.status:
            self.reset_status(obj)
        if self.traits.generation:
            obj["metadata"]["generation"] = 1
        if self.drop_gated is not None:
            self.drop_gated(obj, None)

    def reset_status(self, obj: Obj) -> None:
        """A status as it is when nobody has reported anything."""
        field = for_kind(self.resource.api_version, self.resource.kind).fields.get("status")
        zero = field.type.zero() if field is not None else None
        if zero is None:
            obj.pop("status", None)
        else:
            obj["status"] = zero

    def validate(self, ctx: Context, obj: Obj) -> list[FieldError]:
        """The field errors of a new object."""
        return validation.validate_create(obj)

    def warnings_on_create(self, ctx: Context, obj: Obj) -> list[str]:
        """Warning texts for whoever creates it."""
        return validation.warnings(obj, None)

    def canonicalize(self, obj: Obj) -> None:
        """Bring a valid object into its one form before it is stored."""

    def begin_create(self, ctx: Context, obj: Obj) -> Undo | None:
        """Take what the object needs (addresses, ports); returns what gives it back when the write fails."""
        return None

    def after_create(self, ctx: Context, obj: Obj) -> None:
        """What follows a successful create."""

    # -- update -----------------------------------------------------------------------------------------

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Normalise a changed object: the status stays, a changed spec is a new generation."""
        if self.traits.status:
            keep(obj, old, "status")
        if self.drop_gated is not None:
            self.drop_gated(obj, old)
        if self.traits.generation:
            self.bump_generation(obj, old)

    def bump_generation(self, obj: Obj, old: Obj) -> None:
        """A new generation when anything but metadata and status has changed."""
        metadata, before = obj["metadata"], old["metadata"].get("generation", 0)
        changed = any(
            obj.get(field) != old.get(field)
            for field in {**obj, **old}
            if field not in ("metadata", "status", "kind", "apiVersion")
        )
        generation = before + 1 if changed else before
        if generation:
            metadata["generation"] = generation
        else:
            metadata.pop("generation", None)

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """The field errors of a change."""
        return validation.validate_update(obj, old)

    def warnings_on_update(self, ctx: Context, obj: Obj, old: Obj) -> list[str]:
        """Warning texts for whoever changes it."""
        return validation.warnings(obj, old)

    def begin_update(self, ctx: Context, obj: Obj, old: Obj) -> Undo | None:
        """As `begin_create`, for a change."""
        return None

    def after_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """What follows a successful update."""

    # -- delete -----------------------------------------------------------------------------------------

    graceful = False
    """Whether deletion may have a grace period (then `check_graceful_delete` decides)."""

    def check_graceful_delete(self, ctx: Context, obj: Obj, options: Obj) -> bool:
        """Whether the object goes in two steps; may set `options["gracePeriodSeconds"]`."""
        return False

    def begin_delete(
        self,
        store: ResourceStore,
        ctx: Context,
        key: str,
        existing: Obj,
        options: Obj,
        validate: Callable[[Obj], None] | None,
    ) -> Deleted | None:
        """A step before the usual deletion; what it gives is the answer, None goes on as usual."""
        return None

    def may_go(self, obj: Obj) -> bool:
        """Whether an object that is being deleted may go with this update, once nothing generic holds it."""
        return True

    def default_propagation(self, ctx: Context) -> str:
        """``background``, ``orphan`` or ``unsupported`` when the request names no policy."""
        return self.traits.garbage_collection

    def after_delete(self, ctx: Context, obj: Obj) -> None:
        """What follows when the object is gone from the store."""

    def warnings_on_delete(self, ctx: Context, options: Obj) -> list[str]:
        """Warning texts for whoever deletes with these options."""
        return []

    # -- reading ----------------------------------------------------------------------------------------

    def decorate(self, ctx: Context, obj: Obj) -> Obj:
        """The object as it is shown (rarely other than as it is stored)."""
        return obj

    def empty_fields(self) -> Obj:
        """What an object of this kind without content still shows (for bookmarks)."""
        resource = self.resource
        shown: Obj = dict(for_kind(resource.api_version, resource.kind).struct.zero())
        shown.pop("metadata", None)
        if (resource.group, resource.plural) in _COUNTED:
            # Inside of the original the number is no pointer: nought is written, not left out.
            shown["spec"] = {"replicas": 0, **shown["spec"]}
        return shown

    # -- subresources -----------------------------------------------------------------------------------

    def subresource(self, name: str) -> Strategy | None:
        """The strategy of an updatable subresource (status, ...)."""
        if name == "status" and self.traits.status:
            return StatusStrategy(self)
        return None


class StatusStrategy(Strategy):
    """The status subresource: only status (and metadata, less what belongs to the spec) may change."""

    def __init__(self, parent: Strategy) -> None:
        super().__init__(parent.resource, parent.traits)
        self.parent = parent

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Everything but status and metadata stays as it was."""
        for field in {**obj, **old}:
            if field not in ("metadata", "status", "kind", "apiVersion"):
                keep(obj, old, field)
        metadata = obj["metadata"]
        if self.traits.status_keeps_metadata:
            keep_metadata(obj, old)
            metadata = obj["metadata"]
        generation = old["metadata"].get("generation")
        if generation is not None:
            metadata["generation"] = generation

    def validate_update(self, ctx: Context, obj: Obj, old: Obj) -> list[FieldError]:
        """The field errors of a status change."""
        return validation.validate_status_update(obj, old)

    def warnings_on_update(self, ctx: Context, obj: Obj, old: Obj) -> list[str]:
        """Only oddly written addresses are worth a word."""
        return validation.status_warnings(obj)


def keep_metadata(obj: Obj, old: Obj) -> None:
    """Give `obj` the metadata of `old`, save for its revision and managers (ResetObjectMetaForStatus)."""
    obj["metadata"] = {
        **{k: v for k, v in old["metadata"].items() if k not in ("resourceVersion", "managedFields")},
        **{k: v for k, v in obj["metadata"].items() if k in ("resourceVersion", "managedFields")},
    }


def keep(obj: Obj, old: Obj, field: str) -> None:
    """Give `obj` the field as `old` has it (shared, not copied)."""
    if field in old:
        obj[field] = old[field]
    else:
        obj.pop(field, None)
