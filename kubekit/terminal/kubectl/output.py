"""`-o`: how a command prints objects - yaml, json, kyaml, name, jsonpath, custom-columns, go-template.

`printer_for` turns the value of -o into a function from an object to text; the default of a verb (`created`,
`scaled`) is its own. Objects of the server are printed without managedFields unless asked.
Source: cli-runtime/pkg/genericclioptions (print_flags.go), printers; kubectl/pkg/cmd/get/customcolumn.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from kubekit.api import jsonpath
from kubekit.api.exchange import Obj
from kubekit.terminal.cli import json_text, tabwriter, yaml_text
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, boolean, string
from kubekit.terminal.cli.go_template import Template, TemplateError, go_text
from kubekit.terminal.kubectl.call import Call, meta

_PLAIN = (
    "go-template",
    "go-template-file",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "kyaml",
    "name",
    "template",
    "templatefile",
    "yaml",
)
_PLAIN_FORMATS = ",".join(_PLAIN)
FORMATS = ",".join(sorted([*_PLAIN, "custom-columns", "custom-columns-file", "wide"]))
USAGE = (
    "json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json"
    "|jsonpath-file"
)
"""How usage lines list the formats."""
_WITH_TEXT = ("go-template", "template", "jsonpath", "jsonpath-as-json", "custom-columns")
_WITH_FILE = ("go-template-file", "templatefile", "jsonpath-file", "custom-columns-file")
Printer = Callable[[Obj], str]


def output_flags() -> list[Flag]:
    """-o and what belongs to it."""
    return [
        string("output", "How to print: yaml, json, name, jsonpath=..., custom-columns=..., ...", "o"),
        string("template", "The template, or the file that holds it."),
        boolean("show-managed-fields", "Keep managedFields."),
        boolean("allow-missing-template-keys", "A template's missing fields are empty.", default=True),
    ]


def dry_run_flag() -> Flag:
    """--dry-run."""
    return string(
        "dry-run", "none, client (print only) or server (ask, do not keep).", default="none", bare="unchanged"
    )


def without_managed(obj: Obj) -> Obj:
    """The object without managedFields; items of a list, too."""
    if obj.get("items") and str(obj.get("kind", "")).endswith("List"):
        return {**obj, "items": [without_managed(item) for item in obj["items"]]}
    if "managedFields" in (obj.get("metadata") or {}):
        kept = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
        return {**obj, "metadata": kept}
    return obj


def split_format(call: Call) -> tuple[str, str]:
    """(format, its text) of -o; `jsonpath=...` is taken apart, --template fills in."""
    value = str(call.flags.get("output") or "")
    template = str(call.flags.get("template") or "")
    for name in (*_WITH_TEXT, *_WITH_FILE):
        if value == name:
            return name, template
        if value.startswith(name + "="):
            return name, value[len(name) + 1 :]
    if not value and template:
        return "go-template", template
    # These may be written in capitals, the others may not.
    return (value.lower() if value.lower() in ("json", "yaml", "kyaml", "name") else value), ""


def _read(call: Call, path: str, what: str) -> str:
    try:
        return call.files.read(path)
    except FileNotFoundError:
        raise CommandError(f"error reading {what} {path}, open {path}: no such file or directory\n") from None


def printer_for(call: Call, *, typed: bool = False, columns: bool = True) -> Printer | None:
    """The function that prints objects as -o says; None for no -o (or wide). CommandError if it is bad."""
    name, text = split_format(call)
    shown = bool(call.flags.get("show-managed-fields"))

    def clean(obj: Obj) -> Obj:
        return obj if shown else without_managed(obj)

    if not name or (name == "wide" and columns):
        return None
    if name == "yaml":
        return _yaml_printer(clean)
    if name == "json":
        return lambda obj: json_text.dump(clean(obj), sort=not typed)
    if name == "kyaml":
        return lambda obj: json_text.dump_kyaml(clean(obj))
    if name == "name":
        return lambda obj: _names(call, obj)
    if name in _WITH_FILE:
        if not text:
            raise CommandError(f"{_noun(name)} format specified but no {_missing(name)} given")
        text = _read(call, text, "template" if name == "custom-columns-file" else "--template")
        if name == "custom-columns-file":
            return _columns_printer(call, _columns_of_file(text))
        name = {"jsonpath-file": "jsonpath"}.get(name, "go-template")
    if name in ("jsonpath", "jsonpath-as-json"):
        # Templates are typed by people: `.metadata.name` without braces is meant as one path.
        return _jsonpath_printer(call, text, name == "jsonpath-as-json")
    if name in ("go-template", "template"):
        return _template_printer(text)
    if name == "custom-columns" and columns:
        return _columns_printer(call, _columns_of(text))
    formats = FORMATS if columns else _PLAIN_FORMATS
    raise CommandError(
        f'unable to match a printer suitable for the output format "{name}", allowed formats are: {formats}'
    )


def _noun(name: str) -> str:
    return "custom-columns" if name.startswith("custom") else "template"


def _missing(name: str) -> str:
    return "custom columns" if name.startswith("custom") else "template"


def _yaml_printer(clean: Callable[[Obj], Obj]) -> Printer:
    count = 0

    def show(obj: Obj) -> str:
        nonlocal count
        count += 1
        return ("---\n" if count > 1 else "") + yaml_text.dump(clean(obj))

    return show


def _names(call: Call, obj: Obj) -> str:
    if str(obj.get("kind", "")).endswith("List") and "items" in obj:
        return "".join(_names(call, item) for item in obj["items"])
    api_version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
    group = api_version.rpartition("/")[0]
    return f"{kind.lower()}{'.' + group if group else ''}/{meta(obj).get('name') or '<unknown>'}\n"


_ONE_PATH = re.compile(r"^\{?\.?[^{}]+\}?$")


def relaxed(text: str) -> str:
    """A JSONPath as people write it in --sort-by and custom-columns, with braces and a leading dot."""
    if not text:
        return text
    found = re.fullmatch(r"\{\.?([^{}]+)\}|\.?([^{}]+)", text)
    if found is None:
        raise CommandError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or"
            " '{.name1.name2}'"
        )
    inner = found.group(1) or found.group(2)
    return "{." + inner + "}"


def _jsonpath_printer(call: Call, text: str, as_json: bool) -> Printer:
    if not text:
        raise CommandError("template format specified but no template given")
    try:
        nodes = jsonpath.parse(text)
    except jsonpath.JSONPathError as error:
        raise CommandError(f"error parsing jsonpath {text}, {error}") from None
    missing = bool(call.flags.get("allow-missing-template-keys", True))

    def show(obj: Obj) -> str:
        try:
            return jsonpath.render(nodes, obj, missing, as_json)
        except jsonpath.JSONPathError as error:
            raise CommandError(
                f'error executing jsonpath "{text.replace(chr(34), chr(92) + chr(34))}": Error executing'
                f" template:"
                f" {error}. Printing more information for debugging the template:\n\ttemplate"
                f" was:\n\t\t{text}\n"
                f"\tobject given to jsonpath engine was:\n\t\t{_go_syntax(obj)}\n\n\n"
            ) from None

    return show


def _go_syntax(value: Any) -> str:
    """A JSON value as Go's %#v prints it."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)}:{_go_syntax(value[key])}" for key in sorted(value))
        return "map[string]interface {}{" + inner + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(_go_syntax(item) for item in value) + "}"
    if value is None:
        return "interface {}(nil)"
    return json.dumps(value, ensure_ascii=False)


def _template_printer(text: str) -> Printer:
    if not text:
        raise CommandError("template format specified but no template given")
    try:
        template = Template(text)
    except TemplateError as error:
        raise CommandError(f"error parsing template {text}, {error}") from None

    def show(obj: Obj) -> str:
        try:
            return template.render(obj)
        except TemplateError as error:
            raise CommandError(f'error executing template "{text}": {error}') from None

    return show


def _columns_of(text: str) -> list[tuple[str, str]]:
    if not text:
        raise CommandError("custom-columns format specified but no custom columns given")
    found = []
    for part in text.split(","):
        header, colon, path = part.partition(":")
        if not colon:
            raise CommandError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        found.append((header, relaxed(path)))
    return found


def _columns_of_file(text: str) -> list[tuple[str, str]]:
    lines = text.splitlines()
    headers = lines[0].split() if lines else []
    paths = lines[1].split() if len(lines) > 1 else []
    if len(headers) != len(paths):
        raise CommandError(
            f"number of headers ({len(headers)}) and field specifications ({len(paths)}) don't match"
        )
    return [(header, relaxed(path)) for header, path in zip(headers, paths, strict=True)]


def _cell(nodes: list[jsonpath.Node], obj: Obj) -> str:
    try:
        values = jsonpath.find(nodes, obj, allow_missing=True)
    except jsonpath.JSONPathError as error:
        raise CommandError(str(error)) from None
    if not values:
        return "<none>"
    return ",".join("<nil>" if value is None else go_text(value) for value in values)


def _columns_printer(call: Call, columns: list[tuple[str, str]]) -> Printer:
    nodes = []
    for _, path in columns:
        try:
            nodes.append(jsonpath.parse(path))
        except jsonpath.JSONPathError as error:
            raise CommandError(str(error)) from None

    def show(obj: Obj) -> str:
        items = obj["items"] if "items" in obj and str(obj.get("kind", "")).endswith("List") else [obj]
        rows = [] if call.flags.get("no-headers") else [[header for header, _ in columns]]
        try:
            rows.extend([_cell(path, item) for path in nodes] for item in items)
        except CommandError:
            call.out(tabwriter.table(rows), end="")  # what stands before the object that cannot be shown
            raise
        return tabwriter.table(rows)

    return show


def result(call: Call, done: str, *, typed: bool = False) -> Printer:
    """How a verb reports: `pod/web created`, with (dry run) where it was one, or what -o says."""
    given = printer_for(call, typed=typed, columns=False)
    if given is not None and split_format(call)[0] != "name":
        return given
    if split_format(call)[0] == "name":
        return lambda obj: _names(call, obj)
    suffix = {"client": " (dry run)", "server": " (server dry run)"}.get(
        call.dry_run() if "dry-run" in call.flags else "", ""
    )
    return lambda obj: f"{_names(call, obj).rstrip()} {done}{suffix}\n"
