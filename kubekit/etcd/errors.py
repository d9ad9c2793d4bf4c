"""Errors: every refusal of the store, with the gRPC code and the words that etcd 3.6 answers.

Raise the class (`raise Compacted(7)`), let it travel unchanged to whoever speaks a protocol, and turn it
into a status there: `code` and `message` are what goes over gRPC, `http_status` is what the JSON gateway
answers. Do not build an `EtcdError` with words of your own: clients compare these texts.
Source: api/v3rpc/rpctypes/error.go; the HTTP statuses are those of grpc-gateway.
"""

from __future__ import annotations

HTTP_STATUS = {
    0: 200,
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}
"""The HTTP status for each gRPC code."""

CODE_NAMES = {
    1: "Canceled",
    2: "Unknown",
    3: "InvalidArgument",
    5: "NotFound",
    7: "PermissionDenied",
    8: "ResourceExhausted",
    9: "FailedPrecondition",
    11: "OutOfRange",
    12: "Unimplemented",
    14: "Unavailable",
    15: "DataLoss",
    16: "Unauthenticated",
}
"""The name of each gRPC code, as Go clients print it."""


class EtcdError(Exception):
    """A refused request: `code` is a gRPC status code, `message` etcd's own words."""

    code = 2
    message = ""

    def __init__(self, message: str = "") -> None:
        if message:
            self.message = message
        super().__init__(self.message)

    @property
    def http_status(self) -> int:
        """The status that the JSON gateway answers with."""
        return HTTP_STATUS.get(self.code, 500)


class InvalidArgument(EtcdError):
    """A request that makes no sense by itself, whatever the store holds."""

    code = 3


class EmptyKey(InvalidArgument):
    message = "etcdserver: key is not provided"


class KeyNotFound(InvalidArgument):
    message = "etcdserver: key not found"


class ValueProvided(InvalidArgument):
    message = "etcdserver: value is provided"


class LeaseProvided(InvalidArgument):
    message = "etcdserver: lease is provided"


class TooManyOps(InvalidArgument):
    message = "etcdserver: too many operations in txn request"


class DuplicateKey(InvalidArgument):
    message = "etcdserver: duplicate key given in txn request"


class InvalidSortOption(InvalidArgument):
    message = "etcdserver: invalid sort option"


class RequestTooLarge(InvalidArgument):
    message = "etcdserver: request is too large"


class MessageTooLarge(EtcdError):
    """Refused by the gRPC library, before etcd sees the request."""

    code = 8

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"grpc: received message larger than max ({size} vs. {limit})")


class Compacted(EtcdError):
    """A revision was asked for that is gone; `compact_revision` is the oldest that can be read."""

    code = 11
    message = "etcdserver: mvcc: required revision has been compacted"

    def __init__(self, compact_revision: int = 0) -> None:
        super().__init__()
        self.compact_revision = compact_revision


class FutureRevision(EtcdError):
    """A revision was asked for that does not exist yet."""

    code = 11
    message = "etcdserver: mvcc: required revision is a future revision"


class LeaseNotFound(EtcdError):
    code = 5
    message = "etcdserver: requested lease not found"


class LeaseExists(EtcdError):
    code = 9
    message = "etcdserver: lease already exists"


class LeaseTtlTooLarge(EtcdError):
    code = 11
    message = "etcdserver: too large lease TTL"


class LeaseOverdue(LeaseNotFound):
    """The lease's time is over and its revocation under way; to a client it is not found."""


class NotPrimary(EtcdError):
    """This member does not keep the leases' time; ask the leader. Never a status."""

    message = "not a primary lessor"


class NoSpace(EtcdError):
    """The store is at its quota, or the alarm of that is on."""

    code = 8
    message = "etcdserver: mvcc: database space exceeded"


class CorruptCluster(EtcdError):
    """The alarm that a member's data is corrupt is on."""

    code = 15
    message = "etcdserver: corrupt cluster"


class EmptyWatchRange(EtcdError):
    """A watch of `[key, end)` with end <= key. It is a cancel reason, never a status."""

    message = "mvcc: watcher range is empty"


class DuplicateWatchId(EtcdError):
    """The stream has a watch with this id already. It is a cancel reason, never a status."""

    message = "mvcc: duplicate watch ID provided on the WatchStream"


class Unimplemented(EtcdError):
    """The call is not served here."""

    code = 12


class NotServed(EtcdError):
    """The gateway has no such path."""

    code = 5
    message = "Not Found"


class RootUserMissing(EtcdError):
    code = 9
    message = "etcdserver: root user does not exist"


class RootRoleMissing(EtcdError):
    code = 9
    message = "etcdserver: root user does not have root role"


class UserExists(EtcdError):
    code = 9
    message = "etcdserver: user name already exists"


class UserEmpty(InvalidArgument):
    message = "etcdserver: user name is empty"


class UserNotFound(EtcdError):
    code = 9
    message = "etcdserver: user name not found"


class RoleExists(EtcdError):
    code = 9
    message = "etcdserver: role name already exists"


class RoleNotFound(EtcdError):
    code = 9
    message = "etcdserver: role name not found"


class RoleEmpty(InvalidArgument):
    message = "etcdserver: role name is empty"


class AuthFailed(InvalidArgument):
    message = "etcdserver: authentication failed, invalid user ID or password"


class NoPasswordUser(EtcdError):
    """etcd has no status of its own for this one, so it goes out as unknown."""

    message = "auth: authentication failed, password was given for no password user"


class PermissionNotGiven(InvalidArgument):
    message = "etcdserver: permission not given"


class PermissionDenied(EtcdError):
    code = 7
    message = "etcdserver: permission denied"


class RoleNotGranted(EtcdError):
    code = 9
    message = "etcdserver: role is not granted to the user"


class PermissionNotGranted(EtcdError):
    code = 9
    message = "etcdserver: permission is not granted to the role"


class AuthNotEnabled(EtcdError):
    code = 9
    message = "etcdserver: authentication is not enabled"


class InvalidAuthToken(EtcdError):
    code = 16
    message = "etcdserver: invalid auth token"


class InvalidAuthManagement(InvalidArgument):
    message = "etcdserver: invalid auth management"


class AuthOldRevision(InvalidArgument):
    message = "etcdserver: revision of auth store is old"


class RequestTimedOut(EtcdError):
    code = 14
    message = "etcdserver: request timed out"
