"""How the values of a definition stand in error texts.

The original prints its internal types there, whose fields bear the names of Go and are all present. Called
by `custom_resource_definition` only. Source: apiextensions-apiserver (pkg/apis/apiextensions/types.go,
types_jsonschema.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.apiserver.custom.rules import internal

Obj = dict[str, Any]

_SCHEMA = (
    ("ID", "id", ""), ("Schema", "$schema", ""), ("Ref", "$ref", None), ("Description", "description", ""),
    ("Type", "type", ""), ("Nullable", "nullable", False), ("Format", "format", ""), ("Title", "title", ""),
    ("Default", "default", None), ("Maximum", "maximum", None),
    ("ExclusiveMaximum", "exclusiveMaximum", False), ("Minimum", "minimum", None),
    ("ExclusiveMinimum", "exclusiveMinimum", False), ("MaxLength", "maxLength", None),
    ("MinLength", "minLength", None), ("Pattern", "pattern", ""), ("MaxItems", "maxItems", None),
    ("MinItems", "minItems", None), ("UniqueItems", "uniqueItems", False),
    ("MultipleOf", "multipleOf", None),
    ("Enum", "enum", None), ("MaxProperties", "maxProperties", None),
    ("MinProperties", "minProperties", None),
    ("Required", "required", None), ("Items", "items", None), ("AllOf", "allOf", None),
    ("OneOf", "oneOf", None), ("AnyOf", "anyOf", None), ("Not", "not", None),
    ("Properties", "properties", None), ("AdditionalProperties", "additionalProperties", None),
    ("PatternProperties", "patternProperties", None), ("Dependencies", "dependencies", None),
    ("AdditionalItems", "additionalItems", None), ("Definitions", "definitions", None),
    ("ExternalDocs", "externalDocs", None), ("Example", "example", None),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False),
    ("XIntOrString", "x-kubernetes-int-or-string", False),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None), ("XListType", "x-kubernetes-list-type", None),
    ("XMapType", "x-kubernetes-map-type", None), ("XValidations", "x-kubernetes-validations", None),
)  # fmt: skip
"""Go's name of a field, the name in JSON, the zero value; in the order of the structure."""
_IN_LISTS = ("allOf", "oneOf", "anyOf")
_IN_MAPS = ("properties", "patternProperties", "definitions")


def set_fields(schema: Obj) -> list[str]:
    """Go's names of the fields of a schema that do not hold their zero value, in Go's order."""
    return [name for name, field, zero in _SCHEMA if schema.get(field) not in (None, zero)]


def schema_shown(schema: Obj) -> Obj:
    """A schema with Go's names."""
    return {name: _part(field, schema.get(field), zero) for name, field, zero in _SCHEMA}


def _part(field: str, value: Any, zero: Any) -> Any:
    if value is None:
        return zero
    if field in _IN_LISTS:
        return [schema_shown(one) for one in value]
    if field in _IN_MAPS:
        return {key: schema_shown(value[key]) for key in sorted(value)}
    if field == "not":
        return schema_shown(value)
    if field == "items":
        several = isinstance(value, list)
        return {
            "Schema": None if several else schema_shown(value),
            "JSONSchemas": [schema_shown(one) for one in value] if several else None,
        }
    if field in ("additionalProperties", "additionalItems"):
        plain = isinstance(value, bool)
        return {"Allows": value if plain else True, "Schema": None if plain else schema_shown(value)}
    if field == "dependencies":
        return {
            key: {"Schema": None, "Property": one}
            if isinstance(one, list)
            else {"Schema": schema_shown(one), "Property": None}
            for key, one in sorted(value.items())
        }
    if field == "externalDocs":
        return {"Description": value.get("description", ""), "URL": value.get("url", "")}
    if field == "x-kubernetes-validations":
        return [internal(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _subresources(found: Obj) -> Obj:
    scale = found.get("scale")
    return {
        "Status": found.get("status"),
        "Scale": None
        if scale is None
        else {
            "SpecReplicasPath": scale.get("specReplicasPath", ""),
            "StatusReplicasPath": scale.get("statusReplicasPath", ""),
            "LabelSelectorPath": scale.get("labelSelectorPath"),
        },
    }


def _column(column: Obj) -> Obj:
    fields = (("Name", "name", ""), ("Type", "type", ""), ("Format", "format", ""),
              ("Description", "description", ""), ("Priority", "priority", 0),
              ("JSONPath", "jsonPath", ""))  # fmt: skip
    return {name: column.get(field, zero) for name, field, zero in fields}


def versions_shown(versions: list[Obj] | None) -> list[Obj] | None:
    """Versions with Go's names; what all share is no longer in them."""
    if versions is None:
        return None
    shown: list[Obj] = []
    for one in versions:
        schema, parts, columns = (
            one.get(field) for field in ("schema", "subresources", "additionalPrinterColumns")
        )
        inner = (schema or {}).get("openAPIV3Schema")
        selectable = one.get("selectableFields")
        shown.append(
            {
                "Name": one.get("name", ""),
                "Served": one.get("served", False),
                "Storage": one.get("storage", False),
                "Deprecated": one.get("deprecated", False),
                "DeprecationWarning": one.get("deprecationWarning"),
                "Schema": None
                if schema is None
                else {"OpenAPIV3Schema": None if inner is None else schema_shown(inner)},
                "Subresources": None if parts is None else _subresources(parts),
                "AdditionalPrinterColumns": [_column(column) for column in columns] if columns else None,
                "SelectableFields": [{"JSONPath": each.get("jsonPath", "")} for each in selectable]
                if selectable
                else None,
            }
        )
    return shown
