"""Patches: parts of objects laid over others, and lists of operations (RFC 6902).

A strategic patch without a target finds its object by kind and name. Lists are merged by key as the API
server merges them, but what the patch names comes first.
Source: sigs.k8s.io/kustomize/api/internal/builtins/PatchTransformer.go.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from kubekit.api import schema
from kubekit.api.exchange import Obj
from kubekit.api.selectors import parse_label_selector
from kubekit.api.status_error import StatusError
from kubekit.apiserver.patching import json_patch, strategic_merge
from kubekit.terminal.cli import yaml_load
from kubekit.terminal.cli.files import Files
from kubekit.terminal.kustomize.resource import KustomizeError, Resource


def apply(files: Files, folder: str, resources: list[Resource], entry: Obj) -> None:
    """One of `patches`: `path` or `patch`, with or without a `target`."""
    text = str(entry.get("patch") or "")
    if entry.get("path"):
        if text:
            raise KustomizeError("patch and path can't be set at the same time")
        text = read(files, folder, str(entry["path"]))
    if not text:
        raise KustomizeError("must specify one of patch and path in PatchTransformer")
    try:
        parts = [one for one in yaml_load.documents(text) if one]
    except yaml_load.ManifestError as error:
        raise KustomizeError(f"unable to parse SM or JSON patch from [{text}]: {error}") from None
    target = entry.get("target")
    if len(parts) == 1 and isinstance(parts[0], list):
        if not target:
            raise KustomizeError(f"must specify a target for JSON patch [{text}]")
        for one in _targets(resources, target):
            _operations(one, parts[0])
        return
    for part in parts:
        if not isinstance(part, dict):
            raise KustomizeError(f"unable to parse SM or JSON patch from [{text}]")
        for one in _targets(resources, target) if target else [_own(resources, part)]:
            _lay_over(resources, one, part, entry.get("options") or {})


def read(files: Files, folder: str, path: str) -> str:
    """A file of the folder."""
    try:
        return files.read(posixpath.normpath(posixpath.join(folder, path)))
    except OSError:
        raise KustomizeError(
            f"failed to get the patch file from path({path}): evalsymlink failure on '{path}' : lstat {path}:"
            " no such file or directory"
        ) from None


def _own(resources: list[Resource], patch: Obj) -> Resource:
    """The object that a patch is for by its own kind and name."""
    about = patch.get("metadata") or {}
    for one in resources:
        same = one.kind == patch.get("kind") and one.obj.get("apiVersion") == patch.get("apiVersion")
        if same and about.get("name") in one.names and about.get("namespace", "") in ("", *one.namespaces):
            return one
    wanted = Resource({"kind": patch.get("kind"), "apiVersion": patch.get("apiVersion"), "metadata": about})
    raise KustomizeError(
        f'no resource matches strategic merge patch "{wanted}": no matches for Id {wanted}; failed to find'
        " unique target for patch " + str(wanted)
    )


def _targets(resources: list[Resource], target: Obj) -> list[Resource]:
    """The objects that a target selects; names are regular expressions."""
    return [one for one in resources if _fits(one, target)]


def _fits(one: Resource, target: Obj) -> bool:
    group, _, version = str(one.obj.get("apiVersion", "")).rpartition("/")
    for field, values in (
        ("kind", [one.kind]),
        ("group", [group]),
        ("version", [version]),
        ("name", one.names),
        ("namespace", [*one.namespaces, one.namespace]),
    ):
        wanted = target.get(field)
        if wanted and not any(re.fullmatch(str(wanted), value) for value in values):
            return False
    for field, pairs in (("labelSelector", "labels"), ("annotationSelector", "annotations")):
        if target.get(field):
            selector = parse_label_selector(str(target[field]))
            if not selector.matches(one.obj["metadata"].get(pairs) or {}):
                return False
    return True


def _operations(one: Resource, operations: list[Any]) -> None:
    try:
        changed = json_patch.apply(one.obj, operations)
    except StatusError as error:
        raise KustomizeError(error.message) from None
    one.obj = changed


def _lay_over(resources: list[Resource], one: Resource, patch: Obj, options: Obj) -> None:
    if patch.get("$patch") == "delete":
        resources.remove(one)
        return
    about = {**(patch.get("metadata") or {})}
    # The patch names its object; it does not rename it unless it is allowed to.
    if not options.get("allowNameChange"):
        about.pop("name", None)
    about.pop("namespace", None)
    changes = {key: value for key, value in patch.items() if key not in ("apiVersion", "kind", "metadata")}
    if options.get("allowKindChange") and patch.get("kind"):
        changes["kind"] = patch["kind"]
    if about:
        changes["metadata"] = about
    try:
        kind = schema.for_kind(str(one.obj.get("apiVersion")), one.kind).struct
    except KeyError:
        kind = None
    try:
        one.obj = strategic_merge.merge(one.obj, changes, kind)
        _bring_forward(one.obj, changes, kind)
    except StatusError as error:
        raise KustomizeError(error.message) from None
    if one.name not in one.names:
        one.names.append(one.name)


def _bring_forward(merged: Any, patch: Any, kind: Any) -> None:
    """Put what a patch names at the front of the lists that are merged by key, in the patch's order."""
    while isinstance(kind, schema.Pointer):
        kind = kind.inner
    if not isinstance(kind, schema.Struct) or not isinstance(merged, dict):
        return
    for name, inner in patch.items():
        field, value = kind.fields.get(name), merged.get(name)
        if field is None:
            continue
        if isinstance(inner, dict):
            _bring_forward(value, inner, field.type)
        elif isinstance(inner, list) and isinstance(value, list) and field.patch_merge_key:
            key, element = field.patch_merge_key, field.type
            while isinstance(element, schema.Pointer):
                element = element.inner
            rows = {one.get(key): one for one in value}
            named = [one for one in inner if one.get(key) in rows]
            for one in named:
                _bring_forward(rows[one.get(key)], one, getattr(element, "element", None))
            first = [rows[one.get(key)] for one in named]
            merged[name] = [*first, *(one for one in value if not any(one is other for other in first))]
