"""AuthApplier: what entries about users, roles and permissions do, on every member alike.

Each kind of request turns a message into a call of `AuthStore` and back. Once auth is enabled only root may
ask for them (`raft_request.NEEDS_ADMIN`, which `apply` checks), except that everybody may look at himself and
his roles, and may sign on. Passwords never reach this file: who proposes a request puts their hashes in.
Source: server/etcdserver/apply/apply.go, apply_auth.go; server/auth/store.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from kubekit.etcd.auth import AuthStore, Identity, Permission
from kubekit.etcd.errors import PermissionNotGiven
from kubekit.etcd.messages import Message

Handler = Callable[[Message, "Identity | None", int], Message]
"""(the request, who asked, the entry's index) -> the fields of its response."""

KINDS = {
    "Auth/AuthEnable": "auth_enable",
    "Auth/AuthDisable": "auth_disable",
    "Auth/AuthStatus": "auth_status",
    "Auth/UserAdd": "auth_user_add",
    "Auth/UserGet": "auth_user_get",
    "Auth/UserList": "auth_user_list",
    "Auth/UserDelete": "auth_user_delete",
    "Auth/UserChangePassword": "auth_user_change_password",
    "Auth/UserGrantRole": "auth_user_grant_role",
    "Auth/UserRevokeRole": "auth_user_revoke_role",
    "Auth/RoleAdd": "auth_role_add",
    "Auth/RoleGet": "auth_role_get",
    "Auth/RoleList": "auth_role_list",
    "Auth/RoleDelete": "auth_role_delete",
    "Auth/RoleGrantPermission": "auth_role_grant_permission",
    "Auth/RoleRevokePermission": "auth_role_revoke_permission",
}
"""The kind of entry behind each call; signing on is another matter (see `v3rpc`)."""


class AuthApplier:
    """The requests on one member's users."""

    def __init__(self, auth: AuthStore) -> None:
        self._auth = auth

    def handlers(self) -> dict[str, Handler]:
        """Every kind of request about users and roles."""
        auth = self._auth
        return {
            "authenticate": self._authenticate,
            "auth_user_get": self._user_get,
            "auth_role_get": self._role_get,
            "auth_status": lambda request, who, index: {
                "enabled": auth.enabled,
                "authRevision": auth.revision,
            },
            "auth_user_list": lambda request, who, index: {"users": sorted(auth.users)},
            "auth_role_list": lambda request, who, index: {"roles": sorted(auth.roles)},
            "auth_enable": _silent(lambda request: auth.enable()),
            "auth_disable": _silent(lambda request: auth.disable()),
            "auth_user_add": _silent(self._user_add),
            "auth_user_delete": _silent(lambda request: auth.delete_user(request.get("name", ""))),
            "auth_user_change_password": _silent(
                lambda request: auth.change_hashed_password(request.get("name", ""), _hash_of(request))
            ),
            "auth_user_grant_role": _silent(
                lambda request: auth.grant_role(request.get("user", ""), request.get("role", ""))
            ),
            "auth_user_revoke_role": _silent(
                lambda request: auth.revoke_role(request.get("name", ""), request.get("role", ""))
            ),
            "auth_role_add": _silent(lambda request: auth.add_role(request.get("name", ""))),
            "auth_role_delete": _silent(lambda request: auth.delete_role(request.get("role", ""))),
            "auth_role_grant_permission": _silent(self._grant_permission),
            "auth_role_revoke_permission": _silent(
                lambda request: auth.revoke_permission(
                    request.get("role", ""), request.get("key", b""), request.get("range_end", b"")
                )
            ),
        }

    def _authenticate(self, request: Message, who: Identity | None, index: int) -> Message:
        # The index makes the token the same on all members, and different from every other one.
        token = f"{request.get('simple_token', '')}.{index}"
        return {"token": self._auth.assign_token(request.get("name", ""), token)}

    def _user_add(self, request: Message) -> None:
        no_password = request.get("options", {}).get("no_password", False)
        self._auth.add_hashed_user(request.get("name", ""), None if no_password else _hash_of(request))

    def _user_get(self, request: Message, who: Identity | None, index: int) -> Message:
        name = request.get("name", "")
        if who is None or who.user != name:
            self._auth.permit_admin(who)
        return {"roles": list(self._auth.user(name).roles)}

    def _role_get(self, request: Message, who: Identity | None, index: int) -> Message:
        name = request.get("role", "")
        user = self._auth.users.get(who.user) if who is not None else None
        if user is None or name not in user.roles:
            self._auth.permit_admin(who)
        perms = [
            {"permType": permission.type, "key": permission.key, "range_end": permission.range_end}
            for permission in self._auth.permissions(name)
        ]
        return {"perm": perms}

    def _grant_permission(self, request: Message) -> None:
        if "perm" not in request:
            raise PermissionNotGiven
        perm = request["perm"]
        self._auth.grant_permission(
            request.get("name", ""),
            Permission(perm.get("key", b""), perm.get("range_end", b""), perm.get("permType", 0)),
        )


def _silent(call: Callable[[Message], object]) -> Handler:
    """A request whose response says nothing but that it was done."""

    def handler(request: Message, who: Identity | None, index: int) -> Message:
        call(request)
        return {}

    return handler


def _hash_of(request: Message) -> bytes:
    return base64.b64decode(request.get("hashedPassword", ""))


def with_hash(auth: AuthStore, request: Message) -> Message:
    """The request as it goes into the log: with a hash of the password in the password's place."""
    if request.get("options", {}).get("no_password", False):
        return request
    hashed = auth.hash_password(request.get("name", ""), request.get("password", ""))
    rest = {name: value for name, value in request.items() if name != "password"}
    return {**rest, "hashedPassword": base64.b64encode(hashed).decode()}
