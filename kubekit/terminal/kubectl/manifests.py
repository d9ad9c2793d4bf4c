"""Manifests: the objects behind `-f FILE`, `-f FOLDER`, `-f -`, each with where it came from.

Called by verbs that take files. The text is split into documents, lists are taken apart, kind and apiVersion
are looked up on the server; the error texts say what the real program says.
Source: cli-runtime/pkg/resource/visitor.go, builder.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kubekit.api.decoding import Problems
from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.api.resources import Resource
from kubekit.api.scalars import DecodeError
from kubekit.api.schema import struct_of
from kubekit.api.selectors import SelectorError, parse_label_selector
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
    """The files that -f names: patterns matched, folders opened. All that do not exist are told at once."""
    if call.flag("filename") and call.flags.get("kustomize"):
        raise CommandError("only one of -f or -k can be specified")
    if call.flags.get("kustomize") and call.flags.get("recursive"):
        raise CommandError("the -k flag can't be used with -f or -R")
    found: list[str] = []
    wrong: list[Exception] = []
    for word in call.flag("filename") or []:
        if word == "-" or word.startswith(("http://", "https://")):
            found.append(word)
            continue
        for path in [word] if call.files.exists(word) else _matching(call, word):
            try:
                found += _opened(call, path)
            except CommandError as error:
                wrong.append(error)
    call.fail_all(wrong)
    return found


def _matching(call: Call, pattern: str) -> list[str]:
    """What a shell's pattern names; the pattern itself if it names nothing."""
    folder, slash, last = pattern.rpartition("/")
    if any(letter in last for letter in "*?[") and call.files.is_folder(folder or "."):
        names = [name for name in call.files.listing(folder or ".") if fnmatchcase(name, last)]
        return [f"{folder}{slash}{name}" for name in names] or [pattern]
    return [pattern]


def _opened(call: Call, path: str) -> list[str]:
    if not call.files.exists(path):
        raise CommandError(f'the path "{path}" does not exist')
    if not call.files.is_folder(path):
        return [path]
    inside = list(_walk(call, path, bool(call.flags.get("recursive"))))
    if not inside:
        raise CommandError(f"error reading [{path}]: recognized file extensions are [.json .yaml .yml]")
    return inside


def text_of(call: Call, path: str) -> tuple[str, str]:
    """(text, name of the source) of one path."""
    if path == "-":
        return call.stdin, STDIN
    if path.startswith(("http://", "https://")):
        raise CommandError(
            f'unable to read URL "{path}": this notebook\'s kubectl reads files and cells only'
        )
    return call.files.read(path), path


def documents(call: Call, errors: list[Exception] | None = None) -> Iterator[Document]:
    """Every object of every file, in order.

    What cannot be read goes to `errors`, and the next file follows; without it, it is raised.
    """
    paths = paths_of(call)
    sources: list[Iterator[Document]] = [_of_file(call, path) for path in paths]
    if call.flags.get("kustomize"):
        sources.insert(0, _of_kustomization(call, call.flag("kustomize")))
    for source in sources:
        try:
            yield from source
        except CommandError as error:
            if errors is None:
                raise
            errors.append(error)


def _of_kustomization(call: Call, folder: str) -> Iterator[Document]:
    try:
        for obj in build(call.files, folder):
            yield Document(obj, folder)
    except KustomizeError as error:
        raise CommandError(str(error)) from None


def _of_file(call: Call, path: str) -> Iterator[Document]:
    text, source = text_of(call, path)
    validating = str(call.flags.get("validate", "false")) not in ("false", "ignore")
    try:
        for value in _json_or_yaml(text):
            if validating:
                _check_kind(value, source)
            yield from _taken_apart(value, source)
    except yaml_load.ManifestError as error:
        raise CommandError(f"error parsing {source}: {error}") from None


def _json_or_yaml(text: str) -> Iterator[Any]:
    if not text.lstrip().startswith("{"):
        yield from yaml_load.documents(text)
        return
    decoder, position = json.JSONDecoder(), 0
    text = text.strip()
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated"):
                raise yaml_load.ManifestError("unexpected EOF") from None
            yield from yaml_load.documents(text[position:])
            return
        yield value
        while position < len(text) and text[position].isspace():
            position += 1


def _check_kind(value: Any, source: str) -> None:
    """What the client says before it asks the server to validate."""
    if not isinstance(value, dict):
        problems = ["invalid object to validate"]
    else:
        problems = [f"{key} not set" for key in ("apiVersion", "kind") if value.get(key) is None]
        problems += [
            f"{key} isn't string type"
            for key in ("apiVersion", "kind")
            if value.get(key) is not None and not isinstance(value[key], str)
        ]
    if problems:
        text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise CommandError(
            f'error validating "{source}": error validating data: {text}; if you choose to ignore these'
            " errors, turn validation off with --validate=false"
        )


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
        raise CommandError(f"unable to decode \"{source}\": Object 'Kind' is missing in '{go_json(value)}'")
    kind = str(value["kind"])
    if kind.endswith("List") and isinstance(value.get("items"), list):
        return [inner for item in value["items"] for inner in _taken_apart(_of_list(item, value), source)]
    if not value.get("apiVersion"):
        raise CommandError(
            f'error validating "{source}": error validating data: apiVersion not set; if you choose'
            " to ignore these errors, turn validation off with --validate=false"
        )
    return [Document(value, source)]


def _of_list(item: Any, listed: Obj) -> Any:
    """An item of a typed list needs no kind of its own."""
    if listed["kind"] == "List" or not isinstance(item, dict) or item.get("kind") or item.get("apiVersion"):
        return item
    kind = str(listed["kind"]).removesuffix("List")
    return {"apiVersion": listed.get("apiVersion"), "kind": kind, **item}


def _check_metadata(document: Document) -> None:
    """Metadata must be readable, or the program could not even tell the name."""
    problems = Problems()
    problems.struct, problems.stack = "metadataOnlyObject", ["metadata"]
    try:
        # The original reads JSON that was made from YAML, in which all keys are sorted.
        struct_of("meta.v1.ObjectMeta").careful(_ordered(document.obj.get("metadata")), problems)
    except DecodeError as error:
        problems.error = str(error)
    if problems.error:
        raise CommandError(f'unable to decode "{document.source}": {problems.error}')


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return value


def to_info(call: Call, document: Document) -> Info:
    """Looks the kind up and settles the namespace. CommandError if they contradict."""
    _check_metadata(document)
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
    """The objects of all files, resolved; with -l only those that it selects."""
    return _selected(call, [to_info(call, document) for document in documents(call)])


def _selected(call: Call, found: list[Info]) -> list[Info]:
    text = call.flags.get("selector") or ""
    if not text:
        return found
    try:
        wanted = parse_label_selector(text)
    except SelectorError as error:
        raise CommandError(f'the provided selector "{text}" is not valid: {error}') from None
    return [info for info in found if wanted.matches(meta(info.obj or {}).get("labels") or {})]


def infos_and_errors(call: Call) -> tuple[list[Info], list[Exception]]:
    """As `infos`, but a document that cannot be resolved does not stop the others."""
    found: list[Info] = []
    errors: list[Exception] = []
    for document in documents(call, errors):
        try:
            found.append(to_info(call, document))
        except CommandError as error:
            errors.append(error)
    return _selected(call, found), errors


def local_infos(call: Call) -> tuple[list[Info], list[Exception]]:
    """As `infos_and_errors`, but nobody says which namespace an object without one belongs to."""
    found: list[Info] = []
    errors: list[Exception] = []
    for document in documents(call, errors):
        try:
            info = to_info(call, document)
        except CommandError as error:
            errors.append(error)
            continue
        found.append(Info(info.resource, info.namespace, info.name, document.obj, document.source))
    return found, errors


__all__ = ["Document", "Info", "array", "documents", "file_flags", "infos", "infos_and_errors", "kind_name"]
