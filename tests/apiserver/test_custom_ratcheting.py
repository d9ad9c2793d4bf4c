"""Instances that a later schema refuses: what did not change may stay as it is."""

from __future__ import annotations

from typing import Any

from tests.apiserver.conftest import Asker

Obj = dict[str, Any]

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FOOS = "/apis/ex.io/v1/namespaces/default/foos"


def spec_of(**properties: Obj) -> list[Obj]:
    spec = {"type": "object", "properties": properties}
    schema = {"type": "object", "properties": {"spec": spec}}
    return [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]


def listed(item: Obj) -> Obj:
    inner = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": item}}
    keys = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    return {"type": "array", "items": inner, **keys}


def refused(api: Asker, patch: Obj) -> list[str]:
    answer = api.ask("PATCH", f"{FOOS}/a", {"spec": patch}, kind="merge")
    return [one["field"] for one in (answer.json().get("details") or {}).get("causes", ())]


def test_what_did_not_change_is_let_pass(api: Asker) -> None:
    whole: Obj = {"type": "integer"}
    text: Obj = {"type": "string"}
    plain = {"type": "array", "items": text}
    names = {"plural": "foos", "kind": "Foo"}
    before = spec_of(a=text, n=whole, l=listed(whole), p=plain)
    spec = {"group": "ex.io", "scope": "Namespaced", "names": names, "versions": before}
    api.make(DEFINITIONS, {"metadata": {"name": "foos.ex.io"}, "spec": spec})
    values = {"a": "old", "n": 1, "l": [{"k": "x", "v": 1}], "p": ["old"]}
    body = {"apiVersion": "ex.io/v1", "kind": "Foo", "metadata": {"name": "a"}, "spec": values}
    api.make(FOOS, body)
    rule = {"x-kubernetes-validations": [{"rule": "self == 'new'", "message": "only new"}]}
    strict = spec_of(
        a={**text, **rule},
        n={**whole, "minimum": 5},
        l=listed({**whole, "minimum": 5}),
        p={**plain, "items": {**text, "maxLength": 2}},
    )
    changed = api.ask("PATCH", f"{DEFINITIONS}/foos.ex.io", {"spec": {"versions": strict}}, kind="merge")
    assert changed.status == 200, changed.body
    kept = api.ask("PATCH", f"{FOOS}/a", {"metadata": {"labels": {"a": "b"}}}, kind="merge")
    assert kept.status == 200
    assert 'spec.a: Invalid value: \\"old\\": only new' in str(kept.headers["Warning"])
    assert refused(api, {"n": 2}) == ["spec.n"]
    assert refused(api, {"l": [{"k": "y", "v": 7}, {"k": "x", "v": 1}]}) == []
    assert refused(api, {"l": [{"k": "y", "v": 2}, {"k": "x", "v": 1}]}) == ["spec.l[0].v"]
    assert refused(api, {"p": ["old", "b"]}) == ["spec.p[0]", "<nil>"], "plain lists are seen as a whole"
    assert refused(api, {"a": "odd"}) == ["spec.a"]
    assert refused(api, {"a": "new", "n": 5}) == []
