"""JSON patch: operations on paths.

`apply(document, operations)` gives a new document and shares untouched parts with the old one. It is as
lenient as the library the real server uses: `replace` and `copy` accept a missing key of an object, a
path's text before its first slash is ignored. Anything else wrong raises `PatchError`. Source:
evanphx/json-patch (v4) as vendored by the apiserver.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.meta import deep_copy


class PatchError(ValueError):
    """An operation cannot be applied to this document."""


def apply(document: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The document after all operations; raises `PatchError`."""
    result: Any = deep_copy(document)
    for operation in operations:
        kind, path = operation.get("op"), operation.get("path")
        if not isinstance(path, str):
            raise PatchError("missing path")
        if kind == "add":
            _add(result, path, deep_copy(operation.get("value")))
        elif kind == "remove":
            _remove(result, path)
        elif kind == "replace" and path == "":
            result = deep_copy(operation.get("value"))
            if not isinstance(result, (dict, list)):
                raise PatchError("the document must be an object or a list")
        elif kind == "replace":
            container, key = _find(result, path)
            if isinstance(container, list):
                container[_index(container, key)] = deep_copy(operation.get("value"))
            else:
                container[key] = deep_copy(operation.get("value"))
        elif kind == "move":
            value = _get(result, _from(operation))
            _remove(result, _from(operation))
            _add(result, path, value)
        elif kind == "copy":
            _add(result, path, deep_copy(_get(result, _from(operation))))
        elif kind == "test":
            found = result if path == "" else _get(result, path)
            if not _equal(found, operation.get("value")):
                raise PatchError(f"testing value {path} failed")
        else:
            raise PatchError(f"unexpected kind: {kind}")
    if not isinstance(result, dict):
        raise PatchError("the document is no object any more")
    return result


def _from(operation: dict[str, Any]) -> str:
    source = operation.get("from")
    if not isinstance(source, str):
        raise PatchError("missing from")
    return source


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are written alike: true is no 1, and 1 is no 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and bool(one == other)


def _find(document: Any, path: str) -> tuple[Any, str]:
    _, *steps = path.split("/")
    if not steps:
        raise PatchError(f"{path} leads nowhere")
    names = [step.replace("~1", "/").replace("~0", "~") for step in steps]
    container = document
    for name in names[:-1]:
        container = container[_index(container, name)] if isinstance(container, list) else container.get(name)
        if not isinstance(container, (dict, list)):
            raise PatchError(f"{path} does not exist")
    return container, names[-1]


def _index(container: list[Any], key: str) -> int:
    try:
        index = int(key)
    except ValueError:
        raise PatchError(f"{key} is no index") from None
    if not -len(container) <= index < len(container):
        raise PatchError(f"index {index} is out of bounds")
    return index


def _get(document: Any, path: str) -> Any:
    container, key = _find(document, path)
    if isinstance(container, list):
        return container[_index(container, key)]
    return container.get(key)


def _add(document: Any, path: str, value: Any) -> None:
    container, key = _find(document, path)
    if isinstance(container, dict):
        container[key] = value
        return
    if key == "-":
        container.append(value)
        return
    try:
        index = int(key)
    except ValueError:
        raise PatchError(f"{key} is no index") from None
    size = len(container) + 1
    if not -size <= index < size:
        raise PatchError(f"index {index} is out of bounds")
    container.insert(index + size if index < 0 else index, value)


def _remove(document: Any, path: str) -> None:
    container, key = _find(document, path)
    if isinstance(container, list):
        del container[_index(container, key)]
    elif key in container:
        del container[key]
    else:
        raise PatchError(f"{path} does not exist")
