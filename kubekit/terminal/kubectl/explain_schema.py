"""Walking a server's OpenAPI document: references, the fields behind a path, and how types are written.

`Page` is one document (v3) with what `kubectl explain` asks of it. A schema is followed through its list, its
map or its alternatives until something has the field. Knows nothing of printing.
Source: k8s.io/kubectl/pkg/explain/v2/templates/plaintext.tmpl.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubekit.api.exchange import Obj


@dataclass(slots=True)
class Page:
    """One document of OpenAPI v3."""

    document: Obj

    def resolve(self, schema: Obj) -> Obj:
        """The schema that a reference names; any other schema as it is."""
        found: Obj = self.document
        for part in str(schema.get("$ref") or "").removeprefix("#").split("/"):
            if part:
                found = found.get(part) or {}
        return found if found is not self.document and found else schema

    def of_kind(self, group: str, version: str, kind: str) -> Obj | None:
        """The schema of a kind, or None."""
        wanted = {"group": group, "kind": kind, "version": version}
        for _, schema in sorted(((self.document.get("components") or {}).get("schemas") or {}).items()):
            if wanted in (schema.get("x-kubernetes-group-version-kind") or []):
                found: Obj = schema
                return found
        return None

    def find(self, schema: Obj, path: list[str], seen: frozenset[str] = frozenset()) -> list[Obj] | None:
        """The schemas of the fields along a path, the last one what was asked for; None if one is missing."""
        if not path:
            return []
        reference = str(schema.get("$ref") or "")
        if reference and reference in seen:
            return None
        resolved = self.resolve(schema)
        field = (resolved.get("properties") or {}).get(path[0])
        if field is not None:
            rest = self.find(field, path[1:])
            return None if rest is None else [field, *rest]
        for inner in _inside(resolved)[:1] or _alternatives(resolved):
            found = self.find(inner, path, seen | {reference})
            if found is not None:
                return found
        return None

    def fields(self, schema: Obj, seen: frozenset[str] = frozenset()) -> Iterator[Level]:
        """The fields that a schema shows: its own, or those of its elements and alternatives."""
        reference = str(schema.get("$ref") or "")
        if reference and reference in seen:
            return
        resolved, above = self.resolve(schema), seen | {reference}
        required = resolved.get("required") or []
        for name, field in sorted((resolved.get("properties") or {}).items()):
            yield Level(name, field, name in required, above)
        for inner in _alternatives(resolved) + _inside(resolved):
            yield from self.fields(inner, above)

    def descriptions(self, schema: Obj) -> str:
        """The words of a schema and of what it is made of, a line break after each."""
        resolved = self.resolve(schema)
        text = f"{resolved['description']}\n" if resolved.get("description") else ""
        return text + "".join(self.descriptions(part) for part in _alternatives(resolved) + _inside(resolved))

    def type_name(self, schema: Obj) -> str:
        """How a type is written: `string`, `[]Container`, `map[string]string`, `Object`."""
        if schema.get("items"):
            return "[]" + self.type_name(schema["items"])
        if isinstance(schema.get("additionalProperties"), dict):
            return "map[string]" + self.type_name(schema["additionalProperties"])
        alternatives = _alternatives(schema)
        if len(alternatives) == 1 and not schema.get("properties"):
            return self.type_name(alternatives[0])
        if reference := schema.get("$ref"):
            kind = self.resolve(schema).get("type")
            return str(reference).rpartition("/")[2].rpartition(".")[2] if kind in (None, "object") else kind
        return "Object" if schema.get("type") in (None, "object") else str(schema["type"])


@dataclass(frozen=True, slots=True)
class Level:
    """One field as a list of fields shows it. `above`: the references that led here, against circles."""

    name: str
    schema: Obj
    required: bool
    above: frozenset[str]


def _inside(schema: Obj) -> list[Obj]:
    """The schemas of a list's elements and of a map's values."""
    places = (schema.get("items"), schema.get("additionalProperties"))
    return [place for place in places if isinstance(place, dict) and place]


def _alternatives(schema: Obj) -> list[Obj]:
    return list(schema.get("allOf") or [])
