"""`kubectl explain`: what a kind and its fields mean.

Everything is read from the server's own description of itself, OpenAPI v3, or v2 with
`--output=plaintext-openapiv2`: built-in and custom kinds alike.
Source: k8s.io/kubectl/pkg/cmd/explain, k8s.io/kubectl/pkg/explain/v2.
"""

from __future__ import annotations

from dataclasses import replace

from kubekit.api.exchange import Obj
from kubekit.api.resources import Resource
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import boolean, string
from kubekit.terminal.kubectl import explain_old
from kubekit.terminal.kubectl.call import Call
from kubekit.terminal.kubectl.explain_schema import Page

_WIDTH = 76
_SHOWN_VALUES = 4
"""So many values of an enumeration stand in a list of fields."""


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
    output = call.flag("output")
    if output == "plaintext-openapiv2":
        explain_old.show(call, resource, path)
    elif output == "plaintext":
        _show(call, resource, path)
    else:
        raise CommandError(f"unrecognized format: {output}")


def _page(call: Call, resource: Resource) -> Page:
    """The server's document of a group version."""
    place = f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"
    listed = (call.connection.json("GET", "/openapi/v3").get("paths") or {}).get(place)
    if listed is None:
        named = f"{resource.group}/{resource.version}, Resource={resource.plural}"
        raise CommandError(f'couldn\'t find resource for "{named}"')
    path, _, stamp = listed["serverRelativeURL"].partition("?hash=")
    return Page(call.connection.json("GET", path, query={"hash": stamp}))


def _show(call: Call, resource: Resource, path: list[str]) -> None:
    page = _page(call, resource)
    call.out(f"GROUP:      {resource.group}\n" if resource.group else "", end="")
    call.out(f"KIND:       {resource.kind}\nVERSION:    {resource.version}\n")
    schema = page.of_kind(resource.group, resource.version, resource.kind)
    if schema is None:
        named = {"group": resource.group, "kind": resource.kind, "version": resource.version}
        text = " ".join(f"{key}:{value}" for key, value in named.items())
        raise CommandError(f"GVK map[{text}] not found in OpenAPI schema")
    found = page.find(schema, path)
    if found is None:
        raise CommandError(f'field "{path[-1]}" does not exist')
    if found:
        schema = found[-1]
        call.out(f"FIELD: {path[-1]} <{page.type_name(schema)}>")
        values = "".join(f"\n    {value}" for value in _values(schema))
        call.out(f"ENUM:{values}\n" if values else "\n")
    call.out("DESCRIPTION:")
    call.out(_indent(wrap(page.descriptions(schema) or "<empty>"), 4))
    _more(call, schema, 0)
    # A reference that is asked for by its field may be entered once more below it.
    schema = page.resolve(schema)
    if any(True for _ in page.fields(schema)):
        call.out("FIELDS:")
        _fields(call, page, schema, 1, frozenset(), call.flag("recursive"))
    call.out()


def _values(schema: Obj) -> list[str]:
    return ['""' if value == "" else str(value) for value in schema.get("enum") or []]


def _more(call: Call, schema: Obj, indent: int) -> None:
    """Where a schema says that there is more to read."""
    elsewhere = schema.get("externalDocs")
    if not elsewhere:
        return
    call.out("\n" + " " * indent + "EXTERNAL DOCS:")
    if text := elsewhere.get("description"):
        call.out(_indent(wrap(text, _WIDTH - max(indent - 2, 0)), indent + 4 - (2 if indent else 0)))
    if url := elsewhere.get("url"):
        call.out(_indent(f"URL: {url}", indent + 4 - (2 if indent else 0)))


def _fields(call: Call, page: Page, schema: Obj, level: int, above: frozenset[str], recursive: bool) -> None:
    indent = 2 * level
    for one in page.fields(schema, above):
        required = " -required-" if one.required else ""
        call.out(f"{' ' * indent}{one.name}\t<{page.type_name(one.schema)}>{required}")
        if values := _values(one.schema):
            shown = ", ".join(values[:_SHOWN_VALUES]) + (", ...." if len(values) > _SHOWN_VALUES else "")
            call.out(f"{' ' * indent}enum: {shown}")
        if recursive:
            _fields(call, page, one.schema, level + 1, one.above, True)
            continue
        text = one.schema.get("description") or "<no description>"
        call.out(_indent(wrap(text, _WIDTH + 2 - indent), indent + 2))
        _more(call, one.schema, indent + 2)
        call.out()


def _resource(call: Call, words: str) -> tuple[Resource, list[str]]:
    """The resource that the words begin with, and the path of fields after it."""
    words = words.removesuffix(".")
    plural, *path = words.split(".")
    try:
        resource = call.discovery.find(plural)
    except CommandError as error:
        raise CommandError(error.message, prefix=False) from None
    if version := call.flag("api-version"):
        for one in call.discovery.catalog.find_all(plural):
            if one.api_version == version:
                return one, path
        group, _, short = version.rpartition("/")
        return replace(resource, group=group, version=short), path
    for one in call.discovery.catalog.find_all(plural):
        if words.startswith(one.qualified):
            resource, path = one, words.removeprefix(one.qualified).split(".")[1:]
            break
    if any("[" in name for name in path):
        raise CommandError("invalid jsonpath syntax, first node must be field node")
    return resource, path


COMMAND = Command(
    "explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group]"
    " [-o|--output=plaintext|plaintext-openapiv2]"
    " [options]",
    "Get documentation for a resource",
    run,
    [
        string("api-version", "Of this group version."),
        string("output", "plaintext, or plaintext-openapiv2 for the page as it was.", "o", "plaintext"),
        boolean("recursive", "Names of all fields below, without their meaning.", "R"),
    ],
    example="kubectl explain pod.spec.containers\nkubectl explain deploy --recursive",
)
