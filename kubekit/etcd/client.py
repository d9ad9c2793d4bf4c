"""EtcdClient: the store as the API server sees it, over the members' client endpoints.

It has the everyday methods of `KVStore` (get, range, put_if, delete_if, txn, watch, compact ...) and asks the
member that it is connected to. When that one goes, or keeps it waiting in vain, it connects to the next of
its endpoints; its watches go on there, from the revision after the last one that they saw, so nothing is
missed and nothing told twice. A write that failed is not repeated: it may have been done.

A cluster of one that is well needs no agreement: the write is put into its log and applied in the same turn.
Errors are `EtcdError` with etcd's words.
Source: client/v3 (client.go, retry_interceptor.go, watch.go). The original's balancer takes turns among all
endpoints; this client stays with one, as a kube-apiserver does whose etcd runs beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kubekit.etcd.alone import delete_alone, operate_alone, put_alone
from kubekit.etcd.answer import Answer
from kubekit.etcd.client_watch import ClientWatch
from kubekit.etcd.cluster_errors import Unavailable
from kubekit.etcd.errors import EmptyKey, EtcdError, NoSpace, RequestTimedOut
from kubekit.etcd.key_value import Event, KeyValue
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.operation import (
    Compare,
    DeleteIf,
    DeleteRange,
    DeleteResult,
    Operation,
    Put,
    PutIf,
    PutResult,
    Range,
    RangeResult,
    Result,
    Txn,
    TxnResult,
)
from kubekit.etcd.permission import permit
from kubekit.etcd.quota import KEY_OVERHEAD, cost
from kubekit.etcd.v3rpc import Who
from kubekit.sim import Stalled, VirtualClock

if TYPE_CHECKING:
    from kubekit.etcd.cluster import EtcdCluster
    from kubekit.etcd.member import Member

DIAL_SECONDS = 20.0
"""How long a client waits for a member that is coming up."""

_KINDS: dict[type, str] = {Put: "put", DeleteRange: "delete_range", Txn: "txn"}


class EtcdClient:
    """One client of a cluster; `endpoints` are names of members, all of them when nothing is said.

    `who` says as whom it asks once users are heeded: a token or an Identity.
    """

    shared = False
    """Whether other clients' writes have to be asked for: no, watches here are told within the write."""

    def __init__(
        self, cluster: EtcdCluster, endpoints: Sequence[str] | None = None, name: str = "", who: Who = ""
    ) -> None:
        self.cluster = cluster
        self.name = name
        self.who = who
        self._endpoints = None if endpoints is None else list(endpoints)
        self._member: Member | None = None
        self._last = ""
        """The member that it was connected to last: the others have their turn first."""
        self._watches: dict[ClientWatch, None] = {}

    # -- the connection ---------------------------------------------------------------------------------

    @property
    def endpoints(self) -> list[str]:
        """The members that it may ask."""
        return list(self.cluster.members) if self._endpoints is None else list(self._endpoints)

    @property
    def connected_to(self) -> str:
        """The name of the member that it is connected to; empty when it is to none."""
        return self._member.plan.name if self._member is not None else ""

    def member(self) -> Member:
        """The member that it asks. Raises RequestTimedOut when none answers."""
        member = self._member
        if member is not None and member.serving and member.state == "running":
            return member
        if not any(member.serving for member in self._running()):
            self._await()
        return self._connect(self._last)

    def _running(self) -> list[Member]:
        members = self.cluster.members
        return [members[name] for name in self.endpoints if name in members and members[name].running]

    def _await(self) -> None:
        """Let time pass until one of the members that have been started serves, if that may be."""
        loop = self.cluster.loop
        if self._running() and not loop.running and isinstance(loop.clock, VirtualClock):
            try:
                loop.run_until(lambda: any(member.serving for member in self._running()), DIAL_SECONDS)
            except Stalled:
                return

    def _connect(self, after: str = "") -> Member:
        """Connect to the next member after one that answers, and go on watching there."""
        names = self.endpoints
        start = names.index(after) + 1 if after in names else 0
        for name in names[start:] + names[:start]:
            member = self.cluster.members.get(name)
            if member is not None and member.serving and member.state == "running" and not member.learner:
                if member is not self._member:
                    self._leave()
                    self._member, self._last = member, name
                    member.streams.attach(self)
                    for watch in list(self._watches):
                        watch.open(member.store)
                return member
        raise RequestTimedOut

    def _leave(self) -> None:
        if self._member is not None:
            self._member.streams.detach(self)
            self._member = None
        for watch in self._watches:
            watch.close()

    def lost(self) -> None:
        """The member has ended the connection: connect to another one, if any answers."""
        self._leave()
        self.reconnect()

    def reconnect(self) -> None:
        """Find a member again, if there is something to watch for."""
        if self._member is None and self._watches:
            try:
                self._connect(self._last)
            except EtcdError:
                return

    def close(self) -> None:
        """End the connection and all watches."""
        self._leave()
        self._watches.clear()
        self.cluster.forget(self)

    # -- asking -----------------------------------------------------------------------------------------

    def _ask(self, ask: Callable[[Member, Answer], None]) -> Any:
        member = self.member()
        answers: list[Any] = []
        answer = Answer(answers.append)
        try:
            ask(member, answer)
            member.wait(answers, answer)
            if isinstance(answers[0], EtcdError):
                raise answers[0]
        except Unavailable:
            self._go_elsewhere(member)
            raise
        except RequestTimedOut:
            self._go_elsewhere(member)
            raise
        return answers[0]

    def _go_elsewhere(self, member: Member) -> None:
        """This member kept the client waiting: the next question goes to another one."""
        if self._member is member and len(self.endpoints) > 1:
            try:
                self._connect(member.plan.name)
            except EtcdError:
                return

    def _caught_up(self) -> KVStore:
        """The store of the member, once reading it is linearizable."""
        member = self._member
        if member is None or not member.alone:
            self._ask(lambda asked, answer: asked.read(answer))
            member = self.member()
        if member.auth.enabled:
            member.auth.identify(self.who)
        return member.store

    def refresh(self) -> None:
        """Be as new as the cluster is: its watches have been told of every write that was answered before.

        Raises EtcdError when nobody can say so, as without a quorum.
        """
        member = self._member
        if member is None or not member.alone:
            self._caught_up()

    # -- reading ----------------------------------------------------------------------------------------

    @property
    def store(self) -> KVStore:
        """The answering member's store, which may be behind; only to look."""
        return self.member().store

    @property
    def revision(self) -> int:
        """The answering member's revision, which may be behind."""
        return self.member().store.revision

    @property
    def compacted_revision(self) -> int:
        """The oldest revision that the answering member can read."""
        return self.member().store.compacted_revision

    def get(self, key: bytes, rev: int = 0) -> KeyValue | None:
        """One key, or None."""
        member = self._member
        if member is not None and member.alone:
            return member.store.get(key, rev)
        found = self.read(Range(key, revision=rev)).kvs
        return found[0] if found else None

    def range(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        rev: int = 0,
        limit: int = 0,
        count_only: bool = False,
        keys_only: bool = False,
    ) -> RangeResult:
        """The keys of a range, as `KVStore.range`."""
        return self.read(Range(key, range_end, rev, limit, keys_only=keys_only, count_only=count_only))

    def read(self, request: Range) -> RangeResult:
        """Do a linearizable `Range`."""
        store = self._caught_up()
        member = self.member()
        permit(member.auth, store, member.auth.identify(self.who), request)
        return store.read(request)

    # -- writing ----------------------------------------------------------------------------------------

    def put(self, key: bytes, value: bytes, lease: int = 0) -> int:
        """Write one key; the new revision."""
        result = self.apply(Put(key, value, lease))
        assert isinstance(result, PutResult)
        return result.revision

    def put_if(self, key: bytes, value: bytes, mod_revision: int, lease: int = 0) -> int:
        """Put when the key is at that revision (0: absent); the new revision, or 0."""
        member = self._member
        if member is not None and member.alone:
            return put_alone(member, key, value, mod_revision, lease)
        return self._write_if(PutIf(key, value, mod_revision, lease))

    def _write_if(self, operation: PutIf | DeleteIf) -> int:
        if not operation.key:
            raise EmptyKey
        member = self.member()
        growth = KEY_OVERHEAD + len(operation.key) + len(operation[1]) if type(operation) is PutIf else 0
        self._check_quota(member, growth)
        who = member.auth.identify(self.who)
        result = self._ask(lambda asked, answer: asked.propose("txn", operation, who, answer))
        return result.revision if result.succeeded else 0

    def _check_quota(self, member: Member, growth: int) -> None:
        if growth and not member.quota.available(growth):
            self._ask(lambda asked, answer: asked.raise_alarm(answer))
            raise NoSpace

    def delete(self, key: bytes, range_end: bytes = b"") -> DeleteResult:
        """Delete the keys of a range, with all that was there."""
        result = self.apply(DeleteRange(key, range_end, prev_kv=True))
        assert isinstance(result, DeleteResult)
        return result

    def delete_if(self, key: bytes, mod_revision: int) -> int:
        """Delete a key when it is at that revision; the new revision, or 0."""
        member = self._member
        if member is not None and member.alone:
            return delete_alone(member, key, mod_revision)
        if mod_revision <= 0:
            return 0
        return self._write_if(DeleteIf(key, mod_revision))

    def txn(
        self,
        compares: Sequence[Compare] = (),
        success: Sequence[Operation | None] = (),
        failure: Sequence[Operation | None] = (),
    ) -> TxnResult:
        """If all comparisons hold do `success`, else `failure`, as one change."""
        result = self.apply(Txn(compares, success, failure))
        assert isinstance(result, TxnResult)
        return result

    def apply(self, operation: Operation) -> Result:
        """Do any operation."""
        if isinstance(operation, Range):
            return self.read(operation)
        member = self.member()
        member.store.check(operation)
        self._check_quota(member, cost(operation))
        if member.alone:
            return operate_alone(member, _KINDS[type(operation)], operation)
        who = member.auth.identify(self.who)
        kind = _KINDS[type(operation)]
        result: Result = self._ask(lambda asked, answer: asked.propose(kind, operation, who, answer))
        return result

    def compact(self, rev: int) -> None:
        """Forget what came before a revision. Raises Compacted, FutureRevision."""
        member = self.member()
        who = member.auth.identify(self.who)
        self._ask(lambda asked, answer: asked.propose("compaction", {"revision": rev}, who, answer))

    def grant(self, ttl: int, id: int = 0) -> int:
        """A lease for some seconds; its id. Raises LeaseExists, LeaseTtlTooLarge."""
        member = self.member()
        who = member.auth.identify(self.who)
        body = {"TTL": ttl, "ID": id or member.store.leases.choose_id()}
        granted = self._ask(lambda asked, answer: asked.propose("lease_grant", body, who, answer))
        return int(granted["ID"])

    # -- watching ---------------------------------------------------------------------------------------

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        start_rev: int = 0,
        callback: Callable[[list[Event]], None] = lambda events: None,
        *,
        prev_kv: bool = False,
        hidden: Iterable[int] = (),
        on_compacted: Callable[[int], None] | None = None,
    ) -> ClientWatch:
        """Be told of every change of a range from `start_rev` on (0: from now on), whichever member lives.

        Should the history be gone when a watch goes on at another member, it ends, and `on_compacted` is
        called with the oldest revision that is left. Raises Compacted, EmptyWatchRange.
        """
        store = self.member().store
        watch = ClientWatch(self, key, range_end, start_rev, callback, prev_kv, tuple(hidden), on_compacted)
        watch.open(store, first=True)
        self._watches[watch] = None
        return watch

    def forget(self, watch: ClientWatch) -> None:
        """A watch was cancelled."""
        self._watches.pop(watch, None)
