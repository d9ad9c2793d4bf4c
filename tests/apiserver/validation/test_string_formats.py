"""Formats in the schemas of custom resources: texts that have them, texts that don't, unknown ones."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.api.field_path import Path
from kubekit.apiserver.validation.schema_values import value_errors
from kubekit.apiserver.validation.string_formats import fits
from tests.apiserver.conftest import Asker

FORMATS: dict[str, tuple[list[str], list[str]]] = {
    "uri": (["http://a/b", "/x", "mailto:x", "*", "http://[::1]:80/x"], ["foo", "", "http://a b/", "/a%zz"]),
    "email": (["a@b", "A B <a@b.c>"], ["a", "a@", "@b"]),
    "hostname": (["a", "a-b.com", "1a.io", "x" * 63], ["a_b", "-a", "a..b", ""]),
    "ipv4": (["1.2.3.4", "01.2.3.4"], ["1.2.3", "::1", "1.2.3.4/8"]),
    "ipv6": (["::1"], ["1.2.3.4", "::1%e"]),
    "cidr": (["1.2.3.4/8", "::/0"], ["1.2.3.4", "1.2.3.4/33"]),
    "mac": (["01:23:45:67:89:ab", "0123.4567.89ab"], ["01:23", "01-23:45:67:89:ab"]),
    "uuid4": (["57b73598-8764-4ad0-a76a-679bb6640eb1"], ["57b73598-8764-3ad0-a76a-679bb6640eb1"]),
    "isbn": (["0321751043", "978-0321751041"], ["0321751044"]),
    "creditcard": (["4012 8888 8888 1881"], ["4012888888881882"]),
    "ssn": (["123-45-6789"], ["123456789"]),
    "hexcolor": (["#FFF", "abcdef"], ["#FF"]),
    "rgbcolor": (["rgb(255, 255,0)"], ["rgb(256,0,0)"]),
    "byte": (["YQ=="], ["", "YQ="]),
    "date": (["2024-02-29"], ["2024-02-30", "20240101"]),
    "date-time": (["2014-12-15T19:30:20.000Z"], ["2014-12-15", "2014-12-15T24:00:00Z"]),
    "duration": (["22 ns", "1h30m", "0", "3 days"], ["x", "3"]),
    "k8s-short-name": (["a-b"], ["A", "x" * 64, "a.b"]),
    "k8s-long-name": (["a.b"], ["a..b"]),
    "bsonobjectid": (["507f1f77bcf86cd799439011"], ["507f"]),
    "password": (["", "any\nthing"], []),
}
TYPES: list[tuple[str, str, Any, list[str]]] = [
    ("integer", "int32", 2**31, ['Invalid value: "": Checked value must be of type integer with '
                                 "format int32 in x"]),
    ("integer", "int32", True, ['Invalid value: "": x in body must be of type int32: ""']),
    ("integer", "int32", "1", ['Invalid value: "string": x in body must be of type integer: "string"']),
    ("integer", "odd", True, ['Invalid value: "boolean": x in body must be of type integer: "boolean"']),
    ("string", "date", 5, ['Invalid value: "int64": x in body must be of type date: "int64"']),
    ("string", "date", [], []),
    ("string", "int32", 5, ['Invalid value: "integer": x in body must be of type string: "integer"']),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_texts(form: str) -> None:
    good, bad = FORMATS[form]
    assert [text for text in good if not fits(text, form)] == []
    assert [text for text in bad if fits(text, form)] == []


@pytest.mark.parametrize(("kind", "form", "value", "expected"), TYPES)
def test_types(kind: str, form: str, value: Any, expected: list[str]) -> None:
    found = value_errors(value, {"type": kind, "format": form}, Path("x"), "x")
    assert [error.body for error in found] == expected


def test_unknown_formats_are_warned_of_once(api: Asker) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "format": "odd"},
            "b": {"type": "string", "format": "int32"},
            "c": {"type": "string", "format": "date-time"},
        },
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "foos", "kind": "Foo"}
    body = {
        "metadata": {"name": "foos.ex.io"},
        "spec": {"group": "ex.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    warned = str(api.ask("POST", path, body).headers["Warning"])
    assert 'unrecognized format \\"odd\\"' in warned
    assert 'unrecognized format \\"int32\\"' in warned
    assert "date-time" not in warned
    change = {"metadata": {"labels": {"a": "b"}}}
    assert "Warning" not in api.ask("PATCH", f"{path}/foos.ex.io", change, kind="merge").headers
