"""Manifests: from what a learner hands over to a list of objects.

Text (one or several YAML documents), a file or folder, an object, a list of them: `objects_of` takes all.
What cannot be read is refused with line and column in one sentence. Lists (`kind: List`) are taken apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from kubekit.api.meta import Obj
from kubekit.cluster.errors import ManifestError

Source = str | Path | Mapping[str, Any] | Iterable[Any]


def objects_of(source: Source) -> list[Obj]:
    """The objects in `source`; raises ManifestError."""
    if isinstance(source, Mapping):
        return _unpacked(dict(source), "the object")
    if isinstance(source, Path) or (isinstance(source, str) and "\n" not in source and ":" not in source):
        return _from_path(Path(source))
    if isinstance(source, str):
        return _from_text(source, "the manifest")
    found: list[Obj] = []
    for entry in source:
        found += objects_of(entry)
    return found


def _from_path(path: Path) -> list[Obj]:
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml", ".json"))
        if not files:
            raise ManifestError(f"there is no manifest (.yaml, .yml, .json) in {path}")
    elif path.is_file():
        files = [path]
    else:
        raise ManifestError(f"there is no file or folder {path}")
    return [obj for file in files for obj in _from_text(file.read_text(), str(file))]


def _from_text(text: str, where: str) -> list[Obj]:
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "an unknown place"
        problem = error.problem or error.context or "it is not YAML"
        raise ManifestError(f"{where} is not valid YAML at {at}: {problem}") from None
    except yaml.YAMLError as error:
        raise ManifestError(f"{where} is not valid YAML: {error}") from None
    found: list[Obj] = []
    for document in documents:
        if document is not None:
            found += _unpacked(document, where)
    if not found:
        raise ManifestError(f"{where} holds no object")
    return found


def _unpacked(document: Any, where: str) -> list[Obj]:
    if isinstance(document, list):
        return [obj for entry in document for obj in _unpacked(entry, where)]
    if not isinstance(document, dict):
        raise ManifestError(f"{where} holds {document!r}, which is no object")
    if "items" in document and str(document.get("kind", "")).endswith("List"):
        return [obj for entry in document["items"] for obj in _unpacked(entry, where)]
    for field in ("apiVersion", "kind"):
        if not document.get(field):
            raise ManifestError(f"{where} holds an object without {field}")
    return [document]


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: times stay texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
