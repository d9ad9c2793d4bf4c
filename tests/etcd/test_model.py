"""A property: the store agrees with a model that keeps a full copy of everything at every revision."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd import (
    FROM_KEY,
    Compacted,
    DeleteRange,
    DeleteResult,
    Event,
    FutureRevision,
    KeyValue,
    KVStore,
    Put,
    Range,
)
from kubekit.etcd.errors import DuplicateKey
from kubekit.etcd.operation import Operation
from kubekit.sim import VirtualClock

Snapshot = dict[bytes, KeyValue]

keys = st.sampled_from([b"a", b"a/", b"a/1", b"a/2", b"b", b"\x00", b"\xff"])
ends = st.sampled_from([b"", FROM_KEY, b"a0", b"b", b"c"])
puts = st.tuples(keys, st.binary(max_size=2)).map(lambda args: Put(*args))
deletes = st.tuples(keys, ends).map(lambda args: DeleteRange(*args))
reads = st.tuples(keys, ends).map(lambda args: Range(*args))
steps = st.lists(
    st.one_of(
        puts,
        deletes,
        st.lists(st.one_of(puts, deletes, reads), max_size=4),
        st.integers(-1, 40),
    ),
    max_size=40,
)


def inside(key: bytes, start: bytes, end: bytes) -> bool:
    if not end:
        return key == start
    return key >= start and (end == FROM_KEY or key < end)


class Model:
    """A list of snapshots, one a revision."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = [{}, {}]
        self.compacted = -1

    def write(self, operations: list[Operation]) -> None:
        main = len(self.snapshots)
        now = dict(self.snapshots[-1])
        changed = False
        for operation in operations:
            if isinstance(operation, Put):
                old = now.get(operation.key)
                created, version = (old.create_revision, old.version) if old else (main, 0)
                now[operation.key] = KeyValue(operation.key, operation.value, created, main, version + 1)
                changed = True
            elif isinstance(operation, DeleteRange):
                for key in [k for k in now if inside(k, operation.key, operation.range_end)]:
                    del now[key]
                    changed = True
        if changed:
            self.snapshots.append(now)


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(2, 30))
def test_the_store_agrees_with_full_snapshots(
    script: list[Operation | list[Operation] | int], start: int
) -> None:
    store, model = KVStore(VirtualClock()), Model()
    heard: list[Event] = []
    store.watch(b"\x00", FROM_KEY, 0, heard.extend, prev_kv=True)
    for step in script:
        if isinstance(step, int):
            if model.compacted < step < len(model.snapshots):
                store.compact(step)
                model.compacted = step
            else:
                with pytest.raises((Compacted, FutureRevision)):
                    store.compact(step)
        elif isinstance(step, list):
            try:
                store.txn(success=step)
            except DuplicateKey:
                continue
            model.write(step)
        else:
            result = store.apply(step)
            assert not isinstance(result, DeleteResult) or result.revision == store.revision
            model.write([step])
        assert store.revision == len(model.snapshots) - 1
    for revision in range(max(1, model.compacted), len(model.snapshots)):
        for key, end in ((b"\x00", FROM_KEY), (b"a", b"b"), (b"a/1", b"")):
            wanted = [kv for k, kv in sorted(model.snapshots[revision].items()) if inside(k, key, end)]
            assert store.range(key, end, rev=revision).kvs == wanted
            page = store.range(key, end, rev=revision, limit=2)
            assert (page.kvs, page.count, page.more) == (wanted[:2], len(wanted), len(wanted) > 2)
            assert store.range(key, end, rev=revision, count_only=True).count == len(wanted)
    check_events(store, model, heard)
    if start >= model.compacted:
        caught_up: list[Event] = []
        store.watch(b"\x00", FROM_KEY, start, caught_up.extend)
        assert [e.kv for e in caught_up] == [e.kv for e in heard if e.kv.mod_revision >= start]


def check_events(store: KVStore, model: Model, heard: list[Event]) -> None:
    """The events, replayed on an empty store, lead through every snapshot."""
    state: Snapshot = {}
    for number, event in enumerate(heard):
        revision = event.kv.mod_revision
        assert event.prev_kv == (
            model.snapshots[revision - 1].get(event.kv.key) if event.kv.create_revision != revision else None
        )
        if event.kv.tombstone:
            state.pop(event.kv.key, None)
        else:
            state[event.kv.key] = event.kv
        if number + 1 == len(heard) or heard[number + 1].kv.mod_revision != revision:
            assert state == model.snapshots[revision]


@settings(max_examples=50, deadline=None)
@given(steps)
def test_compacting_does_not_change_the_hash_of_what_is_left(
    script: list[Operation | list[Operation] | int],
) -> None:
    plain, compacted = KVStore(VirtualClock()), KVStore(VirtualClock())
    for step in script:
        if not isinstance(step, (int, list)):
            plain.apply(step)
            compacted.apply(step)
    if plain.revision > 3:
        compacted.compact(2)
        compacted.compact(plain.revision - 1)
        plain.compact(plain.revision - 1)
        assert plain.hash_kv().hash == compacted.hash_kv().hash
