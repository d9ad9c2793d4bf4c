"""The types of the OpenAPI documents: from the compiled schema to JSON schema, with words and merge keys.

`closure(names)` gives the schemas of structures such as `apps.v1.Deployment` and of everything they refer
to, by the names that clients know (`io.k8s.api.apps.v1.Deployment`). Nothing here knows paths; `openapi`
does.
Upstream: k8s.io/kube-openapi/pkg/builder3, the generated definitions of the reference release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from kubekit.api.decoding import Anything, Bytes, Field, List, Map, Pointer, Struct, Type
from kubekit.api.field_docs import type_doc
from kubekit.api.schema import kinds, struct_of

Obj = dict[str, Any]
Reference = dict[str, Any]

SCHEMAS = "#/components/schemas/"
TITLE_VERSION = "v1.36.2"

_HOMES = {
    "meta": "io.k8s.apimachinery.pkg.apis.meta",
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_RAW = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."

_LEAVES: dict[str, Obj] = {
    _QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    _INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    _RAW: {"type": "object"},
    f"{_META}Time": {"type": "string", "format": "date-time"},
    f"{_META}MicroTime": {"type": "string", "format": "date-time"},
    f"{_META}FieldsV1": {"type": "object"},
    f"{_META}Patch": {"type": "object"},
}
"""Types that the schema reads as values, but clients know by name."""

_SCALARS: dict[str, Obj] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number", "format": "double"},
    "duration": {"type": "string"},
    "bytes": {"type": "string", "format": "byte"},
    "json": {},
}
_ENUM = re.compile(r"^ ?- `\"?([^`\"]*)\"?`", re.MULTILINE)


def name_of(api_version: str, kind: str) -> str | None:
    """The structure of a kind, e.g. ``apps.v1.Deployment``."""
    return kinds().get(f"{api_version} {kind}")


def names_of_list(api_version: str, kind: str) -> list[str]:
    """The structure of a kind's list, if there is one."""
    found = kinds().get(f"{api_version} {kind}List")
    return [found] if found else []


def public(name: str) -> str:
    """``io.k8s.api.apps.v1.Deployment`` for ``apps.v1.Deployment``."""
    group, _, rest = name.partition(".")
    return f"{_HOMES.get(group, f'io.k8s.api.{group}')}.{rest}"


def reference(name: str) -> Reference:
    """A reference to a structure."""
    return {"$ref": SCHEMAS + public(name)}


def closure(names: Iterable[str]) -> Obj:
    """The schemas of these structures and of all that they refer to, by public name, sorted."""
    found: Obj = {f"{_META}Patch": _LEAVES[f"{_META}Patch"]}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if public(name) in found:
            continue
        schema, references = _struct(name)
        found[public(name)] = schema
        for other in references:
            if other in _LEAVES:
                found[other] = _leaf(other)
            else:
                waiting.append(other)
    return dict(sorted(found.items()))


def second_version(schema: Obj) -> Obj:
    """A schema as OpenAPI v2 writes it: references are bare, and a value of several types is a string."""
    found: Obj = {}
    for key, value in schema.items():
        if key == "allOf":
            found |= second_version(value[0])
        elif key == "$ref":
            found[key] = value.replace(SCHEMAS, "#/definitions/")
        elif key == "oneOf":
            found["type"] = "string"
        elif key == "properties":
            found[key] = {name: second_version(inner) for name, inner in value.items()}
        elif key in ("items", "additionalProperties"):
            found[key] = second_version(value)
        elif key not in ("default", "enum"):
            found[key] = value
    return found


@cache
def common_properties() -> Obj:
    """apiVersion, kind and metadata, as they are described for every custom resource."""
    schema, _ = _struct("core.v1.Pod")
    return {name: schema["properties"][name] for name in ("apiVersion", "kind", "metadata")}


@cache
def _struct(name: str) -> tuple[Obj, tuple[str, ...]]:
    """The schema of a structure, and what it refers to (structures, or public names of leaves)."""
    struct = struct_of(name)
    module, _, short = name.rpartition(".")
    doc = type_doc(module.replace(".", "_"), short)
    references: dict[str, None] = {}
    properties: Obj = {}
    for label, field in sorted(struct.fields.items()):
        text = doc.fields[label].text if doc and label in doc.fields else ""
        properties[label] = _property(field, text, references)
    schema: Obj = {"type": "object"}
    if doc and doc.text:
        schema["description"] = doc.text
    if required := sorted(label for label, field in struct.fields.items() if field.required):
        schema["required"] = required
    if properties:
        schema["properties"] = properties
    if struct.map_type:
        schema["x-kubernetes-map-type"] = struct.map_type
    if served := _kinds_by_structure().get(name):
        schema["x-kubernetes-group-version-kind"] = served
    return schema, tuple(references)


@cache
def _kinds_by_structure() -> dict[str, list[Obj]]:
    found: dict[str, list[Obj]] = {}
    for label, name in kinds().items():
        api_version, kind = label.split(" ")
        group, _, version = api_version.rpartition("/")
        found.setdefault(name, []).append({"group": group, "kind": kind, "version": version})
    return found


def _property(field: Field, text: str, references: dict[str, None]) -> Obj:
    schema = _type(field.type, references)
    default = field.default
    if default is None and isinstance(field.type, Struct):
        default = {}
    if "$ref" in schema:
        schema = {"allOf": [schema]}
    found: Obj = {"description": text} if text else {}
    found |= schema
    if default is not None:
        found["default"] = default
    if "Possible enum values:" in text and schema.get("type") == "string":
        found["enum"] = sorted(_ENUM.findall(text.partition("Possible enum values:")[2]))
    for key, value in (
        ("list-map-keys", field.list_map_keys),
        ("list-type", field.list_type),
        ("map-type", "" if isinstance(field.type, Struct) else field.map_type),
        ("patch-merge-key", field.patch_merge_key),
        ("patch-strategy", ",".join(sorted(field.patch_strategy))),
    ):
        if value:
            found[f"x-kubernetes-{key}"] = value
    return found


def _type(kind: Type, references: dict[str, None]) -> Obj:
    while isinstance(kind, Pointer):
        kind = kind.inner
    if isinstance(kind, Struct):
        references[kind.name] = None
        return reference(kind.name)
    if isinstance(kind, List):
        return {"type": "array", "items": _element(kind.element, references)}
    if isinstance(kind, Map):
        return {"type": "object", "additionalProperties": _element(kind.element, references)}
    if isinstance(kind, Bytes):
        return dict(_SCALARS["bytes"])
    leaf = _leaf_of(kind)
    if leaf:
        references[leaf] = None
        return {"$ref": SCHEMAS + leaf}
    if kind.scalar == "integer":
        return {"type": "integer", "format": "int64" if kind.go_name == "int64" else "int32"}
    return dict(_SCALARS.get(kind.scalar, {}))


def _element(kind: Type, references: dict[str, None]) -> Obj:
    found = _type(kind, references)
    if isinstance(kind, Struct):
        return {"allOf": [found], "default": {}}
    return {**found, "default": ""} if found == {"type": "string"} else found


def _leaf_of(kind: Type) -> str:
    if kind.scalar == "quantity":
        return _QUANTITY
    if kind.scalar == "int-or-string":
        return _INT_OR_STRING
    if kind.scalar == "time":
        return f"{_META}{kind.go_name.rpartition('.')[2]}"
    return _RAW if isinstance(kind, Anything) else ""


def _leaf(name: str) -> Obj:
    module = {_QUANTITY: "resource", _INT_OR_STRING: "util_intstr", _RAW: "runtime"}.get(name, "meta_v1")
    doc = type_doc(module, name.rpartition(".")[2])
    text = doc.text if doc else ""
    return {"description": text, **_LEAVES[name]} if text else _LEAVES[name]
