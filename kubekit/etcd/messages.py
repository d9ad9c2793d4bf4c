"""Messages: the shape of every request and response of etcd's API, in one table.

A message travels through this room as a plain dictionary of field names, bytes stay bytes and numbers
numbers; a field that is missing is zero. The table below says what each field is, and from it `protobuf` and
`protojson` do their work: to serve one more call, add its messages here. One line a message, as in a .proto
file: ``name=number type``, ``[]`` for repeated, ``(group)`` for the members of a oneof.
Source: api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto, api/authpb/auth.proto.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

Message = dict[str, Any]
"""Field names with values: bytes, str, int, bool, a Message, or a list of one of these."""


class Field(NamedTuple):
    """One field. `kind` is a scalar type, an enum's name or a message's name."""

    name: str
    number: int
    kind: str
    repeated: bool
    oneof: str


ENUMS: dict[str, tuple[str, ...]] = {
    "SortOrder": ("NONE", "ASCEND", "DESCEND"),
    "SortTarget": ("KEY", "VERSION", "CREATE", "MOD", "VALUE"),
    "CompareResult": ("EQUAL", "GREATER", "LESS", "NOT_EQUAL"),
    "CompareTarget": ("VERSION", "CREATE", "MOD", "VALUE", "LEASE"),
    "EventType": ("PUT", "DELETE"),
    "FilterType": ("NOPUT", "NODELETE"),
    "PermissionType": ("READ", "WRITE", "READWRITE"),
}
"""The names of each enum's values, from 0 on."""

_TABLE = """
ResponseHeader: cluster_id=1 uint64, member_id=2 uint64, revision=3 int64, raft_term=4 uint64
KeyValue: key=1 bytes, create_revision=2 int64, mod_revision=3 int64, version=4 int64, value=5 bytes,
  lease=6 int64
Event: type=1 EventType, kv=2 KeyValue, prev_kv=3 KeyValue

RangeRequest: key=1 bytes, range_end=2 bytes, limit=3 int64, revision=4 int64, sort_order=5 SortOrder,
  sort_target=6 SortTarget, serializable=7 bool, keys_only=8 bool, count_only=9 bool,
  min_mod_revision=10 int64,
  max_mod_revision=11 int64, min_create_revision=12 int64, max_create_revision=13 int64
RangeResponse: header=1 ResponseHeader, kvs=2 KeyValue[], more=3 bool, count=4 int64
PutRequest: key=1 bytes, value=2 bytes, lease=3 int64, prev_kv=4 bool, ignore_value=5 bool,
  ignore_lease=6 bool
PutResponse: header=1 ResponseHeader, prev_kv=2 KeyValue
DeleteRangeRequest: key=1 bytes, range_end=2 bytes, prev_kv=3 bool
DeleteRangeResponse: header=1 ResponseHeader, deleted=2 int64, prev_kvs=3 KeyValue[]
RequestOp: request_range=1 RangeRequest (request), request_put=2 PutRequest (request),
  request_delete_range=3 DeleteRangeRequest (request), request_txn=4 TxnRequest (request)
ResponseOp: response_range=1 RangeResponse (response), response_put=2 PutResponse (response),
  response_delete_range=3 DeleteRangeResponse (response), response_txn=4 TxnResponse (response)
Compare: result=1 CompareResult, target=2 CompareTarget, key=3 bytes, version=4 int64 (target_union),
  create_revision=5 int64 (target_union), mod_revision=6 int64 (target_union), value=7 bytes (target_union),
  lease=8 int64 (target_union), range_end=64 bytes
TxnRequest: compare=1 Compare[], success=2 RequestOp[], failure=3 RequestOp[]
TxnResponse: header=1 ResponseHeader, succeeded=2 bool, responses=3 ResponseOp[]
CompactionRequest: revision=1 int64, physical=2 bool
CompactionResponse: header=1 ResponseHeader

WatchRequest: create_request=1 WatchCreateRequest (request_union),
  cancel_request=2 WatchCancelRequest (request_union),
  progress_request=3 WatchProgressRequest (request_union)
WatchCreateRequest: key=1 bytes, range_end=2 bytes, start_revision=3 int64, progress_notify=4 bool,
  filters=5 FilterType[], prev_kv=6 bool, watch_id=7 int64, fragment=8 bool
WatchCancelRequest: watch_id=1 int64
WatchProgressRequest:
WatchResponse: header=1 ResponseHeader, watch_id=2 int64, created=3 bool, canceled=4 bool,
  compact_revision=5 int64,
  cancel_reason=6 string, fragment=7 bool, events=11 Event[]

LeaseGrantRequest: TTL=1 int64, ID=2 int64
LeaseGrantResponse: header=1 ResponseHeader, ID=2 int64, TTL=3 int64, error=4 string
LeaseRevokeRequest: ID=1 int64
LeaseRevokeResponse: header=1 ResponseHeader
LeaseKeepAliveRequest: ID=1 int64
LeaseKeepAliveResponse: header=1 ResponseHeader, ID=2 int64, TTL=3 int64
LeaseTimeToLiveRequest: ID=1 int64, keys=2 bool
LeaseTimeToLiveResponse: header=1 ResponseHeader, ID=2 int64, TTL=3 int64, grantedTTL=4 int64, keys=5 bytes[]
LeaseLeasesRequest:
LeaseLeasesResponse: header=1 ResponseHeader, leases=2 LeaseStatus[]
LeaseStatus: ID=1 int64

HashKVRequest: revision=1 int64
HashKVResponse: header=1 ResponseHeader, hash=2 uint32, compact_revision=3 int64, hash_revision=4 int64

Member: ID=1 uint64, name=2 string, peerURLs=3 string[], clientURLs=4 string[], isLearner=5 bool
MemberListRequest: linearizable=1 bool
MemberListResponse: header=1 ResponseHeader, members=2 Member[]

Permission: permType=1 PermissionType, key=2 bytes, range_end=3 bytes
UserAddOptions: no_password=1 bool
AuthEnableRequest:
AuthEnableResponse: header=1 ResponseHeader
AuthDisableRequest:
AuthDisableResponse: header=1 ResponseHeader
AuthStatusRequest:
AuthStatusResponse: header=1 ResponseHeader, enabled=2 bool, authRevision=3 uint64
AuthenticateRequest: name=1 string, password=2 string
AuthenticateResponse: header=1 ResponseHeader, token=2 string
AuthUserAddRequest: name=1 string, password=2 string, options=3 UserAddOptions, hashedPassword=4 string
AuthUserAddResponse: header=1 ResponseHeader
AuthUserGetRequest: name=1 string
AuthUserGetResponse: header=1 ResponseHeader, roles=2 string[]
AuthUserListRequest:
AuthUserListResponse: header=1 ResponseHeader, users=2 string[]
AuthUserDeleteRequest: name=1 string
AuthUserDeleteResponse: header=1 ResponseHeader
AuthUserChangePasswordRequest: name=1 string, password=2 string, hashedPassword=3 string
AuthUserChangePasswordResponse: header=1 ResponseHeader
AuthUserGrantRoleRequest: user=1 string, role=2 string
AuthUserGrantRoleResponse: header=1 ResponseHeader
AuthUserRevokeRoleRequest: name=1 string, role=2 string
AuthUserRevokeRoleResponse: header=1 ResponseHeader
AuthRoleAddRequest: name=1 string
AuthRoleAddResponse: header=1 ResponseHeader
AuthRoleGetRequest: role=1 string
AuthRoleGetResponse: header=1 ResponseHeader, perm=2 Permission[]
AuthRoleListRequest:
AuthRoleListResponse: header=1 ResponseHeader, roles=2 string[]
AuthRoleDeleteRequest: role=1 string
AuthRoleDeleteResponse: header=1 ResponseHeader
AuthRoleGrantPermissionRequest: name=1 string, perm=2 Permission
AuthRoleGrantPermissionResponse: header=1 ResponseHeader
AuthRoleRevokePermissionRequest: role=1 string, key=2 bytes, range_end=3 bytes
AuthRoleRevokePermissionResponse: header=1 ResponseHeader
"""

_FIELD = re.compile(r"(\w+)=(\d+) (\w+)(\[\])?(?: \((\w+)\))?")


def _read(table: str) -> dict[str, tuple[Field, ...]]:
    messages: dict[str, list[Field]] = {}
    fields: list[Field] = []
    for line in table.splitlines():
        if line[:1].isalpha():
            name, _, line = line.partition(":")
            fields = messages[name] = []
        for match in _FIELD.finditer(line):
            name, number, kind, repeated, oneof = match.groups()
            fields.append(Field(name, int(number), kind, repeated is not None, oneof or ""))
    return {name: tuple(sorted(fields, key=lambda field: field.number)) for name, fields in messages.items()}


MESSAGES = _read(_TABLE)
"""The fields of each message, in the order of their numbers."""
