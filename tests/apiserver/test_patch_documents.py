"""JSON patches and merge patches that stand at the edge of what they may say."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.apiserver.patching.merge_patch import merge
from tests.apiserver.conftest import CORE, Asker

Obj = dict[str, Any]
WHOLE = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "default"},
    "data": {"z": "1"},
}
BODY = "error decoding patch: json: cannot unmarshal"


@pytest.mark.parametrize(
    ("operations", "query", "status", "text"),
    [
        ([{"op": "replace", "path": "", "value": WHOLE}], {}, 200, ""),
        ([{"op": "replace", "path": "", "value": "x"}], {}, 422, "the server rejected our request"),
        ([{"op": "add", "path": "word", "value": 1}], {}, 422, "the server rejected our request"),
        ([{"op": "copy", "from": "", "path": "/data/x"}], {}, 422, "the server rejected our request"),
        ([{"op": "test", "path": "/immutable", "value": 0}], {}, 422, "the server rejected our request"),
        (None, {}, 200, ""),
        ([None], {}, 422, "the server rejected our request"),
        ([{"op": 1}], {}, 400, f"{BODY} number into Go struct field jsonPatchOp.op of type string"),
        (
            {"op": "add"},
            {"fieldValidation": "Ignore"},
            400,
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ),
    ],
)
def test_operations(api: Asker, operations: Any, query: dict[str, str], status: int, text: str) -> None:
    api.make(f"{CORE}/configmaps", {"metadata": {"name": "a"}, "data": {"k": "v"}, "immutable": False})
    answer = api.ask("PATCH", f"{CORE}/configmaps/a", operations, kind="json", **query)
    assert answer.status == status and answer.json().get("message", "").startswith(text)


@pytest.mark.parametrize(
    ("document", "patch", "merged"),
    [
        ({}, {"l": [{"a": None}, None]}, {"l": [{}, None]}),
        ({"l": {"x": 1}}, {"l": [{"a": None}]}, {"l": [{"a": None}]}),
        ({"l": 1}, {"l": {"a": None, "b": 2}}, {"l": {"b": 2}}),
    ],
)
def test_nulls_inside_of_what_comes_in_whole(document: Obj, patch: Obj, merged: Obj) -> None:
    assert merge(document, patch) == merged
