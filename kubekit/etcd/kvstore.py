"""KVStore: a key-value store that remembers every revision.

Keys and values are bytes. Every write makes a new revision, reads may ask for any revision that has not
been compacted, and watchers are told of every change in order. A write goes through three places: the tree
index says where the key's present version is, the revision log files the new one, the watcher hub tells who
wants to know.

Everything happens at once and in the caller's turn: there is one writer. A member of a cluster calls the same
methods when it applies a committed entry. Do not reach into `index` or `log` to change them.
Source: server/storage/mvcc/kvstore.go, kvstore_txn.go; server/etcdserver/txn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kubekit.etcd import compaction
from kubekit.etcd.backend_size import BackendSize
from kubekit.etcd.errors import Compacted, FutureRevision
from kubekit.etcd.hashing import HashKV, hash_kv
from kubekit.etcd.key_value import DELETE, PUT, Event, KeyValue
from kubekit.etcd.lease import Lessor
from kubekit.etcd.operation import (
    Compare,
    DeleteRange,
    DeleteResult,
    Operation,
    Put,
    PutResult,
    Range,
    RangeResult,
    Result,
    Txn,
    TxnResult,
)
from kubekit.etcd.ranges import arrange, reads_all
from kubekit.etcd.recovery import Entries, fill
from kubekit.etcd.revision import Revision
from kubekit.etcd.revision_log import RevisionLog
from kubekit.etcd.tree_index import FROM_KEY, TreeIndex
from kubekit.etcd.txn import (
    Plan,
    check_branch,
    check_operation,
    check_present,
    check_put,
    check_request,
    choose,
    chosen,
)
from kubekit.etcd.watch import Watcher, WatcherHub
from kubekit.sim import Clock

DEFAULT_MEMBER_ID = 0x8E9E05C52164694D
"""The id of a member that was started with etcd's default addresses."""


class KVStore:
    """One member's store."""

    def __init__(self, clock: Clock, member_id: int = DEFAULT_MEMBER_ID) -> None:
        self.clock = clock
        self.revision = 1
        """The present revision; read only."""
        self.compacted_revision = -1
        """The oldest revision that can be read; -1 when nothing was ever compacted."""
        self.index = TreeIndex()
        self.log = RevisionLog()
        self.size = BackendSize()
        """How large the file is that this store would be kept in."""
        self.leases = Lessor(clock, self._delete_keys, member_id)
        self.watchers = WatcherHub(self)
        self._hashes: list[compaction.PastHash] = []

    # Reading

    def get(self, key: bytes, rev: int = 0) -> KeyValue | None:
        """One key now or at a revision; None when it does not exist. Raises Compacted, FutureRevision."""
        index = self.index.by_key.get(key)
        if rev > 0:
            self._check_readable(rev)
            found = index.get(rev) if index is not None else None
            return None if found is None else self.log.at[found]
        return index.present if index is not None else None

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
        """The keys of ``[key, range_end)`` in order; see `Range` for all options. Raises Compacted,
        FutureRevision."""
        return self.read(Range(key, range_end, rev, limit, keys_only=keys_only, count_only=count_only))

    def read(self, request: Range) -> RangeResult:
        """Do a `Range`. Raises Compacted, FutureRevision."""
        return self._read(request, self.revision)

    def history(self, main: int) -> Iterable[tuple[Revision, KeyValue]]:
        """Every version filed from main revision `main` on, tombstones included."""
        return self.log.since(main)

    def at(self, key: bytes, revision: int) -> KeyValue | None:
        """One key at a revision; None also when that cannot be known any more."""
        index = self.index.by_key.get(key)
        if index is None or revision < self.compacted_revision:
            return None
        found = index.get(revision)
        return None if found is None else self.log.at[found]

    def current(self, key: bytes, range_end: bytes = b"") -> list[KeyValue]:
        """The keys of a range as they are now."""
        return self.index.present(key, range_end)

    # Writing

    def put(self, key: bytes, value: bytes, lease: int = 0) -> int:
        """Write one key; the new revision. Raises EmptyKey, LeaseNotFound."""
        put = Put(key, value, lease)
        if lease or not key:
            check_put(put)
            check_present(self, put)
        main = self.revision + 1
        changes: list[Event] = []
        self._file(key, value, lease, main, changes)
        return self._commit(main, changes)

    def put_if(self, key: bytes, value: bytes, mod_revision: int, lease: int = 0) -> int:
        """Put when the key's mod revision is as given (0: it must not exist); the new revision, or 0 when
        not.

        What a transaction with one comparison of MOD would do, without making one.
        """
        found = self.get(key)
        if (found.mod_revision if found is not None else 0) != mod_revision:
            return 0
        return self.put(key, value, lease)

    def delete(self, key: bytes, range_end: bytes = b"") -> DeleteResult:
        """Delete the keys of a range, with all that was there; deleting nothing makes no revision."""
        result = self.apply(DeleteRange(key, range_end, prev_kv=True))
        assert isinstance(result, DeleteResult)
        return result

    def delete_if(self, key: bytes, mod_revision: int) -> int:
        """Delete a key when its mod revision is as given; the new revision, or 0 when it is not."""
        found = self.get(key)
        if found is None or found.mod_revision != mod_revision:
            return 0
        return self.delete(key).revision

    def txn(
        self,
        compares: Sequence[Compare] = (),
        success: Sequence[Operation | None] = (),
        failure: Sequence[Operation | None] = (),
    ) -> TxnResult:
        """If all comparisons hold do `success`, else `failure`, as one change. Raises what its operations
        raise."""
        result = self.apply(Txn(compares, success, failure))
        assert isinstance(result, TxnResult)
        return result

    def check(self, operation: Operation | None) -> None:
        """Refuse an operation that makes no sense whatever the store holds. Raises InvalidArgument."""
        if isinstance(operation, Txn):
            check_request(operation)
        else:
            check_operation(operation)

    def apply(self, operation: Operation | None) -> Result:
        """Do any operation: check it, then do it whole or not at all. Raises EtcdError."""
        self.check(operation)
        plan: Plan | None = None
        if isinstance(operation, Txn):
            plan = choose(self, operation)
            check_branch(self, operation, plan)
        elif isinstance(operation, Put):
            check_present(self, operation)
        changes: list[Event] = []
        result = self._execute(operation, plan, self.revision + 1, changes)
        self._commit(self.revision + 1, changes)
        return result

    def compact(self, rev: int) -> None:
        """Forget what came before revision `rev`, which stays readable. Raises Compacted, FutureRevision."""
        compaction.check(rev, self.compacted_revision, self.revision)
        found = compaction.compact(self.index, self.log, self.size, rev, self.compacted_revision)
        if found is not None:
            compaction.remember(self._hashes, found)
        self.compacted_revision = rev

    def defragment(self) -> None:
        """Write the file anew, so that it holds no free pages. Changes no answer but that of its size."""
        self.size.defragment()

    def restore(
        self,
        entries: Entries,
        leases: Iterable[tuple[int, int, int]] = (),
        *,
        compacted: int = 0,
        scheduled: int = 0,
    ) -> None:
        """Become the store that has this history, in place of the present one; watchers stay.

        `leases` are (id, ttl, remaining_ttl), `compacted` is the revision of the last finished compaction (0:
        none), `scheduled` that of the last one begun, which is finished now. Afterwards this member keeps no
        time for leases (`leases.promote`). Raises ValueError for a history that is none.
        """
        self.leases.restore(leases)
        self.index, self.log, self.size, newest = fill(entries, self.leases)
        self._hashes.clear()
        self.compacted_revision = compacted or -1
        self.revision = max(newest, compacted, scheduled)
        self.watchers.unsync()
        if scheduled > compacted:
            self.compact(scheduled)
            self._hashes.clear()
        while self.watchers.sync():
            pass

    # Watching and checking

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        start_rev: int = 0,
        callback: Callable[[list[Event]], None] = lambda events: None,
        *,
        prev_kv: bool = False,
        hidden: Iterable[int] = (),
    ) -> Watcher:
        """Be told of every change of a range from `start_rev` on (0: from now on).

        `callback` gets the events of one write in the writer's turn; what lies in the past is delivered, in
        batches, before this returns. `hidden` are types of events (PUT, DELETE) that are not wanted.
        Raises EmptyWatchRange, and Compacted when the past is gone.
        """
        if start_rev < 0 or 0 < start_rev < self.compacted_revision:
            raise Compacted(self.compacted_revision)
        watcher = self.watchers.add(
            key, range_end, start_rev, lambda events, _: callback(events), prev_kv=prev_kv, hidden=hidden
        )
        while not (watcher.synced or watcher.cancelled):
            self.watchers.sync()
        return watcher

    def grant(self, ttl: int, id: int = 0) -> int:
        """A lease for some seconds; its id. Raises LeaseExists, LeaseTtlTooLarge."""
        return self.leases.grant(ttl, id).id

    def has_lease(self, id: int) -> bool:
        """Whether a lease with this id has been granted and not revoked."""
        return id in self.leases

    def past_hashes(self) -> list[HashKV]:
        """The hashes of the last compactions, oldest first."""
        return [past.value() for past in self._hashes]

    def hash_kv(self, rev: int = 0) -> HashKV:
        """The hash of the history up to a revision (0: now). Raises Compacted, FutureRevision."""
        for remembered in self._hashes:
            if remembered.revision == rev:
                return remembered.value()
        if rev > 0:
            self._check_readable(rev)
        at = rev or self.revision
        return hash_kv(self.log.since(0), self.compacted_revision, at, self.index.keep(at))

    # What a write is made of

    def _check_readable(self, rev: int) -> None:
        if rev > self.revision:
            raise FutureRevision
        if rev < self.compacted_revision:
            raise Compacted(self.compacted_revision)

    def _read(self, request: Range, now: int) -> RangeResult:
        """Read as of `now`, which within a transaction that has written is one above the store's revision."""
        rev = request.revision
        if rev > now:
            raise FutureRevision
        if rev <= 0:
            rev = now
        if rev < self.compacted_revision:
            raise Compacted(self.compacted_revision)
        key, range_end = request.key, request.range_end
        if request.count_only:
            return RangeResult([], False, self._count(key, range_end, rev, now), now)
        # One more than asked for, so that it shows that there are more.
        limit = request.limit + 1 if request.limit > 0 and not reads_all(request) else 0
        if rev == now:
            kvs = self.index.present(key, range_end, limit)
        else:
            filed = self.log.at
            kvs = [filed[revision] for revision in self.index.revisions(key, range_end, rev, limit)]
        count = len(kvs) if len(kvs) != limit else self._count(key, range_end, rev, now)
        kvs, more = arrange(kvs, request)
        return RangeResult(kvs, more, count, now)

    def _count(self, key: bytes, range_end: bytes, rev: int, now: int) -> int:
        """How many keys of a range there were at `rev`; `now` is the revision of what the index has."""
        index = self.index
        if rev != now and self.log.count_since(rev + 1) > index.known(key, range_end):
            return len(index.revisions(key, range_end, rev))
        count = index.count(key, range_end)
        if rev != now:
            # What has happened since is less than there are keys: go back from how it is now.
            for name in {kv.key for _, kv in self.log.since(rev + 1)}:
                if name == key or (name > key and (range_end == FROM_KEY or name < range_end)):
                    its = index.by_key[name]
                    count += (its.get(rev) is not None) - (its.present is not None)
        return count

    def _execute(
        self, operation: Operation | None, plan: Plan | None, main: int, changes: list[Event]
    ) -> Result:
        now = main if changes else main - 1
        if isinstance(operation, Range):
            return self._read(operation, now)
        if isinstance(operation, Put):
            prev = self.get(operation.key)
            value, lease = operation.value, operation.lease
            if prev is not None:
                value = prev.value if operation.ignore_value else value
                lease = prev.lease if operation.ignore_lease else lease
            self._file(operation.key, value, lease, main, changes)
            return PutResult(main, prev if operation.prev_kv else None)
        if isinstance(operation, DeleteRange):
            gone = self.index.present(operation.key, operation.range_end)
            for kv in gone:
                self._bury(kv, main, changes)
            return DeleteResult(len(gone), main if changes else main - 1, gone if operation.prev_kv else [])
        assert isinstance(operation, Txn) and plan is not None
        responses = [self._execute(inner, its, main, changes) for inner, its in chosen(operation, plan)]
        return TxnResult(plan[0], responses, main if changes else main - 1)

    def _file(self, key: bytes, value: bytes, lease: int, main: int, changes: list[Event]) -> None:
        """File a new version of a key."""
        index = self.index.by_key.get(key)
        prev = index.present if index is not None else None
        revision = Revision(main, len(changes))
        if prev is None:
            kv = KeyValue(key, value, main, main, 1, lease)
            if lease:
                self.leases.attach(lease, key)
        else:
            kv = KeyValue(key, value, prev.create_revision, main, prev.version + 1, lease)
            if prev.lease != lease:
                if prev.lease:
                    self.leases.detach(prev.lease, key)
                if lease:
                    self.leases.attach(lease, key)
        if prev is None or index is None:
            self.index.put(revision, kv)
        else:
            index.put(revision, kv)
        self.log.append(revision, kv)
        self.size.add(len(key) + len(value))
        changes.append(Event(PUT, kv, prev))

    def _bury(self, gone: KeyValue, main: int, changes: list[Event]) -> None:
        """File the tombstone of a key that exists."""
        revision = Revision(main, len(changes))
        tombstone = KeyValue(gone.key, mod_revision=main)
        self.index.tombstone(gone.key, revision)
        self.log.append(revision, tombstone)
        self.size.add(len(gone.key))
        # Watchers are told what was there before the transaction, whatever happened within it.
        before = gone if gone.mod_revision < main else self.at(gone.key, main - 1)
        changes.append(Event(DELETE, tombstone, before))
        if gone.lease:
            self.leases.detach(gone.lease, gone.key)

    def _delete_keys(self, keys: list[bytes]) -> None:
        """Delete some keys at one revision; the lessor's, for a lease that ends."""
        changes: list[Event] = []
        for key in keys:
            kv = self.get(key)
            if kv is not None:
                self._bury(kv, self.revision + 1, changes)
        self._commit(self.revision + 1, changes)

    def _commit(self, main: int, changes: list[Event]) -> int:
        """Make a write visible and tell the watchers; the store's revision."""
        if changes:
            self.revision = main
            self.size.commit()
            self.watchers.notify(main, changes)
            return main
        return self.revision
