"""What the verbs call: keep metadata.managedFields true while objects are created, updated and applied.

`on_create` and `on_update` note whose fields a write touched, before admission; `applied` makes the new
object of a server-side apply. Rules of an endpoint (shape, reset fields, conversion) are made once and
kept. Upstream: apimachinery/pkg/util/managedfields/internal (fieldmanager.go and the managers it stacks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors
from kubekit.api.exchange import encode_json
from kubekit.api.schema import for_kind
from kubekit.apiserver.managed_fields import check, last_applied
from kubekit.apiserver.managed_fields.field_set import MEMBER, FieldSet, shown
from kubekit.apiserver.managed_fields.managers import (
    MAX_UPDATERS,
    BadEntry,
    Identity,
    Manager,
    Managers,
    cap_updaters,
    entry_of,
    identity,
    read,
    shared,
    write,
)
from kubekit.apiserver.managed_fields.outline import outline, plain
from kubekit.apiserver.managed_fields.shape import ANY, Shape, shape_of_kind, shape_of_schema
from kubekit.apiserver.managed_fields.updater import (
    STRIPPED,
    Conflicts,
    Rules,
    apply,
    differences,
    stripped,
    update,
)
from kubekit.sim import rfc3339

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context
    from kubekit.apiserver.endpoints.scope import Scope

Obj = dict[str, Any]

KNOWN_LIMIT = 256
"""New objects of an endpoint whose fields are remembered."""

BEFORE_FIRST_APPLY = "before-first-apply"

_SPEC: FieldSet = {"f:spec": MEMBER}
_SPEC_AND_METADATA: FieldSet = {"f:spec": MEMBER, "f:metadata": MEMBER}
RESET: dict[tuple[str, str], FieldSet] = {
    ("pods", "status"): {**_SPEC, "f:metadata": {"f:deletionTimestamp": MEMBER, "f:ownerReferences": MEMBER}},
    ("deployments", "status"): {**_SPEC, "f:metadata": {"f:labels": MEMBER}},
    ("certificatesigningrequests", ""): {**_SPEC, "f:status": MEMBER},
    ("certificatesigningrequests", "status"): {**_SPEC, "f:status": {"f:conditions": MEMBER}},
    ("certificatesigningrequests", "approval"): {**_SPEC, "f:status": {"f:certificate": MEMBER}},
}
"""Fields that an endpoint resets where that is not simply the status (or, for the status, the spec)."""


class Endpoint:
    """The rules of one resource, version and subresource, and the empty object there."""

    __slots__ = ("_known", "_outlined", "empty", "rules")

    def __init__(self, rules: Rules, empty: Obj) -> None:
        self.rules = rules
        self.empty = empty
        self._outlined = plain(empty)
        self._known: dict[bytes | tuple[Any, ...], FieldSet] = {}
        """Fields of new objects that were like others, by what they are alike in. That follows from the
        object alone, so nothing but the limit empties it."""

    def fields_of_new(self, obj: Obj) -> FieldSet:
        """The fields that a new object sets, `shared`: found once for all that differ in nothing but what
        nobody owns (their names, above all) or, without a spec, in no more than texts and numbers."""
        mark = self._mark(obj)
        if mark is None:
            return shared(self._look(obj))
        found = self._known.get(mark)
        if found is None:
            if len(self._known) >= KNOWN_LIMIT:
                self._known.clear()
            found = self._known[mark] = shared(self._look(obj))
        return found

    def _mark(self, obj: Obj) -> bytes | tuple[Any, ...] | None:
        """What new objects with the same fields are alike in; None: no other is known to be like this one."""
        if "spec" not in obj:
            # What has no spec (an event, a lease) is hardly ever the same as another, but made in one way.
            return outline(obj) if self._outlined else None
        owned = {name: value for name, value in obj["metadata"].items() if name not in STRIPPED}
        try:
            return encode_json({**obj, "metadata": owned})
        except TypeError:
            return None

    def _look(self, obj: Obj) -> FieldSet:
        return stripped(differences(self.rules, self.empty, obj)[0])


def endpoint_of(ctx: Context, scope: Scope, subresource: str) -> Endpoint:
    """The rules of an endpoint."""
    found: Endpoint | None = scope.tracking.get(subresource)
    if found is None:
        found = scope.tracking[subresource] = _endpoint(ctx, scope, subresource)
    return found


def _endpoint(ctx: Context, scope: Scope, subresource: str) -> Endpoint:
    resource, server = scope.resource, ctx.server
    version, kind = resource.api_version, resource.kind
    shape: Shape
    if scope.custom is None:
        shape = shape_of_kind(version, kind)
        empty = dict(for_kind(version, kind).struct.zero())
    else:
        shape, empty = custom_shape(scope.custom.schema), {}
    reset = RESET.get((resource.plural, subresource))
    if reset is None and subresource not in ("", "status", "finalize"):
        reset = {}
    if reset is None:
        if scope.strategy.traits.status:
            reset = _SPEC if subresource == "status" else {"f:status": MEMBER}
            if scope.strategy.traits.status_keeps_metadata and subresource == "status":
                reset = _SPEC_AND_METADATA
        else:
            reset = {}

    def convert(obj: Obj, wanted: str) -> Obj | None:
        if wanted == version:
            return obj
        group, _, short = wanted.rpartition("/")
        other = server.scope(group, short, resource.plural)
        if other is None or other.store is not scope.store:
            return None
        return other.served(scope.to_stored(obj))

    def shape_at(wanted: str) -> Shape:
        return shape_of_kind(wanted, kind) if scope.custom is None else shape

    return Endpoint(Rules(shape, version, reset, convert, shape_at), empty)


def custom_shape(schema: Obj | None) -> Shape:
    """The shape of a custom kind: its schema, with the metadata of every kind."""
    described = shape_of_schema(schema)
    shape = Shape("struct")
    shape.fields = {k: v for k, v in described.fields.items() if k not in ("apiVersion", "kind", "metadata")}
    if described is ANY or described.kind == "map":
        shape.element = ANY
    else:
        shape.element = described.element
    meta = shape_of_kind("v1", "ConfigMap").fields
    for name in ("apiVersion", "kind", "metadata"):
        shape.fields[name] = meta[name]
    return shape


def _now(ctx: Context) -> str:
    return rfc3339(ctx.server.loop.clock.now())


def on_create(ctx: Context, scope: Scope, obj: Obj, manager: str) -> None:
    """Note the fields that a new object was created with."""
    metadata, subresource = obj["metadata"], ctx.info.subresource
    if metadata.get("managedFields"):
        on_update(ctx, scope, obj, None, manager)
        return
    metadata.pop("managedFields", None)
    endpoint: Endpoint = scope.tracking.get(subresource) or endpoint_of(ctx, scope, subresource)
    fields, version = endpoint.fields_of_new(obj), endpoint.rules.api_version
    if fields:
        who = identity(manager, "Update", version, subresource)
        now = rfc3339(ctx.server.loop.clock.now())
        metadata["managedFields"] = [entry_of(who, version, now, fields)]


def on_update(
    ctx: Context, scope: Scope, obj: Obj, old: Obj | None, manager: str, subresource: str | None = None
) -> None:
    """Note the fields that a write changed (`old` is None for a new object)."""
    if subresource is None:
        subresource = ctx.info.subresource
    metadata = obj["metadata"]
    given = metadata.pop("managedFields", None)
    endpoint = endpoint_of(ctx, scope, subresource)
    kept = old["metadata"].get("managedFields") if old is not None else None
    if given == [{}]:
        managers: Managers = {}
    else:
        managers = _decoded(kept if subresource or not given else given, kept)
    if not managers and old is not None:
        # Objects whose fields nobody tracked stay so until somebody applies.
        return
    rules = endpoint.rules
    who = identity(manager, "Update", rules.api_version, subresource)
    before = endpoint.empty if old is None else _without_managers(old)
    update(rules, before, obj, managers, who, _now(ctx))
    if len(managers) > MAX_UPDATERS:
        cap_updaters(managers)
    entries = write(managers)
    if entries is not None:
        metadata["managedFields"] = entries


def _decoded(entries: list[Obj] | None, fallback: list[Obj] | None) -> Managers:
    for attempt in (entries, fallback):
        try:
            found = read(attempt)
        except BadEntry:
            continue
        if found:
            return found
    return {}


def _without_managers(obj: Obj) -> Obj:
    metadata = obj["metadata"]
    if "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}


def applied(ctx: Context, scope: Scope, config: Obj, old: Obj | None, manager: str, force: bool) -> Obj:
    """What a server-side apply makes of the present object, with its managers, not yet decoded or defaulted.

    Raises BadRequest for a wrong configuration, a Conflict for fields that others own.
    """
    resource = scope.resource
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    subresource = ctx.info.subresource
    endpoint = endpoint_of(ctx, scope, subresource)
    rules = endpoint.rules
    found = check.problems(rules.shape, config)
    if found:
        where = metadata if isinstance(metadata, dict) else {}
        what = (
            f"{where.get('namespace', '')}/{where.get('name', '')};"
            f" {gvk(resource.api_version, resource.kind)}"
        )
        text = f"failed to create typed patch object ({what}): {check.text_of(found)}"
        raise errors.StatusError(errors.status(500, "", text))
    now = _now(ctx)
    who = identity(manager, "Apply", rules.api_version, subresource)
    if old is None:
        live: Obj = {**endpoint.empty, "apiVersion": resource.api_version, "kind": resource.kind}
        managers: Managers = {}
    else:
        live = _without_managers(old)
        managers = _decoded(old["metadata"].get("managedFields"), None)
        if not managers:
            update(rules, endpoint.empty, live, managers, _first(rules), now)
    try:
        new = _try(ctx, rules, live, config, managers, who, now, force)
    except Conflicts as error:
        raise _refusal(error) from None
    new = {**new, "metadata": dict(new.get("metadata") or {})}
    if manager == "kubectl":
        last_applied.refresh(new, config)
    entries = write(managers)
    if entries is not None:
        new["metadata"]["managedFields"] = entries
    return new


def _first(rules: Rules) -> Identity:
    return identity(BEFORE_FIRST_APPLY, "Update", rules.api_version, "")


def _try(
    ctx: Context,
    rules: Rules,
    live: Obj,
    config: Obj,
    managers: Managers,
    who: Identity,
    now: str,
    force: bool,
) -> Obj:
    before = {key: Manager(m.fields, m.api_version, m.time, m.entry) for key, m in managers.items()}
    try:
        return apply(rules, live, config, managers, who, now, force)
    except Conflicts as error:
        if who.manager != "kubectl":
            raise
        # What kubectl itself applied on the client's side may be taken over without force.
        left = last_applied.still_conflicting(rules, live, error.found)
        if left is None or left:
            raise Conflicts(left or error.found) from None
        managers.clear()
        managers.update(before)
        return apply(rules, live, config, managers, who, now, True)


def gvk(api_version: str, kind: str) -> str:
    """A group, version and kind as Go prints it."""
    group, _, version = api_version.rpartition("/")
    return f"{group}/{version}, Kind={kind}"


def _refusal(error: Conflicts) -> errors.StatusError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {_named(who, m)}", "field": shown(path)}
        for who, m, path in error.found
    ]
    if len(error.found) == 1:
        who, manager, path = error.found[0]
        text = f"Apply failed with 1 conflict: conflict with {_named(who, manager)}: {shown(path)}"
    else:
        lines: list[str] = []
        last: Identity | None = None
        for who, manager, path in error.found:
            if who != last:
                lines.append(f"conflicts with {_named(who, manager)}:")
                last = who
            lines.append(f"- {shown(path)}")
        text = f"Apply failed with {len(error.found)} conflicts: " + "\n".join(lines)
    return errors.StatusError(errors.status(409, "Conflict", text, {"causes": causes}))


def _named(who: Identity, manager: Manager) -> str:
    text = f'"{who.manager}"'
    if who.subresource:
        text += f' with subresource "{who.subresource}"'
    if who.operation == "Update":
        text += f" using {manager.api_version}"
    return text
