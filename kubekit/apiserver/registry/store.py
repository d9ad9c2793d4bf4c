"""The generic store: create, change and read one resource's objects, with its strategy's say at the usual
places.

Every verb in `endpoints/` ends here. `ResourceStore.create` and `.update` run the strategy (prepare,
validate, warn, canonicalise), then validating admission, then the conditional write; deletion is in
`deletion.py`. An object passed in belongs to the store afterwards; objects handed out are frozen.

    PUT web, resourceVersion 41 -> strategy.prepare_for_update -> validate -> etcd: put if mod = 41 -> rev 57

Upstream: apiserver/pkg/registry/generic/registry/store.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.resources import Resource
from kubekit.apiserver.registry import checks, object_meta
from kubekit.apiserver.registry.strategy import Strategy, Undo
from kubekit.apiserver.shared_lease import SharedLease
from kubekit.apiserver.storage import complaint
from kubekit.apiserver.watch_cache import WatchCache
from kubekit.sim import Step, rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
Validate = Callable[[Obj, Obj | None], None]
"""Validating admission: (new object, old object or None)."""

GENERATE_ATTEMPTS = 8
_VALID = Step("Validation", "pass", "the object is valid")


class ResourceStore:
    """The objects of one resource (all its versions)."""

    def __init__(
        self,
        resource: Resource,
        strategy: Strategy,
        cache: WatchCache,
        shared_lease: SharedLease | None = None,
    ) -> None:
        """With `shared_lease` the objects do not stay: they live as long as it says."""
        self.resource = resource
        self.strategy = strategy
        self.cache = cache
        self._shared_lease = shared_lease

    def _lease(self) -> int:
        return 0 if self._shared_lease is None else self._shared_lease.id()

    def key(self, namespace: str, name: str) -> str:
        """The store's key of an object."""
        prefix = self.cache.prefix
        return f"{prefix}{namespace}/{name}" if self.resource.namespaced else prefix + name

    # -- read -------------------------------------------------------------------------------------------

    def find(self, namespace: str, name: str) -> Obj | None:
        """The object, or None."""
        cache = self.cache
        key = f"{cache.prefix}{namespace}/{name}" if self.resource.namespaced else cache.prefix + name
        obj = cache.objects.get(key)
        if obj is None and key in cache.broken:
            raise errors.internal_error(complaint(key, cache.broken[key]))
        return obj

    def get(self, namespace: str, name: str) -> Obj:
        """The object; raises a NotFound StatusError."""
        cache = self.cache
        obj = cache.objects.get(
            f"{cache.prefix}{namespace}/{name}" if self.resource.namespaced else cache.prefix + name
        )
        if obj is None and (obj := self.find(namespace, name)) is None:
            raise errors.not_found(self.resource, name)
        return obj

    # -- create -----------------------------------------------------------------------------------------

    def create(self, ctx: Context, obj: Obj, validate: Validate | None = None) -> Obj:
        """Store a new object; gives it as stored."""
        metadata = obj["metadata"]
        prefix = metadata.get("generateName", "")
        generated = bool(prefix) and not metadata.get("name")
        attempts = GENERATE_ATTEMPTS if generated else 1
        while True:
            attempts -= 1
            if generated:
                metadata["name"] = object_meta.generate_name(ctx.server.loop.rng, prefix)
            try:
                return self._create(ctx, obj, validate, generated)
            except errors.StatusError as error:
                if not (generated and error.reason == "AlreadyExists" and attempts):
                    raise

    def _create(self, ctx: Context, obj: Obj, validate: Validate | None, generated: bool) -> Obj:
        metadata = obj["metadata"]
        object_meta.fill_system_fields(ctx, metadata)
        undo = self.strategy.begin_create(ctx, obj)
        try:
            stored = self._insert(ctx, obj, validate)
        except BaseException:
            if undo is not None:
                undo()
            raise
        if stored is None:
            if undo is not None:
                undo()
            if generated:
                raise errors.generate_name_conflict(self.resource, metadata["name"], metadata["generateName"])
            raise errors.already_exists(self.resource, metadata["name"])
        if ctx.dry_run:
            if undo is not None:
                undo()
        else:
            self.strategy.after_create(ctx, stored)
        return stored

    def _insert(self, ctx: Context, obj: Obj, validate: Validate | None) -> Obj | None:
        metadata = obj["metadata"]
        self.check_namespace(ctx, obj)
        strategy = self.strategy
        strategy.prepare_for_create(ctx, obj)
        problems = strategy.validate(ctx, obj)
        if problems:
            ctx.refused(
                "Validation", str(problems[0]) if len(problems) == 1 else f"{len(problems)} field errors"
            )
            raise errors.invalid(
                obj.get("kind") or self.resource.kind, self.resource.group, metadata.get("name", ""), problems
            )
        problems = object_meta.validate(metadata, self.resource.namespaced)
        if problems:
            ctx.refused("Validation", str(problems[0]))
            raise errors.invalid(
                obj.get("kind") or self.resource.kind, self.resource.group, metadata.get("name", ""), problems
            )
        ctx.steps.append(_VALID)
        for text in strategy.warnings_on_create(ctx, obj):
            ctx.warn(text)
        strategy.canonicalize(obj)
        if validate is not None:
            validate(obj, None)
        key = self.key(metadata.get("namespace", ""), metadata["name"])
        if ctx.dry_run:
            ctx.note("etcd", "dry run: nothing is written")
            return None if key in self.cache.objects else obj
        if metadata.get("resourceVersion", "") not in ("", "0"):
            text = "resourceVersion should not be set on objects to be created"
            raise errors.StatusError(errors.status(500, "", text))
        stored = self.cache.storage.create(key, obj, self._lease())
        if stored is None:
            ctx.refused("etcd", "put if new: the key exists", {"key": key})
            return None
        ctx.wrote(key, "put if new", int(stored["metadata"]["resourceVersion"]))
        return self.cache.newer(key, stored)

    # -- update -----------------------------------------------------------------------------------------

    def update(
        self,
        ctx: Context,
        namespace: str,
        name: str,
        change: Callable[[Obj | None], Obj],
        validate: Validate | None = None,
        *,
        strategy: Strategy | None = None,
        uid: str = "",
        force_create: bool = False,
    ) -> tuple[Obj, bool]:
        """Replace an object by what `change` makes of it; (as stored, whether it was created).

        `change` gets the present object (or None) and gives a private new one; it may be called again when
        another server's write came between.
        """
        strategy = strategy or self.strategy
        key = self.key(namespace, name)
        may_create = strategy.traits.create_on_update or force_create
        existing = self.find(namespace, name)
        while True:
            if existing is None and not may_create:
                raise errors.not_found(self.resource, name)
            self._check_uid(key, name, uid, existing)
            obj = change(existing)
            if existing is None:
                obj["metadata"].pop("resourceVersion", None)
                return self._create(ctx, obj, validate, False), True
            stored = self._replace(ctx, key, name, obj, existing, strategy, validate)
            if stored is not None:
                return stored, False
            existing = self.cache.storage.get(key)

    def _check_uid(self, key: str, name: str, uid: str, existing: Obj | None) -> None:
        found = existing["metadata"].get("uid", "") if existing is not None else ""
        if uid and uid != found:
            text = (
                f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
            )
            raise errors.conflict(self.resource, name, text)

    def _replace(
        self,
        ctx: Context,
        key: str,
        name: str,
        obj: Obj,
        existing: Obj,
        strategy: Strategy,
        validate: Validate | None,
    ) -> Obj | None:
        metadata, before = obj["metadata"], existing["metadata"]
        revision = before["resourceVersion"]
        self._check_revision(metadata, revision, name, strategy)
        metadata["resourceVersion"] = revision
        undo: Undo | None = strategy.begin_update(ctx, obj, existing)
        kept = False
        try:
            self.before_update(ctx, obj, existing, strategy)
            if validate is not None:
                validate(obj, existing)
            ctx.old = existing
            if should_delete(obj, existing) and self.strategy.may_go(obj):
                return self._finish_deletion(ctx, key, obj, existing)
            if ctx.dry_run:
                ctx.note("etcd", "dry run: nothing is written")
                metadata["resourceVersion"] = revision
                return obj
            metadata["resourceVersion"] = revision
            if obj == existing and not self.cache.storage.is_stale(key):
                ctx.note("etcd", "nothing changed: nothing is written")
                kept = True
                return existing
            stored = self.cache.storage.update(key, obj, int(revision), self._lease())
            if stored is None:
                ctx.note("etcd", f"put if mod = {revision}: somebody else wrote first, once more")
                return None
            kept = True
            ctx.wrote(key, f"put if mod = {revision}", int(stored["metadata"]["resourceVersion"]))
        finally:
            if undo is not None and not kept:
                undo()
        strategy.after_update(ctx, stored, existing)
        return self.cache.newer(key, stored)

    def _check_revision(self, metadata: Obj, present: str, name: str, strategy: Strategy) -> None:
        given = metadata.get("resourceVersion") or "0"
        try:
            number = int(given)
            if number < 0 or not given.isascii() or not given.isdigit():
                raise ValueError
        except ValueError:
            raise errors.StatusError(
                errors.status(500, "", f'strconv.ParseUint: parsing "{given}": invalid syntax')
            ) from None
        if number == 0:
            if not strategy.traits.unconditional_update:
                problem = object_meta.needs_revision()
                raise errors.invalid(self.resource.plural, self.resource.group, name, [problem])
        elif given != present:
            raise errors.conflict(self.resource, name)

    def before_update(self, ctx: Context, obj: Obj, existing: Obj, strategy: Strategy) -> None:
        """Prepare and validate a change (rest.BeforeUpdate)."""
        self.check_namespace(ctx, obj)
        metadata, before = obj["metadata"], existing["metadata"]
        if before.get("generation"):
            metadata["generation"] = before["generation"]
        else:
            metadata.pop("generation", None)
        strategy.prepare_for_update(ctx, obj, existing)
        metadata = obj["metadata"]
        object_meta.keep_system_fields(metadata, before)
        problems = object_meta.validate(metadata, self.resource.namespaced)
        general, again = checks.validate_changed_metadata(metadata, before)
        problems += general
        problems += object_meta.validate_update(metadata, before)
        problems += again
        problems += strategy.validate_update(ctx, obj, existing)
        if problems:
            ctx.refused(
                "Validation", str(problems[0]) if len(problems) == 1 else f"{len(problems)} field errors"
            )
            raise errors.invalid(
                obj.get("kind") or self.resource.kind, self.resource.group, metadata.get("name", ""), problems
            )
        ctx.passed("Validation", "the change is valid")
        for text in strategy.warnings_on_update(ctx, obj, existing):
            ctx.warn(text)
        strategy.canonicalize(obj)

    def _finish_deletion(self, ctx: Context, key: str, obj: Obj, existing: Obj) -> Obj | None:
        """An update took the last finalizer from an object that is being deleted: now it goes."""
        if ctx.dry_run:
            return obj
        revision = int(existing["metadata"]["resourceVersion"])
        gone = self.cache.storage.delete(key, revision)
        if not gone:
            return None
        ctx.wrote(key, f"delete if mod = {revision}", gone)
        self.strategy.after_delete(ctx, obj)
        # Whoever updates expects the object, also of kinds whose deletion answers with a Status.
        return obj

    def check_namespace(self, ctx: Context, obj: Obj) -> None:
        """The object's namespace must be the request's; fills it in when it is empty."""
        metadata = obj["metadata"]
        expected = ctx.info.namespace if self.resource.namespaced else ""
        given = metadata.get("namespace", "")
        if given == expected:
            return
        if not given:
            metadata["namespace"] = expected
        elif not expected:
            metadata.pop("namespace", None)
        else:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )


def should_delete(obj: Obj, existing: Obj) -> bool:
    """Whether this update removes the last thing that held a deleted object (ShouldDeleteDuringUpdate)."""
    metadata, before = obj["metadata"], existing["metadata"]
    if metadata.get("finalizers") or not before.get("deletionTimestamp"):
        return False
    return not before.get("deletionGracePeriodSeconds")


def deletion_status(resource: Resource, obj: Obj) -> Obj:
    """The Status that tells what was deleted (its details' kind is the plural)."""
    metadata = obj["metadata"]
    details: Obj = {"name": metadata["name"], "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    if metadata.get("uid"):
        details["uid"] = metadata["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def now_of(ctx: Context) -> str:
    """The present time as metadata has it."""
    return rfc3339(ctx.server.loop.clock.now())
