"""Events in their two spellings: core/v1 (`involvedObject`) and events.k8s.io/v1 (`regarding`).

Both groups serve the same objects from one place in etcd, so whoever reads gets the spelling of the group he
asked. `core_form` and `events_form` are the converters of the two endpoints; an object that has the wanted
spelling already is handed on as it is. Upstream: pkg/apis/events/v1/conversion.go.

>>> core_form({"regarding": {"name": "web"}, "note": "hello", "reportingController": "x"})["message"]
'hello'
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

SPELLINGS = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
)
"""(core/v1, events.k8s.io/v1) names of the same fields; all others are called alike."""

_TO_CORE = {events: core for core, events in SPELLINGS}
_TO_EVENTS = dict(SPELLINGS)


def core_form(obj: Obj) -> Obj:
    """An event as core/v1 spells it."""
    return obj if "involvedObject" in obj else _renamed(obj, _TO_CORE, "v1")


def events_form(obj: Obj) -> Obj:
    """An event as events.k8s.io/v1 spells it."""
    return obj if "regarding" in obj else _renamed(obj, _TO_EVENTS, "events.k8s.io/v1")


def _renamed(obj: Obj, names: dict[str, str], version: str) -> Obj:
    made = {names.get(name, name): value for name, value in obj.items()}
    if "apiVersion" in made:
        made["apiVersion"] = version
    return made
