"""The patch of `kubectl apply`: from what was applied last, what is wanted now, and what the server has.

What is new or different in the wanted object is set; what was applied last and is wanted no more is deleted;
everything else on the server (defaults, other writers' fields) is left alone. Built-in kinds get a strategic
merge patch, whose lists are merged by key; custom ones a JSON merge patch, which replaces lists.

>>> three_way({"a": 1, "b": 2}, {"a": 3}, {"a": 1, "b": 2, "c": 9}, None)
{'b': None, 'a': 3}

Source: apimachinery/pkg/util/strategicpatch, jsonmergepatch.
"""

from __future__ import annotations

from typing import Any

from kubekit.api import schema
from kubekit.api.exchange import Obj

Type = Any
"""A compiled type of `kubekit.api.schema`, or None where nothing is known (custom resources)."""


def type_for(api_version: str, kind: str) -> Type:
    """The structure of a built-in kind; None for others."""
    try:
        return schema.for_kind(api_version, kind).struct
    except KeyError:
        return None


def _bare(kind: Type) -> Type:
    while isinstance(kind, schema.Pointer):
        kind = kind.inner
    return kind


def _field(kind: Type, name: str) -> tuple[Type, frozenset[str], str]:
    """(type, patch strategy, merge key) of a field or of a map's values."""
    kind = _bare(kind)
    if isinstance(kind, schema.Struct) and name in kind.fields:
        field = kind.fields[name]
        return field.type, field.patch_strategy, field.patch_merge_key
    if isinstance(kind, schema.Map):
        return kind.element, frozenset(), ""
    return None, frozenset(), ""


def _element(kind: Type) -> Type:
    kind = _bare(kind)
    return kind.element if isinstance(kind, schema.List) else None


def _diff(old: Obj, new: Obj, kind: Type, additions: bool, deletions: bool) -> Obj:
    """What turns `old` into `new`: only the additions and changes, or only the deletions, as asked."""
    patch: Obj = {}
    for key in sorted(old):
        if key not in new:
            if deletions:
                patch[key] = None
            continue
        _diff_value(patch, key, old[key], new[key], kind, additions, deletions)
    if additions:
        for key in sorted(new):
            if key not in old:
                patch[key] = new[key]
    return patch


def _diff_value(
    patch: Obj, key: str, old: Any, new: Any, kind: Type, additions: bool, deletions: bool
) -> None:
    inner, strategy, merge_key = _field(kind, key)
    if isinstance(old, dict) and isinstance(new, dict) and "replace" not in strategy:
        found = _diff(old, new, inner, additions, deletions)
        if found and "retainKeys" in strategy:
            found["$retainKeys"] = sorted(new)
        if found:
            patch[key] = found
    elif isinstance(old, list) and isinstance(new, list) and "merge" in strategy:
        _diff_list(patch, key, old, new, inner, merge_key, additions, deletions)
    elif additions and old != new:
        patch[key] = new


def _diff_list(
    patch: Obj,
    key: str,
    old: list[Any],
    new: list[Any],
    kind: Type,
    merge_key: str,
    additions: bool,
    deletions: bool,
) -> None:
    if not all(isinstance(item, dict) for item in [*old, *new]):
        _diff_primitives(patch, key, old, new, additions, deletions)
        return
    before = {str(item.get(merge_key)): item for item in old}
    after = {str(item.get(merge_key)): item for item in new}
    changed: list[Any] = []
    for name, item in after.items():
        if name in before:
            found = _diff(before[name], item, _element(kind), additions, deletions)
            if found:
                changed.append({merge_key: item.get(merge_key), **found})
        elif additions:
            changed.append(item)
    if deletions:
        changed += [
            {"$patch": "delete", merge_key: before[name].get(merge_key)}
            for name in before
            if name not in after
        ]
    same_order = list(after) == list(before)
    if changed:
        patch[key] = changed
    if changed or (additions and not same_order):
        patch[f"$setElementOrder/{key}"] = [{merge_key: item.get(merge_key)} for item in new]


def _diff_primitives(
    patch: Obj, key: str, old: list[Any], new: list[Any], additions: bool, deletions: bool
) -> None:
    added = [item for item in new if item not in old] if additions else []
    gone = [item for item in old if item not in new] if deletions else []
    if added:
        patch[key] = added
    if gone:
        patch[f"$deleteFromPrimitiveList/{key}"] = gone
    if added or gone:
        patch[f"$setElementOrder/{key}"] = list(new)


def _merge(first: Obj, second: Obj, kind: Type) -> Obj:
    """Two patches in one; where both say something, the second is right."""
    out = dict(first)
    for key, value in second.items():
        inner, strategy, merge_key = _field(kind, key)
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merge(out[key], value, inner)
        elif isinstance(value, list) and isinstance(out.get(key), list) and "merge" in strategy and merge_key:
            rows = {str(item.get(merge_key)): item for item in out[key]}
            for item in value:
                name = str(item.get(merge_key))
                rows[name] = _merge(rows[name], item, _element(inner)) if name in rows else item
            out[key] = list(rows.values())
        else:
            out[key] = value
    return out


def three_way(original: Obj | None, modified: Obj, current: Obj, kind: Type) -> Obj:
    """The patch to send; empty when there is nothing to change.

    `original`: the last applied configuration, None if there is none. `kind`: `type_for` of the object.
    """
    changes = _diff(current, modified, kind, additions=True, deletions=False)
    removals = _diff(original or {}, modified, kind, additions=False, deletions=True)
    return _merge(removals, changes, kind)
