"""Who owns which field after a change: updates take what they changed, applies own what they name.

`update(...)` is for create, update and patch: the fields that changed leave their managers and go to the
caller. `apply(...)` merges a configuration into the object, removes what this manager applied before and
does not now, and refuses to change what others own (unless forced). Upstream: structured-merge-diff
(merge/update.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.apiserver.managed_fields.compare import compare, fields_of
from kubekit.apiserver.managed_fields.field_set import (
    FieldSet,
    difference,
    intersection,
    paths,
    union,
    without,
)
from kubekit.apiserver.managed_fields.managers import Identity, Manager, Managers
from kubekit.apiserver.managed_fields.merge import merged, pruned, with_named_fields
from kubekit.apiserver.managed_fields.shape import Shape

Obj = dict[str, Any]
Convert = Callable[[Obj, str], Obj | None]
"""An object in another version of its kind; None when that version is not known."""

ShapeAt = Callable[[str], Shape]

STRIPPED = frozenset(
    {"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
     "managedFields", "resourceVersion"}
)  # fmt: skip
"""Fields of metadata that nobody owns."""


class Conflicts(Exception):
    """Fields that an apply would take from others: (manager, path) in order."""

    def __init__(self, found: list[tuple[Identity, Manager, tuple[str, ...]]]) -> None:
        super().__init__(f"{len(found)} conflicts")
        self.found = found


class Rules:
    """How one endpoint sees ownership: the shape of its kind, its version, and the fields it resets."""

    __slots__ = ("api_version", "convert", "reset", "shape", "shape_at")

    def __init__(
        self,
        shape: Shape,
        api_version: str,
        reset: FieldSet,
        convert: Convert,
        shape_at: ShapeAt | None = None,
    ) -> None:
        self.shape = shape
        self.api_version = api_version
        self.reset = reset
        """Places that a request here cannot change, whatever it sends."""
        self.convert = convert
        self.shape_at: ShapeAt = shape_at or (lambda version: shape)
        """The shape of the kind in another version."""

    def filtered(self, fields: FieldSet) -> FieldSet:
        """A set without what a request here cannot change."""
        return without(fields, self.reset) if self.reset else fields


def stripped(fields: FieldSet) -> FieldSet:
    """A set without what nobody owns: type, name, uid and their like."""
    found = {
        element: below for element, below in fields.items() if element not in ("f:apiVersion", "f:kind", ".")
    }
    metadata = found.get("f:metadata")
    if metadata is not None:
        kept = {e: b for e, b in metadata.items() if e != "." and e[2:] not in STRIPPED}
        if kept:
            found["f:metadata"] = kept
        else:
            del found["f:metadata"]
    return found


def differences(rules: Rules, old: Obj, new: Obj) -> tuple[FieldSet, FieldSet]:
    """(added or changed, removed) between two objects, less what the endpoint resets."""
    changed, removed = compare(rules.shape, old, new)
    return rules.filtered(changed), rules.filtered(removed)


def _settle(
    rules: Rules,
    old: Obj,
    new: Obj,
    changed: FieldSet,
    removed: FieldSet,
    managers: Managers,
    self: Identity | None,
    force: bool,
) -> None:
    """Take changed and removed fields from the other managers; raises Conflicts."""
    by_version: dict[str, tuple[FieldSet, FieldSet] | None] = {rules.api_version: (changed, removed)}
    conflicts: dict[Identity, FieldSet] = {}
    gone: dict[Identity, FieldSet] = {}
    for who, manager in list(managers.items()):
        if who == self:
            continue
        version = manager.api_version
        if version not in by_version:
            old_there, new_there = rules.convert(old, version), rules.convert(new, version)
            known = old_there is not None and new_there is not None
            by_version[version] = compare(rules.shape_at(version), old_there, new_there) if known else None
        found = by_version[version]
        if found is None:
            del managers[who]
            continue
        if both := intersection(manager.fields, found[0]):
            conflicts[who] = both
        if found[1]:
            gone[who] = found[1]
    if conflicts and not force:
        listed = [(who, managers[who], path) for who in sorted(conflicts) for path in paths(conflicts[who])]
        raise Conflicts(listed)
    for taken in (conflicts, gone):
        for who, fields in taken.items():
            manager = managers[who]
            left = difference(manager.fields, fields)
            if left != manager.fields:
                managers[who] = Manager(left, manager.api_version, manager.time)
    for who in [who for who, manager in managers.items() if not manager.fields]:
        del managers[who]


def update(rules: Rules, old: Obj, new: Obj, managers: Managers, self: Identity, now: str) -> None:
    """Give the fields that a change touched to its maker."""
    changed, removed = differences(rules, old, new)
    if not changed and not removed:
        return
    if managers:
        _settle(rules, old, new, changed, removed, managers, None, True)
    mine = stripped(changed)
    if not mine:
        return
    before = managers.get(self)
    fields = mine if before is None else union(mine, before.fields)
    managers[self] = Manager(fields, rules.api_version, now)


def apply(
    rules: Rules, live: Obj, config: Obj, managers: Managers, self: Identity, now: str, force: bool
) -> Obj:
    """Merge a configuration into the object; gives the new one; raises Conflicts.

    The caller has checked the configuration's types. `live` comes without managedFields.
    """
    shape = rules.shape
    new: Obj = merged(shape, live, config)
    last = managers.get(self)
    fields = rules.filtered(fields_of(shape, config))
    managers[self] = Manager(fields, rules.api_version, last.time if last is not None else now)
    if last is not None and last.fields:
        new = _pruned(rules, new, managers, self, last)
    changed, removed = differences(rules, live, new)
    _settle(rules, live, new, changed, removed, managers, self, force)
    mine = managers.get(self)
    if mine is not None:
        kept = stripped(mine.fields)
        if not kept:
            del managers[self]
        else:
            managers[self] = Manager(kept, rules.api_version, mine.time if new == live else now)
    return new


def _pruned(rules: Rules, new: Obj, managers: Managers, self: Identity, last: Manager) -> Obj:
    """Remove what this manager applied last time, does not apply now, and nobody else claims."""
    there = rules.convert(new, last.api_version)
    if there is None:
        return new
    shape = rules.shape_at(last.api_version)
    left = pruned(shape, there, with_named_fields(shape, last.fields)) or {}
    claimed: dict[str, FieldSet] = {last.api_version: {}}
    for manager in managers.values():
        claimed[manager.api_version] = union(claimed.get(manager.api_version, {}), manager.fields)
    for version, fields in claimed.items():
        whole, rest = rules.convert(there, version), rules.convert(left, version)
        if whole is None or rest is None:
            continue
        all_fields = with_named_fields(shape, fields_of(shape, whole))
        kept = union(with_named_fields(shape, fields_of(shape, rest)), with_named_fields(shape, fields))
        left = (
            rules.convert(pruned(shape, whole, difference(all_fields, kept)) or {}, last.api_version) or left
        )
    # Only what this manager itself owned may go.
    before = with_named_fields(shape, fields_of(shape, there))
    after = with_named_fields(shape, fields_of(shape, left))
    going = intersection(difference(before, after), with_named_fields(shape, last.fields))
    found = pruned(shape, there, going) or {}
    return rules.convert(found, rules.api_version) or found


__all__ = ["Conflicts", "Rules", "apply", "differences", "stripped", "update"]
