"""Strategic merge patch: a merge patch that knows which lists are sets and which have keys.

`merge(document, patch, type)` follows the type's patch strategies: a list of containers is merged by
`name`, a list of finalizers as a set, other lists are replaced. Directives in the patch say more:

    {"containers": [{"name": "b", "$patch": "delete"}]}           take b out
    {"containers": [{"$patch": "replace"}, {"name": "solo"}]}     solo and nothing else
    {"$deleteFromPrimitiveList/finalizers": ["x"]}                take x out of a set
    {"$setElementOrder/containers": [{"name": "b"}, ...]}         the order of the result
    {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}   drop all other fields

Source: apimachinery/pkg/util/strategicpatch/patch.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.api.schema import Field, List, Map, Pointer, Struct, Type

Obj = dict[str, Any]

DIRECTIVE = "$patch"
RETAIN = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
ORDER = "$setElementOrder/"


class StrategicError(ValueError):
    """A patch that makes no sense; `code` is the HTTP status (400, 422 or 500)."""

    def __init__(self, text: str, code: int = 500) -> None:
        super().__init__(text)
        self.code = code


_KINDS: dict[type, str] = {str: "string", bool: "bool", int: "int64", float: "float64", list: "slice"}
"""What Go calls the kinds of JSON values."""


def merge(document: Obj, patch: Obj, kind: Type | None) -> Obj:
    """The document with the patch laid over it; neither is changed, what the patch left alone is shared."""
    return _merge_map(document, patch, _bare(kind))


def _bare(kind: Type | None) -> Type | None:
    while isinstance(kind, Pointer):
        kind = kind.inner
    return kind


def _field(kind: Type | None, key: str) -> tuple[Field | None, Type | None]:
    """(the field, its bare type) of a key of a struct or a map."""
    if isinstance(kind, Struct):
        field = kind.fields.get(key)
        if field is not None:
            return field, _bare(field.type)
    elif isinstance(kind, Map):
        return None, _bare(kind.element)
    return None, None


def _element(kind: Type | None) -> Type | None:
    return _bare(kind.element) if isinstance(kind, List) else None


def _merge_map(original: Obj, patch: Obj, kind: Type | None) -> Obj:
    directive = patch.get(DIRECTIVE)
    if directive is not None or DIRECTIVE in patch:
        if directive == "replace":
            return {key: value for key, value in patch.items() if key != DIRECTIVE}
        if directive == "delete":
            return {}
        raise StrategicError(f"unknown patch type: {_go(directive)} in map: {_go(patch)}")
    original = dict(original)
    if any(key[:1] == "$" for key in patch):
        patch = dict(patch)
        _retain_keys(original, patch)
        _order_lists(original, patch, kind)
    for key, value in patch.items():
        deleting = key[:1] == "$" and key.startswith(DELETE_FROM)
        if deleting:
            key = key[len(DELETE_FROM) :]
            if not isinstance(value, list):
                raise StrategicError("invalid patch format of primitive list", 400)
            if key not in original:
                continue
        if value is None:
            original.pop(key, None)
            continue
        before = original.get(key)
        maps = isinstance(before, dict) and isinstance(value, dict)
        if before is None or not (maps or type(before) is type(value)):
            if not deleting:
                original[key] = _plain(value)
            continue
        field, inner = _field(kind, key)
        if isinstance(value, dict):
            strategies = field.patch_strategy if field is not None else frozenset()
            original[key] = value if "replace" in strategies else _merge_map(before, value, inner)
        elif isinstance(value, list):
            original[key] = _merge_list_field(before, value, field, inner, deleting)
        else:
            original[key] = value
    return original


def _merge_list_field(
    before: list[Any], value: list[Any], field: Field | None, inner: Type | None, deleting: bool
) -> list[Any]:
    if field is not None and "merge" in field.patch_strategy:
        return _merge_list(before, value, _element(inner), field.patch_merge_key, deleting)
    return value


def _retain_keys(original: Obj, patch: Obj) -> None:
    if RETAIN not in patch:
        return
    wanted = patch.pop(RETAIN)
    if not isinstance(wanted, list):
        raise StrategicError("invalid patch format of retainKeys", 400)
    for key in patch:
        plain = key
        for prefix in (DELETE_FROM, ORDER):
            plain = plain.removeprefix(prefix)
        if plain not in wanted:
            raise StrategicError("patch content doesn't match retainKeys list", 422)
    for key in list(original):
        if key not in wanted:
            del original[key]


def _order_lists(original: Obj, patch: Obj, kind: Type | None) -> None:
    for directive in [key for key in patch if key.startswith(ORDER)]:
        order = patch.pop(directive)
        if not isinstance(order, list):
            raise StrategicError("invalid patch format of setElementOrder list", 400)
        key = directive[len(ORDER) :]
        field, inner = _field(kind, key)
        merge_key = field.patch_merge_key if field is not None else ""
        before, wanted = original.get(key), patch.get(key)
        if before is None and wanted is None:
            continue
        if wanted is not None and not _in_order(wanted, order, merge_key):
            raise StrategicError(
                f"The order in patch list:\n{_go(wanted)}\n doesn't match $setElementOrder"
                f" list:\n{_go(order)}\n"
            )
        if before is None:
            merged = _plain(wanted)
        elif wanted is None:
            merged = before
        else:
            merged = _merge_list_field(list(before), wanted, field, inner, False)
        patch.pop(key, None)
        original[key] = _in_new_order(merged, order, before or [], merge_key)


def _in_order(wanted: list[Any], order: list[Any], merge_key: str) -> bool:
    last = -1
    place_of = _finder(order, merge_key)
    for item in wanted:
        if isinstance(item, dict) and (DIRECTIVE in item):
            continue
        place = place_of(item)
        if place < 0 or place < last:
            return False
        last = place
    return True


def _merge_list(
    before: list[Any], value: list[Any], kind: Type | None, merge_key: str, deleting: bool
) -> list[Any]:
    if not before and not value:
        return before
    if not (_has_map(before) or _has_map(value)):
        if deleting:
            return [item for item in before if item not in value]
        merged: list[Any] = []
        for item in (*before, *value):
            if item not in merged:
                merged.append(item)
        return _in_new_order(merged, value, before, "")
    if not merge_key:
        raise StrategicError("cannot merge lists without merge key for type")
    rest, plain = _special_elements(before, value, merge_key)
    last, kept = -1, True
    for item in plain:
        place = _find_by_key(rest, item, merge_key)
        if place >= 0:
            rest[place] = _merge_map(rest[place], item, kind)
        else:
            rest.append(_plain(item))
        kept = kept and place > last
        last = place
    # Nearly always a patch changes some items and names them in the order that they have.
    if kept and len(rest) == len(before) and _told_apart(rest, merge_key):
        return rest
    return _in_new_order(rest, plain, before, merge_key)


def _has_map(items: list[Any]) -> bool:
    return any(isinstance(item, dict) for item in items)


def _told_apart(items: list[Any], merge_key: str) -> bool:
    """Whether every item has a text of its own as its key."""
    names = {name for item in items if isinstance(item, dict) and type(name := item.get(merge_key)) is str}
    return len(names) == len(items)


def _special_elements(before: list[Any], value: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    rest, plain, replace = list(before), [], False
    for item in value:
        if not isinstance(item, dict):
            raise StrategicError(f"expected a map, but received a {_KINDS.get(type(item), 'nil')}")
        directive = item.get(DIRECTIVE)
        if directive is None:
            plain.append(item)
        elif directive == "delete":
            if merge_key not in item:
                raise StrategicError(f"map: {_go(item)} does not contain declared merge key: {merge_key}")
            rest = [other for other in rest if other.get(merge_key) != item[merge_key]]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise StrategicError("merging lists cannot yet be specified in the patch")
        else:
            raise StrategicError(f"unknown patch type: {_go(directive)} in map: {_go(item)}")
    return (plain, []) if replace else (rest, plain)


def _find_by_key(items: list[Any], wanted: Obj, merge_key: str) -> int:
    if merge_key not in wanted:
        raise StrategicError(f"map: {_go(wanted)} does not contain declared merge key: {merge_key}")
    for place, item in enumerate(items):
        if isinstance(item, dict) and item.get(merge_key) == wanted[merge_key]:
            return place
    return -1


def _find(items: list[Any], wanted: Any, merge_key: str) -> int:
    for place, item in enumerate(items):
        if merge_key and isinstance(item, dict) and isinstance(wanted, dict):
            if item.get(merge_key) == wanted.get(merge_key):
                return place
        elif item == wanted:
            return place
    return -1


def _finder(items: list[Any], merge_key: str) -> Callable[[Any], int]:
    """`_find` in one list: a look into a dictionary where every item has a text as its key."""
    index: dict[str, int] = {}
    for place, item in enumerate(items):
        name = item.get(merge_key) if merge_key and isinstance(item, dict) else None
        if type(name) is not str:
            return lambda wanted: _find(items, wanted, merge_key)
        index.setdefault(name, place)

    def find(wanted: Any) -> int:
        name = wanted.get(merge_key) if isinstance(wanted, dict) else None
        return index.get(name, -1) if type(name) is str else -1

    return find


def _place(found: tuple[int, Any]) -> int:
    return found[0]


def _in_new_order(merged: list[Any], order: list[Any], before: list[Any], merge_key: str) -> list[Any]:
    """Those of the patch in the patch's order, the server's own where they stood relative to them."""
    place_of = _finder(order, merge_key)
    places = [(place_of(item), item) for item in merged]
    spots = [place for place, _ in places]
    if spots == sorted(spots) and (not spots or spots[0] >= 0):
        return merged
    right = [item for _, item in sorted((found for found in places if found[0] >= 0), key=_place)]
    left = [item for place, item in places if place < 0]
    if not left:
        return right
    result: list[Any] = []
    i = j = 0
    while i < len(left) or j < len(right):
        if i >= len(left):
            result.append(right[j])
            j += 1
        elif j >= len(right):
            result.append(left[i])
            i += 1
        else:
            a, b = _find(before, left[i], merge_key), _find(before, right[j], merge_key)
            if a >= 0 and b >= 0 and a < b:
                result.append(left[i])
                i += 1
            else:
                result.append(right[j])
                j += 1
    return result


def _plain(value: Any) -> Any:
    """What is new of a patch: a copy without nulls in maps and without directives."""
    if isinstance(value, dict):
        return {
            key: _plain(item) if isinstance(item, _NESTED) else item
            for key, item in value.items()
            if item is not None and not (key[:1] == "$" and _is_directive(key))
        }
    if isinstance(value, list):
        return [
            _plain(item) if isinstance(item, _NESTED) else item
            for item in value
            if not (isinstance(item, dict) and DIRECTIVE in item and item[DIRECTIVE] in ("delete", "replace"))
        ]
    return value


_NESTED = (dict, list)


def _is_directive(key: str) -> bool:
    return key in (DIRECTIVE, RETAIN) or key.startswith((DELETE_FROM, ORDER))


def go_value(value: Any) -> str:
    """A JSON value as Go prints it with %v: map[a:1 b:[x y]]."""
    return _go(value)


def _go(value: Any) -> str:
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
