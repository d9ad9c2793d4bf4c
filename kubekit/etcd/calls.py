"""Calls: every call of etcd's API by name, with the types of its request and response.

A call is named ``Service/Method``; its gRPC method is ``/etcdserverpb.<Service>/<Method>``. Both doors read
this table: the gateway to know what a path's JSON is, a gRPC server to know what a method's bytes are. What a
call does stands in `v3rpc`; the fields of the messages in `messages`.
Source: api/etcdserverpb/rpc.proto.
"""

from __future__ import annotations

REQUESTS: dict[str, tuple[str, str]] = {
    "KV/Range": ("RangeRequest", "RangeResponse"),
    "KV/Put": ("PutRequest", "PutResponse"),
    "KV/DeleteRange": ("DeleteRangeRequest", "DeleteRangeResponse"),
    "KV/Txn": ("TxnRequest", "TxnResponse"),
    "KV/Compact": ("CompactionRequest", "CompactionResponse"),
    "Watch/Watch": ("WatchRequest", "WatchResponse"),
    "Lease/LeaseGrant": ("LeaseGrantRequest", "LeaseGrantResponse"),
    "Lease/LeaseRevoke": ("LeaseRevokeRequest", "LeaseRevokeResponse"),
    "Lease/LeaseKeepAlive": ("LeaseKeepAliveRequest", "LeaseKeepAliveResponse"),
    "Lease/LeaseTimeToLive": ("LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"),
    "Lease/LeaseLeases": ("LeaseLeasesRequest", "LeaseLeasesResponse"),
    "Cluster/MemberAdd": ("MemberAddRequest", "MemberAddResponse"),
    "Cluster/MemberRemove": ("MemberRemoveRequest", "MemberRemoveResponse"),
    "Cluster/MemberUpdate": ("MemberUpdateRequest", "MemberUpdateResponse"),
    "Cluster/MemberList": ("MemberListRequest", "MemberListResponse"),
    "Cluster/MemberPromote": ("MemberPromoteRequest", "MemberPromoteResponse"),
    "Maintenance/Alarm": ("AlarmRequest", "AlarmResponse"),
    "Maintenance/Status": ("StatusRequest", "StatusResponse"),
    "Maintenance/Defragment": ("DefragmentRequest", "DefragmentResponse"),
    "Maintenance/Hash": ("HashRequest", "HashResponse"),
    "Maintenance/HashKV": ("HashKVRequest", "HashKVResponse"),
    "Maintenance/Snapshot": ("SnapshotRequest", "SnapshotResponse"),
    "Maintenance/MoveLeader": ("MoveLeaderRequest", "MoveLeaderResponse"),
    "Maintenance/Downgrade": ("DowngradeRequest", "DowngradeResponse"),
    "Auth/AuthEnable": ("AuthEnableRequest", "AuthEnableResponse"),
    "Auth/AuthDisable": ("AuthDisableRequest", "AuthDisableResponse"),
    "Auth/AuthStatus": ("AuthStatusRequest", "AuthStatusResponse"),
    "Auth/Authenticate": ("AuthenticateRequest", "AuthenticateResponse"),
    "Auth/UserAdd": ("AuthUserAddRequest", "AuthUserAddResponse"),
    "Auth/UserGet": ("AuthUserGetRequest", "AuthUserGetResponse"),
    "Auth/UserList": ("AuthUserListRequest", "AuthUserListResponse"),
    "Auth/UserDelete": ("AuthUserDeleteRequest", "AuthUserDeleteResponse"),
    "Auth/UserChangePassword": ("AuthUserChangePasswordRequest", "AuthUserChangePasswordResponse"),
    "Auth/UserGrantRole": ("AuthUserGrantRoleRequest", "AuthUserGrantRoleResponse"),
    "Auth/UserRevokeRole": ("AuthUserRevokeRoleRequest", "AuthUserRevokeRoleResponse"),
    "Auth/RoleAdd": ("AuthRoleAddRequest", "AuthRoleAddResponse"),
    "Auth/RoleGet": ("AuthRoleGetRequest", "AuthRoleGetResponse"),
    "Auth/RoleList": ("AuthRoleListRequest", "AuthRoleListResponse"),
    "Auth/RoleDelete": ("AuthRoleDeleteRequest", "AuthRoleDeleteResponse"),
    "Auth/RoleGrantPermission": ("AuthRoleGrantPermissionRequest", "AuthRoleGrantPermissionResponse"),
    "Auth/RoleRevokePermission": ("AuthRoleRevokePermissionRequest", "AuthRoleRevokePermissionResponse"),
}
"""The types of each call's request and response."""

REQUEST_STREAMS = frozenset({"Watch/Watch", "Lease/LeaseKeepAlive"})
"""Calls whose client sends any number of requests."""

RESPONSE_STREAMS = REQUEST_STREAMS | {"Maintenance/Snapshot"}
"""Calls whose server sends any number of responses."""
