"""Values as the original's internal types look in error texts.

Some errors print a whole structure: `{"Type":"Foo","RollingUpdate":null}`. The original prints its internal
type, which has Go's field names, in Go's order, with everything unset spelled out. `internal` builds that
from an object in API form; the shapes come from `data/schema/internal.json`, generated from the internal
types. Source: pkg/apis/*/types.go (internal versions).
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import kubekit.api

_FILE = Path(kubekit.api.__file__).parent / "data" / "schema" / "internal.json"


@functools.cache
def _shapes() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = json.loads(_FILE.read_bytes())
    return found


def internal(name: str, value: Any) -> Any:
    """`value` in the form of the internal type of that name (e.g. `core.ServicePort`); None stays None."""
    return _convert("@" + name, value)


def _convert(kind: str, value: Any) -> Any:
    if kind.startswith("*"):
        return None if value is None else _convert(kind[1:], value)
    if kind.startswith("[]"):
        return None if value is None else [_convert(kind[2:], item) for item in value]
    if kind.startswith("map"):
        return None if value is None else {key: _convert(kind[3:], value[key]) for key in sorted(value)}
    if kind.startswith("@"):
        return _struct(kind[1:], value or {})
    if value is None:
        return {"string": "", "bool": False, "number": 0, "Quantity": "0", "IntOrString": 0}.get(kind)
    return value


def _struct(name: str, value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if name == "core.PodSpec" and value.get("securityContext") is not None:
        # The internal type keeps these in the security context.
        moved = {key: value[key] for key in _MOVED if key in value}
        value = {**value, "securityContext": {**value["securityContext"], **moved}}
    for go_name, kind, key in _shapes()[name]:
        if go_name:
            found[go_name] = _convert(kind, value.get(key))
        else:
            found.update(_convert(kind, value.get(key) if key else value) or {})
    return found


_MOVED = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
