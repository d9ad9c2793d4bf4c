"""RequestCodec: what an entry asks for, as etcd's InternalRaftRequest and back.

Operations become request messages and the other way round; all other kinds are messages already. Releases
before 3.6 change what the cluster knows of itself (its version, a member's name and addresses) through
requests of the old store: they are read as what they mean today. Bytes that are no request raise
`DecodeError`.
Source: api/etcdserverpb/raft_internal.proto, etcdserver.proto; server/etcdserver/apply_v2.go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kubekit.etcd.conversion import operation_of
from kubekit.etcd.key_value import varint
from kubekit.etcd.messages import Message
from kubekit.etcd.operation import Compare, DeleteIf, DeleteRange, Operation, Put, PutIf, Range, Txn
from kubekit.etcd.protobuf import DecodeError, decode, encode, fields
from kubekit.etcd.raft_request import RaftRequest

_OPERATIONS = {"range", "put", "delete_range", "txn"}

_OLD_STORE = 2
"""The field of a request of the old store."""


def encode_request(request: RaftRequest) -> bytes:
    """A request as bytes."""
    kind, body, id, username, auth_revision = request
    if type(body) is Put and not username and not auth_revision:
        # The one that matters for speed; the same bytes as below.
        return _encode_put(body, id)
    message: Message = {"header": {"ID": id, "username": username, "auth_revision": auth_revision}}
    message[kind] = request_message(body) if kind in _OPERATIONS else body
    return encode("InternalRaftRequest", message)


def _encode_put(put: Put, id: int) -> bytes:
    key, value = put.key, put.value
    parts = [b"\x0a", varint(len(key)), key] if key else []
    if value:
        parts += (b"\x12", varint(len(value)), value)
    if put.lease:
        parts += (b"\x18", varint(put.lease))
    if put.prev_kv:
        parts.append(b"\x20\x01")
    if put.ignore_value:
        parts.append(b"\x28\x01")
    if put.ignore_lease:
        parts.append(b"\x30\x01")
    body = b"".join(parts)
    header = b"\x08" + varint(id) if id else b""
    return b"\x22%b%b\xa2\x06%c%b" % (varint(len(body)), body, len(header), header)


def request_message(operation: Operation | PutIf | DeleteIf | Message | None) -> Message:
    """An operation as its request message; a message is one already."""
    if isinstance(operation, PutIf | DeleteIf):
        operation = operation.txn
    if isinstance(operation, Txn):
        return {
            "compare": [_compare_message(compare) for compare in operation.compares],
            "success": _inner_messages(operation.success),
            "failure": _inner_messages(operation.failure),
        }
    if isinstance(operation, Put | Range | DeleteRange):
        return operation._asdict()
    return operation or {}


_KINDS: tuple[tuple[type, str], ...] = (
    (Range, "request_range"),
    (Put, "request_put"),
    (DeleteRange, "request_delete_range"),
    (Txn, "request_txn"),
)


def _inner_messages(operations: Sequence[Operation | None]) -> list[Message]:
    messages: list[Message] = []
    for operation in operations:
        names = [name for kind, name in _KINDS if isinstance(operation, kind)]
        messages.append({names[0]: request_message(operation)} if names else {})
    return messages


_OPERANDS = ("version", "create_revision", "mod_revision", "value", "lease")


def _compare_message(compare: Compare) -> Message:
    message: Message = {
        "result": compare.result,
        "target": compare.target,
        "key": compare.key,
        "range_end": compare.range_end,
    }
    if 0 <= compare.target < len(_OPERANDS):
        name = _OPERANDS[compare.target]
        if isinstance(compare.operand, bytes) == (name == "value"):
            message[name] = compare.operand
    return message


def decode_request(data: bytes) -> RaftRequest:
    """A request. Raises DecodeError."""
    try:
        message = decode("InternalRaftRequest", data)
    except DecodeError as error:
        # 3.4 writes requests of the old store without anything around them.
        try:
            return _old_request(data)
        except DecodeError:
            raise error from None
    header = message.pop("header", {})
    id = message.pop("ID", 0)
    rest: tuple[int, str, int] = (
        header.get("ID") or id,
        header.get("username", ""),
        header.get("auth_revision", 0),
    )
    for kind, body in message.items():
        return RaftRequest(kind, _operation(kind, body) if kind in _OPERATIONS else body, *rest)
    for number, value in fields(data):
        if number == _OLD_STORE and isinstance(value, bytes):
            return _old_request(value)
    raise DecodeError("a request of a kind that is not known")


def _operation(kind: str, body: Message) -> Operation:
    try:
        return operation_of(kind, body)
    except TypeError as error:
        raise DecodeError(f"a {kind} cannot be read: {error}") from None


def _old_request(data: bytes) -> RaftRequest:
    """A request of the old store, about the cluster itself: ``PUT /0/version`` and the like."""
    found: dict[int, Any] = dict(fields(data))
    try:
        method, path, value = (bytes(found.get(number, b"")).decode() for number in (2, 3, 4))
        id = int(found.get(1, 0))
        parts = path.split("/")
        if method == "PUT" and path == "/0/version":
            return RaftRequest("cluster_version_set", {"ver": value}, id)
        if method == "PUT" and parts[:3] == ["", "0", "members"] and parts[4:] == ["attributes"]:
            said = json.loads(value)
            attributes = {
                "name": str(said.get("name", "")),
                "client_urls": list(said.get("clientURLs") or ()),
            }
            body = {"member_ID": int(parts[3], 16), "member_attributes": attributes}
            return RaftRequest("cluster_member_attr_set", body, id)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DecodeError(f"a request of the old store cannot be read: {error}") from None
    if method in ("SYNC", "QGET"):
        # They changed nothing but the old store's clock.
        return RaftRequest("range", Range(b"\x00", count_only=True), id)
    raise DecodeError("a request of a kind that is not known")
