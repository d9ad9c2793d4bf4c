"""An event that is like most is found in order at once, and no other."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kubekit.apiserver.validation import event as events

Obj = dict[str, Any]

EVENT: Obj = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "web.1", "namespace": "default"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "reportingController": "example.com/me",
    "reportingInstance": "me-1",
    "action": "Look",
    "reason": "Looked",
    "regarding": {"kind": "Pod", "namespace": "default", "name": "web"},
    "note": "hello",
    "type": "Normal",
    "deprecatedSource": {},
}

CHANGES: list[tuple[str, Any]] = [
    *((field, None) for field in EVENT if field not in ("metadata", "kind")),
    *((field, type(value)()) for field, value in EVENT.items() if field not in ("metadata", "kind")),
    *(("metadata", {**EVENT["metadata"], "namespace": text}) for text in ("", "x", "A", "a.b", "a" * 254)),
    *(("metadata", {**EVENT["metadata"], "name": text}) for text in ("", "A", "a/b", "a.b")),
    *(
        ("metadata", {**EVENT["metadata"], **more})
        for more in ({"labels": {"a b": "c"}}, {"finalizers": ["x"]})
    ),
    *((field, "x" * n) for field in ("reportingInstance", "action", "reason") for n in (128, 129)),
    *(("reportingController", text) for text in ("a b", "a/b/c", "/a", "x" * 64)),
    *(("note", text) for text in ("x" * 1024, "x" * 1025, "é" * 512, "é" * 513)),
    *(("regarding", value) for value in ({"kind": "Node"}, {"namespace": "other"})),
    ("type", "Odd"),
    ("series", None),
    ("series", {"count": 1}),
    ("series", {"count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z"}),
    ("deprecatedSource", {"component": "x"}),
    ("deprecatedCount", 1),
    ("deprecatedFirstTimestamp", "2026-01-01T00:00:00Z"),
    ("deprecatedLastTimestamp", "2026-01-01T00:00:00Z"),
]


@pytest.mark.parametrize("namespace", ["default", "shop"])
@pytest.mark.parametrize("change", CHANGES)
def test_it_is_told_what_a_whole_look_tells(
    change: tuple[str, Any], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = copy.deepcopy(EVENT)
    event["metadata"]["namespace"] = namespace
    field, value = change
    if value is None:
        event.pop(field, None)
    else:
        event[field] = value
    told = [[str(error) for error in events.validate_create(event)] for _ in range(2)]
    monkeypatch.setattr(events, "_ordinary", lambda obj: False)
    whole = [str(error) for error in events.validate_create(event)]
    assert told == [whole, whole]


def test_most_are_ordinary() -> None:
    assert events._ordinary(EVENT) and events.validate_create(EVENT) == []
