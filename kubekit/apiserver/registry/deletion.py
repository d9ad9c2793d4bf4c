"""Deletion: how an object goes, at once, with a grace period, or when its last finalizer is taken.

`delete(store, ctx, namespace, name, options, validate)` follows the real order: preconditions, then grace
(pods), then the finalizers that a propagation policy asks for, then the conditional delete.

    pod on node02, grace 30 -> deletionTimestamp = now + 30 s, waits; the kubelet then deletes it with grace 0
    pod without a node      -> gone at once
    finalizers left         -> deletionTimestamp = now, waits until the last finalizer is removed by an update

Upstream: apiserver/pkg/registry/rest/delete.go and registry/generic/registry/store.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.apiserver.registry.store import ResourceStore
from kubekit.apiserver.registry.strategy import Deleted
from kubekit.apiserver.storage import complaint
from kubekit.sim import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


def delete(
    store: ResourceStore,
    ctx: Context,
    namespace: str,
    name: str,
    options: Obj,
    validate: Callable[[Obj], None] | None = None,
) -> Deleted:
    """Delete one object as `options` (a DeleteOptions, private to the request) say."""
    key = store.key(namespace, name)
    if key in store.cache.broken and key not in store.cache.objects:
        raise errors.internal_error(complaint(key, store.cache.broken[key]))
    existing = store.find(namespace, name)
    while True:
        if existing is None:
            raise errors.not_found(store.resource, name)
        result = store.strategy.begin_delete(store, ctx, key, existing, options, validate)
        if result is None:
            result = _attempt(store, ctx, key, existing, dict(options), validate)
        if result is not None:
            return result
        existing = store.cache.storage.get(key)


def _attempt(
    store: ResourceStore,
    ctx: Context,
    key: str,
    existing: Obj,
    options: Obj,
    validate: Callable[[Obj], None] | None,
) -> Deleted | None:
    """One try against one revision; None when somebody else wrote in between."""
    ctx.old = existing
    check_preconditions(store, existing, options)
    changed: Obj = {**existing, "metadata": dict(existing["metadata"])}
    graceful, pending = _begin_grace(store, ctx, changed, options)
    if pending:
        ctx.note("deletion", "a graceful deletion is under way already")
        return Deleted(existing, False)
    if validate is not None:
        validate(existing)
    metadata = changed["metadata"]
    finalizers = _finalizers(store, ctx, metadata, options)
    if finalizers != (metadata.get("finalizers") or []):
        if finalizers:
            metadata["finalizers"] = finalizers
        else:
            metadata.pop("finalizers", None)
    revision = int(existing["metadata"]["resourceVersion"])
    held = bool(finalizers)
    if held and not graceful:
        _mark_as_deleting(ctx, metadata)
    if (graceful or held) and changed != existing:
        if ctx.dry_run:
            stored: Obj | None = changed
        else:
            stored = store.cache.storage.update(key, changed, revision)
            if stored is None:
                return None
            revision = int(stored["metadata"]["resourceVersion"])
            ctx.wrote(key, f"put if mod = {existing['metadata']['resourceVersion']}", revision)
        assert stored is not None
        changed = stored
    if held or (graceful and options.get("gracePeriodSeconds", 0) > 0):
        ctx.note("deletion", f"waits for finalizers {finalizers}" if held else "waits for its grace period")
        return Deleted(changed, False)
    if ctx.dry_run:
        return Deleted(changed, True)
    gone = store.cache.storage.delete(key, revision)
    if not gone:
        return None
    ctx.wrote(key, f"delete if mod = {revision}", gone)
    last = {**changed, "metadata": {**changed["metadata"], "resourceVersion": str(gone)}}
    store.strategy.after_delete(ctx, last)
    return Deleted(last, True)


_PRECONDITIONS = (
    ("uid", "UID", "deleted and then recreated"),
    ("resourceVersion", "ResourceVersion", "modified"),
)


def check_preconditions(store: ResourceStore, obj: Obj, options: Obj) -> None:
    """The uid and resourceVersion that a DeleteOptions insists on; raises Conflict."""
    wanted = options.get("preconditions") or {}
    metadata = obj["metadata"]
    for field, word, what in _PRECONDITIONS:
        value = wanted.get(field)
        if value is not None and value != metadata.get(field, ""):
            text = (
                f"the {word} in the precondition ({value}) does not match the {word} in record "
                f"({metadata.get(field, '')}). The object might have been {what}"
            )
            kind, group = store.resource.kind, store.resource.group
            raise errors.conflict(f"{kind}.{group}" if group else kind, metadata["name"], text)


def _begin_grace(store: ResourceStore, ctx: Context, obj: Obj, options: Obj) -> tuple[bool, bool]:
    """(is it deleted gracefully, is that under way already); marks the object (rest.BeforeDelete)."""
    metadata = obj["metadata"]
    seconds = options.get("gracePeriodSeconds")
    if seconds is not None and seconds < 0:
        options["gracePeriodSeconds"] = seconds = 1
    if metadata.get("deletionGracePeriodSeconds", 0) < 0:
        metadata["deletionGracePeriodSeconds"] = 1
    now = ctx.server.loop.clock.now()
    if not store.strategy.graceful:
        return False, False
    if metadata.get("deletionTimestamp"):
        left = metadata.get("deletionGracePeriodSeconds")
        if not left:
            return False, False
        if seconds is None:
            options["gracePeriodSeconds"] = left
            return False, True
        if seconds >= left:
            return False, True
        end = parse_rfc3339(metadata["deletionTimestamp"]) - left + seconds
        if end < now:
            end = now
            if seconds != 0:
                seconds = 1
        metadata["deletionTimestamp"] = rfc3339(end)
        metadata["deletionGracePeriodSeconds"] = seconds
        return True, False
    if not store.strategy.check_graceful_delete(ctx, obj, options):
        return False, False
    seconds = options["gracePeriodSeconds"]
    metadata["deletionTimestamp"] = rfc3339(now + seconds)
    metadata["deletionGracePeriodSeconds"] = seconds
    if metadata.get("generation"):
        metadata["generation"] += 1
    return True, False


def _mark_as_deleting(ctx: Context, metadata: Obj) -> None:
    now = ctx.server.loop.clock.now()
    before = metadata.get("deletionTimestamp")
    if not before and metadata.get("generation"):
        metadata["generation"] += 1
    if not before or parse_rfc3339(before) > now:
        metadata["deletionTimestamp"] = rfc3339(now)
    metadata["deletionGracePeriodSeconds"] = 0


def _finalizers(store: ResourceStore, ctx: Context, metadata: Obj, options: Obj) -> list[str]:
    """The finalizers after the propagation policy had its say (deletionFinalizersForGarbageCollection)."""
    present: list[str] = metadata.get("finalizers") or []
    default = store.strategy.default_propagation(ctx)
    orphan, foreground = _policy(default, present, options)
    wanted = [f for f in present if f not in (ORPHAN, FOREGROUND)]
    if orphan:
        wanted.append(ORPHAN)
    if foreground:
        wanted.append(FOREGROUND)
    return present if sorted(wanted) == sorted(present) else wanted


def _policy(default: str, present: list[str], options: Obj) -> tuple[bool, bool]:
    if default == "unsupported":
        return False, False
    if options.get("orphanDependents") is not None:
        return bool(options["orphanDependents"]), False
    policy = options.get("propagationPolicy")
    if policy in ("Orphan", "Background", "Foreground"):
        return policy == "Orphan", policy == "Foreground"
    for finalizer in present:
        if finalizer == ORPHAN:
            return True, False
        if finalizer == FOREGROUND:
            return False, True
    return default == "orphan", False
