"""Manifests: the objects behind `-f FILE`, `-f FOLDER`, `-f -`, each with where it came from.

Called by verbs that take files. The text is split into documents, lists are taken apart, kind and apiVersion
are looked up on the server; the error texts say what the real program says.
Source: cli-runtime/pkg/resource/visitor.go, builder.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.resources import Resource
from kubekit.terminal.cli import yaml_load
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, array, boolean, string
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.discovery import NoMatch
from kubekit.terminal.kustomize import KustomizeError, build

EXTENSIONS = (".json", ".yaml", ".yml")
STDIN = "STDIN"


def file_flags(what: str) -> list[Flag]:
    """-f, -k and -R."""
    return [
        Flag("filename", "list", None, "f", help=f"Files, folders or `-`: {what}."),
        string("kustomize", "A kustomization folder.", "k"),
        boolean("recursive", "Look into folders below, too.", "R"),
    ]


def selector_flags() -> list[Flag]:
    """-l and --field-selector."""
    return [
        string("selector", "Only objects with these labels, e.g. -l app=web,tier!=db.", "l"),
        string("field-selector", "Only objects with these fields, e.g. status.phase=Running."),
    ]


@dataclass(slots=True)
class Document:
    """One object of a manifest and the name of its source."""

    obj: Obj
    source: str


@dataclass(slots=True)
class Info:
    """One object that a command works on. `obj` is what was read; `source` the file it came from, if any."""

    resource: Resource
    namespace: str
    name: str
    obj: Obj | None = None
    source: str = ""

    @property
    def scope(self) -> str | None:
        """The namespace for paths."""
        return self.namespace if self.resource.namespaced else None

    @property
    def label(self) -> str:
        """`deployment.apps/web`, as results call it."""
        return f"{kind_name(self.resource)}/{self.name}"


def kind_name(resource: Resource) -> str:
    """`pod`, `deployment.apps`."""
    kind = resource.kind.lower()
    return f"{kind}.{resource.group}" if resource.group else kind


def _walk(call: Call, path: str, recursive: bool) -> Iterator[str]:
    for name in call.files.listing(path):
        inner = f"{path.rstrip('/')}/{name}"
        if call.files.is_folder(inner):
            if recursive:
                yield from _walk(call, inner, True)
        elif name.endswith(EXTENSIONS):
            yield inner


def paths_of(call: Call) -> list[str]:
    """The files that -f names, folders opened."""
    found: list[str] = []
    for path in call.flag("filename") or []:
        if path == "-" or path.startswith(("http://", "https://")):
            found.append(path)
            continue
        if not call.files.exists(path):
            raise CommandError(f'the path "{path}" does not exist')
        if call.files.is_folder(path):
            inside = list(_walk(call, path, bool(call.flags.get("recursive"))))
            if not inside:
                raise CommandError(
                    f"error reading [{path}]: recognized file extensions are [.json .yaml .yml]"
                )
            found += inside
        else:
            found.append(path)
    return found


def text_of(call: Call, path: str) -> tuple[str, str]:
    """(text, name of the source) of one path."""
    if path == "-":
        return call.stdin, STDIN
    if path.startswith(("http://", "https://")):
        raise CommandError(
            f'unable to read URL "{path}": this notebook\'s kubectl reads files and cells only'
        )
    return call.files.read(path), path


def documents(call: Call) -> list[Document]:
    """Every object of every file, in order. CommandError for what cannot be read."""
    found: list[Document] = []
    if call.flags.get("kustomize"):
        try:
            found += [
                Document(obj, call.flag("kustomize")) for obj in build(call.files, call.flag("kustomize"))
            ]
        except KustomizeError as error:
            raise CommandError(str(error)) from None
    for path in paths_of(call):
        text, source = text_of(call, path)
        try:
            parts = _json_or_yaml(text)
        except yaml_load.ManifestError as error:
            raise CommandError(f"error parsing {source}: {error}") from None
        for value in parts:
            found += _taken_apart(value, source)
    return found


def _json_or_yaml(text: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return _json_stream(text)
        except ValueError:
            pass
    return yaml_load.documents(text)


def _json_stream(text: str) -> list[Any]:
    decoder, position, found = json.JSONDecoder(), 0, []
    text = text.strip()
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        found.append(value)
        while position < len(text) and text[position].isspace():
            position += 1
    return found


_GO_KINDS = {str: "string", int: "number", float: "number", bool: "bool", list: "array"}


def _taken_apart(value: Any, source: str) -> list[Document]:
    if not isinstance(value, dict):
        kind = _GO_KINDS.get(type(value), "value")
        raise CommandError(
            f'unable to decode "{source}": json: cannot unmarshal {kind} into Go value of type'
            ' struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string'
            ' "json:\\"kind,omitempty\\"" }'
        )
    if not value.get("kind"):
        shown = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        raise CommandError(f"unable to decode \"{source}\": Object 'Kind' is missing in '{shown}'")
    if str(value["kind"]).endswith("List") and isinstance(value.get("items"), list):
        return [inner for item in value["items"] for inner in _taken_apart(item, source)]
    if not value.get("apiVersion"):
        shown = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        raise CommandError(
            f'error validating "{source}": error validating data: apiVersion not set; if you choose'
            " to ignore these errors, turn validation off with --validate=false"
        )
    return [Document(value, source)]


def to_info(call: Call, document: Document) -> Info:
    """Looks the kind up and settles the namespace. CommandError if they contradict."""
    obj = document.obj
    try:
        resource = call.discovery.by_kind(str(obj["apiVersion"]), str(obj["kind"]))
    except NoMatch as error:
        name = meta(obj).get("name", "")
        raise CommandError(
            f'resource mapping not found for name: "{name}" namespace: "{meta(obj).get("namespace", "")}"'
            f" from"
            f' "{document.source}": {error}\nensure CRDs are installed first'
        ) from None
    namespace = ""
    if resource.namespaced:
        own = meta(obj).get("namespace") or ""
        if own and "namespace" in call.given and own != call.namespace:
            raise CommandError(
                f'the namespace from the provided object "{own}" does not match the namespace'
                f' "{call.namespace}".'
                f" You must pass '--namespace={own}' to perform this operation."
            )
        namespace = own or call.namespace
        if not own:
            obj = {**obj, "metadata": {**meta(obj), "namespace": namespace}}
    return Info(resource, namespace, meta(obj).get("name") or "", obj, document.source)


def infos(call: Call) -> list[Info]:
    """The objects of all files, resolved."""
    return [to_info(call, document) for document in documents(call)]


def infos_and_errors(call: Call) -> tuple[list[Info], list[Exception]]:
    """As `infos`, but a document that cannot be resolved does not stop the others."""
    found: list[Info] = []
    errors: list[Exception] = []
    for document in documents(call):
        try:
            found.append(to_info(call, document))
        except CommandError as error:
            errors.append(error)
    return found, errors


__all__ = ["Document", "Info", "array", "documents", "file_flags", "infos", "infos_and_errors", "kind_name"]
