"""Shapes: of each kind only what ownership of fields depends on - what is a leaf, and how list items are
told apart.

`shape_of_kind("v1", "Pod")` gives the shape of a built-in kind, `shape_of_schema(...)` that of a custom
resource. A leaf is owned as a whole (scalars, atomic lists, maps and structures); list items are named by
their keys. Shapes are built once and never change. Upstream: structured-merge-diff (schema), kube-openapi
(schemaconv).
"""

from __future__ import annotations

import functools
import json
from typing import Any

from kubekit.api.schema import Field, List, Map, Pointer, Struct, Type, for_kind

Obj = dict[str, Any]

SCALARS = {
    "string": "string",
    "bytes": "string",
    "boolean": "boolean",
    "integer": "numeric",
    "number": "numeric",
}
"""What a scalar must be; every other one (quantities, times, int-or-string) is untyped."""


class KeyProblem(ValueError):
    """A list item that cannot be named."""


class Shape:
    """One place in a kind: `kind` is scalar, struct, map, list or any (told by the value)."""

    __slots__ = ("defaults", "element", "fields", "keys", "kind", "leaf", "scalar")

    def __init__(self, kind: str, leaf: bool = False, scalar: str = "untyped") -> None:
        self.kind = kind
        self.leaf = leaf
        """Owned as a whole."""
        self.scalar = scalar
        self.fields: dict[str, tuple[str, Shape]] = {}
        """Of a struct: name -> (path element, shape)."""
        self.element: Shape | None = None
        """Of a map or a list; of a struct: what unknown fields are (None: they are refused)."""
        self.keys: tuple[str, ...] = ()
        """Of a list of structures: the fields that name an item; () for a set of scalars."""
        self.defaults: Obj = {}

    def child(self, name: str) -> Shape | None:
        """The shape of a field or map value."""
        found = self.fields.get(name)
        return found[1] if found is not None else self.element

    def item(self, value: Any) -> str:
        """The path element of a list item, as FieldsV1 writes it; raises KeyProblem."""
        if not self.keys:
            if isinstance(value, dict):
                raise KeyProblem("associative list without keys has an element that's a map type")
            if isinstance(value, list):
                raise KeyProblem("not supported: associative list with lists as elements")
            if value is None:
                raise KeyProblem("associative list without keys has an element that's an explicit null")
            return "v:" + json.dumps(value, ensure_ascii=False)
        if value is None:
            raise KeyProblem("associative list with keys may not have a null element")
        if not isinstance(value, dict):
            raise KeyProblem("associative list with keys may not have non-map elements")
        if len(self.keys) == 1 and type(name := value.get(self.keys[0])) is str:
            return _named(self.keys[0], name)
        found = {}
        for key in self.keys:
            if key in value:
                found[key] = value[key]
            elif self.defaults.get(key) is not None:
                found[key] = self.defaults[key]
        if not found:
            listed = " ".join(f'"{key}"' for key in self.keys)
            text = f"associative list with keys has an element that omits all key fields [{listed}]"
            raise KeyProblem(f"{text} (and doesn't have default values for any key fields)")
        return "k:" + _compact(found)


_compact = json.JSONEncoder(
    separators=(",", ":"), sort_keys=True, ensure_ascii=False, check_circular=False
).encode


@functools.lru_cache(maxsize=4096)
def _named(key: str, value: str) -> str:
    return "k:" + _compact({key: value})


SCALAR = Shape("scalar", leaf=True)
ATOMIC_LIST = Shape("list", leaf=True)
ANY = Shape("any")
"""Free-form content: maps are owned key by key, lists as a whole."""
ATOMIC_ANY = Shape("any", leaf=True)
ATOMIC_LIST.element = ATOMIC_ANY
_ANY_MAP = Shape("map")
_ANY_MAP.element = ANY


def resolved(shape: Shape, value: Any) -> Shape:
    """The shape of a value: what `any` is, the value tells."""
    if shape is not ANY:
        return shape
    if isinstance(value, dict):
        return _ANY_MAP
    return ATOMIC_LIST if isinstance(value, list) else SCALAR


@functools.cache
def shape_of_kind(api_version: str, kind: str) -> Shape:
    """The shape of a built-in kind; raises KeyError."""
    return _of_struct(for_kind(api_version, kind).struct, False)


_STRUCTS: dict[tuple[str, bool], Shape] = {}


def _of_struct(struct: Struct, atomic: bool) -> Shape:
    atomic = atomic or struct.map_type == "atomic"
    found = _STRUCTS.get((struct.name, atomic))
    if found is None:
        found = _STRUCTS[struct.name, atomic] = Shape("struct", leaf=atomic)
        for name, field in struct.fields.items():
            found.fields[name] = ("f:" + name, _of_field(field))
    return found


def _of_field(field: Field) -> Shape:
    return _of_type(field.type, field)


def _of_type(kind: Type, field: Field | None) -> Shape:
    while isinstance(kind, Pointer):
        kind = kind.inner
    if isinstance(kind, Struct):
        return _of_struct(kind, field is not None and field.map_type == "atomic")
    if isinstance(kind, Map):
        shape = Shape("map", leaf=field is not None and field.map_type == "atomic")
        shape.element = _of_type(kind.element, None)
        return shape
    if isinstance(kind, List):
        list_type = field.list_type if field is not None else ""
        shape = Shape("list", leaf=list_type not in ("map", "set"))
        shape.element = _of_type(kind.element, None)
        if field is not None and list_type == "map":
            shape.keys = tuple(field.list_map_keys)
            shape.defaults = _key_defaults(kind.element, shape.keys)
        return shape
    if kind.kind == "any":
        return ANY
    return Shape("scalar", leaf=True, scalar=SCALARS.get(kind.scalar, "untyped"))


def _key_defaults(element: Type, keys: tuple[str, ...]) -> Obj:
    """Defaults of key fields: the published one, or zero where Go always writes the field."""
    while isinstance(element, Pointer):
        element = element.inner
    found: Obj = {}
    if isinstance(element, Struct):
        for key in keys:
            field = element.fields.get(key)
            if field is None:
                continue
            if field.default is not None:
                found[key] = field.default
            elif not field.omitempty and not isinstance(field.type, Pointer):
                found[key] = field.type.zero()
    return found


def shape_of_schema(schema: Obj | None) -> Shape:
    """The shape that a structural OpenAPI schema of a custom resource describes."""
    if not schema:
        return ANY
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _of_object(schema)
    if kind == "array":
        list_type = schema.get("x-kubernetes-list-type", "")
        shape = Shape("list", leaf=list_type not in ("map", "set"))
        items = schema.get("items") or {}
        shape.element = shape_of_schema(items)
        if list_type == "map":
            shape.keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
            properties = items.get("properties") or {}
            shape.defaults = {
                k: properties[k]["default"] for k in shape.keys if "default" in properties.get(k, {})
            }
        return shape
    if kind in SCALARS and not schema.get("x-kubernetes-int-or-string"):
        return Shape("scalar", leaf=True, scalar=SCALARS[str(kind)])
    return SCALAR if kind or schema.get("x-kubernetes-int-or-string") else ANY


def _of_object(schema: Obj) -> Shape:
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    if schema.get("x-kubernetes-preserve-unknown-fields") or extra is True:
        extra = {}
    if not properties:
        if extra is None and not schema.get("x-kubernetes-embedded-resource"):
            return ATOMIC_ANY if atomic else ANY
        shape = Shape("map", leaf=atomic)
        shape.element = shape_of_schema(extra if isinstance(extra, dict) else None)
        return shape
    shape = Shape("struct", leaf=atomic)
    for name, part in properties.items():
        shape.fields[name] = ("f:" + name, shape_of_schema(part))
    if isinstance(extra, dict):
        shape.element = shape_of_schema(extra)
    return shape
