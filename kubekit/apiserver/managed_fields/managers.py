"""Managers: the entries of metadata.managedFields, read and written.

`read(entries)` gives managers by identity - name, operation, subresource and, for updates, the version;
`write(managers)` gives the entries in the server's order. An entry that did not change is written as the
same object. Upstream: apimachinery/pkg/util/managedfields/internal (managedfields.go, capmanagers.go).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import orjson

from kubekit.api.exchange import encode_json
from kubekit.apiserver.managed_fields.field_set import FieldSet, union

Obj = dict[str, Any]

MAX_UPDATERS = 10
ANCIENT = "ancient-changes"


class Identity(NamedTuple):
    """Who: the version only tells updaters apart."""

    manager: str
    operation: str
    api_version: str
    subresource: str


class Manager:
    """One manager's fields."""

    __slots__ = ("api_version", "entry", "fields", "time")

    def __init__(
        self, fields: FieldSet, api_version: str, time: str | None, entry: Obj | None = None
    ) -> None:
        self.fields = fields
        self.api_version = api_version
        self.time = time
        self.entry = entry
        """The entry as it was read, while it is still true."""


Managers = dict[Identity, Manager]


class BadEntry(ValueError):
    """An entry that cannot be read."""


@functools.lru_cache(maxsize=1024)
def identity(manager: str, operation: str, api_version: str, subresource: str) -> Identity:
    """The identity of a manager."""
    return Identity(
        manager or "unknown", operation, api_version if operation == "Update" else "", subresource
    )


def read(entries: list[Obj] | None) -> Managers:
    """The managers of an object; raises BadEntry."""
    found: Managers = {}
    for place, entry in enumerate(entries or ()):
        operation = entry.get("operation", "")
        if operation not in ("Apply", "Update"):
            raise BadEntry("operation must be `Apply` or `Update`")
        version = entry.get("apiVersion") or ""
        if not version:
            raise BadEntry("apiVersion must not be empty")
        kind = entry.get("fieldsType") or ""
        if kind != "FieldsV1":
            raise BadEntry(
                f'invalid fieldsType "{kind}" in managed fields entry {place}'
                if kind
                else f"missing fieldsType in managed fields entry {place}"
            )
        who = Identity(
            entry.get("manager", ""),
            operation,
            version if operation == "Update" else "",
            entry.get("subresource", ""),
        )
        found[who] = Manager(entry.get("fieldsV1") or {}, version, entry.get("time"), entry)
    return found


def _order(item: tuple[Identity, Manager]) -> tuple[str, str, str, str, str]:
    who, manager = item
    return who.operation, manager.time or "", who.manager, manager.api_version, who.subresource


def write(managers: Managers) -> list[Obj] | None:
    """The entries of metadata.managedFields; None when there are none."""
    if not managers:
        return None
    listed = sorted(managers.items(), key=_order) if len(managers) > 1 else list(managers.items())
    return [
        manager.entry or entry_of(who, manager.api_version, manager.time, shared(manager.fields))
        for who, manager in listed
    ]


def entry_of(who: Identity, api_version: str, time: str | None, fields: FieldSet) -> Obj:
    """The entry of one manager; its `fields` are `shared`."""
    entry: Obj = {"manager": who.manager, "operation": who.operation, "apiVersion": api_version}
    if time is not None:
        entry["time"] = time
    entry["fieldsType"] = "FieldsV1"
    entry["fieldsV1"] = fields
    if who.subresource:
        entry["subresource"] = who.subresource
    return entry


_SHARED: dict[bytes, FieldSet] = {}
_SHARED_LIMIT = 4096


def shared(fields: FieldSet) -> FieldSet:
    """The one copy of a set: thousands of pods of one template own the same fields."""
    text = encode_json(fields)
    found = _SHARED.get(text)
    if found is None:
        if len(_SHARED) >= _SHARED_LIMIT:
            _SHARED.clear()
        # In the order of the keys, as the original writes a set.
        found = _SHARED[text] = orjson.loads(orjson.dumps(fields, None, orjson.OPT_SORT_KEYS))
    return found


def cap_updaters(managers: Managers) -> None:
    """Put the oldest updaters of one version together when there are too many of them."""
    updaters = [who for who in managers if who.operation == "Update"]
    if len(updaters) <= MAX_UPDATERS:
        return
    updaters.sort(key=lambda who: (managers[who].time or "", *who))
    left = len(updaters)
    first: dict[str, Identity] = {}
    for who in updaters:
        if left <= MAX_UPDATERS:
            break
        manager = managers[who]
        version = manager.api_version
        if version not in first:
            first[version] = who
            continue
        bucket = Identity(ANCIENT, "Update", version, "")
        if bucket not in managers:
            managers[bucket] = managers.pop(first[version])
        both = union(manager.fields, managers[bucket].fields)
        del managers[who]
        managers[bucket] = Manager(both, version, manager.time)
        left -= 1
