"""The types of the API: what fields a kind has, and how a body is decoded into it.

`for_kind("v1", "Pod").decode(body, "Strict")` gives a pruned copy in stored form and the strict problems. The
types also carry what patching, server-side apply and the OpenAPI document need (list and map types, merge
keys, defaults, required). They come from `data/schema`, one file a group version, and are built when first
asked for. Never change a type.
Source: the published schema and Go types of the reference release (`kubekit.api.generate`).
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from kubekit.api.decoding import (
    Anything,
    Bytes,
    Careful,
    Custom,
    Field,
    List,
    Map,
    Pointer,
    Problems,
    Scalar,
    Struct,
    Type,
)
from kubekit.api.meta import Obj
from kubekit.api.scalars import (
    DecodeError,
    decode_duration,
    decode_int_or_string,
    decode_micro_time,
    decode_quantity,
    decode_time,
)

__all__ = [
    "CompiledType",
    "DecodeError",
    "Field",
    "List",
    "Map",
    "Pointer",
    "Struct",
    "Type",
    "for_kind",
    "type_of",
    "unions_of",
]

_FOLDER = Path(__file__).parent / "data" / "schema"
_INTEGERS = {"int32": 31, "int64": 63, "int": 63}
_UNSIGNED = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}


class CompiledType:
    """A kind that can be sent to the API: its structure and its name."""

    def __init__(self, api_version: str, kind: str, struct: Struct) -> None:
        self.api_version = api_version
        self.kind = kind
        self.struct = struct

    @property
    def fields(self) -> dict[str, Field]:
        """The top-level fields."""
        return self.struct.fields

    def decode(self, obj: Any, strict: str = "Strict") -> tuple[Obj, list[str]]:
        """The object in stored form, and the strict problems (`unknown field "spec.foo"`), none for Ignore.

        `obj` is not changed and shares nothing with the result. DecodeError for a value of the wrong type.
        """
        try:
            return self.struct.fast(obj), []
        except (Careful, DecodeError):
            problems = Problems()
            found = self.struct.careful(obj, problems)
            if problems.error:
                raise DecodeError(problems.error) from None
            return found, [] if strict == "Ignore" else problems.strict

    def field(self, *path: str) -> Field | None:
        """The field at a path of names (list elements and map values are passed through)."""
        struct: Type | None = self.struct
        found: Field | None = None
        for name in path:
            while isinstance(struct, (Pointer, List, Map)):
                struct = struct.inner if isinstance(struct, Pointer) else struct.element
            if not isinstance(struct, Struct) or name not in struct.fields:
                return None
            found = struct.fields[name]
            struct = found.type
        return found

    def __repr__(self) -> str:
        return f"<{self.api_version} {self.kind}>"


@functools.cache
def _file(stem: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FOLDER / f"{stem}.json").read_bytes())
    return found


@functools.cache
def kinds() -> dict[str, str]:
    """`apps/v1 Deployment` -> `apps.v1.Deployment` for every kind of the schema."""
    found: dict[str, str] = _file("kinds")
    return found


META_KINDS = {"v1 DeleteOptions": "meta.v1.DeleteOptions", "v1 Status": "meta.v1.Status"}
"""Kinds that are sent and answered but belong to no resource."""


@functools.cache
def for_kind(api_version: str, kind: str) -> CompiledType:
    """The type of objects with this apiVersion and kind. KeyError if there is none."""
    key = f"{api_version} {kind}"
    return CompiledType(api_version, kind, struct_of(META_KINDS.get(key) or kinds()[key]))


_STRUCTS: dict[str, Struct] = {}


def struct_of(name: str) -> Struct:
    """The structure of that name, e.g. `core.v1.PodSpec`. KeyError if there is none."""
    found = _STRUCTS.get(name)
    if found is None:
        stem, _, short = name.rpartition(".")
        facts = _file(stem)[short]
        found = _STRUCTS[name] = Struct(name)
        fields = {}
        for label, entry in facts["fields"].items():
            fields[label] = Field(label, type_of(entry[0]), entry[1], entry[2] if len(entry) > 2 else {})
        found.complete(fields, facts.get("map-type", ""))
    return found


def unions_of(name: str) -> list[Obj]:
    """The unions of a structure as the OpenAPI document has them: which field says what other one is set."""
    stem, _, short = name.rpartition(".")
    found: list[Obj] = _file(stem)[short].get("unions", [])
    return found


@functools.cache
def type_of(expression: str) -> Type:
    """The type a Go-like expression of the data files means."""
    if expression.startswith("*"):
        return Pointer(type_of(expression[1:]))
    if expression.startswith("[]"):
        return List(type_of(expression[2:]))
    if expression.startswith("{"):
        name, _, rest = expression[1:].partition("}")
        found = _build(rest)
        found.go_name = name
        return found
    return _build(expression)


def _build(expression: str) -> Type:
    """As type_of, but always a new value for what is no structure."""
    if expression.startswith("@"):
        return struct_of(expression[1:])
    if expression.startswith("map["):
        key, depth = expression[4:], 0
        for position, char in enumerate(key):
            depth += (char == "[") - (char == "]")
            if depth < 0:
                return Map(type_of(key[:position]).go_name, type_of(key[position + 1 :]))
    if expression.startswith("[]"):
        return List(type_of(expression[2:]))
    if expression.startswith("{"):
        return type_of(expression)
    if expression == "string":
        return Scalar("string", "string", str, "")
    if expression == "bool":
        return Scalar("bool", "boolean", bool, False)
    if expression in _INTEGERS:
        bits = _INTEGERS[expression]
        return Scalar(expression, "integer", int, 0, -(2**bits), 2**bits - 1)
    if expression in _UNSIGNED:
        return Scalar(expression, "integer", int, 0, 0, 2 ** _UNSIGNED[expression] - 1)
    if expression == "float64":
        return Scalar("float64", "number", float, 0)
    return _special(expression)


def _special(expression: str) -> Type:
    if expression == "bytes":
        return Bytes("[]uint8", "bytes")
    if expression == "Quantity":
        return Custom("resource.Quantity", "quantity", decode_quantity, "0")
    if expression == "IntOrString":
        return Custom("intstr.IntOrString", "int-or-string", decode_int_or_string, 0)
    if expression == "Time":
        return Custom("v1.Time", "time", decode_time, None)
    if expression == "MicroTime":
        return Custom("v1.MicroTime", "time", decode_micro_time, None)
    if expression == "Duration":
        return Custom("v1.Duration", "duration", decode_duration, "0s")
    if expression == "Raw":
        return Anything("runtime.RawExtension")
    if expression.startswith("Json:"):
        return Custom("v1." + expression[5:], "json", _json_schema(expression[5:]), None)
    raise KeyError(expression)


def _json_schema(name: str) -> Any:
    """The unions in the schema of a custom resource: a schema, or a flag, a list of schemas, a list of
    names."""
    if name == "JSON":
        return Anything("v1.JSON").fast

    def one(value: Any) -> Any:
        return struct_of("apiextensions.v1.JSONSchemaProps").careful(value, Problems())

    def decode(value: Any) -> Any:
        if isinstance(value, list) and name == "JSONSchemaPropsOrArray":
            return [one(item) for item in value]
        return one(value) if isinstance(value, dict) else Anything("").fast(value)

    return decode
