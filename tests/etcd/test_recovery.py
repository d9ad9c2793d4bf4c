"""A store filled from its own history is the same store."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.etcd import FROM_KEY, DeleteRange, Event, KeyValue, KVStore, Put, Revision
from kubekit.sim import VirtualClock

keys = st.sampled_from([b"a", b"a/1", b"a/2", b"b"])
puts = st.tuples(keys, st.binary(max_size=2), st.sampled_from([0, 0, 7, 8])).map(lambda args: Put(*args))
deletes = st.tuples(keys, st.sampled_from([b"", FROM_KEY])).map(lambda args: DeleteRange(*args))
scripts = st.lists(
    st.one_of(puts, deletes, st.lists(puts, max_size=3, unique_by=lambda put: put.key)), max_size=30
)


def written(script: list[Put | DeleteRange | list[Put]]) -> KVStore:
    store = KVStore(VirtualClock())
    for id in (7, 8):
        store.leases.grant(60 + id, id)
    for step in script:
        if isinstance(step, list):
            store.txn(success=step)
        else:
            store.apply(step)
    return store


def leases_of(store: KVStore) -> list[tuple[int, int, int]]:
    return [(lease.id, lease.ttl, lease.remaining_ttl) for lease in store.leases.leases()]


@settings(max_examples=100, deadline=None)
@given(scripts, st.integers(0, 12), scripts)
def test_a_restored_store_is_the_same(
    script: list[Put | DeleteRange | list[Put]], compact: int, after: list[Put | DeleteRange | list[Put]]
) -> None:
    store = written(script)
    if 0 < compact <= store.revision:
        store.compact(compact)
    again = KVStore(VirtualClock())
    again.restore(store.history(0), leases_of(store), compacted=max(0, store.compacted_revision))
    assert (again.revision, again.compacted_revision) == (store.revision, store.compacted_revision)
    for step in after:
        for one in (store, again):
            if isinstance(step, list):
                one.txn(success=step)
            else:
                one.apply(step)
    assert list(again.history(0)) == list(store.history(0))
    for revision in range(max(1, store.compacted_revision), store.revision + 1):
        assert again.range(b"\x00", FROM_KEY, rev=revision) == store.range(b"\x00", FROM_KEY, rev=revision)
    # The hash that a compaction leaves behind is not in a file, so another revision is asked for.
    assert again.put(b"z", b"") == store.put(b"z", b"") and again.hash_kv() == store.hash_kv()
    for id in (7, 8):
        one, other = store.leases.lookup(id), again.leases.lookup(id)
        assert one is not None and other is not None and one.keys.keys() == other.keys.keys()
        assert other.ttl == 60 + id


def test_a_compaction_that_was_begun_is_finished() -> None:
    store = written([Put(b"a", b"1"), Put(b"a", b"2"), Put(b"a", b"3")])
    again = KVStore(VirtualClock())
    again.restore(store.history(0), compacted=2, scheduled=3)
    assert again.compacted_revision == 3
    assert [revision.main for revision, _ in again.history(0)] == [3, 4]


def test_the_revision_never_falls_below_a_compaction() -> None:
    store = KVStore(VirtualClock())
    store.restore([(Revision(2, 0), KeyValue(b"a", b"", 2, 2, 1))], compacted=9, scheduled=9)
    assert store.revision == 9 and store.put(b"a", b"") == 10


def test_a_history_must_rise() -> None:
    one = (Revision(3, 0), KeyValue(b"a", b"", 3, 3, 1))
    with pytest.raises(ValueError, match=r"revision 3\.0 follows 3\.0"):
        KVStore(VirtualClock()).restore([one, one])


def test_watchers_stay_and_are_told_what_they_missed() -> None:
    ahead, store = written([]), written([])
    heard: list[Event] = []
    far: list[Event] = []
    lost: list[int] = []
    store.watch(b"a", b"", 0, heard.extend)
    store.watch(b"a", b"", 9, far.extend)
    store.watchers.add(b"a", b"", 0, lambda events, _: None, on_compacted=lost.append)
    for value in (b"1", b"2", b"3", b"4"):
        ahead.put(b"a", value)
    store.restore(ahead.history(0), leases_of(ahead))
    assert [event.kv.value for event in heard] == [b"1", b"2", b"3", b"4"] and not far and not lost
    for value in (b"5", b"6", b"7", b"8"):
        store.put(b"a", value)
        ahead.put(b"a", value)
    assert [event.kv.mod_revision for event in heard] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [event.kv.mod_revision for event in far] == [9]
    for value in (b"9", b"10"):
        ahead.put(b"a", value)
    ahead.compact(11)
    store.restore(ahead.history(0), compacted=11)
    assert lost == [11]


def test_restored_leases_keep_no_time_until_their_member_leads() -> None:
    store = written([Put(b"a", b"1", 7)])
    store.restore(store.history(0), [(7, 60, 20)])
    lease = store.leases.lookup(7)
    assert lease is not None and lease.keys == {b"a": None}
    assert store.leases.next_look() is None and not store.leases.primary
    store.leases.promote(1.0)
    assert store.leases.remaining(lease) == 21
