"""Users, roles, permissions and tokens."""

from __future__ import annotations

import pytest

from kubekit.etcd.auth import READ, READWRITE, WRITE, AuthStore, Permission
from kubekit.etcd.errors import (
    AuthFailed,
    AuthNotEnabled,
    AuthOldRevision,
    EtcdError,
    InvalidAuthManagement,
    InvalidAuthToken,
    NoPasswordUser,
    PermissionDenied,
    PermissionNotGranted,
    RoleNotFound,
    RoleNotGranted,
    RootRoleMissing,
    RootUserMissing,
    UserEmpty,
    UserNotFound,
)
from kubekit.etcd.v3rpc import Server
from kubekit.sim import VirtualClock


@pytest.fixture
def auth(clock: VirtualClock) -> AuthStore:
    auth = AuthStore(clock)
    auth.add_user("root", "pw")
    auth.add_role("root")
    auth.grant_role("root", "root")
    auth.add_user("ann", "secret")
    auth.add_role("reader")
    auth.grant_role("ann", "reader")
    return auth


def test_enabling_needs_root(clock: VirtualClock) -> None:
    auth = AuthStore(clock)
    with pytest.raises(RootUserMissing):
        auth.enable()
    auth.add_user("root", "pw")
    with pytest.raises(RootRoleMissing):
        auth.enable()
    with pytest.raises(AuthNotEnabled):
        auth.authenticate("root", "pw")
    auth.permit(None, WRITE, b"anything")


SPANS = [
    (b"a", b"", True),
    (b"a", b"c", True),
    (b"a", b"e", True),  # two permissions that touch
    (b"a", b"f", False),
    (b"x", b"\x00", True),
    (b"w", b"\x00", False),
    (b"e", b"", False),
    (b"one", b"", True),
    (b"one", b"onf", False),
]


@pytest.mark.parametrize(("key", "range_end", "permitted"), SPANS)
def test_permissions_cover_ranges(auth: AuthStore, key: bytes, range_end: bytes, permitted: bool) -> None:
    for permission in (
        Permission(b"a", b"c", READ),
        Permission(b"c", b"e", READWRITE),
        Permission(b"one", b"", READ),
        Permission(b"x", b"\x00", READ),
    ):
        auth.grant_permission("reader", permission)
    auth.enable()
    ann = auth.identify(auth.authenticate("ann", "secret"))
    if permitted:
        auth.permit(ann, READ, key, range_end)
    else:
        with pytest.raises(PermissionDenied):
            auth.permit(ann, READ, key, range_end)
    auth.permit(auth.identify(auth.authenticate("root", "pw")), WRITE, key, range_end)
    if key == b"a":
        with pytest.raises(PermissionDenied):
            auth.permit(ann, WRITE, key, range_end)


def test_tokens_age(auth: AuthStore, clock: VirtualClock) -> None:
    auth.enable()
    token = auth.authenticate("ann", "secret")
    with pytest.raises(AuthFailed):
        auth.authenticate("ann", "wrong")
    clock.advance_to(clock.now() + 299)
    ann = auth.identify(token)
    assert auth.identify(f"Bearer {token}") == ann
    auth.add_role("another")
    with pytest.raises(AuthOldRevision):
        auth.permit(ann, READ, b"a")
    clock.advance_to(clock.now() + 301)
    with pytest.raises(InvalidAuthToken):
        auth.identify(token)
    with pytest.raises(UserEmpty):
        auth.permit(auth.identify(""), READ, b"a")


def test_taking_away(auth: AuthStore) -> None:
    auth.grant_permission("reader", Permission(b"a", b"", READ))
    auth.grant_permission("reader", Permission(b"a", b"", WRITE))
    assert auth.permissions("reader") == [Permission(b"a", b"", WRITE)]
    auth.revoke_permission("reader", b"a", b"")
    with pytest.raises(PermissionNotGranted):
        auth.revoke_permission("reader", b"a", b"")
    auth.delete_role("reader")
    assert auth.user("ann").roles == []
    with pytest.raises(RoleNotGranted):
        auth.revoke_role("ann", "reader")
    with pytest.raises(RoleNotFound):
        auth.grant_role("ann", "reader")
    auth.delete_user("ann")
    with pytest.raises(UserNotFound):
        auth.user("ann")
    with pytest.raises(InvalidAuthManagement):
        auth.grant_permission("root", Permission(b"b", b"a", READ))


def test_a_user_without_a_password(auth: AuthStore) -> None:
    auth.add_user("cert", None)
    auth.enable()
    with pytest.raises(NoPasswordUser):
        auth.authenticate("cert", "")
    with pytest.raises(InvalidAuthManagement):
        auth.delete_user("root")


CALLS: list[tuple[str, dict[str, object], type[EtcdError] | None]] = [
    ("KV/Range", {"key": b"a"}, None),
    ("KV/Range", {"key": b"b"}, PermissionDenied),
    ("KV/Put", {"key": b"a", "value": b"1"}, PermissionDenied),
    (
        "KV/Txn",
        {"success": [{"request_txn": {"failure": [{"request_put": {"key": b"a"}}]}}]},
        PermissionDenied,
    ),
    ("KV/Compact", {"revision": 1}, PermissionDenied),
    ("Auth/UserGet", {"name": "ann"}, None),
    ("Auth/UserGet", {"name": "root"}, PermissionDenied),
    ("Auth/RoleGet", {"role": "reader"}, None),
    ("Auth/UserList", {}, PermissionDenied),
    ("Lease/LeaseGrant", {"TTL": 9}, None),
    ("Maintenance/HashKV", {}, PermissionDenied),
]


@pytest.mark.parametrize(("name", "request_", "error"), CALLS)
def test_calls_are_guarded(
    server: Server, auth: AuthStore, name: str, request_: dict[str, object], error: type[EtcdError] | None
) -> None:
    auth.grant_permission("reader", Permission(b"a", b"", READ))
    auth.enable()
    guarded = Server(server.store, auth)
    token = auth.authenticate("ann", "secret")
    with pytest.raises(UserEmpty):
        guarded.call(name, request_)
    if error is None:
        guarded.call(name, request_, token)
    else:
        with pytest.raises(error):
            guarded.call(name, request_, token)
    guarded.call("Auth/AuthStatus", {}, auth.authenticate("root", "pw"))
