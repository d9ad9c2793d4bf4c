"""Messages: the shape of every request and response of etcd's API, in one table.

A message travels through this room as a plain dictionary of field names, bytes stay bytes and numbers
numbers; a field that is missing is zero. The table below says what each field is, and from it `protobuf` and
`protojson` do their work: to serve one more call, add its messages here. One line a message, as in a .proto
file: ``name=number type``, ``[]`` for repeated, ``(group)`` for the members of a oneof.
The last part of the table holds what members file in their logs and buckets; clients never see it.
Source: api/etcdserverpb/rpc.proto, raft_internal.proto, api/mvccpb/kv.proto, api/authpb/auth.proto,
api/membershippb/membership.proto, server/lease/leasepb/lease.proto.
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
    "AlarmType": ("NONE", "NOSPACE", "CORRUPT"),
    "AlarmAction": ("GET", "ACTIVATE", "DEACTIVATE"),
    "DowngradeAction": ("VALIDATE", "ENABLE", "CANCEL"),
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

LeaseCheckpoint: ID=1 int64, remaining_TTL=2 int64
LeaseCheckpointRequest: checkpoints=1 LeaseCheckpoint[]
LeaseCheckpointResponse: header=1 ResponseHeader

AlarmRequest: action=1 AlarmAction, memberID=2 uint64, alarm=3 AlarmType
AlarmMember: memberID=1 uint64, alarm=2 AlarmType
AlarmResponse: header=1 ResponseHeader, alarms=2 AlarmMember[]
StatusRequest:
StatusResponse: header=1 ResponseHeader, version=2 string, dbSize=3 int64, leader=4 uint64,
  raftIndex=5 uint64,
  raftTerm=6 uint64, raftAppliedIndex=7 uint64, errors=8 string[], dbSizeInUse=9 int64, isLearner=10 bool,
  storageVersion=11 string, dbSizeQuota=12 int64, downgradeInfo=13 DowngradeInfo
DowngradeInfo: enabled=1 bool, targetVersion=2 string
DowngradeRequest: action=1 DowngradeAction, version=2 string
DowngradeResponse: header=1 ResponseHeader, version=2 string
DefragmentRequest:
DefragmentResponse: header=1 ResponseHeader
HashRequest:
HashResponse: header=1 ResponseHeader, hash=2 uint32
SnapshotRequest:
SnapshotResponse: header=1 ResponseHeader, remaining_bytes=2 uint64, blob=3 bytes, version=4 string
MoveLeaderRequest: targetID=1 uint64
MoveLeaderResponse: header=1 ResponseHeader
HashKVRequest: revision=1 int64
HashKVResponse: header=1 ResponseHeader, hash=2 uint32, compact_revision=3 int64, hash_revision=4 int64

Member: ID=1 uint64, name=2 string, peerURLs=3 string[], clientURLs=4 string[], isLearner=5 bool
MemberListRequest: linearizable=1 bool
MemberListResponse: header=1 ResponseHeader, members=2 Member[]
MemberAddRequest: peerURLs=1 string[], isLearner=2 bool
MemberAddResponse: header=1 ResponseHeader, member=2 Member, members=3 Member[]
MemberRemoveRequest: ID=1 uint64
MemberRemoveResponse: header=1 ResponseHeader, members=2 Member[]
MemberUpdateRequest: ID=1 uint64, peerURLs=2 string[]
MemberUpdateResponse: header=1 ResponseHeader, members=2 Member[]
MemberPromoteRequest: ID=1 uint64
MemberPromoteResponse: header=1 ResponseHeader, members=2 Member[]

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

InternalRaftRequest: ID=1 uint64, range=3 RangeRequest, put=4 PutRequest, delete_range=5 DeleteRangeRequest,
  txn=6 TxnRequest, compaction=7 CompactionRequest, lease_grant=8 LeaseGrantRequest,
  lease_revoke=9 LeaseRevokeRequest, alarm=10 AlarmRequest, lease_checkpoint=11 LeaseCheckpointRequest,
  header=100 RequestHeader, auth_enable=1000 AuthEnableRequest, auth_disable=1011 AuthDisableRequest,
  authenticate=1012 InternalAuthenticateRequest, auth_status=1013 AuthStatusRequest,
  auth_user_add=1100 AuthUserAddRequest, auth_user_delete=1101 AuthUserDeleteRequest,
  auth_user_get=1102 AuthUserGetRequest, auth_user_change_password=1103 AuthUserChangePasswordRequest,
  auth_user_grant_role=1104 AuthUserGrantRoleRequest, auth_user_revoke_role=1105 AuthUserRevokeRoleRequest,
  auth_user_list=1106 AuthUserListRequest, auth_role_list=1107 AuthRoleListRequest,
  auth_role_add=1200 AuthRoleAddRequest, auth_role_delete=1201 AuthRoleDeleteRequest,
  auth_role_get=1202 AuthRoleGetRequest, auth_role_grant_permission=1203 AuthRoleGrantPermissionRequest,
  auth_role_revoke_permission=1204 AuthRoleRevokePermissionRequest,
  cluster_version_set=1300 ClusterVersionSetRequest,
  cluster_member_attr_set=1301 ClusterMemberAttrSetRequest, downgrade_info_set=1302 DowngradeInfoSetRequest,
  downgrade_version_test=9900 DowngradeVersionTestRequest
RequestHeader: ID=1 uint64, username=2 string, auth_revision=3 uint64
InternalAuthenticateRequest: name=1 string, password=2 string, simple_token=3 string
ClusterVersionSetRequest: ver=1 string
ClusterMemberAttrSetRequest: member_ID=1 uint64, member_attributes=2 Attributes
Attributes: name=1 string, client_urls=2 string[]
DowngradeInfoSetRequest: enabled=1 bool, ver=2 string
DowngradeVersionTestRequest: ver=1 string
Lease: ID=1 int64, TTL=2 int64, RemainingTTL=3 int64
User: name=1 bytes, password=2 bytes, roles=3 string[], options=4 UserAddOptions
Role: name=1 bytes, keyPermission=2 Permission[]
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
