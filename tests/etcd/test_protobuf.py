"""Protobuf: both directions, and bytes that are no message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd.messages import ENUMS, MESSAGES, Field
from kubekit.etcd.protobuf import MAX_DEPTH, DecodeError, decode, encode, read_varint, skip

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
UINT64 = st.integers(0, (1 << 64) - 1)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "bytes": st.binary(max_size=200),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    "int64": INT64,
    "uint64": UINT64,
    "uint32": st.integers(0, (1 << 32) - 1),
    "int32": st.integers(-(1 << 31), (1 << 31) - 1),
    "bool": st.booleans(),
}


def values(field: Field, depth: int) -> st.SearchStrategy[Any]:
    one: st.SearchStrategy[Any]
    if field.kind in ENUMS:
        one = st.integers(0, 7)
    elif field.kind in SCALARS:
        one = SCALARS[field.kind]
    else:
        one = messages(field.kind, depth - 1)
    if field.repeated:
        return st.lists(one, min_size=1, max_size=3)
    # Zeros are not on the wire, unless they say which member of a oneof is meant.
    return one if field.oneof or field.kind in MESSAGES else one.filter(bool)


def messages(name: str, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    fields = [field for field in MESSAGES[name] if depth > 0 or field.kind not in MESSAGES]
    free = {field.name: values(field, depth) for field in fields if not field.oneof}
    made: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=free)
    groups = {field.oneof for field in fields if field.oneof}
    for group in groups:
        members = [st.fixed_dictionaries({f.name: values(f, depth)}) for f in fields if f.oneof == group]
        made = st.builds(lambda left, right: left | right, made, st.one_of(st.just({}), *members))
    return made


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_what_is_written_is_read(name: str) -> None:
    @settings(max_examples=15, deadline=None)
    @given(messages(name))
    def check(message: dict[str, Any]) -> None:
        assert decode(name, encode(name, message)) == message

    check()


def test_numbers_come_in_the_range_of_their_type() -> None:
    assert decode("PutRequest", encode("PutRequest", {"lease": -1})) == {"lease": -1}
    assert decode("Member", b"\x08" + b"\xff" * 9 + b"\x01") == {"ID": (1 << 64) - 1}
    # uint32 and enums keep their low 32 bits, as in Go.
    assert decode("HashKVResponse", b"\x10\x81\x80\x80\x80\x10") == {"hash": 1}
    assert decode("Event", b"\x08" + b"\xff" * 9 + b"\x01") == {"type": -1}
    assert decode("RangeRequest", b"\x38\x02") == {"serializable": True}


def test_repeated_numbers_packed_and_one_by_one() -> None:
    create = {"filters": [0, 1, 1]}
    packed = encode("WatchCreateRequest", create)
    assert packed == b"\x2a\x03\x00\x01\x01"
    assert decode("WatchCreateRequest", packed) == create
    assert decode("WatchCreateRequest", b"\x28\x00\x2a\x02\x01\x01") == create


def test_a_oneof_holds_what_came_last() -> None:
    both = encode("RequestOp", {"request_range": {"key": b"a"}}) + encode(
        "RequestOp", {"request_put": {"key": b"b"}}
    )
    assert decode("RequestOp", both) == {"request_put": {"key": b"b"}}


def test_a_message_in_two_parts_is_one() -> None:
    parts = encode("Event", {"kv": {"key": b"a", "version": 1}}) + encode("Event", {"kv": {"version": 2}})
    assert decode("Event", parts) == {"kv": {"key": b"a", "version": 2}}


def test_unknown_fields_are_passed_over() -> None:
    unknown = {
        "varint": b"\xf8\x06\x96\x01",
        "eight bytes": b"\xf9\x06" + b"x" * 8,
        "bytes": b"\xfa\x06\x03abc",
        "four bytes": b"\xfd\x06" + b"x" * 4,
        "a group with a group in it": b"\xfb\x06\x0b\x08\x01\x0c\x12\x01x\xfc\x06",
    }
    for what, data in unknown.items():
        assert decode("PutRequest", data + b"\x0a\x01k" + data) == {"key": b"k"}, what


def test_text_that_is_not_utf8_survives() -> None:
    data = b"\x0a\x02\xff\xfe"
    assert encode("AuthRoleAddRequest", decode("AuthRoleAddRequest", data)) == data


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("PutRequest", b"\x0a", "unexpected EOF"),
        ("PutRequest", b"\x0a\x05abc", "unexpected EOF"),
        ("PutRequest", b"\x18\x80", "unexpected EOF"),
        ("PutRequest", b"\x8a", "unexpected EOF"),
        ("PutRequest", b"\x18" + b"\x80" * 10 + b"\x01", "proto: integer overflow"),
        ("PutRequest", b"\x0a" + b"\xff" * 9 + b"\x01", "proto: negative length found during unmarshaling"),
        ("PutRequest", b"\x08\x01", "proto: wrong wireType = 0 for field Key"),
        ("RangeRequest", b"\x10\x01", "proto: wrong wireType = 0 for field RangeEnd"),
        ("PutRequest", b"\x1a\x01a", "proto: wrong wireType = 2 for field Lease"),
        ("PutRequest", b"\x00\x01", "proto: PutRequest: illegal tag 0 (wire type 0)"),
        ("PutRequest", b"\x0c", "proto: PutRequest: wiretype end group for non-group"),
        ("PutRequest", b"\xfe\x06\x01", "proto: illegal wireType 6"),
        ("PutRequest", b"\xfb\x06\x08\x01", "unexpected EOF"),
        ("PutRequest", b"\xf9\x06abc", "unexpected EOF"),
        ("Event", b"\x12\x02\x0a\x05abcde", "unexpected EOF"),
        ("WatchCreateRequest", b"\x2a\x01\x80", "unexpected EOF"),
    ],
)
def test_bytes_that_are_no_message(name: str, data: bytes, text: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode(name, data)
    assert str(refusal.value) == text


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        for tag in (b"\x22", b"\x12"):  # request_txn within success
            length = len(data)
            size = bytearray()
            while length > 0x7F:
                size.append(length & 0x7F | 0x80)
                length >>= 7
            size.append(length)
            data = tag + bytes(size) + data
    return data


def test_depth_has_a_limit() -> None:
    decode("TxnRequest", nested(MAX_DEPTH // 2 - 1))
    with pytest.raises(DecodeError, match="exceeded max recursion depth"):
        decode("TxnRequest", nested(50_000))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    try:
        message = decode(name, data)
    except DecodeError:
        return
    again = decode(name, encode(name, message))
    assert encode(name, again) == encode(name, message)


@given(UINT64)
def test_varints(number: int) -> None:
    data = encode("Member", {"ID": number}) + b"rest"
    if number:
        assert read_varint(data, 1, len(data)) == (number, len(data) - 4)
        assert skip(data, 0, 1, len(data)) == len(data) - 4
