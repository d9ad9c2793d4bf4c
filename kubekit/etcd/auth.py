"""Auth: who may read and write which keys, once somebody has switched it on.

Users have roles, roles have permissions on ranges of keys; the role `root` may do everything. Every change
of users or roles is a new *auth revision*: what a token allowed before it must be asked for again. Until
`enable` nothing is checked.

Passwords are kept as salted hashes. Do not look into `users` to decide anything: ask `permit` and
`permit_admin`.
Source: server/auth/store.go, server/auth/simple_token.go.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from dataclasses import dataclass, field
from typing import NamedTuple

from kubekit.etcd import bcrypt
from kubekit.etcd.errors import (
    AuthFailed,
    AuthNotEnabled,
    AuthOldRevision,
    InvalidAuthManagement,
    InvalidAuthToken,
    NoPasswordUser,
    PermissionDenied,
    PermissionNotGranted,
    RoleEmpty,
    RoleExists,
    RoleNotFound,
    RoleNotGranted,
    RootRoleMissing,
    RootUserMissing,
    UserEmpty,
    UserExists,
    UserNotFound,
)
from kubekit.etcd.tree_index import FROM_KEY
from kubekit.sim import Clock

ROOT = "root"
"""The name of the user that must exist, and of the role that may do everything."""

READ, WRITE, READWRITE = 0, 1, 2
"""Types of permission."""

TOKEN_SECONDS = 300.0
"""How long a token lives without being used."""


class Permission(NamedTuple):
    """Leave to read, write or both on a key or a range; `range_end` as in requests."""

    key: bytes
    range_end: bytes
    type: int


class Identity(NamedTuple):
    """Who asks: a user as of an auth revision."""

    user: str
    revision: int


@dataclass
class User:
    """A user; `password` is a hash, None for one that has none and uses a certificate."""

    name: str
    password: bytes | None
    roles: list[str] = field(default_factory=list)


@dataclass
class Role:
    """A role with its permissions, in the order of their keys."""

    name: str
    permissions: list[Permission] = field(default_factory=list)


class AuthStore:
    """Users, roles and tokens of a store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.enabled = False
        self.revision = 1
        self.users: dict[str, User] = {}
        self.roles: dict[str, Role] = {}
        self._tokens: dict[str, tuple[Identity, float]] = {}
        self._count = 0

    # Switching

    def enable(self) -> None:
        """Check every request from now on. Raises RootUserMissing, RootRoleMissing."""
        if self.enabled:
            return
        root = self.users.get(ROOT)
        if root is None:
            raise RootUserMissing
        if ROOT not in root.roles:
            raise RootRoleMissing
        self.enabled = True

    def disable(self) -> None:
        """Check nothing any more; all tokens are void."""
        if self.enabled:
            self.enabled = False
            self.revision += 1
            self._tokens.clear()

    # Users

    def add_user(self, name: str, password: str | None) -> None:
        """A user with a password, or with None. Raises UserEmpty, UserExists."""
        self.add_hashed_user(name, None if password is None else self.hash_password(name, password))

    def add_hashed_user(self, name: str, password: bytes | None) -> None:
        """The same with a hash of the password: what the members of a cluster are told.

        Raises UserEmpty, UserExists.
        """
        if not name:
            raise UserEmpty
        if name in self.users:
            raise UserExists
        self.users[name] = User(name, password)
        self.revision += 1

    def user(self, name: str) -> User:
        """Raises UserNotFound."""
        found = self.users.get(name)
        if found is None:
            raise UserNotFound
        return found

    def delete_user(self, name: str) -> None:
        """Raises UserNotFound, and InvalidAuthManagement for root."""
        if self.enabled and name == ROOT:
            raise InvalidAuthManagement
        self.user(name)
        del self.users[name]
        self.revision += 1
        self._void(name)

    def change_password(self, name: str, password: str) -> None:
        """Raises UserNotFound."""
        self.change_hashed_password(name, self.hash_password(name, password))

    def change_hashed_password(self, name: str, password: bytes) -> None:
        """The same with a hash of the password. Raises UserNotFound."""
        user = self.user(name)
        if user.password is not None:
            user.password = password
        self.revision += 1
        self._void(name)

    def grant_role(self, name: str, role: str) -> None:
        """Raises UserNotFound, RoleNotFound; granting twice changes nothing."""
        user = self.user(name)
        if role != ROOT:
            self.role(role)
        if role not in user.roles:
            insort(user.roles, role)
            self.revision += 1

    def revoke_role(self, name: str, role: str) -> None:
        """Raises UserNotFound, RoleNotGranted, and InvalidAuthManagement for root's own role."""
        if self.enabled and name == ROOT and role == ROOT:
            raise InvalidAuthManagement
        user = self.user(name)
        if role not in user.roles:
            raise RoleNotGranted
        user.roles.remove(role)
        self.revision += 1

    # Roles

    def add_role(self, name: str) -> None:
        """Raises RoleEmpty, RoleExists."""
        if not name:
            raise RoleEmpty
        if name in self.roles:
            raise RoleExists
        self.roles[name] = Role(name)
        self.revision += 1

    def role(self, name: str) -> Role:
        """Raises RoleNotFound."""
        found = self.roles.get(name)
        if found is None:
            raise RoleNotFound
        return found

    def delete_role(self, name: str) -> None:
        """Also takes it from every user. Raises RoleNotFound, and InvalidAuthManagement for root."""
        if self.enabled and name == ROOT:
            raise InvalidAuthManagement
        self.role(name)
        del self.roles[name]
        for user in self.users.values():
            if name in user.roles:
                user.roles.remove(name)
        self.revision += 1

    def permissions(self, name: str) -> list[Permission]:
        """A role's permissions; root's are the same whatever it was given. Raises RoleNotFound."""
        role = self.role(name)
        return [Permission(b"", FROM_KEY, READWRITE)] if name == ROOT else role.permissions

    def grant_permission(self, name: str, permission: Permission) -> None:
        """Give leave, or change its type. Raises InvalidAuthManagement (no such range), RoleNotFound."""
        if not _valid(permission.key, permission.range_end):
            raise InvalidAuthManagement
        role = self.role(name)
        span = permission[:2]
        role.permissions = [kept for kept in role.permissions if kept[:2] != span]
        insort(role.permissions, permission)
        self.revision += 1

    def revoke_permission(self, name: str, key: bytes, range_end: bytes) -> None:
        """Raises RoleNotFound, PermissionNotGranted."""
        role = self.role(name)
        kept = [permission for permission in role.permissions if permission[:2] != (key, range_end)]
        if len(kept) == len(role.permissions):
            raise PermissionNotGranted
        role.permissions = kept
        self.revision += 1

    # Asking

    def check_password(self, name: str, password: str) -> int:
        """Whether a user's password is right; the auth revision as of which it was.

        Raises AuthNotEnabled, AuthFailed, NoPasswordUser.
        """
        if not bcrypt.check_password(password, self._with_password(name).password or b""):
            raise AuthFailed
        return self.revision

    def assign_token(self, name: str, token: str) -> str:
        """Let a token stand for a user whose password was checked. Raises as `check_password`."""
        self._with_password(name)
        self._tokens[token] = (Identity(name, self.revision), self._clock.now() + TOKEN_SECONDS)
        return token

    def authenticate(self, name: str, password: str) -> str:
        """A token for a user, of a store that stands alone. Raises as `check_password`."""
        self.check_password(name, password)
        self._count += 1
        return self.assign_token(
            name, f"{token_prefix(f'{name}/{self._count}/{self._clock.now()}')}.{self._count}"
        )

    def _with_password(self, name: str) -> User:
        if not self.enabled:
            raise AuthNotEnabled
        user = self.users.get(name)
        if user is None:
            raise AuthFailed
        if user.password is None:
            raise NoPasswordUser
        return user

    def identify(self, token: str | Identity) -> Identity | None:
        """Who a token stands for; None without one or while nothing is checked. Raises InvalidAuthToken.

        Who was known without a token, by a certificate, is given as an Identity; it is one of the present
        revision.
        """
        if not self.enabled or not token:
            return None
        if isinstance(token, Identity):
            return Identity(token.user, self.revision)
        token = token.removeprefix("Bearer ")
        found = self._tokens.get(token)
        now = self._clock.now()
        if found is None or found[1] <= now:
            raise InvalidAuthToken
        self._tokens[token] = (found[0], now + TOKEN_SECONDS)
        return found[0]

    def permit(self, identity: Identity | None, type: int, key: bytes, range_end: bytes = b"") -> None:
        """Let READ or WRITE of a range pass. Raises UserEmpty, AuthOldRevision, PermissionDenied."""
        if not self.enabled:
            return
        if identity is None:
            raise UserEmpty
        if identity.revision < self.revision:
            raise AuthOldRevision
        user = self.users.get(identity.user)
        if user is None or not (ROOT in user.roles or self._covers(user, type, key, range_end)):
            raise PermissionDenied

    def permit_admin(self, identity: Identity | None) -> None:
        """Let pass what only root may do. Raises UserEmpty, UserNotFound, PermissionDenied."""
        if not self.enabled:
            return
        if identity is None:
            raise UserEmpty
        if ROOT not in self.user(identity.user).roles:
            raise PermissionDenied

    def is_admin(self, identity: Identity | None) -> bool:
        """Whether `permit_admin` would let pass."""
        if not self.enabled:
            return True
        user = self.users.get(identity.user) if identity is not None else None
        return user is not None and ROOT in user.roles

    def require_user(self, identity: Identity | None) -> None:
        """Let pass any user, but not nobody. Raises UserEmpty."""
        if self.enabled and identity is None:
            raise UserEmpty

    def _covers(self, user: User, type: int, key: bytes, range_end: bytes) -> bool:
        """Whether a user's permissions, taken together, reach over the whole range."""
        spans = sorted(
            _span(permission.key, permission.range_end)
            for name in user.roles
            if name in self.roles
            for permission in self.roles[name].permissions
            if permission.type in (type, READWRITE)
        )
        start, end = _span(key, range_end)
        reached = start
        for low, high in spans:
            if low > reached:
                break
            reached = max(reached, high)
            if reached >= end:
                return True
        return False

    def hash_password(self, name: str, password: str) -> bytes:
        """What is kept instead of a password."""
        return bcrypt.hash_password(password, bcrypt.salt_of(name))

    def _void(self, name: str) -> None:
        self._tokens = {token: held for token, held in self._tokens.items() if held[0].user != name}


def token_prefix(seed: str) -> str:
    """Sixteen letters that nobody guesses who does not know `seed`: how a simple token begins."""
    return "".join(chr(97 + byte % 26) for byte in hashlib.sha256(seed.encode()).digest()[:16])


End = tuple[bool, bytes]
"""A place in the key space: (True, b"") lies behind every key."""


def _span(key: bytes, range_end: bytes) -> tuple[End, End]:
    if not range_end:
        return (False, key), (False, key + b"\x00")
    return (False, key), (True, b"") if range_end == FROM_KEY else (False, range_end)


def _valid(key: bytes, range_end: bytes) -> bool:
    return bool(key) and (not range_end or range_end == FROM_KEY or key < range_end)
