"""`kubectl explain`: what a kind and its fields mean.

The structure of built-in kinds is the schema's, the words are read at run time from the reference release's
documentation (`kubekit.api.field_docs`); custom kinds are explained by their own definition.
Source: k8s.io/kubectl/pkg/explain/v2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubekit.api import schema
from kubekit.api.exchange import Obj
from kubekit.api.field_docs import type_doc
from kubekit.api.resources import Resource
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl.call import Call

_WIDTH = 76
_NONE = "<no description>"
_META = {
    "apiVersion": "APIVersion",
    "kind": "Kind",
    "metadata": "metadata",
}


@dataclass(slots=True)
class Shape:
    """A type as it is explained: its name, its words, and its fields (none for a scalar)."""

    name: str
    text: str = ""
    fields: dict[str, Field] = field(default_factory=dict)


@dataclass(slots=True)
class Field:
    """One field: its type as shown, its words, whether it is required, and what is inside."""

    shown: str
    text: str
    required: bool
    inner: Any
    """A thunk that makes the Shape behind it."""
    enum: list[str] = field(default_factory=list)


def wrap(text: str, limit: int = _WIDTH) -> str:
    """Words moved to the next line at the limit; line breaks and inner spaces stay."""
    out: list[str] = []
    for line in text.split("\n"):
        current, space, word = "", "", ""
        for char in line + "\n":
            if char.isspace():
                if word:
                    if current and len(current) + len(space) + len(word) > limit:
                        out.append(current)
                        current = word
                    else:
                        current += space + word
                    space, word = "", ""
                space += char if char != "\n" else ""
            else:
                word += char
        out.append(current)
    return "\n".join(out)


def _indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))


# -- built-in kinds -------------------------------------------------------------------------------------


def _module(struct_name: str) -> tuple[str, str]:
    """`core.v1.PodSpec` -> (`core_v1`, `PodSpec`)."""
    head, _, name = struct_name.rpartition(".")
    return head.replace(".", "_"), name


def _bare(kind: Any) -> Any:
    while isinstance(kind, schema.Pointer):
        kind = kind.inner
    return kind


_SCALARS = {
    "int-or-string": "IntOrString",
    "quantity": "Quantity",
    "time": "string",
    "bytes": "string",
    "duration": "string",
}


def _type_name(kind: Any) -> str:
    kind = _bare(kind)
    if isinstance(kind, schema.List):
        return "[]" + _type_name(kind.element)
    if isinstance(kind, schema.Map):
        return "map[string]" + _type_name(kind.element)
    if isinstance(kind, schema.Struct):
        return str(kind.short)
    return _SCALARS.get(kind.scalar, kind.scalar or "Object")


def _struct_behind(kind: Any) -> Any:
    kind = _bare(kind)
    while isinstance(kind, schema.List | schema.Map):
        kind = _bare(kind.element)
    return kind


def _built_in(kind: Any) -> Shape:
    struct = _struct_behind(kind)
    if not isinstance(struct, schema.Struct):
        return Shape(_type_name(kind))
    module, name = _module(struct.name)
    doc = type_doc(module, name)
    fields = {}
    for label in struct.fields:
        one = struct.fields[label]
        text = doc.fields[label].text if doc and label in doc.fields else ""
        fields[label] = Field(
            _type_name(one.type),
            text,
            bool(one.required),
            lambda inner=one.type: _built_in(inner),
            _enum_in(text),
        )
    return Shape(_type_name(kind), doc.text if doc else "", fields)


def _enum_in(text: str) -> list[str]:
    """The values that a description lists as possible."""
    _, marker, rest = text.partition("Possible enum values:")
    if not marker:
        return []
    return sorted(part.split("`")[0].strip('"') for part in rest.split("- `")[1:])


# -- custom kinds ---------------------------------------------------------------------------------------


def _custom_name(node: Obj) -> str:
    kind = node.get("type")
    if kind == "array":
        return "[]" + _custom_name(node.get("items") or {})
    if kind == "object":
        values = node.get("additionalProperties")
        return "map[string]" + _custom_name(values) if isinstance(values, dict) else "Object"
    if node.get("x-kubernetes-int-or-string"):
        return "IntOrString"
    return str(kind or "Object")


def _custom(node: Obj, top: bool = False) -> Shape:
    inner = node
    while inner.get("type") == "array":
        inner = inner.get("items") or {}
    if isinstance(inner.get("additionalProperties"), dict):
        inner = inner["additionalProperties"]
    properties = dict(inner.get("properties") or {})
    required = inner.get("required") or []
    fields = {}
    if top:
        about = _built_in(schema.for_kind("v1", "ConfigMap").struct)
        for name in _META:
            fields[name] = about.fields[name]
            properties.pop(name, None)
    for name, child in properties.items():
        fields[name] = Field(
            _custom_name(child),
            child.get("description", ""),
            name in required,
            lambda child=child: _custom(child),
            [str(value) for value in child.get("enum") or []],
        )
    text = "" if inner is node and not top else str(inner.get("description", "")) if inner is not node else ""
    return Shape(_custom_name(node), str(node.get("description", "")) if top else text, fields)


def _custom_top(call: Call, resource: Resource) -> Shape:
    definitions = call.discovery.find("customresourcedefinitions.apiextensions.k8s.io")
    crd = call.connection.find(definitions, None, f"{resource.plural}.{resource.group}")
    for version in ((crd or {}).get("spec") or {}).get("versions") or []:
        if version.get("name") == resource.version:
            return _custom((version.get("schema") or {}).get("openAPIV3Schema") or {}, top=True)
    raise CommandError(
        f'couldn\'t find resource for "{resource.group}/{resource.version}, Kind={resource.kind}"'
    )


# -- the page -------------------------------------------------------------------------------------------


def run(call: Call) -> None:
    """`kubectl explain`."""
    if not call.args:
        raise CommandError(
            'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete'
            " list of supported resources."
        )
    if len(call.args) > 1:
        raise CommandError("We accept only this format: explain RESOURCE")
    resource, path = _resource(call, call.args[0])
    try:
        shape = _built_in(schema.for_kind(resource.api_version, resource.kind).struct)
    except KeyError:
        shape = _custom_top(call, resource)
    call.out(f"GROUP:      {resource.group}\n" if resource.group else "", end="")
    call.out(f"KIND:       {resource.kind}\nVERSION:    {resource.version}\n")
    found: Field | None = None
    for name in path:
        if name not in shape.fields:
            raise CommandError(f'field "{name}" does not exist')
        found = shape.fields[name]
        shape = found.inner()
    if found is not None:
        call.out(f"FIELD: {path[-1]} <{found.shown}>")
        if found.enum:
            call.out("ENUM:\n" + "\n".join(f"    {value or chr(34) * 2}" for value in found.enum))
        else:
            call.out()
        call.out()
    call.out("DESCRIPTION:")
    texts = [text for text in ((found.text if found else ""), shape.text) if text]
    call.out(_indent(wrap("\n".join(texts) or _NONE), 4) + "\n    ")
    if shape.fields:
        call.out("FIELDS:")
        _fields(call, shape, 2, call.flag("recursive"), set())
    call.out()


def _resource(call: Call, words: str) -> tuple[Resource, list[str]]:
    parts = words.split(".")
    version = call.flag("api-version")
    if version:
        for one in call.discovery.catalog.find_all(parts[0]):
            if one.api_version == version:
                return one, parts[1:]
        group, _, short = version.rpartition("/")
        plural = call.discovery.find(parts[0]).plural
        raise CommandError(f'couldn\'t find resource for "{group}/{short}, Resource={plural}"')
    try:
        for length in range(len(parts), 1, -1):
            named = call.discovery.catalog.find(".".join(parts[:length]))
            if named is not None:
                return named, parts[length:]
        return call.discovery.find(parts[0]), parts[1:]
    except CommandError as error:
        raise CommandError(error.message, prefix=False) from None


def _fields(call: Call, shape: Shape, indent: int, recursive: bool, above: set[str]) -> None:
    for name in sorted(shape.fields):
        one = shape.fields[name]
        required = " -required-" if one.required else ""
        call.out(f"{' ' * indent}{name}\t<{one.shown}>{required}")
        if one.enum:
            shown = [value or '""' for value in one.enum]
            text = ", ".join(shown[:4]) + (", ...." if len(shown) > 4 else "")
            call.out(f"{' ' * indent}enum: {text}")
        if not recursive:
            call.out(_indent(wrap(one.text or _NONE), indent + 2) + "\n")
            continue
        inner = one.inner()
        if inner.fields and one.shown not in above:
            _fields(call, inner, indent + 2, True, {*above, one.shown})
    if recursive and indent == 2:
        call.out()


COMMAND = Command(
    "explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group]"
    " [-o|--output=plaintext|plaintext-openapiv2]"
    " [options]",
    "Get documentation for a resource",
    run,
    [
        string("api-version", "Of this group version."),
        string("output", "plaintext.", "o", "plaintext"),
        boolean("recursive", "Names of all fields below, without their meaning."),
    ],
    example="kubectl explain pod.spec.containers\nkubectl explain deploy --recursive",
)
