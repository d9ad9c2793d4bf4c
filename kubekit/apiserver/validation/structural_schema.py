"""Whether the schemas inside custom resource definitions are structural: every field has a type.

Called by `custom_resource_definition`; what else they may not use is asked in `supported_schema`. Source:
apiextensions-apiserver (pkg/apiserver/schema/validation.go, convert.go).
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api.field_path import FieldError, Path, forbidden, invalid, required

Obj = dict[str, Any]

_EMPTY = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
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
_ALIEN = (
    ("id", "id"), ("$schema", "schema"), ("$ref", "$ref"), ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"), ("additionalItems", "additionalItems"), ("definitions", "definitions"),
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


def unknown_part(schema: Any) -> str:
    """What the original says of the first part it has no place for in a structural schema; empty if none."""
    if not isinstance(schema, dict):
        return ""
    for field, word in _ALIEN:
        if schema.get(field):
            return f"OpenAPIV3Schema '{word}' is not supported"
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
    if isinstance(schema.get("items"), list):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    below: list[Any] = [schema.get("not")]
    for word in ("allOf", "anyOf", "oneOf"):
        below += schema.get(word) or ()
    below += [schema.get("items"), *(schema.get("properties") or {}).values()]
    below.append(schema.get("additionalProperties"))
    return next(filter(None, map(unknown_part, below)), "")
