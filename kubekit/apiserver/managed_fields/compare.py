"""Which fields two objects differ in, and which fields an object has.

`compare(shape, old, new)` gives two sets: what the new object added or changed, and what it lacks.
`fields_of(shape, obj)` gives the fields that an applied configuration names. Equal parts are passed over
without looking into them, so a change of status costs what the status costs. Upstream:
structured-merge-diff (typed/compare.go, typed/tofieldset.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.apiserver.managed_fields.field_set import MEMBER, FieldSet
from kubekit.apiserver.managed_fields.shape import KeyProblem, Shape, resolved

Obj = dict[str, Any]


def whole(shape: Shape, value: Any) -> FieldSet:
    """What is below a place whose value is new (or gone): itself and everything in it."""
    shape = resolved(shape, value)
    if shape.leaf or not value or not _fits(shape, value):
        return MEMBER
    found: FieldSet = {".": MEMBER}
    if isinstance(value, dict):
        fields, element = shape.fields, shape.element
        for name, part in value.items():
            field = fields.get(name)
            if field is not None:
                found[field[0]] = MEMBER if field[1].leaf else whole(field[1], part)
            elif element is not None:
                found["f:" + name] = MEMBER if element.leaf else whole(element, part)
        return found
    assert shape.element is not None
    for key, parts in _items(shape, value).items():
        found[key] = whole(shape.element, parts[0]) if len(parts) == 1 else MEMBER
    return found


def _fits(shape: Shape, value: Any) -> bool:
    """Whether a value is of the sort that its shape expects (a wrong one is refused later)."""
    return isinstance(value, list) if shape.kind == "list" else isinstance(value, dict)


def _items(shape: Shape, value: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in value or ():
        try:
            key = shape.item(item)
        except KeyProblem:
            continue
        if key in found:
            found[key].append(item)
        else:
            found[key] = [item]
    return found


def compare(shape: Shape, old: Any, new: Any) -> tuple[FieldSet, FieldSet]:
    """(added or changed, removed) below a place that both objects have; at the top {} is nothing."""
    changed: FieldSet = {}
    removed: FieldSet = {}
    if isinstance(old, list) or isinstance(new, list):
        _compare_lists(shape, old, new, changed, removed)
    else:
        _compare_maps(shape, old or {}, new or {}, changed, removed)
    return changed, removed


def _put(shape: Shape, element: str, old: Any, new: Any, changed: FieldSet, removed: FieldSet) -> None:
    """Compare one place that both objects have."""
    if old is new or (old == new and type(old) is type(new)):
        return
    one, two = resolved(shape, old), resolved(shape, new)
    if one is not two and old is not None and new is not None:
        changed[element] = MEMBER
        return
    if old is None:
        one = two
    if one.leaf or (not old and not new) or any(v and not _fits(one, v) for v in (old, new)):
        changed[element] = MEMBER
        return
    inner_changed, inner_removed = compare(one, old, new)
    if inner_changed:
        changed[element] = inner_changed
    if inner_removed:
        removed[element] = inner_removed


def _compare_maps(shape: Shape, old: Obj, new: Obj, changed: FieldSet, removed: FieldSet) -> None:
    fields, element = shape.fields, shape.element
    for name, value in new.items():
        if name in old:
            before = old[name]
            if before is value:
                continue
            if (inner := shape.child(name)) is not None:
                _put(inner, "f:" + name, before, value, changed, removed)
            continue
        field = fields.get(name)
        if field is not None:
            changed[field[0]] = MEMBER if field[1].leaf else whole(field[1], value)
        elif element is not None:
            changed["f:" + name] = MEMBER if element.leaf else whole(element, value)
    for name, value in old.items():
        if name not in new and (inner := shape.child(name)) is not None:
            removed["f:" + name] = whole(inner, value)


def _compare_lists(shape: Shape, old: Any, new: Any, changed: FieldSet, removed: FieldSet) -> None:
    element = shape.element
    assert element is not None
    before, after = _items(shape, old), _items(shape, new)
    for key in {**before, **after}:
        left, right = before.get(key, []), after.get(key, [])
        if len(left) <= 1 and len(right) <= 1:
            if left and right:
                _put(element, key, left[0], right[0], changed, removed)
            elif right:
                changed[key] = whole(element, right[0])
            else:
                removed[key] = whole(element, left[0])
        elif len(left) >= 2 and len(right) >= 2:
            if left != right:
                changed[key] = MEMBER
        elif len(left) >= 2:
            if right:
                changed[key] = whole(element, right[0])
            removed[key] = MEMBER
        else:
            if left:
                removed[key] = whole(element, left[0])
            changed[key] = MEMBER


def fields_of(shape: Shape, value: Any) -> FieldSet:
    """The fields that a configuration names: leaves, list items, keys of maps (not the structures above
    them)."""
    shape = resolved(shape, value)
    if shape.leaf or not _fits(shape, value):
        return MEMBER
    found: FieldSet = {}
    if isinstance(value, list):
        assert shape.element is not None
        for key, parts in _items(shape, value).items():
            below = fields_of(shape.element, parts[0]) if len(parts) == 1 else MEMBER
            found[key] = {".": MEMBER, **below} if below else MEMBER
        return found
    for name, part in value.items():
        field = shape.fields.get(name)
        inner = field[1] if field is not None else shape.element
        if inner is None:
            continue
        below = fields_of(inner, part)
        scalar = resolved(inner, part).leaf
        if part is None or part == {} or scalar:
            found["f:" + name] = MEMBER
        elif field is None:
            found["f:" + name] = {".": MEMBER, **below}
        elif below:
            found["f:" + name] = below
    return found
