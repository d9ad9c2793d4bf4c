"""RaftRequest: what one entry of the Raft log asks the members' state machines to do.

Every change of an etcd cluster, be it of keys, leases, users, alarms or of what the cluster knows of itself,
is such a request: proposed by one member, agreed on, then applied by each member in the same order. `kind`
is the name of its field in etcd's InternalRaftRequest. Requests are immutable by convention.

`body` is the request's message (see `messages`), or, for "range", "put", "delete_range" and "txn", an
`Operation`, which the store does without reading a message.
Source: api/etcdserverpb/raft_internal.proto.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from kubekit.etcd.messages import Message
from kubekit.etcd.operation import Operation

Body: TypeAlias = "Operation | Message"


class RaftRequest(NamedTuple):
    """One request; `id` says who waits for its result, `username` and `auth_revision` who asked for it."""

    kind: str
    body: Any
    id: int = 0
    username: str = ""
    auth_revision: int = 0


NO_SIDE_EFFECT = frozenset({"range", "auth_user_get", "auth_role_get", "auth_status"})
"""Kinds that change nothing: only the member that proposed one needs to apply it."""

NEEDS_ADMIN = frozenset(
    {
        "auth_enable",
        "auth_disable",
        "auth_status",
        "auth_user_add",
        "auth_user_delete",
        "auth_user_change_password",
        "auth_user_grant_role",
        "auth_user_revoke_role",
        "auth_user_list",
        "auth_role_add",
        "auth_role_delete",
        "auth_role_grant_permission",
        "auth_role_revoke_permission",
        "auth_role_list",
    }
)
"""Kinds that only root may ask for once auth is enabled."""

MEMBERSHIP_KINDS = frozenset(
    {"cluster_version_set", "cluster_member_attr_set", "downgrade_info_set", "downgrade_version_test"}
)
"""Kinds about the cluster itself: applied whatever alarms say, and by members that replay, too."""
