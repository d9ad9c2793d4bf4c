"""Loading: a member's state machine made from a file's content, and the other way round.

`load` fills a store, users, roles and alarms from a `BackendState`; `state_of` takes everything out again, as
it is at this moment: what is written to the store afterwards does not show in it, so it may be sent or
written bit by bit.

    loaded = load(SnapshotFile.open(disk, "backup.db").state, clock)
    loaded.store, loaded.auth, loaded.alarms
    state_of(loaded.store, loaded.auth, loaded.alarms, members=...)      # see BackendState for the rest

Source: server/storage/mvcc/kvstore.go (restore), server/auth/store.go (NewAuthStore), server/lease/lessor.go
(initAndRecover).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from kubekit.etcd.alarms import Alarm, AlarmStore
from kubekit.etcd.auth import AuthStore
from kubekit.etcd.backend import AuthRecord, BackendError, BackendState, LeaseRecord
from kubekit.etcd.key_value import KeyValue
from kubekit.etcd.kvstore import DEFAULT_MEMBER_ID, KVStore
from kubekit.etcd.revision import Revision
from kubekit.etcd.revision_log import RevisionLog
from kubekit.sim import Clock


class Loaded(NamedTuple):
    """A state machine."""

    store: KVStore
    auth: AuthStore
    alarms: AlarmStore


def load(state: BackendState, clock: Clock, member_id: int = DEFAULT_MEMBER_ID) -> Loaded:
    """A state machine with the content of a file; its leases keep no time until they are promoted.

    Raises BackendError for a history that is none.
    """
    store = KVStore(clock, member_id)
    load_store(state, store)
    auth = AuthStore(clock)
    load_auth(state.auth, auth)
    return Loaded(store, auth, AlarmStore(state.alarms))


def load_store(state: BackendState, store: KVStore) -> None:
    """Put the keys and leases of a file in place of a store's own; its watchers stay. Raises BackendError."""
    try:
        store.restore(
            state.revisions,
            state.leases,
            compacted=state.finished_compaction,
            scheduled=state.scheduled_compaction,
        )
    except ValueError as error:
        raise BackendError(f"bucket key: {error}") from None


def load_auth(record: AuthRecord, auth: AuthStore) -> None:
    """Put the users and roles of a file in place of what there was."""
    auth.users = {user.name: deepcopy(user) for user in record.users}
    auth.roles = {role.name: deepcopy(role) for role in record.roles}
    auth.enabled = record.enabled
    # A file of a member that never used auth may lack the revision; 1 is where it begins.
    auth.revision = record.revision or 1


def state_of(store: KVStore, auth: AuthStore, alarms: Iterable[Alarm] = (), **rest: Any) -> BackendState:
    """The content of a file for a state machine as it is now; `rest` are further fields of BackendState."""
    compacted = max(0, store.compacted_revision)
    return BackendState(
        revisions=_History(store.log),
        scheduled_compaction=compacted,
        finished_compaction=compacted,
        leases=[LeaseRecord(lease.id, lease.ttl, lease.remaining_ttl) for lease in store.leases.leases()],
        alarms=list(alarms),
        auth=auth_record(auth),
        **rest,
    )


class _History:
    """All versions as they are now; it costs two lists of references."""

    def __init__(self, log: RevisionLog) -> None:
        # Versions are filed in the order of their revisions, and a dictionary keeps that order.
        self._revisions = list(log.at)
        self._versions = list(log.at.values())

    def __iter__(self) -> Iterator[tuple[Revision, KeyValue]]:
        return zip(self._revisions, self._versions, strict=True)


def auth_record(auth: AuthStore) -> AuthRecord:
    """Users and roles as they are now."""
    users, roles = deepcopy((tuple(auth.users.values()), tuple(auth.roles.values())))
    return AuthRecord(auth.enabled, auth.revision, users, roles)
