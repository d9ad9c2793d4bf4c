"""OpenAPI v2, as JSON and in protobuf."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from typing import Any

from kubekit.apiserver.openapi import gnostic, schemas
from tests.apiserver.openapi.conftest import Get

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


def fields(body: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message, by number."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = body[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(body):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        else:
            size = varint() if tag & 7 == 2 else 8
            yield tag >> 3, body[position : position + size]
            position += size


def test_json(get: Get) -> None:
    document = get("/openapi/v2").json()
    definitions = document["definitions"]
    assert document["swagger"] == "2.0"
    quantity = definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert quantity["type"] == "string" and "oneOf" not in quantity
    metadata = definitions["io.k8s.api.core.v1.Pod"]["properties"]["metadata"]
    assert metadata["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert "default" not in metadata
    body = get("/openapi/v2").encoded().decode()
    assert set(re.findall(r'"#/definitions/([^"]+)"', body)) <= set(definitions)
    create = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments"]["post"]
    assert create["parameters"][0] == {
        "in": "body",
        "name": "body",
        "required": True,
        "schema": {"$ref": "#/definitions/io.k8s.api.apps.v1.Deployment"},
    }


def test_protobuf_says_the_same(get: Get) -> None:
    document = get("/openapi/v2").json()
    whole = dict(fields(get("/openapi/v2", accept=PROTOBUF).encoded()))
    assert whole[1] == b"2.0"
    names = [dict(fields(one))[1].decode() for _, one in fields(whole[9])]
    assert names == list(document["definitions"])
    paths = [dict(fields(one))[1].decode() for number, one in fields(whole[8]) if number == 2]
    assert paths == list(document["paths"])


def test_examples_in_the_documentation() -> None:
    for module in (gnostic, schemas):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed
