"""The strategy of CustomResourceDefinitions themselves.

The server writes their status: which versions were stored, which names are accepted (`definitions`). A
definition that is deleted first waits until its instances are gone. Upstream:
apiextensions-apiserver/pkg/registry/customresourcedefinition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api.field_path import go_quote
from kubekit.apiserver.registry.store import now_of
from kubekit.apiserver.registry.strategy import Deleted, Strategy
from kubekit.apiserver.validation.string_formats import unknown_formats

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.registry.store import ResourceStore

Obj = dict[str, Any]

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class DefinitionStrategy(Strategy):
    """See the module."""

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """No status but the version that will be stored."""
        super().prepare_for_create(ctx, obj)
        obj["status"] = {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": None,
        }
        _note_stored(obj)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """The status stays, save for a new storage version."""
        super().prepare_for_update(ctx, obj, old)
        obj["status"] = dict(obj.get("status") or {})
        _note_stored(obj)

    def warnings_on_create(self, ctx: Context, obj: Obj) -> list[str]:
        """Formats in the schemas that nobody looks at."""
        return self.warnings_on_update(ctx, obj, {})

    def warnings_on_update(self, ctx: Context, obj: Obj, old: Obj) -> list[str]:
        """Such formats that are new."""
        known = set(_unknown_formats(old))
        return [f"unrecognized format {go_quote(one)}" for one in _unknown_formats(obj) if one not in known]

    def begin_delete(
        self,
        store: ResourceStore,
        ctx: Context,
        key: str,
        existing: Obj,
        options: Obj,
        validate: Callable[[Obj], None] | None,
    ) -> Deleted | None:
        """Mark it as terminating; its finalizer goes when its instances have gone."""
        from kubekit.apiserver.registry.deletion import check_preconditions

        metadata = existing["metadata"]
        if metadata.get("deletionTimestamp") or ctx.dry_run:
            return None
        check_preconditions(store, existing, options)
        if validate is not None:
            validate(existing)
        finalizers = list(metadata.get("finalizers") or [])
        if CLEANUP not in finalizers:
            finalizers.append(CLEANUP)
        now = now_of(ctx)
        changed: Obj = {
            **existing,
            "metadata": {**metadata, "deletionTimestamp": now, "finalizers": finalizers},
            "status": dict(existing.get("status") or {}),
        }
        text = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        set_condition(changed, "Terminating", "True", "InstanceDeletionPending", text, now)
        revision = int(metadata["resourceVersion"])
        stored = store.cache.storage.update(key, changed, revision)
        if stored is None:
            return None
        ctx.wrote(key, f"put if mod = {revision}", int(stored["metadata"]["resourceVersion"]))
        return Deleted(stored, False)


def _unknown_formats(obj: Obj) -> list[str]:
    versions = (obj.get("spec") or {}).get("versions") or ()
    schemas = [(one.get("schema") or {}).get("openAPIV3Schema") for one in versions]
    return list(dict.fromkeys(form for schema in schemas for form in unknown_formats(schema)))


def _note_stored(obj: Obj) -> None:
    status = obj["status"]
    known = list(status.get("storedVersions") or [])
    for version in obj["spec"].get("versions") or ():
        if version.get("storage"):
            if version.get("name") not in known:
                known.append(version["name"])
            break
    status["storedVersions"] = known or None


def condition_of(definition: Obj, kind: str) -> Obj | None:
    """A condition of a definition."""
    for condition in (definition.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            found: Obj = condition
            return found
    return None


def is_true(definition: Obj, kind: str) -> bool:
    """Whether a condition holds."""
    found = condition_of(definition, kind)
    return found is not None and found.get("status") == "True"


def set_condition(definition: Obj, kind: str, status: str, reason: str, message: str, now: str) -> None:
    """Set a condition of a private copy; its time only changes with its status."""
    conditions = [dict(c) for c in definition["status"].get("conditions") or ()]
    made = {"type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}
    for place, old in enumerate(conditions):
        if old.get("type") == kind:
            if old.get("status") == status:
                made["lastTransitionTime"] = old.get("lastTransitionTime", now)
            conditions[place] = made
            break
    else:
        conditions.append(made)
    definition["status"]["conditions"] = conditions
