"""Decoding: stored form, unknown and repeated fields, wrong types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubekit.api import json_text
from kubekit.api.schema import DecodeError, for_kind, kinds
from kubekit.api.status_error import StatusError


def decode(obj: dict[str, Any], level: str = "Strict") -> tuple[dict[str, Any], list[str]]:
    """The stored form of an object and what strict decoding says about it."""
    found, problems = for_kind(obj["apiVersion"], obj["kind"]).decode(obj, level)
    return found, list(problems)


def pod(spec: dict[str, Any]) -> dict[str, Any]:
    """A pod."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}


def test_every_kind_compiles() -> None:
    for key in kinds():
        api_version, kind = key.split(" ")
        found, problems = decode({"apiVersion": api_version, "kind": kind})
        assert (found["kind"], problems) == (kind, [])


def test_stored_form() -> None:
    resources = {"requests": {"cpu": 0.5, "memory": "1024Mi"}, "limits": {}}
    container: dict[str, Any] = {
        "name": "c",
        "image": "i",
        "command": [],
        "env": None,
        "resources": resources,
    }
    found, problems = decode(pod({"containers": [container], "hostNetwork": False, "nodeSelector": {}}))
    assert problems == []
    stored = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    assert found["spec"] == {"containers": [stored]}


UNKNOWN = [
    (pod({"containers": [{"name": "c", "imag": "x"}]}), ['unknown field "spec.containers[0].imag"']),
    (pod({"foo": 1, "bar": {"a": 1}}), ['unknown field "spec.foo"', 'unknown field "spec.bar"']),
    (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"foo": 1}, "bogus": 1},
        ['unknown field "metadata.foo"', 'unknown field "bogus"'],
    ),
]


@pytest.mark.parametrize(("obj", "expected"), UNKNOWN)
def test_unknown_fields(obj: dict[str, Any], expected: list[str]) -> None:
    found, problems = decode(obj)
    assert problems == expected
    for word in ("imag", "foo", "bogus"):
        assert f'"{word}"' not in json.dumps(found)


def test_repeated_fields_are_named_with_their_path() -> None:
    head = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},'
    raw = head + b'"data":{"k":"1","k":"2"},"data":{"k":"3"}}'
    found, problems = decode(json_text.parse(raw))
    assert problems == ['duplicate field "data.k"', 'duplicate field "data"']
    assert found["data"] == {"k": "3"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"containers": "x"}, "string into Go struct field PodSpec.spec.containers of type []v1.Container"),
    ({"hostNetwork": "true"}, "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
    (
        {"activeDeadlineSeconds": 1.5},
        "number 1.5 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), WRONG)
def test_wrong_types(spec: dict[str, Any], expected: str) -> None:
    with pytest.raises((DecodeError, StatusError)) as caught:
        decode(pod(spec))
    assert str(caught.value) == "json: cannot unmarshal " + expected


def test_merge_keys() -> None:
    field = for_kind("v1", "Pod").field("spec", "containers")
    assert field is not None
    assert (field.patch_merge_key, field.patch_strategy) == ("name", frozenset({"merge"}))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("{", "unexpected end of JSON input"),
        ("{a: 1}", "invalid character 'a' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a": 1} x', "invalid character 'x' after top-level value"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("nul", "unexpected end of JSON input"),
        ("NaN", "invalid character 'N' looking for beginning of value"),
    ],
)
def test_what_is_no_json(raw: str, expected: str) -> None:
    with pytest.raises(json_text.JSONTextError) as caught:
        json_text.parse(raw)
    assert str(caught.value) == expected


def test_half_characters_are_replaced() -> None:
    assert json_text.parse('{"a": ["\\ud800", "\\ud83d\\ude00"]}') == {"a": ["\ufffd", "\U0001f600"]}
