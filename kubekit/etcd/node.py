"""Node: what the calls of etcd's API stand on, and the simplest one: a member without a log.

The calls (`kv_calls`, `lease_calls`, ...) do not know how a change is agreed on. They *propose* it and get
its result, and before a linearizable read they ask for `read`, which answers once this node has applied
everything that was agreed on before. `kubekit.etcd.Member` does both through Raft. `StandaloneNode` does
them at once, for a store that is all there is: the JSON gateway's tests, and a snapshot that one looks into.
Source: server/etcdserver/v3_server.go (RaftKV, Lessor, Authenticator).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from kubekit.etcd.alarms import AlarmStore
from kubekit.etcd.answer import Answer
from kubekit.etcd.apply import Applier
from kubekit.etcd.auth import AuthStore, Identity
from kubekit.etcd.backend import BackendState
from kubekit.etcd.cluster_errors import NotLeader
from kubekit.etcd.errors import EtcdError, LeaseNotFound, LeaseOverdue
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.membership import MemberInfo, Membership, cluster_id, default_member
from kubekit.etcd.messages import Message
from kubekit.etcd.quota import Quota
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.store_loading import state_of
from kubekit.raft import ConfChange

VERSION = "3.6.13"
"""What this etcd says of itself."""


class Node(Protocol):
    """A member as its calls see it."""

    id: int
    store: KVStore
    auth: AuthStore
    alarms: AlarmStore
    membership: Membership
    quota: Quota

    @property
    def cluster_id(self) -> int: ...
    @property
    def term(self) -> int: ...
    @property
    def lead(self) -> int:
        """The id of the leader as far as this node knows; 0: none."""
        ...

    @property
    def commit(self) -> int: ...
    @property
    def applied(self) -> int: ...
    @property
    def learner(self) -> bool: ...

    def propose(self, kind: str, body: Any, who: Identity | None, answer: Answer) -> None:
        """Have a request agreed on and applied; its result is the answer."""
        ...

    def propose_change(self, change: ConfChange, answer: Answer) -> None:
        """Have a change of the membership agreed on and applied; the answer is None."""
        ...

    def read(self, answer: Answer) -> None:
        """Answer None once reading here is as good as reading anywhere."""
        ...

    def renew(self, id: int, who: Identity | None, answer: Answer) -> None:
        """Renew a lease, wherever its time is kept; the answer is its granted time in seconds."""
        ...

    def time_to_live(self, id: int, keys: bool, answer: Answer) -> None:
        """Ask where a lease's time is kept; the answer is a response's fields. Raises LeaseNotFound."""
        ...

    def may_add(self, member: MemberInfo) -> None: ...
    def may_remove(self, id: int) -> None: ...
    def promote(self, id: int, answer: Answer) -> None: ...
    def move_leader(self, target: int, answer: Answer) -> None: ...
    def capture(self) -> BackendState:
        """Everything that this node would write into its file."""
        ...

    def clock_now(self) -> float: ...
    def token_seed(self) -> str:
        """Something that nobody guesses, for a token."""
        ...


class StandaloneNode:
    """One store, with nobody to agree with."""

    def __init__(
        self,
        store: KVStore,
        auth: AuthStore | None = None,
        members: Sequence[MemberInfo] = (default_member(),),
        raft_term: int = 2,
    ) -> None:
        self.store = store
        self.auth = auth if auth is not None else AuthStore(store.clock)
        self.alarms = AlarmStore()
        self.membership = Membership(members, version="3.6.0")
        self.quota = Quota(0, store.size)
        self.id = members[0].id
        self.cluster_id = cluster_id(member.id for member in members)
        self.term = raft_term
        self.lead = self.id
        self.applied = 0
        self.learner = False
        self._applier = Applier(self.store, self.auth, self.alarms, self.membership, self.quota)

    @property
    def commit(self) -> int:
        """What is agreed on is applied at once."""
        return self.applied

    def propose(self, kind: str, body: Any, who: Identity | None, answer: Answer) -> None:
        """Apply it."""
        self.applied += 1
        user, revision = who if who is not None else ("", 0)
        answer(self._applier.apply(RaftRequest(kind, body, 0, user, revision), self.applied))

    def read(self, answer: Answer) -> None:
        """Reading here is reading everything."""
        answer(None)

    def renew(self, id: int, who: Identity | None, answer: Answer) -> None:
        """Renew the lease here; an overdue one is revoked first, for which a client would have to wait."""
        try:
            answer(self.store.leases.renew(id))
        except LeaseOverdue as error:
            self.store.leases.revoke(id)
            answer(error)
        except EtcdError as error:
            answer(error)

    def time_to_live(self, id: int, keys: bool, answer: Answer) -> None:
        """Look at the lease here."""
        try:
            answer(lease_times(self.store, id, keys))
        except EtcdError as error:
            answer(error)

    def propose_change(self, change: ConfChange, answer: Answer) -> None:
        """There is no cluster to change."""
        answer(NotLeader())

    def may_add(self, member: MemberInfo) -> None:
        """There is no cluster to change. Raises NotLeader."""
        raise NotLeader

    def may_remove(self, id: int) -> None:
        """There is no cluster to change. Raises NotLeader."""
        raise NotLeader

    def promote(self, id: int, answer: Answer) -> None:
        """There is no cluster to change."""
        answer(NotLeader())

    def move_leader(self, target: int, answer: Answer) -> None:
        """Nobody else could lead."""
        answer(NotLeader())

    def capture(self) -> BackendState:
        """The store with its users and alarms."""
        return state_of(self.store, self.auth, self.alarms, members=self.membership.members())

    def clock_now(self) -> float:
        """Unix seconds."""
        return self.store.clock.now()

    def token_seed(self) -> str:
        """The number of the next entry: enough for a store that nobody attacks."""
        return f"{self.applied}/{self.store.clock.now()}"


def lease_times(store: KVStore, id: int, keys: bool) -> Message:
    """What is known of a lease where its time is kept. Raises LeaseNotFound."""
    lease = store.leases.lookup(id)
    if lease is None:
        raise LeaseNotFound
    message: Message = {"ID": id, "TTL": store.leases.remaining(lease), "grantedTTL": lease.ttl}
    if keys:
        message["keys"] = list(lease.keys)
    return message
