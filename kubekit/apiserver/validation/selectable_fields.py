"""Paths into a schema: the fields a custom resource can be selected by, and the place a rule points at.

`step_through` follows such a path; `selectable_errors` judges the list in a version of a definition. Called
by `custom_resource_definition` and `structural_schema`. Source: apiextensions-apiserver
(pkg/apiserver/schema/cel/validation.go, pkg/apis/apiextensions/validation).
"""

from __future__ import annotations

import re
from typing import Any

from kubekit.api.field_path import FieldError, Path, duplicate, invalid, required, too_many

Obj = dict[str, Any]

_MOST = 8
_TOKENS = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]]+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_WRONG_TYPE = (
    "must point to a field of type string, boolean or integer. Enum string fields and strings "
    "with formats are allowed."
)


class BadPath(Exception):
    """A path that leads nowhere; the text says why."""


def _below(schema: Obj, name: str) -> tuple[Obj, bool]:
    """The schema one step further, and whether the step is a field (not a key of a map)."""
    properties, extra = schema.get("properties"), schema.get("additionalProperties")
    if properties and name in properties:
        return properties[name] or {}, True
    if properties or extra in (None, False):
        raise BadPath("does not refer to a valid field")
    return extra if isinstance(extra, dict) else {}, False


def step_through(text: str, schema: Obj, brackets: bool = True) -> tuple[list[str], Path, Obj]:
    """The names on a path, the path itself and the schema at its end. Raises BadPath."""
    tokens = iter(_TOKENS.findall(text))
    names: list[str] = []
    path = Path()

    def following() -> str:
        token = next(tokens, None)
        if token is None:
            raise BadPath("unexpected end of JSON path")
        return str(token)

    for token in tokens:
        if token not in (".", "["):
            raise BadPath(f"expected [ or . but got: {token}")
        if token == "[" and not brackets:
            raise BadPath("array notation is not allowed")
        name = following()
        if token == "[":
            if len(name) < 2 or name[0] != "'" or name[-1] != "'":
                raise BadPath(f"expected single quoted string but got {name}")
            name = _ESCAPE.sub(r"\1", name[1:-1])
        schema, named = _below(schema, name)
        path = path.child(name) if named else path.key(name)
        names.append(name)
        if token == "[" and (end := following()) != "]":
            raise BadPath(f"expected ] but got {end}")
    return names, path, schema


def selectable_errors(fields: list[Obj], schema: Obj, path: Path) -> list[FieldError]:
    """What is wrong with the fields a kind can be selected by."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, one in enumerate(fields):
        at, text = path.index(position).child("jsonPath"), one.get("jsonPath", "")
        if not text:
            errors.append(required(at))
            continue
        try:
            names, found, end = step_through(text, schema, brackets=False)
        except BadPath as error:
            errors.append(invalid(at, text, f"is an invalid path: {error}"))
            continue
        if names[0] == "metadata":
            errors.append(invalid(at, text, "must not point to fields in metadata"))
        if end.get("type") not in ("string", "boolean", "integer"):
            errors.append(invalid(at, text, _WRONG_TYPE))
        if str(found) in seen:
            errors.append(duplicate(at, text))
        seen.add(str(found))
    return [*errors, too_many(path, len(seen), _MOST)] if len(seen) > _MOST else errors
