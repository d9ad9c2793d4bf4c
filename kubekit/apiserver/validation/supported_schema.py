"""What the schemas inside custom resource definitions use of OpenAPI, and of the extensions to it.

Called by `custom_resource_definition`. Rules in CEL are judged by their form; compiling them is a matter of
`custom.rules`. Source: apiextensions-apiserver (pkg/apis/apiextensions/validation).
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.apiserver.validation.selectable_fields import BadPath, step_through
from kubekit.apiserver.validation.structural_schema import unknown_part

Obj = dict[str, Any]

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_UNSUPPORTED = (
    ("id", "id"), ("additionalItems", "additionalItems"), ("patternProperties", "patternProperties"),
    ("definitions", "definitions"), ("dependencies", "dependencies"), ("$ref", "$ref"),
)  # fmt: skip


def _standard(schema: Obj, path: Path, no_defaults: str, inside_meta: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = schema.get("type", "")
    if kind and kind not in _TYPES:
        errors.append(not_supported(path.child("type"), kind, _TYPES))
    if schema.get("default") is not None and no_defaults:
        errors.append(forbidden(path.child("default"), f"must not be set {no_defaults}"))
    for field, word in _UNSUPPORTED:
        if schema.get(field):
            errors.append(forbidden(path.child(field), f"{word} is not supported"))
    if kind == "null":
        text = "type cannot be set to null, use nullable as an alternative"
        errors.append(forbidden(path.child("type"), text))
    if isinstance(schema.get("items"), list):
        errors.append(forbidden(path.child("items"), "items must be a schema object and not an array"))
    if inside_meta and schema.get("x-kubernetes-embedded-resource"):
        text = "must not be used inside of resource meta"
        errors.append(forbidden(path.child("x-kubernetes-embedded-resource"), text))
    return errors


def _map_keys(schema: Obj, path: Path) -> list[FieldError]:
    """Lists that are maps by keys, and sets."""
    errors: list[FieldError] = []
    listed, keys, items = (
        schema.get(one) for one in ("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "items")
    )
    at, key_path = path.child("x-kubernetes-list-type"), path.child("x-kubernetes-list-map-keys")
    if keys and listed != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        errors.append(required(at, text) if listed is None else invalid(at, listed, text))
    if listed == "map":
        if not keys:
            errors.append(required(key_path, "must not be empty if x-kubernetes-list-type is map"))
        if items is None:
            errors.append(
                required(path.child("items"), ("must have a schema if x-kubernetes-list-type is map"))
            )
        elif isinstance(items, dict) and items.get("type", "") != "object":
            text = "must be object if parent array's x-kubernetes-list-type is map"
            errors.append(invalid(path.child("items", "type"), items.get("type", ""), text))
        elif isinstance(items, dict):
            properties = items.get("properties") or {}
            for position, key in enumerate(keys or ()):
                if key not in properties:
                    errors.append(invalid(key_path, keys, "entries must all be names of item properties"))
                elif properties[key].get("type") in ("array", "object"):
                    text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
                    place = path.child("items", "properties").key(key).child("type")
                    errors.append(invalid(place, "object", text))
                if key in (keys or ())[:position]:
                    errors.append(invalid(key_path, keys, "must not contain duplicate entries"))
    if listed in ("map", "set") and isinstance(items, dict):
        if items.get("nullable"):
            text = f"cannot be nullable when x-kubernetes-list-type is {listed}"
            errors.append(forbidden(path.child("items", "nullable"), text))
        for key in (keys or ()) if listed == "map" else ():
            one = (items.get("properties") or {}).get(key)
            place = path.child("items", "properties").key(key)
            why = "this property is in x-kubernetes-list-map-keys, so it"
            if one is not None and key not in (items.get("required") or ()) and one.get("default") is None:
                errors.append(
                    required(place.child("default"), (f"{why} must have a default or be a required property"))
                )
            if one is not None and one.get("nullable"):
                errors.append(forbidden(place.child("nullable"), f"{why} cannot be nullable"))
    return errors


def _merge_types(schema: Obj, path: Path) -> list[FieldError]:
    """How lists and objects are merged, and whether that fits their types."""
    errors: list[FieldError] = []
    kind, at = schema.get("type", ""), path.child("type")
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        place = path.child("x-kubernetes-preserve-unknown-fields")
        errors.append(invalid(place, False, "must be true or undefined"))
    for word, needed, known in (
        ("map", "object", ("atomic", "granular")),
        ("list", "array", ("atomic", "set", "map")),
    ):
        field = f"x-kubernetes-{word}-type"
        value = schema.get(field)
        if value is None:
            continue
        items = schema.get("items")
        if kind != needed:
            text = f"must be {needed} if {field} is specified"
            errors.append(invalid(at, kind, text) if kind else required(at, text))
        elif value == "set" and isinstance(items, dict):
            text = "must be atomic as item of a list with x-kubernetes-list-type=set"
            for inner, own in (("array", "list"), ("object", "map")):
                merged = items.get(f"x-kubernetes-{own}-type")
                fine = merged == "atomic" or (own == "list" and merged is None)
                if items.get("type") == inner and not fine:
                    shown = items.get("x-kubernetes-list-type")
                    errors.append(invalid(path.child("items", f"x-kubernetes-{own}-type"), shown, text))
        if value not in known:
            errors.append(not_supported(path.child(field), value, known))
    return errors + _map_keys(schema, path)


def _leads(text: str, schema: Obj) -> bool:
    try:
        step_through(text, schema)
    except BadPath:
        return False
    return True


def _rules(schema: Obj, path: Path) -> list[FieldError]:
    """The form of CEL rules."""
    errors: list[FieldError] = []
    for position, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        at = path.child("x-kubernetes-validations").index(position)
        text, message, place = (rule.get(one, "") for one in ("rule", "message", "fieldPath"))
        if not text.strip():
            errors.append(required(at.child("rule"), "rule is not specified"))
        elif message and not message.strip():
            errors.append(invalid(at.child("message"), message, "must be non-empty if specified"))
        elif re.search(r"[\n\r]", message.strip()):
            errors.append(invalid(at.child("message"), message, "must not contain line breaks"))
        elif re.search(r"[\n\r]", text.strip()) and not message.strip():
            errors.append(
                required(at.child("message"), ("message must be specified if rule contains line breaks"))
            )
        if rule.get("messageExpression") and not rule["messageExpression"].strip():
            detail = "messageExpression must be non-empty if specified"
            errors.append(required(at.child("messageExpression"), detail))
        if rule.get("reason") is not None and rule["reason"] not in _REASONS:
            errors.append(not_supported(at.child("reason"), rule["reason"], _REASONS))
        if place and not place.strip():
            errors.append(invalid(at.child("fieldPath"), place, "must be non-empty if specified"))
        if re.search(r"[\n\r]", place):
            errors.append(invalid(at.child("fieldPath"), place, "must not contain line breaks"))
        if place and not unknown_part(schema) and not _leads(place, schema):
            errors.append(invalid(at.child("fieldPath"), place, "must be a valid path"))
    return errors


def _clauses(schema: Obj, path: Path) -> list[tuple[Obj, Path]]:
    """The schemas inside of one that are no properties, with their places."""
    found: list[tuple[Obj, Path]] = []
    if schema.get("not") is not None:
        found.append((schema["not"], path.child("not")))
    for word in ("allOf", "oneOf", "anyOf"):
        for position, one in enumerate(schema.get(word) or ()):
            found.append((one, path.child(word).index(position)))
    found += [(one, path.child("definitions").key(key)) for key, one in _entries(schema, "definitions")]
    items = schema.get("items")
    if isinstance(items, dict):
        found.append((items, path.child("items")))
    elif items:
        found += [(one, path.child("items").index(position)) for position, one in enumerate(items)]
    found += [(one, path.child("dependencies").key(key)) for key, one in _entries(schema, "dependencies")]
    return found


def _entries(schema: Obj, field: str) -> list[tuple[str, Obj]]:
    return [(key, one) for key, one in (schema.get(field) or {}).items() if isinstance(one, dict)]


def supported_errors(
    schema: Obj, path: Path, root: bool = True, no_defaults: str = "", inside_meta: bool = False
) -> list[FieldError]:
    """What a schema uses that custom resources do not support."""
    errors = _standard(schema, path, no_defaults, inside_meta)
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(path.child("uniqueItems"), text))
    rest, properties = schema.get("additionalProperties"), schema.get("properties") or {}
    at = path.child("additionalProperties")
    if rest is not None and properties and rest is not True:
        errors.append(forbidden(at, "additionalProperties and properties are mutual exclusive"))
    if isinstance(rest, dict):
        reason = "inside additionalProperties applying to object metadata" if inside_meta else no_defaults
        errors += supported_errors(rest, at, False, reason, inside_meta)
    for key, one in properties.items():
        meta = (root or schema.get("x-kubernetes-embedded-resource")) and key in (
            "metadata",
            "kind",
            "apiVersion",
        )
        reason = f"in top-level {key}" if meta and root else no_defaults
        place = path.child("properties").key(key)
        errors += supported_errors(one, place, False, reason, inside_meta or bool(meta))
    for one, place in _clauses(schema, path):
        errors += supported_errors(one, place, False, no_defaults, inside_meta)
    return errors + _merge_types(schema, path) + _rules(schema, path)
