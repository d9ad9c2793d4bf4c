"""Writing objects as JSON as kubectl does: four spaces, sorted keys; kyaml, its stricter sister.

Objects from the server come with sorted keys. Objects that the program made itself keep the order of their Go
structs: kind and apiVersion first, then metadata, spec, status.
Source: cli-runtime/pkg/printers/json.go, kyaml.go.
"""

from __future__ import annotations

import json
import re
from typing import Any

from kubekit.terminal.cli.yaml_text import _Key, _resolves

_FIRST = ("kind", "apiVersion", "metadata")
_META = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EVENT = (
    *_FIRST,
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "series",
    "action",
    "related",
    "reportingComponent",
    "reportingInstance",
)


def _in_order(value: Any, order: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return value
    head = {key: value[key] for key in order if key in value}
    return {**head, **{key: item for key, item in value.items() if key not in head}}


def typed_order(value: Any) -> Any:
    """An object with its keys as the fields of its Go struct stand, as far as they are known."""
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = _in_order(value, _EVENT if value.get("kind") == "Event" else _FIRST)
    for key, order in (("metadata", _META), ("involvedObject", _REFERENCE), ("related", _REFERENCE)):
        if isinstance(out.get(key), dict):
            out[key] = _in_order(out[key], order)
    if isinstance(out.get("items"), list):
        out["items"] = [typed_order(item) for item in out["items"]]
    return out


def dump(value: Any, *, sort: bool = True) -> str:
    """Indented JSON with a final newline. `sort=False` keeps the order of a typed object."""
    text = json.dumps(value if sort else typed_order(value), indent=4, sort_keys=sort, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e") + "\n"


def _kyaml_key(key: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\-/]*", key) and not _resolves(key)
    return key if plain else json.dumps(key, ensure_ascii=False)


def _kyaml(value: Any, indent: str) -> str:
    if isinstance(value, dict):
        if not value:
            return "{}"
        rows = [
            f"{indent}  {_kyaml_key(key)}: {_kyaml(value[key], indent + '  ')},\n"
            for key in sorted(value, key=_Key)
        ]
        return "{\n" + "".join(rows) + indent + "}"
    if isinstance(value, list):
        if not value:
            return "[]"
        if all(isinstance(item, dict) for item in value):
            return "[" + ", ".join(_kyaml(item, indent) for item in value) + "]"
        rows = [f"{indent}  {_kyaml(item, indent + '  ')},\n" for item in value]
        return "[\n" + "".join(rows) + indent + "]"
    if isinstance(value, str) and "\n" in value:
        lines = value.split("\n")
        rows = [json.dumps(line, ensure_ascii=False)[1:-1] for line in lines]
        inner = "".join(f"{indent}   {row}\\n\\\n" for row in rows[:-1])
        last = f"{indent}   {rows[-1]}\\\n" if rows[-1] else ""
        return f'"\\\n{inner}{last}{indent}  "'
    return json.dumps(value, ensure_ascii=False)


def dump_kyaml(value: Any) -> str:
    """One kyaml document: flow style, everything quoted that could be misread."""
    return f"---\n{_kyaml(value, '')}\n"
