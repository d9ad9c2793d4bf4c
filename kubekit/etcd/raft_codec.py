"""RaftCodec: what Raft keeps on disk, as bytes and back.

Entries, the hard state, snapshots and memberships take the form of raft's own protobuf messages; within an
entry, what it asks for (`RaftRequest`) is etcd's InternalRaftRequest; within a change of the membership the
member is JSON. A real etcd reads what is written here, and the other way round.

>>> encode_entry(Entry(2, 7, NORMAL, RaftRequest("put", Put(b"a", b"1"), id=5))).hex(" ")
'08 00 10 02 18 07 22 0d 22 06 0a 01 61 12 01 31 a2 06 02 08 05'

Fields that protobuf could leave out are written even when they are zero, as etcd does. Bytes that are none of
this raise `DecodeError`.
Source: go.etcd.io/raft raftpb/raft.proto; server/etcdserver/api/membership/cluster.go (ConfigChangeContext);
server/storage/wal/walpb/record.proto, server/etcdserver/api/snap/snappb/snap.proto.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from kubekit.etcd.backend import go_json, member_value, read_member
from kubekit.etcd.key_value import varint
from kubekit.etcd.membership import MemberInfo, Promotion
from kubekit.etcd.operation import Put
from kubekit.etcd.protobuf import DecodeError, fields
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.request_codec import decode_request, encode_request
from kubekit.raft import (
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

__all__ = [
    "NORMAL",
    "LogMark",
    "Put",
    "RaftRequest",
    "decode_conf_state",
    "decode_entry",
    "decode_hard_state",
    "decode_identity",
    "decode_mark",
    "decode_snapshot",
    "encode_conf_state",
    "encode_entry",
    "encode_hard_state",
    "encode_identity",
    "encode_mark",
    "encode_snapshot",
]


class LogMark(NamedTuple):
    """What the log notes of a snapshot that was taken: which entry it contains last, and who were members
    then (None in a log of 3.4)."""

    index: int = 0  # type: ignore[assignment]  # tuple.index is not missed
    term: int = 0
    conf_state: ConfState | None = None


# Writing


def encode_entry(entry: Entry) -> bytes:
    """An entry as raftpb.Entry."""
    head = b"\x08%c\x10%b\x18%b" % (entry.type, varint(entry.term), varint(entry.index))
    data = entry.data
    if data is None:
        return head
    if type(data) is RaftRequest:
        body = encode_request(data)
    elif entry.type == CONF_CHANGE:
        body = encode_conf_change(data)
    else:
        # An entry that was read and not understood stays what it was.
        body = bytes(data)
    return b"%b\x22%b%b" % (head, varint(len(body)), body)


def encode_conf_change(change: ConfChange) -> bytes:
    """A change of the membership as raftpb.ConfChange."""
    head = b"\x08%b\x10%b\x18%b" % (varint(change.id), varint(change.type), varint(change.node_id))
    context = change.context
    if context is None:
        return head
    if isinstance(context, Promotion):
        context = go_json({"id": context.id, "peerURLs": None, "isPromote": True})
    elif isinstance(context, MemberInfo):
        promote = {} if change.type == UPDATE_NODE else {"isPromote": False}
        context = go_json(member_value(context) | promote)
    return b"%b\x22%b%b" % (head, varint(len(context)), context)


def encode_hard_state(state: HardState) -> bytes:
    """Term, vote and commit as raftpb.HardState."""
    return b"\x08%b\x10%b\x18%b" % (varint(state.term), varint(state.vote), varint(state.commit))


def encode_conf_state(state: ConfState) -> bytes:
    """A membership as raftpb.ConfState."""
    voters = b"".join(b"\x08" + varint(id) for id in state.voters)
    learners = b"".join(b"\x10" + varint(id) for id in state.learners)
    return b"%b%b\x28\x00" % (voters, learners)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """A snapshot, whose data must be bytes, as raftpb.Snapshot."""
    conf_state = encode_conf_state(snapshot.conf_state)
    metadata = b"\x0a%b%b\x10%b\x18%b" % (
        varint(len(conf_state)),
        conf_state,
        varint(snapshot.index),
        varint(snapshot.term),
    )
    data = snapshot.data or b""
    return b"\x0a%b%b\x12%b%b" % (varint(len(data)), data, varint(len(metadata)), metadata)


def encode_mark(mark: LogMark) -> bytes:
    """A note of a snapshot as walpb.Snapshot."""
    head = b"\x08%b\x10%b" % (varint(mark.index), varint(mark.term))
    if mark.conf_state is None:
        return head
    conf_state = encode_conf_state(mark.conf_state)
    return b"%b\x1a%b%b" % (head, varint(len(conf_state)), conf_state)


def encode_identity(member_id: int, cluster_id: int) -> bytes:
    """Whose log it is, as etcdserverpb.Metadata."""
    return b"\x08%b\x10%b" % (varint(member_id), varint(cluster_id))


# Reading


class _Fields:
    """The fields of a message by number; of a repeated one, all values."""

    def __init__(self, data: bytes) -> None:
        self.all: dict[int, list[Any]] = {}
        for number, value in fields(data):
            self.all.setdefault(number, []).append(value)

    def number(self, number: int) -> int:
        value = self.all.get(number, [0])[-1]
        if not isinstance(value, int):
            raise DecodeError(f"proto: wrong wireType = 2 for field {number}")
        return value

    def data(self, number: int) -> bytes | None:
        value = self.all.get(number, [None])[-1]
        if isinstance(value, int):
            raise DecodeError(f"proto: wrong wireType = 0 for field {number}")
        return None if value is None else bytes(value)

    def numbers(self, number: int) -> tuple[int, ...]:
        found: list[int] = []
        for value in self.all.get(number, ()):
            if isinstance(value, int):
                found.append(value)
            else:
                # Packed: numbers one after the other.
                found += _unpacked(value)
        return tuple(sorted(found))


def _unpacked(data: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number & 0xFFFFFFFFFFFFFFFF)
            number = shift = 0
        elif shift >= 70:
            raise DecodeError("proto: integer overflow")
    if shift:
        raise DecodeError("unexpected EOF")
    return numbers


def decode_entry(data: bytes) -> Entry:
    """An entry with what it asks for. Raises DecodeError."""
    found = _Fields(data)
    type = found.number(1)
    body = found.data(4)
    content: Any = body
    if body is not None:
        if type == CONF_CHANGE:
            content = decode_conf_change(body)
        elif type == NORMAL:
            content = decode_request(body) if body else None
        else:
            raise DecodeError(f"an entry of type {type}")
    return Entry(found.number(2), found.number(3), type, content)


def decode_conf_change(data: bytes) -> ConfChange:
    """A change of the membership. Raises DecodeError."""
    found = _Fields(data)
    type, node_id, text = found.number(2), found.number(3), found.data(4)
    context: Any = None
    if text and type != REMOVE_NODE:
        try:
            value = json.loads(text)
            promoted = value.get("isPromote")
            id = int(value.get("id", node_id))
            context = Promotion(id) if promoted else read_member(id, value)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise DecodeError(f"a change of the membership cannot be read: {error}") from None
    return ConfChange(type, node_id, context, found.number(1))


def decode_hard_state(data: bytes) -> HardState:
    """Term, vote and commit. Raises DecodeError."""
    found = _Fields(data)
    return HardState(found.number(1), found.number(2), found.number(3))


def decode_conf_state(data: bytes) -> ConfState:
    """A membership. Raises DecodeError."""
    found = _Fields(data)
    return ConfState(found.numbers(1), found.numbers(2))


def decode_snapshot(data: bytes) -> Snapshot:
    """A snapshot with its data as bytes. Raises DecodeError."""
    found = _Fields(data)
    metadata = _Fields(found.data(2) or b"")
    conf_state = decode_conf_state(metadata.data(1) or b"")
    return Snapshot(metadata.number(2), metadata.number(3), conf_state, found.data(1) or b"")


def decode_mark(data: bytes) -> LogMark:
    """A note of a snapshot. Raises DecodeError."""
    found = _Fields(data)
    conf_state = found.data(3)
    return LogMark(
        found.number(1), found.number(2), None if conf_state is None else decode_conf_state(conf_state)
    )


def decode_identity(data: bytes) -> tuple[int, int]:
    """(member id, cluster id): whose log it is. Raises DecodeError."""
    found = _Fields(data)
    return found.number(1), found.number(2)
