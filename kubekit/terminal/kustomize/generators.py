"""Generators: ConfigMaps and Secrets from literals and files, and the hash of their content in their names.

A changed content is a new name, so whatever refers to it rolls out anew.
Source: sigs.k8s.io/kustomize/api/internal/generators, api/hasher.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
from typing import Any

from kubekit.api.exchange import Obj
from kubekit.api.jsonpath import go_json
from kubekit.terminal.cli.files import Files
from kubekit.terminal.kustomize.resource import KustomizeError, Resource

READABLE = str.maketrans("013ae", "ghkmt")
"""Digits and vowels that a hash does without."""


def generate(files: Files, folder: str, kind: str, args: Obj, options: Obj) -> Resource:
    """The ConfigMap or Secret of one entry of a generator; `options` are the kustomization's own."""
    name = str(args.get("name") or "")
    if not name:
        raise KustomizeError(f"{kind.lower()} generator: a name is required")
    found = _content(files, folder, args)
    obj: Obj = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    if args.get("namespace"):
        obj["metadata"]["namespace"] = args["namespace"]
    data: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in found.items():
        if kind == "Secret":
            data[key] = base64.b64encode(value).decode()
            continue
        try:
            data[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    if kind == "Secret":
        obj["type"] = args.get("type") or "Opaque"
    if data:
        obj["data"] = data
    if binary:
        obj["binaryData"] = binary
    own = args.get("options") or {}
    for field in ("labels", "annotations"):
        pairs = {**(options.get(field) or {}), **(own.get(field) or {})}
        if pairs:
            obj["metadata"][field] = pairs
    if own.get("immutable", options.get("immutable")):
        obj["immutable"] = True
    plain = own.get("disableNameSuffixHash", options.get("disableNameSuffixHash"))
    return Resource(obj, hashed=not plain)


def _content(files: Files, folder: str, args: Obj) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    def add(key: str, value: bytes) -> None:
        if key in found:
            raise KustomizeError(f"cannot add key {key}, another key by that name already exists")
        found[key] = value

    for text in args.get("literals") or []:
        key, sign, value = str(text).partition("=")
        if not sign or not key:
            raise KustomizeError(f"invalid literal source {text}, expected key=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        add(key, value.encode())
    for text in args.get("files") or []:
        key, sign, path = str(text).partition("=")
        if not sign:
            key, path = posixpath.basename(key), key
        add(key, _read(files, folder, path))
    for path in [*(args.get("envs") or []), *([args["env"]] if args.get("env") else [])]:
        for line in _read(files, folder, str(path)).decode(errors="replace").splitlines():
            key, _, value = line.lstrip().partition("=")
            if key and not key.startswith("#"):
                add(key, value.encode())
    return found


def _read(files: Files, folder: str, path: str) -> bytes:
    place = posixpath.normpath(posixpath.join(folder, path))
    try:
        return files.read_bytes(place)
    except OSError:
        raise KustomizeError(f"loading KV pairs: file sources: [{path}]: no such file or directory") from None


def merged(old: Resource, new: Resource, behavior: str) -> None:
    """What an overlay's generator does to the base's object of that name."""
    fields = ("data", "binaryData")
    if behavior == "replace":
        for field in (*fields, "immutable"):
            old.obj.pop(field, None)
    for field in fields:
        both = {**(old.obj.get(field) or {}), **(new.obj.get(field) or {})}
        if both:
            old.obj[field] = both
    for field in ("labels", "annotations"):
        both = {**(old.obj["metadata"].get(field) or {}), **(new.obj["metadata"].get(field) or {})}
        if both:
            old.obj["metadata"][field] = both
    old.hashed = new.hashed or old.hashed


def suffix(resource: Resource) -> str:
    """Ten characters that stand for the content.

    >>> suffix(Resource({"kind": "ConfigMap", "metadata": {"name": ""}}))
    '6ct58987ht'
    """
    obj = resource.obj
    said: dict[str, Any] = {
        "kind": resource.kind,
        "name": "",  # the original looks in the wrong place for it, and now it has to stay so
        "data": obj.get("data") or "",
    }
    if resource.kind == "Secret":
        said["type"] = obj.get("type") or ""
        if obj.get("stringData"):
            said["stringData"] = obj["stringData"]
    elif obj.get("binaryData"):
        said["binaryData"] = obj["binaryData"]
    return hashlib.sha256(go_json(said).encode()).hexdigest()[:10].translate(READABLE)
