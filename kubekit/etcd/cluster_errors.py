"""Cluster errors: how etcd refuses when members are missing, and how it refuses changes of membership.

As in `errors`: raise the class, never words of your own. Two refusals go out with the code "unknown"
although a code is reserved for them, because etcd's table of statuses names the wrong constant for them;
clients see that, so it stays. `BootstrapError` is no status: it is what a member writes to its log before it
exits, when it cannot even start.
Source: api/v3rpc/rpctypes/error.go, server/etcdserver/api/v3rpc/util.go, server/etcdserver/errors/errors.go.
"""

from __future__ import annotations

from kubekit.etcd.errors import EtcdError, InvalidArgument, RequestTimedOut


class Unavailable(EtcdError):
    """Not now; another member, or another moment, may do."""

    code = 14


class ConnectionRefused(Unavailable):
    """Nobody listens at a member's client address."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f'connection error: desc = "transport: Error while dialing: dial tcp {address}: '
            'connect: connection refused"'
        )


class ConnectionBroken(Unavailable):
    """The member died while it had the request: nobody can say whether it will be done."""

    message = "error reading from server: EOF"


class DeadlineExceeded(EtcdError):
    """The client's own time is over; the request may still be done later."""

    code = 4
    message = "context deadline exceeded"


class TimedOutLeaderFailure(Unavailable):
    message = "etcdserver: request timed out, possibly due to previous leader failure"


class TimedOutConnectionLost(Unavailable):
    message = "etcdserver: request timed out, possibly due to connection lost"


class TimedOutApplying(Unavailable):
    message = "etcdserver: request timed out, waiting for the applied index took too long"


class TimedOutTransfer(EtcdError):
    """etcd has no status of its own for this one, so it goes out as unknown."""

    message = "etcdserver: request timed out, leader transfer took too long"


class NoLeader(Unavailable):
    message = "etcdserver: no leader"


class LeaderChanged(Unavailable):
    message = "etcdserver: leader changed"


class ServerStopped(Unavailable):
    message = "etcdserver: server stopped"


class UnhealthyCluster(Unavailable):
    """A change of membership now could cost the quorum."""

    message = "etcdserver: unhealthy cluster"


class NotLeader(EtcdError):
    code = 9
    message = "etcdserver: not leader"


class TooManyRequests(EtcdError):
    """Unknown by code, as etcd sends it."""

    message = "etcdserver: too many requests"


class ProposalLost(EtcdError):
    """Raft took no proposal although a leader is known: it is being replaced or has been removed."""

    message = "raft proposal dropped"


class NotEnoughStarted(EtcdError):
    """Unknown by code, as etcd sends it."""

    message = "etcdserver: re-configuration failed due to not enough started members"


class MemberNotFound(EtcdError):
    code = 5
    message = "etcdserver: member not found"


class MemberExists(EtcdError):
    code = 9
    message = "etcdserver: member ID already exist"


class PeerUrlExists(EtcdError):
    code = 9
    message = "etcdserver: Peer URLs already exists"


class BadMemberUrls(InvalidArgument):
    message = "etcdserver: given member URLs are invalid"


class MemberNotLearner(EtcdError):
    code = 9
    message = "etcdserver: can only promote a learner member"


class LearnerNotReady(EtcdError):
    code = 9
    message = "etcdserver: can only promote a learner member which is in sync with leader"


class TooManyLearners(EtcdError):
    code = 9
    message = "etcdserver: too many learner members in cluster"


class NotForLearner(EtcdError):
    code = 9
    message = "etcdserver: rpc not supported for learner"


class BadTransferee(EtcdError):
    code = 9
    message = "etcdserver: bad leader transferee"


class WrongDowngradeVersion(InvalidArgument):
    message = "etcdserver: wrong downgrade target version format"


class InvalidDowngradeTarget(InvalidArgument):
    message = "etcdserver: invalid downgrade target version"


class ClusterVersionUnknown(EtcdError):
    code = 9
    message = "etcdserver: cluster version not found during downgrade"


class DowngradeInProgress(EtcdError):
    code = 9
    message = "etcdserver: cluster has a downgrade job in progress"


class NoDowngrade(EtcdError):
    code = 9
    message = "etcdserver: no inflight downgrade job"


class UnknownMethod(EtcdError):
    message = "etcdserver: unknown method"


class BootstrapError(Exception):
    """A member does not start; the text is what etcd logs as the error of "bootstrap failed"."""


__all__ = [
    "BadMemberUrls",
    "BadTransferee",
    "BootstrapError",
    "ClusterVersionUnknown",
    "ConnectionBroken",
    "ConnectionRefused",
    "DeadlineExceeded",
    "DowngradeInProgress",
    "InvalidDowngradeTarget",
    "LeaderChanged",
    "LearnerNotReady",
    "MemberExists",
    "MemberNotFound",
    "MemberNotLearner",
    "NoDowngrade",
    "NoLeader",
    "NotEnoughStarted",
    "NotForLearner",
    "NotLeader",
    "PeerUrlExists",
    "ProposalLost",
    "RequestTimedOut",
    "ServerStopped",
    "TimedOutApplying",
    "TimedOutConnectionLost",
    "TimedOutLeaderFailure",
    "TimedOutTransfer",
    "TooManyLearners",
    "TooManyRequests",
    "Unavailable",
    "UnhealthyCluster",
    "UnknownMethod",
    "WrongDowngradeVersion",
]
