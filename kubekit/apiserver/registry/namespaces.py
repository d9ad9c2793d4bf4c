"""Namespaces: they are Active until they are deleted, and then wait for their content to go.

The finalizer of a namespace is in its spec; `namespaces/finalize` sets it. A deleted namespace becomes
Terminating; the namespace controller empties it and takes the finalizer. Upstream:
pkg/registry/core/namespace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.resources import Resource
from kubekit.apiserver.registry.store import ResourceStore, now_of
from kubekit.apiserver.registry.strategy import Deleted, Strategy, keep
from kubekit.apiserver.registry.traits import Traits

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
NAME_LABEL = "kubernetes.io/metadata.name"
FINALIZER = "kubernetes"


class NamespaceStrategy(Strategy):
    """See the module."""

    def __init__(self, resource: Resource, traits: Traits) -> None:
        super().__init__(resource, traits)
        self.finalize = FinalizeStrategy(self)

    def prepare_for_create(self, ctx: Context, obj: Obj) -> None:
        """A new namespace is Active and held by one finalizer."""
        obj["status"] = {"phase": "Active"}
        spec = obj.setdefault("spec", {})
        finalizers = list(spec.get("finalizers") or ())
        if FINALIZER not in finalizers:
            finalizers.append(FINALIZER)
        spec["finalizers"] = finalizers
        self.canonicalize(obj)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Neither finalizers nor status change here."""
        keep(obj, old, "status")
        spec = obj.setdefault("spec", {})
        keep(spec, old.get("spec") or {}, "finalizers")

    def canonicalize(self, obj: Obj) -> None:
        """Every namespace is labelled with its own name."""
        metadata = obj["metadata"]
        name = metadata.get("name", "")
        labels = metadata.get("labels") or {}
        if name and labels.get(NAME_LABEL) != name:
            metadata["labels"] = {**labels, NAME_LABEL: name}

    def may_go(self, obj: Obj) -> bool:
        """Not before the last finalizer of the spec is taken."""
        return not (obj.get("spec") or {}).get("finalizers")

    def begin_delete(
        self,
        store: ResourceStore,
        ctx: Context,
        key: str,
        existing: Obj,
        options: Obj,
        validate: Callable[[Obj], None] | None,
    ) -> Deleted | None:
        """Terminating first; it goes when the last finalizer of its spec is taken."""
        metadata = existing["metadata"]
        wanted = options.get("preconditions") or {}
        for field, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            value = wanted.get(field)
            if value is not None and value != metadata.get(field):
                text = (
                    f"Precondition failed: {word} in precondition: {value}, {word} in object meta:"
                    f" {metadata.get(field)}"
                )
                raise errors.conflict(self.resource, metadata["name"], text)
        if metadata.get("deletionTimestamp"):
            return Deleted(existing, False) if (existing.get("spec") or {}).get("finalizers") else None
        if validate is not None:
            validate(existing)
        changed: Obj = {
            **existing,
            "metadata": {**metadata, "deletionTimestamp": now_of(ctx)},
            "status": {**(existing.get("status") or {}), "phase": "Terminating"},
        }
        finalizers = [
            f for f in metadata.get("finalizers") or () if f not in ("orphan", "foregroundDeletion")
        ]
        if options.get("orphanDependents") or options.get("propagationPolicy") == "Orphan":
            finalizers.append("orphan")
        if options.get("propagationPolicy") == "Foreground":
            finalizers.append("foregroundDeletion")
        if finalizers:
            changed["metadata"]["finalizers"] = finalizers
        if ctx.dry_run:
            return Deleted(changed, False)
        stored = store.cache.storage.update(key, changed, int(metadata["resourceVersion"]))
        if stored is None:
            raise errors.conflict(self.resource, metadata["name"])
        ctx.wrote(
            key, f"put if mod = {metadata['resourceVersion']}", int(stored["metadata"]["resourceVersion"])
        )
        return Deleted(stored, False)

    def subresource(self, name: str) -> Strategy | None:
        """status and finalize."""
        return self.finalize if name == "finalize" else super().subresource(name)


class FinalizeStrategy(NamespaceStrategy):
    """namespaces/finalize: only spec.finalizers may change."""

    def __init__(self, parent: NamespaceStrategy) -> None:
        Strategy.__init__(self, parent.resource, parent.traits)

    def prepare_for_update(self, ctx: Context, obj: Obj, old: Obj) -> None:
        """Keep everything else."""
        keep(obj, old, "status")
        obj.setdefault("spec", {})
