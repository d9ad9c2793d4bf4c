"""Data directories for tests: entries, the state after them, and a member's storage."""

from __future__ import annotations

from kubekit.etcd import FROM_KEY, KVStore
from kubekit.etcd.auth import AuthStore
from kubekit.etcd.backend import BackendState
from kubekit.etcd.datadir import Storage
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.membership import MemberInfo, cluster_id, member_id
from kubekit.etcd.operation import Put
from kubekit.etcd.raft_request import RaftRequest
from kubekit.etcd.store_loading import load, state_of
from kubekit.raft import (
    NORMAL,
    ConfState,
    Entry,
)
from kubekit.sim import VirtualClock

URLS = [f"http://host{number}:2380" for number in (1, 2, 3)]


MEMBERS = [MemberInfo(member_id([url]), f"m{place}", (url,), ()) for place, url in enumerate(URLS)]


CLUSTER = cluster_id(member.id for member in MEMBERS)


CONF = ConfState(tuple(sorted(member.id for member in MEMBERS)))


CLOCK = VirtualClock()


def storage(disk: MemoryDisk, segment_size: int = 1 << 14) -> Storage:
    return Storage(disk, segment_size=segment_size)


def put(index: int, term: int = 1, value: bytes = b"value") -> Entry:
    return Entry(term, index, NORMAL, RaftRequest("put", Put(b"key%d" % (index % 7), value), index))


def applied(entries: list[Entry], state: BackendState | None = None) -> KVStore:
    """The store that a member has after these entries, on top of a state."""
    store = load(state, CLOCK).store if state is not None else KVStore(CLOCK)
    done = state.consistent_index if state is not None else 0
    for entry in entries:
        if entry.index > done and isinstance(entry.data, RaftRequest):
            store.apply(entry.data.body)
    return store


def state_after(entries: list[Entry]) -> BackendState:
    store = applied(entries)
    last = entries[-1]
    return state_of(
        store,
        AuthStore(CLOCK),
        consistent_index=last.index,
        term=last.term,
        conf_state=CONF,
        members=MEMBERS,
        cluster_version="3.6.0",
    )


def content(store: KVStore) -> tuple[object, ...]:
    return store.revision, store.range(b"\0", FROM_KEY).kvs, store.hash_kv()
