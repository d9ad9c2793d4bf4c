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


class TestFailed(PatchError):
    """A `test` operation found another value."""


def apply(document: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The document after all operations; raises `PatchError`."""
    result: Any = deep_copy(document)
    for operation in operations:
        result = _applied(result, operation)
    if not isinstance(result, dict):
        raise PatchError("the document is no object any more")
    return result


def _applied(result: Any, operation: dict[str, Any]) -> Any:
    kind, path = operation.get("op"), operation.get("path")
    if not isinstance(path, str):
        raise PatchError(f"{kind} operation failed to decode path: missing value")
    if kind == "replace" and path == "":
        result = deep_copy(operation.get("value"))
        if not isinstance(result, (dict, list)):
            raise PatchError("the document must be an object or a list")
    elif kind == "add":
        absent = f'add operation does not apply: doc is missing path: "{path}"'
        _add(result, path, deep_copy(operation.get("value")), absent, f"error in add for path: '{path}'")
    elif kind == "remove":
        absent = f'remove operation does not apply: doc is missing path: "{path}"'
        _remove(*_find(result, path, absent), f"error in remove for path: '{path}'")
    elif kind == "replace":
        container, key = _find(result, path, f"replace operation does not apply: doc is missing path: {path}")
        if isinstance(container, list):
            absent = f"replace operation does not apply: doc is missing key: {path}: missing value"
            container[_index(container, key, absent, plain=True)] = deep_copy(operation.get("value"))
        else:
            container[key] = deep_copy(operation.get("value"))
    elif kind == "move":
        source = _from(operation)
        absent = f"move operation does not apply: doc is missing from path: {source}"
        container, key = _find(result, source, absent)
        value = _get(container, key, f"error in move for path: '{key}'")
        _remove(container, key, f"error in move for path: '{key}'")
        absent = f"move operation does not apply: doc is missing destination path: {path}"
        _add(result, path, value, absent, f"error in move for path: '{path}'")
    elif kind == "copy":
        source = _from(operation)
        absent = f"copy operation does not apply: doc is missing from path: {source}"
        value = _get(*_find(result, source, absent), f"error in copy for from: '{source}'")
        absent = f"copy operation does not apply: doc is missing destination path: {path}"
        _add(result, path, deep_copy(value), absent, "error while adding value during copy")
    elif kind == "test":
        found = result
        if path:
            absent = f"test operation does not apply: is missing path: {path}"
            found = _get(*_find(result, path, absent), f"error in test for path: '{path}'")
        if not _equal(found, operation.get("value")):
            raise TestFailed(f"testing value {path} failed: test failed")
    else:
        raise PatchError(f"Unexpected kind: {kind}")
    return result


def _from(operation: dict[str, Any]) -> str:
    source = operation.get("from")
    if not isinstance(source, str):
        raise PatchError(f"{operation.get('op')} operation failed to decode from: missing value")
    return source


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are written alike: true is no 1, and 1 is no 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and bool(one == other)


def _find(document: Any, path: str, absent: str) -> tuple[Any, str]:
    """The container that a path leads into, and the key in it; `absent` is the error when there is none."""
    _, *steps = path.split("/")
    missing = PatchError(f"{absent}: missing value")
    if not steps:
        raise missing
    names = [step.replace("~1", "/").replace("~0", "~") for step in steps]
    container = document
    for name in names[:-1]:
        try:
            container = (
                container[_index(container, name, "")] if isinstance(container, list) else container.get(name)
            )
        except PatchError:
            raise missing from None
        if not isinstance(container, (dict, list)):
            raise missing
    return container, names[-1]


def _index(container: list[Any], key: str, wrong: str, plain: bool = False) -> int:
    """A place in a list; `plain`: the error is `wrong` alone."""
    size = len(container)
    try:
        index = int(key)
    except ValueError:
        text = f'strconv.Atoi: parsing "{key}": invalid syntax'
        raise PatchError(wrong if plain else f"{wrong}: {text}") from None
    if not -size <= index < size:
        text = f"Unable to access invalid index: {index}: invalid index referenced"
        raise PatchError(wrong if plain else f"{wrong}: {text}")
    return index


def _get(container: Any, key: str, wrong: str) -> Any:
    if isinstance(container, list):
        return container[_index(container, key, wrong)]
    return container.get(key)


def _add(document: Any, path: str, value: Any, absent: str, wrong: str) -> None:
    container, key = _find(document, path, absent)
    if isinstance(container, dict):
        container[key] = value
        return
    if key == "-":
        container.append(value)
        return
    try:
        index = int(key)
    except ValueError:
        text = f"value was not a proper array index: '{key}': strconv.Atoi: parsing \"{key}\": invalid syntax"
        raise PatchError(f"{wrong}: {text}") from None
    size = len(container) + 1
    if not -size <= index < size:
        raise PatchError(f"{wrong}: Unable to access invalid index: {index}: invalid index referenced")
    container.insert(index + size if index < 0 else index, value)


def _remove(container: Any, key: str, wrong: str) -> None:
    if isinstance(container, list):
        del container[_index(container, key, wrong)]
    elif key in container:
        del container[key]
    else:
        raise PatchError(f"{wrong}: Unable to remove nonexistent key: {key}: missing value")
