"""Whole objects inside of custom resources: their metadata is decoded, their type and names are judged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.conftest import Asker

Obj = dict[str, Any]

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FOOS = "/apis/ex.io/v1/namespaces/default/foos"
INNER = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "x-kubernetes-preserve-unknown-fields": True,
}
POD = {"apiVersion": "v1", "kind": "Pod"}
CASES: list[tuple[Obj, int, str]] = [
    (POD, 201, ""),
    ({**POD, "metadata": {"name": "A_"}}, 201, ""),
    ({"kind": "Pod"}, 422, "spec.one.apiVersion: Required value"),
    ({**POD, "apiVersion": "a/b/c"}, 422, 'Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'),
    ({**POD, "kind": ""}, 422, 'spec.one.kind: Invalid value: "": must not be empty'),
    ({**POD, "kind": "p!"}, 422, 'spec.one.kind: Invalid value: "p!": may have mixed case'),
    ({**POD, "metadata": {"name": "a/b"}}, 422, "spec.one.metadata.name: Invalid value: \"a/b\": may not"),
    ({**POD, "metadata": {"labels": {"a": "b!"}}}, 422, "spec.one.metadata.labels: Invalid value"),
    ({**POD, "kind": 5}, 400, "spec.one.kind: Invalid value: 5: must be a string"),
    ({**POD, "metadata": {"labels": 5}}, 400, "unmarshal number into Go struct field ObjectMeta.labels"),
]  # fmt: skip


@pytest.fixture
def foos(api: Asker) -> Asker:
    spec = {"type": "object", "properties": {"one": INNER, "all": {"type": "array", "items": INNER}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "foos", "kind": "Foo"}
    whole = {"group": "ex.io", "scope": "Namespaced", "names": names, "versions": [version]}
    api.make(DEFINITIONS, {"metadata": {"name": "foos.ex.io"}, "spec": whole})
    return api


def foo(**spec: Any) -> Obj:
    return {"apiVersion": "ex.io/v1", "kind": "Foo", "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(("inner", "status", "text"), CASES)
def test_embedded(foos: Asker, inner: Obj, status: int, text: str) -> None:
    answer = foos.ask("POST", FOOS, foo(one=inner))
    assert answer.status == status, answer.body
    assert text in str(answer.json().get("message", ""))


def test_unknown_metadata_goes(foos: Asker) -> None:
    inner = {**POD, "metadata": {"name": "x", "odd": 1}, "spec": {"kept": 1}}
    answer = foos.ask("POST", FOOS, foo(all=[inner]), fieldValidation="Warn")
    assert answer.json()["spec"]["all"] == [{**POD, "metadata": {"name": "x"}, "spec": {"kept": 1}}]
    assert 'unknown field \\"spec.all[0].metadata.odd\\"' in str(answer.headers["Warning"])
