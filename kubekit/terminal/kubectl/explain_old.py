"""`kubectl explain --output=plaintext-openapiv2`: the page as it was before OpenAPI v3.

Types are plain here (`Object` for every structure), values of enumerations are not listed, and words are
folded with their lists and code kept. Source: k8s.io/kubectl/pkg/explain, kube-openapi/pkg/util/proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubekit.api.exchange import Obj
from kubekit.api.resources import Resource
from kubekit.terminal.cli.errors import CommandError

if TYPE_CHECKING:
    from kubekit.terminal.kubectl.call import Call

_WIDTH = 80
_BULLET = re.compile(r"(\d+\.?|-|\*)\s")


class _Definitions:
    """The definitions of the document, and the steps that the original's visitors take through them."""

    def __init__(self, document: Obj) -> None:
        self.named: dict[str, Obj] = document.get("definitions") or {}

    def of_kind(self, resource: Resource) -> Obj | None:
        wanted = {"group": resource.group, "kind": resource.kind, "version": resource.version}
        for schema in self.named.values():
            if wanted in (schema.get("x-kubernetes-group-version-kind") or []):
                return schema
        return None

    def below(self, schema: Obj) -> Obj | None:
        """What a reference, a list or a map leads to; None for a structure or a value."""
        if reference := schema.get("$ref"):
            return self.named[str(reference).removeprefix("#/definitions/")]
        if schema.get("type") == "array":
            return dict(schema.get("items") or {})
        if schema.get("type") == "object" and "properties" not in schema:
            # A map of anything says its own words once more.
            values = schema.get("additionalProperties")
            return values if isinstance(values, dict) else {"description": schema.get("description", "")}
        return None

    def find(self, schema: Obj, path: list[str]) -> Obj:
        """The field at the end of a path; a value ends every path."""
        for number, name in enumerate(path):
            while (inner := self.below(schema)) is not None:
                schema = inner
            if "properties" not in schema:
                return schema
            if name not in schema["properties"]:
                raise CommandError(f'field "{path[number]}" does not exist')
            schema = schema["properties"][name]
        return schema

    def type_name(self, schema: Obj) -> str:
        inner = self.below(schema)
        if inner is None:
            return "Object" if "properties" in schema else str(schema.get("type") or "")
        if "$ref" in schema:
            return self.type_name(inner)
        return ("[]" if schema.get("type") == "array" else "map[string]") + self.type_name(inner)


def show(call: Call, resource: Resource, path: list[str]) -> None:
    """Print the page of a kind or a field."""
    known = _Definitions(call.connection.json("GET", "/openapi/v2"))
    schema = known.of_kind(resource)
    if schema is None:
        head = f"{resource.group}/" if resource.group else "/"
        raise CommandError(f'couldn\'t find resource for "{head}{resource.version}, Kind={resource.kind}"')
    schema = known.find(schema, path)
    name, shown, texts = path[-1] if path else "", "", []
    while (inner := known.below(schema)) is not None:
        texts.append(str(schema.get("description") or ""))
        shown = shown or ("" if "$ref" in schema else known.type_name(schema))
        schema = inner
    texts.append(str(schema.get("description") or ""))
    shown = shown or known.type_name(schema)
    call.out(f"KIND:     {resource.kind}\nVERSION:  {resource.api_version}\n")
    if "properties" in schema and name:
        call.out(f"RESOURCE: {name} <{shown}>\n")
    elif "properties" not in schema and "type" in schema:
        call.out(f"FIELD:    {name} <{shown}>\n")
    call.out("DESCRIPTION:")
    for number, text in enumerate(texts):
        if text:
            call.out("\n" if number else "", end="")
            _words(call, text, 5)
    if not any(texts):
        call.out("     <empty>")
    if "properties" in schema:
        call.out("\nFIELDS:")
        if call.flag("recursive"):
            _tree(call, known, schema, 3, set())
        else:
            _fields(call, known, schema)


def _fields(call: Call, known: _Definitions, schema: Obj) -> None:
    for name, field in sorted(schema["properties"].items()):
        required = " -required-" if name in (schema.get("required") or []) else ""
        call.out(f"   {name}\t<{known.type_name(field)}>{required}")
        _words(call, str(field.get("description") or ""), 5)
        call.out()


def _tree(call: Call, known: _Definitions, schema: Obj, indent: int, above: set[str]) -> None:
    for name, field in sorted(schema["properties"].items()):
        call.out(f"{' ' * indent}{name}\t<{known.type_name(field)}>")
        inner: Obj | None = field
        entered = set(above)
        while inner is not None and "properties" not in inner:
            reference = str(inner.get("$ref") or "")
            inner = None if reference and reference in entered else known.below(inner)
            entered.add(reference)
        if inner is not None:
            _tree(call, known, inner, indent + 3, entered)


def _words(call: Call, text: str, indent: int) -> None:
    for line in fold(text, _WIDTH - indent):
        call.out(" " * indent + line if line else "")


def fold(text: str, width: int) -> Iterator[str]:
    """The lines of a text: code and empty lines stay, items of lists begin lines, the rest is filled."""
    words: list[str] = []
    begun = False
    for raw in text.split("\n"):
        code = raw.startswith("    ")
        empty = begun and not raw.strip()
        ends = words and words[-1].endswith(":")
        if words and (code or empty or ends or not raw.strip() or _BULLET.match(raw.strip())):
            begun = True
            yield " ".join(words)
            words = []
        if code or empty:
            begun = True
            yield raw if code else ""
            continue
        for word in raw.split():
            if words and len(" ".join([*words, word])) > width:
                begun = True
                yield " ".join(words)
                words = []
            words.append(word)
    if words:
        yield " ".join(words)
