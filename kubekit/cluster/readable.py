"""Objects that read well: dictionaries whose repr is the YAML a learner would write.

What `cluster.get` and its like return. They are ordinary dictionaries and copies of their own, so a learner
may change them; nothing in the cluster follows such a change before it is applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

HIDDEN = ("managedFields",)
"""Parts of the metadata that the repr leaves out, as kubectl does."""


class Readable(dict[str, Any]):
    """A JSON object that prints itself as YAML."""

    def __repr__(self) -> str:
        return yaml.safe_dump(_plain(self), sort_keys=False, default_flow_style=False, width=110).rstrip()

    __str__ = __repr__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


class ReadableList(list[Any]):
    """A list of objects that prints one line an object, and the whole thing when there is one only."""

    def __repr__(self) -> str:
        if not self:
            return "no objects"
        return "\n".join(_line(entry) for entry in self)

    __str__ = __repr__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


def readable(value: Any) -> Any:
    """A copy of a JSON value in which every object is `Readable`."""
    if isinstance(value, dict):
        return Readable({key: readable(item) for key, item in value.items()})
    if isinstance(value, list):
        return [readable(item) for item in value]
    return value


def readable_list(objects: Iterable[Any]) -> ReadableList:
    """Copies of several objects."""
    return ReadableList(readable(obj) for obj in objects)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in HIDDEN}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _line(obj: Any) -> str:
    if not isinstance(obj, dict):
        return repr(obj)
    meta = obj.get("metadata") or {}
    name = "/".join(part for part in (meta.get("namespace"), meta.get("name")) if part)
    phase = (obj.get("status") or {}).get("phase")
    return f"{obj.get('kind', 'object')} {name}" + (f"  {phase}" if phase else "")
