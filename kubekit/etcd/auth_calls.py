"""AuthCalls: the calls that manage users, roles and permissions.

Each turns a message into a call of `AuthStore` and back; `v3rpc.Server` lists them among its own. Once auth
is enabled only root may call them, except that everybody may look at himself and his roles.
Source: server/etcdserver/api/v3rpc/auth.go, server/etcdserver/apply/auth.go.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.etcd.auth import AuthStore, Identity, Permission
from kubekit.etcd.errors import PermissionNotGiven
from kubekit.etcd.messages import Message

Call = Callable[[Message, Identity | None], Message]


class AuthCalls:
    """The calls on one store of users."""

    def __init__(self, auth: AuthStore) -> None:
        self._auth = auth

    def calls(self) -> dict[str, Call]:
        """Every call by its name."""
        auth = self._auth
        return {
            "Auth/Authenticate": self._authenticate,
            "Auth/UserGet": self._user_get,
            "Auth/RoleGet": self._role_get,
            "Auth/AuthStatus": self._admin(self._status),
            "Auth/UserList": self._admin(lambda request: {"users": sorted(auth.users)}),
            "Auth/RoleList": self._admin(lambda request: {"roles": sorted(auth.roles)}),
            "Auth/AuthEnable": self._admin(lambda request: auth.enable()),
            "Auth/AuthDisable": self._admin(lambda request: auth.disable()),
            "Auth/UserAdd": self._admin(self._user_add),
            "Auth/UserDelete": self._admin(lambda request: auth.delete_user(request.get("name", ""))),
            "Auth/UserChangePassword": self._admin(
                lambda request: auth.change_password(request.get("name", ""), request.get("password", ""))
            ),
            "Auth/UserGrantRole": self._admin(
                lambda request: auth.grant_role(request.get("user", ""), request.get("role", ""))
            ),
            "Auth/UserRevokeRole": self._admin(
                lambda request: auth.revoke_role(request.get("name", ""), request.get("role", ""))
            ),
            "Auth/RoleAdd": self._admin(lambda request: auth.add_role(request.get("name", ""))),
            "Auth/RoleDelete": self._admin(lambda request: auth.delete_role(request.get("role", ""))),
            "Auth/RoleGrantPermission": self._admin(self._grant_permission),
            "Auth/RoleRevokePermission": self._admin(
                lambda request: auth.revoke_permission(
                    request.get("role", ""), request.get("key", b""), request.get("range_end", b"")
                )
            ),
        }

    def _admin(self, call: Callable[[Message], Message | None]) -> Call:
        """A call that only root may make."""

        def guarded(request: Message, who: Identity | None) -> Message:
            self._auth.permit_admin(who)
            return call(request) or {}

        return guarded

    def _status(self, request: Message) -> Message:
        return {"enabled": self._auth.enabled, "authRevision": self._auth.revision}

    def _authenticate(self, request: Message, who: Identity | None) -> Message:
        return {"token": self._auth.authenticate(request.get("name", ""), request.get("password", ""))}

    def _user_add(self, request: Message) -> None:
        no_password = request.get("options", {}).get("no_password", False)
        self._auth.add_user(request.get("name", ""), None if no_password else request.get("password", ""))

    def _user_get(self, request: Message, who: Identity | None) -> Message:
        name = request.get("name", "")
        if who is None or who.user != name:
            self._auth.permit_admin(who)
        return {"roles": list(self._auth.user(name).roles)}

    def _role_get(self, request: Message, who: Identity | None) -> Message:
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
