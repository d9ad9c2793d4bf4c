"""Default values inside the schema of a definition, judged by their own schema.

Called by `custom_resource_definition` once the schema is structural. Defaults below `metadata` are judged
elsewhere: they are not allowed at the root. Source: apiextensions-apiserver
(pkg/apiserver/schema/defaulting/validation.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import FieldError, Path, invalid
from kubekit.apiserver.custom.rules import rule_errors
from kubekit.apiserver.custom.schema import META, pruned
from kubekit.apiserver.validation.schema_values import value_errors

Obj = dict[str, Any]


def default_errors(schema: Obj, path: Path, root: bool = True, in_meta: bool = False) -> list[FieldError]:
    """Defaults that their own schema refuses; in additionalProperties there are none to look at."""
    embedded = root or bool(schema.get("x-kubernetes-embedded-resource"))
    in_meta = in_meta and not embedded
    errors: list[FieldError] = []
    if schema.get("default") is not None:
        errors += _default(schema["default"], schema, path.child("default"), embedded, in_meta)
    if isinstance(schema.get("items"), dict):
        errors += default_errors(schema["items"], path.child("items"), False, in_meta)
    for key, one in (schema.get("properties") or {}).items():
        below = in_meta or (embedded and key in META)
        errors += default_errors(one, path.child("properties").key(key), False, below)
    return errors


def _default(value: Any, schema: Obj, path: Path, embedded: bool, in_meta: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if not in_meta and pruned(value, {**schema, "x-kubernetes-embedded-resource": embedded}) != value:
        errors.append(invalid(path, value, "must not have unknown fields"))
    if wrong := value_errors(value, schema, path):
        return errors + wrong
    # Rules about changes see the default as a value that stays, and as one that is new.
    wrong = rule_errors(value, value, schema, path, embedded)
    return errors + (wrong or rule_errors(value, None, schema, path, embedded))
