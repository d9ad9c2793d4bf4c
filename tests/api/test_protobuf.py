"""Bodies in protobuf: what Go clients send becomes the object that JSON would have given."""

from __future__ import annotations

import doctest

import pytest

from kubekit.api import protobuf
from kubekit.api.protobuf import MAGIC, ProtobufError, decode
from kubekit.api.schema import for_kind


def message(*fields: tuple[int, bytes | int]) -> bytes:
    """A protobuf message with short fields."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        else:
            parts.append(varint(number << 3 | 2) + varint(len(value)) + value)
    return b"".join(parts)


def varint(value: int) -> bytes:
    """An integer of the wire."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    """A whole body."""
    return MAGIC + message((1, message((1, api_version.encode()), (2, kind.encode()))), (2, raw))


def test_the_example_in_the_module_is_true() -> None:
    assert doctest.testmod(protobuf).failed == 0


def test_what_go_writes_although_unset_is_left_out_by_the_type() -> None:
    metadata = message((1, b"web"), (2, b""), (3, b""), (7, 0), (8, b""), (11, message((1, b"a"), (2, b"b"))))
    template = message(
        (1, b""), (2, message((2, message((1, b"c"), (2, b"nginx"), (8, b""))), (3, b""), (11, 0)))
    )
    spec = message((1, 0), (2, message((1, message((1, b"a"), (2, b"b"))))), (3, template), (5, 0))
    sent = decode(body("apps/v1", "Deployment", message((1, metadata), (2, spec), (3, message((1, 0))))))
    found, problems = for_kind("apps/v1", "Deployment").decode(sent)
    assert problems == []
    assert found["metadata"] == {"name": "web", "labels": {"a": "b"}}
    assert found["spec"]["replicas"] == 0, "a pointer's zero is a value"
    assert "minReadySeconds" not in found["spec"]
    containers = found["spec"]["template"]["spec"]["containers"]
    assert containers == [{"name": "c", "image": "nginx", "resources": {}}]


def test_embedded_structures_quantities_bytes_times_and_unions() -> None:
    volume = message((1, b"v"), (2, message((19, message((1, message((1, b"cm"))), (3, 420))))))
    resources = message((1, message((1, b"cpu"), (2, message((1, b"100m"))))))
    probe = message((1, message((2, message((1, b"/"), (2, message((1, 1), (2, 0), (3, b"http"))))))))
    container = message((1, b"c"), (2, b"nginx"), (8, resources), (10, probe))
    pod = decode(body("v1", "Pod", message((2, message((1, volume), (2, container))))))
    assert pod["spec"]["volumes"] == [{"name": "v", "configMap": {"name": "cm", "defaultMode": 420}}]
    assert pod["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "100m"}}
    assert pod["spec"]["containers"][0]["livenessProbe"] == {"httpGet": {"path": "/", "port": "http"}}
    secret = decode(body("v1", "Secret", message((2, message((1, b"k"), (2, b"\x00\xff"))))))
    assert secret["data"] == {"k": "AP8="}
    lease = decode(
        body("coordination.k8s.io/v1", "Lease", message((2, message((4, message((1, 60), (2, 5000)))))))
    )
    assert lease["spec"]["renewTime"] == "1970-01-01T00:01:00.000005Z"
    options = decode(body("v1", "DeleteOptions", message((1, (1 << 64) - 5), (4, b"Orphan"))))
    assert options["gracePeriodSeconds"] == -5 and options["propagationPolicy"] == "Orphan"
    extra = message((1, b"scopes"), (2, message((1, b"a"), (1, b"b"))))
    review = decode(body("authorization.k8s.io/v1", "SubjectAccessReview", message((2, message((5, extra))))))
    assert review["spec"]["extra"] == {"scopes": ["a", "b"]}


def test_the_schema_of_a_custom_resource() -> None:
    replicas = message((1, b"replicas"), (2, message((5, b"integer"), (8, message((1, b"1"))))))
    schema = message((5, b"object"), (29, replicas), (30, message((1, 0))))
    version = message((1, b"v1"), (2, 1), (3, 1), (4, message((1, schema))))
    raw = message((2, message((7, version))))
    sent = decode(body("apiextensions.k8s.io/v1", "CustomResourceDefinition", raw))
    shown = sent["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert shown["properties"] == {"replicas": {"type": "integer", "default": 1}}
    assert shown["additionalProperties"] is False


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"", "empty data"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (MAGIC + b"\x0a\x05ab", "unexpected EOF"),
        (MAGIC + b"\x0b", "proto: illegal wireType 3"),
    ],
)
def test_what_is_no_message_is_refused(sent: bytes, text: str) -> None:
    with pytest.raises(ProtobufError) as refusal:
        decode(sent)
    assert str(refusal.value) == text


def test_an_unknown_kind_gives_its_name_only() -> None:
    assert decode(body("example.com/v1", "Thing", b"")) == {"apiVersion": "example.com/v1", "kind": "Thing"}
