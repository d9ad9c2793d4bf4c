"""A value against an OpenAPI schema: custom resources, and the defaults inside their definitions.

`value_errors(value, schema, path)` gives the errors in the words of the real server; `duplicates` checks
lists that are sets or maps. Rules in CEL (`x-kubernetes-validations`) are somebody else's matter. Source:
kube-openapi (pkg/validation), apiextensions-apiserver (pkg/apiserver/validation, schema/listtype).
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api.field_path import (
    FieldError,
    Path,
    duplicate,
    format_value,
    go_float,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from kubekit.apiserver.validation.string_formats import checked_format, fits

Obj = dict[str, Any]

_TYPE_INVALID = "FieldValueTypeInvalid"
_NUMBERS = ("integer", "number")
_GO_FORMATS = {"integer": "int64", "number": "float64"}
"""What Go's type of a number is called where a text with a format was wanted."""
_LARGEST_FLOAT = 3.4028234663852886e38


NEW: Any = object()
"""Stands for an old value that is not there."""


def type_name(value: Any) -> str:
    """The JSON type of a value; whole numbers are integers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if value == int(value) else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _types(schema: Obj) -> list[str]:
    if schema.get("x-kubernetes-int-or-string"):
        return ["integer", "string"]
    return [schema["type"]] if schema.get("type") else []


class _Check:
    """One value with its place; `name` is the place as the texts have it, relative to where checking
    began."""

    def __init__(self, name: str, path: Path, old: Any) -> None:
        self.name, self.path, self.old = name, path, old
        self.errors: list[FieldError] = []

    def wrong(self, value: Any, text: str) -> None:
        self.errors.append(invalid(self.path, value, f"{self.name} in body {text}"))

    def of_type(self, types: str, value: str) -> None:
        text = f'{self.name} in body must be of type {types}: "{value}"'
        self.errors.append(FieldError(_TYPE_INVALID, str(self.path), value, text))

    def child(self, name: str) -> tuple[str, Path]:
        return (f"{self.name}.{name}" if self.name else name), self.path.child(name)


def _text(value: str, schema: Obj, check: _Check) -> None:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    if longest is not None and len(value) > longest:
        check.errors.append(too_long(check.path, longest))
    elif shortest is not None and len(value) < shortest:
        check.wrong(value, f"should be at least {shortest} chars long")
    elif schema.get("pattern") and not re.search(schema["pattern"], value, re.ASCII):
        check.wrong(value, f"should match '{schema['pattern']}'")
    form = checked_format(schema)
    if form and not fits(value, form):
        check.of_type(form, value)


def _range_problem(value: float, types: list[str], form: str) -> str:
    """The type and format whose range a number leaves; empty if it stays inside."""
    if types == ["integer"]:
        most = 2 ** (31 if form == "int32" else 63)
        wrong = value != int(value) or not -most <= value < most
    else:
        wrong = form == "float" and types == ["number"] and abs(value) > _LARGEST_FLOAT
    return f"{types[0]} {f'with format {form}' if form else '(default format)'}" if wrong else ""


def _number(value: float, schema: Obj, check: _Check) -> None:
    factor, most, least = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    if factor and not _is_multiple(value, factor):
        check.wrong(value, f"should be a multiple of {_bound(factor, value)}")
    if most is not None:
        if schema.get("exclusiveMaximum"):
            if value >= most:
                check.wrong(value, f"should be less than {_bound(most, value)}")
        elif value > most:
            check.wrong(value, f"should be less than or equal to {_bound(most, value)}")
    if least is not None:
        if schema.get("exclusiveMinimum"):
            if value <= least:
                check.wrong(value, f"should be greater than {_bound(least, value)}")
        elif value < least:
            check.wrong(value, f"should be greater than or equal to {_bound(least, value)}")


def _bound(bound: float, value: float) -> str:
    """A bound in a text: a whole number beside a whole number, else as Go prints its floats."""
    return str(int(bound)) if isinstance(value, int) else go_float(bound)


def _is_multiple(value: float, factor: float) -> bool:
    if isinstance(value, int) and isinstance(factor, int):
        return value % factor == 0
    times = value / factor if factor >= 1 else 1 / factor * value
    return abs(times - round(times)) <= 1e-9 * max(1.0, abs(times))


def _list(value: list[Any], schema: Obj, check: _Check) -> None:
    items = schema.get("items")
    if isinstance(items, dict):
        for position, item in enumerate(value):
            name = f"{check.name}[{position}]"
            old = _old_item(item, schema, check.old)
            check.errors += value_errors(item, items, check.path.index(position), name, old)
    most, least = schema.get("maxItems"), schema.get("minItems")
    if least is not None and len(value) < least:
        check.wrong(len(value), f"should have at least {least} items")
    if most is not None and len(value) > most:
        check.errors.append(too_many(check.path, len(value), most))


def _object(value: Obj, schema: Obj, check: _Check) -> None:
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if least is not None and len(value) < least:
        check.wrong(len(value), f"should have at least {least} properties")
    if most is not None and len(value) > most:
        check.errors.append(too_many(check.path, len(value), most))
    properties: Obj = schema.get("properties") or {}
    rest = schema.get("additionalProperties")
    for key, item in value.items():
        name, path = check.child(key)
        old = check.old.get(key, NEW) if isinstance(check.old, dict) else NEW
        if key in properties:
            check.errors += value_errors(item, properties[key], path, name, old)
        elif isinstance(rest, dict):
            check.errors += value_errors(item, rest, path, name, old)
        elif rest is False:
            text = f"{name} in body is a forbidden property"
            check.errors.append(invalid(path, "", text))
    for key in schema.get("required") or ():
        if key not in value and "default" not in properties.get(key, {}):
            check.errors.append(required(check.child(key)[1]))


def _combined(value: Any, schema: Obj, check: _Check) -> None:
    """anyOf, oneOf, allOf and not; their own complaints name no field."""

    def complain(text: str) -> None:
        check.errors.append(FieldError("FieldValueInvalid", "<nil>", "", f'"{check.name}" must {text}'))

    def attempts(word: str) -> list[list[FieldError]]:
        return [_errors(value, one, check.path, check.name, check.old) for one in schema.get(word) or ()]

    some = attempts("anyOf")
    if some and all(some):
        complain("validate at least one schema (anyOf)")
        check.errors += some[0]
    one = attempts("oneOf")
    valid = sum(1 for found in one if not found)
    if one and valid != 1:
        detail = f"Found {valid} valid alternatives" if valid else "Found none valid"
        complain(f"validate one and only one schema (oneOf). {detail}")
        check.errors += [] if valid else one[0]
    every = attempts("allOf")
    if any(every):
        for found in every:
            check.errors += found
        detail = "" if not all(every) else ". None validated"
        complain(f"validate all the schemas (allOf){detail}")
    if schema.get("not") is not None and not _errors(value, schema["not"], check.path, check.name, check.old):
        complain("not validate the schema (not)")


def _same(value: Any, listed: Any) -> bool:
    """Whether a value is the listed one; true is not 1, as it would be for Python."""
    return isinstance(value, bool) == isinstance(listed, bool) and value == listed


def _unlisted(value: Any, listed: list[Any], path: Path) -> FieldError:
    shown = [one if isinstance(one, str) else format_value(one) for one in listed]
    return not_supported(path, value, shown)


def _old_item(item: Any, schema: Obj, old: Any) -> Any:
    """The item of the old list that has the same keys; items of other lists cannot be told apart."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if not keys or not isinstance(item, dict) or not isinstance(old, list):
        return NEW
    wanted = [item.get(key) for key in keys]
    for one in old:
        if isinstance(one, dict) and [one.get(key) for key in keys] == wanted:
            return one
    return NEW


def value_errors(value: Any, schema: Obj, path: Path, name: str = "", old: Any = NEW) -> list[FieldError]:
    """What the schema says against a value that sits at `path`; texts call the place `name`.

    With an `old` value, what did not change is let pass (ratcheting).
    """
    found = _errors(value, schema, path, name, old)
    return [] if found and old is not NEW and value == old else found


def _errors(value: Any, schema: Obj, path: Path, name: str, old: Any) -> list[FieldError]:
    check = _Check(name, path, old)
    types, found = _types(schema), type_name(value)
    form = checked_format(schema)
    if value is None:
        if types and not schema.get("nullable"):
            check.of_type(",".join(types), found)
        if schema.get("enum"):
            check.errors.append(_unlisted(None, schema["enum"], path))
        return check.errors
    if types and found not in types and not (found == "integer" and "number" in types):
        if form and found not in ("string", "array"):
            check.of_type(form, _GO_FORMATS.get(found, ""))
        elif not form or schema.get("type") in _NUMBERS:
            check.of_type(",".join(types), found)
    _combined(value, schema, check)
    if found == "string":
        _text(value, schema, check)
    elif found in ("integer", "number"):
        if problem := _range_problem(value, types, form):
            text = f"Checked value must be of type {problem} in {name}"
            check.errors.append(FieldError("FieldValueInvalid", "<nil>", "", text))
        _number(value, schema, check)
    elif found == "array":
        _list(value, schema, check)
    if schema.get("enum") and not any(_same(value, one) for one in schema["enum"]):
        check.errors.append(_unlisted(value, schema["enum"], path))
    if found == "object":
        _object(value, schema, check)
    return check.errors


def duplicates(value: Any, schema: Obj, path: Path) -> list[FieldError]:
    """Items that occur twice in lists that are sets, or maps by keys."""
    errors: list[FieldError] = []
    if isinstance(value, dict):
        properties, rest = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, item in value.items():
            below = properties.get(key, rest if isinstance(rest, dict) else None)
            if below is not None:
                errors += duplicates(item, below, path.child(key) if key in properties else path.key(key))
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
        seen: list[Any] = []
        for position, item in enumerate(value):
            shown = item
            if kind == "map" and isinstance(item, dict):
                shown = {key: item[key] for key in sorted(keys) if key in item}
            if kind in ("map", "set"):
                if shown in seen:
                    errors.append(duplicate(path.index(position), shown))
                seen.append(shown)
        for position, item in enumerate(value):
            errors += duplicates(item, schema["items"], path.index(position))
    return errors
