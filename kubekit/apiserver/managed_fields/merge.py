"""Merging an applied configuration into the present object, and taking out what was applied before and is
not now.

`merged(shape, live, config)` lays the configuration over the object; `pruned(shape, value, fields)`
removes a set of fields. Both give new values that share unchanged parts with what they were given.
Upstream: structured-merge-diff (typed/merge.go, typed/remove.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.apiserver.managed_fields.field_set import MEMBER, FieldSet, is_member
from kubekit.apiserver.managed_fields.shape import KeyProblem, Shape, resolved

Obj = dict[str, Any]


def merged(shape: Shape, live: Any, config: Any) -> Any:
    """The value that both make together; the configuration wins at the leaves."""
    one, two = resolved(shape, live), resolved(shape, config)
    if config is None and isinstance(live, dict | list) and live:
        two = one
    elif live is not None and one is not two:
        return config
    if two.leaf or (not live and not config):
        return config
    if two.kind == "list":
        return _merged_lists(two, live or [], config or [])
    found = dict(live or {})
    for name, value in (config or {}).items():
        inner = two.child(name)
        if inner is None or name not in found:
            found[name] = value
        else:
            found[name] = merged(inner, found[name], value)
    return found


def _merged_lists(shape: Shape, live: list[Any], config: list[Any]) -> list[Any]:
    """Items of both, in the configuration's order, with the live list's own items kept where they stood."""
    element = shape.element
    assert element is not None
    left_keys, left = _indexed(shape, live)
    right_keys, right = _indexed(shape, config)
    shared = [key for key in right_keys if key in left]
    coming = iter(shared)
    following = next(coming, None)
    done: set[str] = set()
    found: list[Any] = []

    def take(key: str) -> None:
        nonlocal following
        done.add(key)
        value = right[key]
        found.append(merged(element, left[key], value) if left.get(key) is not None else value)
        if key == following:
            following = next(coming, None)

    i = j = 0
    while i < len(left_keys) or j < len(right_keys):
        if i < len(left_keys):
            key = left_keys[i]
            if j < len(right_keys):
                if key == right_keys[j]:
                    take(key)
                    i, j = i + 1, j + 1
                    continue
                if key in right and following is not None and key != following:
                    i += 1
                    continue
            if key not in right:
                found.append(live[i])
                i += 1
                continue
            if key in done:
                i += 1
        if j < len(right_keys):
            take(right_keys[j])
            j += 1
    return found


def _indexed(shape: Shape, items: list[Any]) -> tuple[list[str], Obj]:
    keys: list[str] = []
    values: Obj = {}
    for item in items:
        try:
            key = shape.item(item)
        except KeyProblem:
            key = f"?{len(keys)}"
        keys.append(key)
        # Items that share a key are not merged with anything.
        values[key] = None if key in values else item
    return keys, values


def pruned(shape: Shape, value: Any, fields: FieldSet) -> Any:
    """The value without the fields of a set; None when nothing is left of a list or map."""
    shape = resolved(shape, value)
    if shape.kind == "scalar" or not isinstance(value, dict | list):
        return value
    if not value or shape.leaf:
        return None
    if isinstance(value, list):
        assert shape.element is not None
        items = []
        for item in value:
            below = fields.get(shape.item(item))
            if below is None:
                items.append(item)
            elif not is_member(below):
                items.append(pruned(shape.element, item, below))
        return items or None
    found: Obj = {}
    for name, part in value.items():
        below = fields.get("f:" + name)
        if below is None:
            found[name] = part
        elif not is_member(below):
            inner = shape.child(name)
            found[name] = pruned(inner, part, below) if inner is not None else part
    return found or None


def with_named_fields(shape: Shape, fields: FieldSet) -> FieldSet:
    """The set with each structure's field above its places as a place of its own."""
    shape = _concrete(shape)
    found: FieldSet = {}
    for element, below in fields.items():
        if element == ".":
            continue
        kind, _, name = element.partition(":")
        inner: Shape | None = None
        named = False
        if kind == "f":
            named = name in shape.fields
            inner = shape.child(name)
        elif kind == "k":
            inner = shape.element
        if below:
            kept = (
                with_named_fields(inner, below)
                if inner is not None
                else {k: v for k, v in below.items() if k != "."}
            )
            member = named or "." in below
            found[element] = ({".": MEMBER, **kept} if kept else MEMBER) if member else kept
        else:
            found[element] = below
    return found


def _concrete(shape: Shape) -> Shape:
    return resolved(shape, {})
