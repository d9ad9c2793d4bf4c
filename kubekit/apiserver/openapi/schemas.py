"""The types of the documents: from the compiled schema to JSON schema, with words, merge keys and
enumerations.

`closure(names)` gives the schemas of structures such as `apps.v1.Deployment` and of everything they refer to,
by the names that clients know (`io.k8s.api.apps.v1.Deployment`). What comes out is shared by all documents:
copy it before changing it. Nothing here knows paths. Upstream: k8s.io/kube-openapi/pkg/builder3, the
generated definitions of the reference release.

A reference may have no neighbours in OpenAPI v3.0, so one that has a description or a default is wrapped:

>>> spec = closure(["apps.v1.Deployment"])["io.k8s.api.apps.v1.Deployment"]["properties"]["spec"]
>>> {key: spec[key] for key in ("allOf", "default")}
{'allOf': [{'$ref': '#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec'}], 'default': {}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from kubekit.api.decoding import Anything, Bytes, Field, List, Map, Pointer, Struct, Type
from kubekit.api.field_docs import TypeDoc, type_doc
from kubekit.api.schema import kinds, struct_of, unions_of
from kubekit.apiserver.openapi.machinery import KINDS, STRUCTURES

Obj = dict[str, Any]

SCHEMAS = "#/components/schemas/"
MACHINERY = "io.k8s.apimachinery.pkg."
META = MACHINERY + "apis.meta.v1."

_HOMES = {
    "meta": MACHINERY + "apis.meta",
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
    "runtime": MACHINERY + "runtime",
    "version": MACHINERY + "version",
}
_QUANTITY = MACHINERY + "api.resource.Quantity"
_INT_OR_STRING = MACHINERY + "util.intstr.IntOrString"
_RAW = MACHINERY + "runtime.RawExtension"
_JSON = _HOMES["apiextensions"] + ".v1."

_STRING: Obj = {"type": "string"}
_STRINGS: Obj = {"type": "array", "items": _STRING}
_LEAVES: dict[str, Obj] = {
    _QUANTITY: {"oneOf": [_STRING, {"type": "number"}]},
    _INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, _STRING]},
    _RAW: {"type": "object"},
    f"{META}Time": {"type": "string", "format": "date-time"},
    f"{META}MicroTime": {"type": "string", "format": "date-time"},
    f"{META}FieldsV1": {"type": "object"},
    f"{META}Patch": {"type": "object"},
    f"{_JSON}JSON": {},
    f"{_JSON}JSONSchemaPropsOrArray": {},
    f"{_JSON}JSONSchemaPropsOrBool": {},
    f"{_JSON}JSONSchemaPropsOrStringArray": {},
}
"""Types that the schema reads as values, but clients know by name."""

_MODULES = {_QUANTITY: "resource", _INT_OR_STRING: "util_intstr", _RAW: "runtime"}
_SCALARS: dict[str, Obj] = {
    "string": _STRING,
    "boolean": {"type": "boolean"},
    "number": {"type": "number", "format": "double"},
    "duration": _STRING,
}
_ZEROS: dict[str, Any] = {"string": "", "boolean": False, "integer": 0, "number": 0}
_EVERYWHERE = ("meta.v1.DeleteOptions", "meta.v1.WatchEvent")
"""Kinds that every group version has."""


def name_of(api_version: str, kind: str) -> str | None:
    """The structure of a kind, e.g. ``apps.v1.Deployment``."""
    return kinds().get(f"{api_version} {kind}")


def public(name: str) -> str:
    """``io.k8s.api.apps.v1.Deployment`` for ``apps.v1.Deployment``; a public name stays as it is."""
    if name.startswith("io."):
        return name
    group, _, rest = name.partition(".")
    return f"{_HOMES.get(group, f'io.k8s.api.{group}')}.{rest}"


def reference(name: str) -> Obj:
    """A reference to a structure."""
    return {"$ref": SCHEMAS + public(name)}


def closure(names: Iterable[str], group_versions: Iterable[tuple[str, str]] = ()) -> Obj:
    """The schemas of these structures and of all that they refer to, by public name, sorted.

    `group_versions` are the document's: kinds that exist in every group say only these (and the core's).
    """
    found: Obj = {}
    waiting = list(names)
    everywhere = dict.fromkeys([("", "v1"), *group_versions])
    while waiting:
        name = waiting.pop()
        label = public(name)
        if label in found:
            continue
        if label in _LEAVES:
            found[label] = _leaf(label)
            continue
        found[label], references = _struct(name)
        if name in _EVERYWHERE:
            kind = name.rpartition(".")[2]
            entries = [{"group": group, "kind": kind, "version": version} for group, version in everywhere]
            found[label] = {**found[label], "x-kubernetes-group-version-kind": entries}
        waiting.extend(references)
    return dict(sorted(found.items()))


def type_meta() -> tuple[Obj, Obj]:
    """How `apiVersion` and `kind` are described in every object."""
    properties = _struct("core.v1.Pod")[0]["properties"]
    return properties["apiVersion"], properties["kind"]


def metadata_text(kind: str) -> str:
    """How a kind describes its `metadata`."""
    doc = _words(kind)
    return doc.fields["metadata"].text if doc and "metadata" in doc.fields else ""


def _words(name: str) -> TypeDoc | None:
    module, _, short = name.rpartition(".")
    return type_doc(module.replace(".", "_"), short)


@cache
def _struct(name: str) -> tuple[Obj, tuple[str, ...]]:
    """The schema of a structure, and what it refers to (structures, or public names of leaves)."""
    if name in STRUCTURES:
        return _machinery(name)
    struct = struct_of(name)
    doc = _words(name)
    references: dict[str, None] = {}
    properties: Obj = {}
    published = _published(name)
    for label, field in sorted(struct.fields.items()):
        text = doc.fields[label].text if doc and label in doc.fields else ""
        properties[label] = _property(field, text, references, published.get(label, {}))
    schema: Obj = {}
    if doc and doc.text:
        schema["description"] = doc.text
    schema["type"] = "object"
    if required := [label for label, field in struct.fields.items() if field.required]:
        schema["required"] = required
    if properties:
        schema["properties"] = properties
    if served := _kinds_by_structure().get(name):
        schema["x-kubernetes-group-version-kind"] = served
    if struct.map_type:
        schema["x-kubernetes-map-type"] = struct.map_type
    if unions := unions_of(name):
        schema["x-kubernetes-unions"] = unions
    return schema, tuple(references)


def _machinery(name: str) -> tuple[Obj, tuple[str, ...]]:
    """As `_struct`, for a structure of `machinery`."""
    doc = _words(name)
    references: dict[str, None] = {}
    properties: Obj = {}
    required: list[str] = []
    for label, expression in STRUCTURES[name].items():
        text = doc.fields[label].text if doc and label in doc.fields else ""
        found: Obj = {"description": text} if text else {}
        if not expression.startswith("*"):
            required.append(label)
        kind = expression.lstrip("*")
        inner = kind.removeprefix("[]")
        schema: Obj = dict(_STRING)
        if inner.startswith("@"):
            references[inner[1:]] = None
            schema = reference(inner[1:])
        if kind != inner:
            schema = {"type": "array", "items": schema, "x-kubernetes-list-type": "atomic"}
        elif inner.startswith("@"):
            schema = {"allOf": [schema]}
            if not inner.startswith("@runtime."):
                schema["default"] = {}
        elif label in required:
            schema["default"] = ""
        properties[label] = found | schema
    whole: Obj = {"description": doc.text} if doc and doc.text else {}
    whole |= {"type": "object", "required": required, "properties": dict(sorted(properties.items()))}
    if name in KINDS:
        kind = name.rpartition(".")[2]
        whole["x-kubernetes-group-version-kind"] = [{"group": "", "kind": kind, "version": "v1"}]
    return whole, tuple(references)


@cache
def _published_file() -> dict[str, dict[str, Obj]]:
    found: dict[str, dict[str, Obj]] = json.loads((Path(__file__).parent / "published.json").read_bytes())
    return found


def _published(name: str) -> dict[str, Obj]:
    """What only the published definitions know of a structure's fields (see `generate`)."""
    return _published_file().get(name, {})


@cache
def _kinds_by_structure() -> dict[str, list[Obj]]:
    found: dict[str, list[Obj]] = {"meta.v1.Status": [{"group": "", "kind": "Status", "version": "v1"}]}
    found["meta.v1.APIResourceList"] = [{"group": "", "kind": "APIResourceList", "version": "v1"}]
    for label, name in kinds().items():
        api_version, kind = label.split(" ")
        group, _, version = api_version.rpartition("/")
        found.setdefault(name, []).append({"group": group, "kind": kind, "version": version})
    return found


def _property(field: Field, text: str, references: dict[str, None], published: Obj) -> Obj:
    schema = _type(field.type, references)
    if field.name == "fieldsV1":
        references.pop(_RAW, None)
        references[f"{META}FieldsV1"] = None
        schema = {"$ref": f"{SCHEMAS}{META}FieldsV1"}
    if "enum" in published:
        part: Obj = schema.get("items") or schema.get("additionalProperties") or schema
        part["enum"] = published["enum"]
        if part is schema:
            text = "\n\n".join(filter(None, [text, _possible(published["enum"])]))
    found: Obj = {"description": text} if text else {}
    default = published.get("default", _default(field))
    if default is not None:
        found["default"] = default
    for key, value in (
        ("list-map-keys", field.list_map_keys),
        ("list-type", field.list_type),
        ("map-type", _map_type(field)),
        ("patch-merge-key", field.patch_merge_key),
        ("patch-strategy", ",".join(sorted(field.patch_strategy))),
    ):
        if value:
            found[f"x-kubernetes-{key}"] = value
    if "$ref" in schema and found:
        schema = {"allOf": [schema]}
    return found | schema


def _possible(values: list[str]) -> str:
    """The values of an enumeration as descriptions list them, without what each of them means."""
    return "\n".join(["Possible enum values:", *(f' - `"{value}"`' for value in values)])


def _map_type(field: Field) -> str:
    """The map type, unless the structure itself says it."""
    kind: Type = field.type
    while isinstance(kind, Pointer):
        kind = kind.inner
    return "" if isinstance(kind, Struct) and kind.map_type == field.map_type else field.map_type


def _default(field: Field) -> Any:
    """What an unset field holds: said for structures, and for values that are always written."""
    if field.default is not None:
        return field.default
    if isinstance(field.type, Struct):
        return {}
    written = not field.omitempty and not isinstance(field.type, (Pointer, List, Map, Bytes))
    return _ZEROS.get(field.type.scalar) if written else None


def _type(kind: Type, references: dict[str, None]) -> Obj:
    while isinstance(kind, Pointer):
        kind = kind.inner
    if isinstance(kind, Struct):
        references[kind.name] = None
        return reference(kind.name)
    if isinstance(kind, List):
        return {"type": "array", "items": _type(kind.element, references)}
    if isinstance(kind, Map):
        return {"type": "object", "additionalProperties": _type(kind.element, references)}
    if isinstance(kind, Bytes):
        return {"type": "string", "format": "byte"}
    leaf = _leaf_of(kind)
    if leaf:
        references[leaf] = None
        return {"$ref": SCHEMAS + leaf}
    if kind.scalar == "integer":
        return {"type": "integer", "format": "int64" if kind.go_name in ("int64", "uint64") else "int32"}
    return dict(_SCALARS.get(kind.scalar, {}))


def _leaf_of(kind: Type) -> str:
    if kind.scalar == "quantity":
        return _QUANTITY
    if kind.scalar == "int-or-string":
        return _INT_OR_STRING
    if kind.scalar == "time":
        return META + kind.go_name.rpartition(".")[2]
    if kind.scalar == "json":
        return _JSON + kind.go_name.rpartition(".")[2]
    return _RAW if isinstance(kind, Anything) else ""


@cache
def _leaf(name: str) -> Obj:
    module = _MODULES.get(name, "apiextensions_v1" if name.startswith(_JSON) else "meta_v1")
    doc = type_doc(module, name.rpartition(".")[2])
    return {"description": doc.text, **_LEAVES[name]} if doc and doc.text else _LEAVES[name]
