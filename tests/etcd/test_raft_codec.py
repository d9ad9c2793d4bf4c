"""Raft's values as bytes: back and forth, as etcd writes them, and what is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd.membership import MemberInfo, Promotion
from kubekit.etcd.messages import MESSAGES
from kubekit.etcd.operation import (
    COMPARE_LEASE,
    COMPARE_MOD,
    COMPARE_VALUE,
    EQUAL,
    LESS,
    Compare,
    DeleteRange,
    Put,
    Range,
    Txn,
)
from kubekit.etcd.protobuf import DecodeError, encode, fields
from kubekit.etcd.raft_codec import (
    LogMark,
    decode_conf_change,
    decode_conf_state,
    decode_entry,
    decode_hard_state,
    decode_identity,
    decode_mark,
    decode_snapshot,
    encode_conf_change,
    encode_conf_state,
    encode_entry,
    encode_hard_state,
    encode_identity,
    encode_mark,
    encode_snapshot,
)
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.request_codec import decode_request, encode_request
from kubekit.raft import (
    ADD_LEARNER,
    ADD_NODE,
    CONF_CHANGE,
    NORMAL,
    REMOVE_NODE,
    UPDATE_NODE,
    ConfChange,
    ConfState,
    Entry,
    HardState,
    Snapshot,
)

MEMBER = MemberInfo(0x8E9E05C52164694D, "m<1>", ("http://h:2380",), ("http://h:2379",), True)
BYTES = st.binary(max_size=20)
NUMBER = st.integers(0, (1 << 63) - 1)
PUTS = st.builds(Put, BYTES, BYTES, NUMBER, st.booleans(), st.booleans(), st.booleans())
TXN = Txn(
    [Compare(b"k", COMPARE_MOD, EQUAL, 7), Compare(b"k", COMPARE_VALUE, LESS, b"v", b"z")],
    [Put(b"a", b"1"), DeleteRange(b"b", b"c", True), None, Txn([], [Range(b"x")], [])],
    [Range(b"a", b"\0", 3, 4, 1, 2, True, True, 5, 6, 7, 8), Put(b"", b"")],
)
REQUESTS = [
    RaftRequest("put", Put(b"a", b"1", 7), 99, "root", 5),
    RaftRequest("range", Range(b"a"), 1),
    RaftRequest("delete_range", DeleteRange(b"a", b"b", True), 1),
    RaftRequest("txn", TXN, 1 << 63),
    RaftRequest("txn", Txn([Compare(b"k", COMPARE_LEASE, EQUAL, 1)], [], []), 2),
    RaftRequest("compaction", {"revision": 9, "physical": True}, 3),
    RaftRequest("lease_grant", {"TTL": 60, "ID": 7}, 4),
    RaftRequest("lease_revoke", {"ID": 7}, 5),
    RaftRequest("lease_checkpoint", {"checkpoints": [{"ID": 7, "remaining_TTL": 3}]}, 6),
    RaftRequest("alarm", {"action": 1, "memberID": 5, "alarm": 1}, 7),
    RaftRequest("auth_enable", {}, 8),
    RaftRequest("auth_user_add", {"name": "u", "hashedPassword": "aGFzaA==", "options": {}}, 9),
    RaftRequest("cluster_version_set", {"ver": "3.6.0"}, 10),
    RaftRequest(
        "cluster_member_attr_set",
        {"member_ID": MEMBER.id, "member_attributes": {"name": "m", "client_urls": ["http://h:2379"]}},
        11,
    ),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.kind)
def test_requests(request_: RaftRequest) -> None:
    assert decode_request(encode_request(request_)) == request_


@given(PUTS, NUMBER)
def test_the_quick_way_to_write_a_put_is_the_same(put: Put, id: int) -> None:
    quick = encode_request(RaftRequest("put", put, id))
    slow = encode("InternalRaftRequest", {"header": {"ID": id}, "put": put._asdict()})
    assert quick == slow and decode_request(quick) == RaftRequest("put", put, id)


def test_every_kind_of_request_is_a_field_of_the_original() -> None:
    kinds = {field.name for field in MESSAGES["InternalRaftRequest"]}
    assert {request.kind for request in REQUESTS} <= kinds


CHANGES = [
    ConfChange(ADD_NODE, MEMBER.id, MEMBER._replace(learner=False), 1),
    ConfChange(ADD_LEARNER, MEMBER.id, MEMBER, 2),
    ConfChange(ADD_NODE, MEMBER.id, Promotion(MEMBER.id), 3),
    ConfChange(UPDATE_NODE, MEMBER.id, MEMBER._replace(peer_urls=("http://a:1", "http://b:2")), 4),
    ConfChange(REMOVE_NODE, MEMBER.id, None, 5),
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_changes_of_the_membership(change: ConfChange) -> None:
    assert decode_conf_change(encode_conf_change(change)) == change
    assert decode_entry(encode_entry(Entry(2, 3, CONF_CHANGE, change))) == Entry(2, 3, CONF_CHANGE, change)


def test_members_are_written_as_etcd_writes_them() -> None:
    text = dict(fields(encode_conf_change(CHANGES[0])))[4]
    assert text == (
        b'{"id":10276657743932975437,"peerURLs":["http://h:2380"],"name":"m\\u003c1\\u003e",'
        b'"clientURLs":["http://h:2379"],"isPromote":false}'
    )
    promotion = dict(fields(encode_conf_change(CHANGES[2])))[4]
    assert promotion == b'{"id":10276657743932975437,"peerURLs":null,"isPromote":true}'


def test_entries() -> None:
    empty = Entry(3, 1)
    assert encode_entry(empty) == b"\x08\x00\x10\x03\x18\x01" and decode_entry(encode_entry(empty)) == empty
    entry = Entry(1, 1 << 40, NORMAL, REQUESTS[0])
    assert decode_entry(encode_entry(entry)) == entry


@given(NUMBER, NUMBER, st.lists(NUMBER, unique=True).map(sorted), st.lists(NUMBER, unique=True).map(sorted))
def test_states_and_snapshots(term: int, index: int, voters: list[int], learners: list[int]) -> None:
    hard = HardState(term, index, term)
    assert decode_hard_state(encode_hard_state(hard)) == hard
    conf = ConfState(tuple(voters), tuple(learners))
    assert decode_conf_state(encode_conf_state(conf)) == conf
    snapshot = Snapshot(index, term, conf, b"data")
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot
    for mark in (LogMark(index, term, conf), LogMark(index, term)):
        assert decode_mark(encode_mark(mark)) == mark
    assert decode_identity(encode_identity(term, index)) == (term, index)


def test_packed_members_are_read_too() -> None:
    assert decode_conf_state(b"\x0a\x03\x01\xac\x02") == ConfState((1, 300))


OLD = {
    "version": (b"PUT", b"/0/version", b"3.4.0", "cluster_version_set", {"ver": "3.4.0"}),
    "attributes": (
        b"PUT",
        b"/0/members/8e9e05c52164694d/attributes",
        b'{"name":"default","clientURLs":["http://localhost:2379"]}',
        "cluster_member_attr_set",
        {
            "member_ID": MEMBER.id,
            "member_attributes": {"name": "default", "client_urls": ["http://localhost:2379"]},
        },
    ),
}


@pytest.mark.parametrize("name", sorted(OLD))
def test_requests_of_the_old_store(name: str) -> None:
    method, path, value, kind, body = OLD[name]
    parts = b"".join(
        bytes((number << 3 | 2, len(text))) + text for number, text in ((2, method), (3, path), (4, value))
    )
    old = b"\x08\x05" + parts
    # With something around it, as 3.5 writes it, and without, as 3.4 does.
    assert decode_request(b"\x12" + bytes((len(old),)) + old) == RaftRequest(kind, body, 5)
    assert decode_request(old + b"\x38\x00\x48\x00\x50\x00") == RaftRequest(kind, body, 5)


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x12\x03abc",
        encode("InternalRaftRequest", {"header": {"ID": 1}}),
        b"\x12\x14\x12\x03PUT\x1a\x0d/1/something",
        b"\x12\x22\x12\x03PUT\x1a\x17/0/members/x/attributes\x22\x02{}",
    ],
)
def test_requests_that_are_none(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_request(data)


def test_other_things_that_are_none() -> None:
    change = encode_conf_change(CHANGES[1]).replace(b'"id"', b'"id')
    for how, data in [
        (decode_conf_change, change),
        (decode_entry, b"\x08\x02\x10\x01\x18\x01\x22\x01x"),
        (decode_entry, b"\x0a\x01x"),
        (decode_hard_state, b"\x0a\x01x"),
        (decode_conf_state, b"\x0a\x01\x80"),
        (decode_snapshot, b"\x12\x02\x0a\x05"),
    ]:
        with pytest.raises(DecodeError):
            how(data)


DECODERS: list[Any] = [
    decode_entry,
    decode_conf_change,
    decode_hard_state,
    decode_conf_state,
    decode_snapshot,
    decode_mark,
    decode_request,
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(DECODERS), st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(how: Any, data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        how(data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([encode_entry(Entry(1, 2, NORMAL, r)) for r in REQUESTS]), st.data())
def test_damaged_entries_are_read_or_refused(data: bytes, chance: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(chance.draw(st.integers(1, 3))):
        damaged[chance.draw(st.integers(0, len(data) - 1))] = chance.draw(st.integers(0, 255))
    with contextlib.suppress(DecodeError):
        decode_entry(bytes(damaged))
