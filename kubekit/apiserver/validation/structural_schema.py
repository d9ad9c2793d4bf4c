"""Validation of the schemas inside custom resource definitions: structural, and within what is supported.

Called by `custom_resource_definition`. The first half asks whether the schema is *structural* (every field
has a type), the second whether it keeps to the supported part of OpenAPI. Rules in CEL are not compiled
here. Source: apiextensions-apiserver (pkg/apiserver/schema/validation.go,
pkg/apis/apiextensions/validation).
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.apiserver.validation.schema_values import value_errors

Obj = dict[str, Any]

_EMPTY = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_NESTED = (
    ("type", "must be empty"), ("additionalProperties", "must be undefined"),
    ("default", "must be undefined"),
    ("title", "must be empty"), ("description", "must be empty"), ("nullable", "must be false"),
    ("x-kubernetes-preserve-unknown-fields", "must be false"),
    ("x-kubernetes-embedded-resource", "must be false"),
    ("x-kubernetes-int-or-string", "must be false"), ("x-kubernetes-list-map-keys", "must be empty"),
    ("x-kubernetes-list-type", "must be undefined"), ("x-kubernetes-map-type", "must be undefined"),
    ("x-kubernetes-validations", "must be empty"),
)  # fmt: skip
_UNSUPPORTED = (
    ("id", "id"), ("additionalItems", "additionalItems"), ("patternProperties", "patternProperties"),
    ("definitions", "definitions"), ("dependencies", "dependencies"), ("$ref", "$ref"),
)  # fmt: skip
_BROKEN_PATTERNS = (
    ("unterminated character set", "missing closing ]: `{rest}`"),
    ("missing ), unterminated subpattern", "missing closing ): `{whole}`"),
    ("unbalanced parenthesis", "unexpected ): `{whole}`"),
    ("nothing to repeat", "missing argument to repetition operator: `{char}`"),
    ("multiple repeat", "invalid nested repetition operator: `{char}`"),
    ("bad character range", "invalid character class range: `{rest}`"),
    ("bad escape", "trailing backslash at end of expression: ``"),
)


def pattern_problem(pattern: str) -> str:
    """What Go's regexp says of a pattern that does not compile; empty if it does."""
    try:
        re.compile(pattern)
    except re.error as error:
        at = error.pos or 0
        parts = {"rest": pattern[at:], "whole": pattern, "char": pattern[at : at + 1]}
        for start, text in _BROKEN_PATTERNS:
            if str(error.msg).startswith(start):
                return "error parsing regexp: " + text.format(**parts)
        return f"error parsing regexp: {error.msg}"
    return ""


def _values(schema: Obj, path: Path, skip: tuple[bool, bool] = (False, False)) -> list[FieldError]:
    """The parts of a schema that only restrict values; `skip` leaves out the int-or-string pattern."""
    errors: list[FieldError] = []
    for word in ("anyOf", "allOf", "oneOf"):
        if word == "anyOf" and skip[0]:
            continue
        for position, one in enumerate(schema.get(word) or ()):
            inner = word == "allOf" and position == 0 and skip[1]
            errors += _nested(one, path.child(word).index(position), inner)
    if schema.get("not") is not None:
        errors += _nested(schema["not"], path.child("not"))
    pattern = schema.get("pattern")
    if pattern and (problem := pattern_problem(pattern)):
        text = f"must be a valid regular expression, but isn't: {problem}"
        errors.append(invalid(path.child("pattern"), pattern, text))
    return errors


def _nested(schema: Obj, path: Path, skip_any: bool = False) -> list[FieldError]:
    """A schema inside anyOf and its like may only restrict what is declared outside."""
    errors = _values(schema, path, (skip_any, False))
    if isinstance(schema.get("items"), dict):
        errors += _nested(schema["items"], path.child("items"))
    for key, one in (schema.get("properties") or {}).items():
        errors += _nested(one, path.child("properties").key(key))
    for field, text in _NESTED:
        if schema.get(field):
            errors.append(forbidden(path.child(field), f"{text} to be structural"))
    if "metadata" in (schema.get("properties") or {}):
        text = "must not be specified in a nested context"
        errors.append(forbidden(path.child("properties").key("metadata"), text))
    return errors


def _metadata(schema: Obj, level: str, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = schema.get("type", "")
    if kind != "object":
        errors.append(invalid(path.child("type"), kind, "must be object"))
    if level == "root":
        rest = {key: value for key, value in schema.items() if key not in ("type", "default") and value}
        if set(rest.get("properties") or {}) <= {"name", "generateName"}:
            rest.pop("properties", None)
        if rest:
            text = (
                "must not specify anything other than name and generateName, but metadata is "
                "implicitly specified"
            )
            errors.append(forbidden(path, text))
    return errors


def _level(schema: Obj, level: str, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, properties = schema.get("type", ""), schema.get("properties") or {}
    items, rest = schema.get("items"), schema.get("additionalProperties")
    if kind == "array" and items is None:
        errors.append(required(path.child("items"), "must be specified"))
    if isinstance(items, dict):
        errors += _level(items, "item", path.child("items"))
    for key, one in properties.items():
        errors += _level(one, "field", path.child("properties").key(key))
    if rest is not None:
        if level == "root":
            errors.append(forbidden(path.child("additionalProperties"), "must not be used at the root"))
        if isinstance(rest, dict):
            errors += _level(rest, "field", path.child("additionalProperties"))
    embedded, open_ = (
        schema.get(f"x-kubernetes-{word}") for word in ("embedded-resource", "preserve-unknown-fields")
    )
    either = schema.get("x-kubernetes-int-or-string")
    for word, value in (("preserve-unknown-fields", open_), ("embedded-resource", embedded)):
        if either and value:
            text = "must be false if x-kubernetes-int-or-string is true"
            errors.append(invalid(path.child(f"x-kubernetes-{word}"), value, text))
    first = (schema.get("allOf") or [{}])[0]
    skip = schema.get("anyOf") == _INT_OR_STRING, first.get("anyOf") == _INT_OR_STRING
    errors += _values(schema, path, skip)
    if embedded and kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        errors.append(invalid(path.child("type"), kind, text) if kind else required(path.child("type"), text))
    elif not kind and not either and not open_:
        errors.append(required(path.child("type"), _EMPTY[level]))
    if embedded and rest is not None:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        errors.append(forbidden(path.child("additionalProperties"), text))
    if level == "root" and kind not in ("", "object"):
        errors.append(invalid(path.child("type"), kind, "must be object at the root"))
    if level == "root" or embedded:
        for key in ("kind", "apiVersion"):
            found = properties.get(key, {}).get("type", "")
            if key in properties and found != "string":
                at = path.child("properties").key(key).child("type")
                errors.append(invalid(at, found, "must be string"))
        if "metadata" in properties:
            errors += _metadata(properties["metadata"], level, path.child("properties").key("metadata"))
    if embedded and not open_ and not properties:
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields"
        )
        errors.append(required(path.child("properties"), text))
    return errors


def structural_errors(schema: Obj, path: Path) -> list[FieldError]:
    """What keeps a schema from being structural, sorted as the original does."""
    return sorted(_level(schema, "root", path), key=str)


def default_errors(schema: Obj, path: Path) -> list[FieldError]:
    """Default values that their own schema refuses."""
    errors: list[FieldError] = []
    if schema.get("default") is not None:
        errors += value_errors(schema["default"], schema, path.child("default"))
    if isinstance(schema.get("items"), dict):
        errors += default_errors(schema["items"], path.child("items"))
    for key, one in (schema.get("properties") or {}).items():
        errors += default_errors(one, path.child("properties").key(key))
    if isinstance(schema.get("additionalProperties"), dict):
        errors += default_errors(schema["additionalProperties"], path.child("additionalProperties"))
    return errors


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
    return errors


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
    if schema.get("not") is not None:
        errors += supported_errors(schema["not"], path.child("not"), False, no_defaults, inside_meta)
    for word in ("allOf", "oneOf", "anyOf"):
        for position, one in enumerate(schema.get(word) or ()):
            errors += supported_errors(one, path.child(word).index(position), False, no_defaults, inside_meta)
    if isinstance(schema.get("items"), dict):
        errors += supported_errors(schema["items"], path.child("items"), False, no_defaults, inside_meta)
    return errors + _merge_types(schema, path) + _rules(schema, path)
