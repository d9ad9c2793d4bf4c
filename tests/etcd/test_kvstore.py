"""Reading, writing, deleting and compacting."""

from __future__ import annotations

import pytest

from kubekit.etcd import (
    FROM_KEY,
    Compacted,
    DeleteRange,
    EtcdError,
    FutureRevision,
    KeyValue,
    KVStore,
    Put,
    PutResult,
    Range,
    RangeResult,
    prefix_end,
)
from kubekit.etcd.errors import EmptyKey, InvalidSortOption, KeyNotFound, LeaseNotFound, ValueProvided
from kubekit.etcd.operation import ASCEND, DESCEND, KEY, MOD, VALUE, VERSION


def test_a_key_keeps_its_creation_and_counts_its_versions(store: KVStore) -> None:
    assert [store.put(b"web", b"1"), store.put(b"db", b"x"), store.put(b"web", b"2")] == [2, 3, 4]
    assert store.get(b"web") == KeyValue(b"web", b"2", 2, 4, 2, 0)
    assert store.get(b"web", 3) == KeyValue(b"web", b"1", 2, 2, 1, 0)
    assert store.get(b"web", 1) is None
    assert store.get(b"none") is None


def test_a_deleted_key_begins_anew(store: KVStore) -> None:
    store.put(b"web", b"1")
    assert store.delete(b"web").revision == 3
    assert store.get(b"web") is None
    assert store.get(b"web", 2) is not None
    store.put(b"web", b"2")
    assert store.get(b"web") == KeyValue(b"web", b"2", 4, 4, 1, 0)


def test_deleting_nothing_makes_no_revision(store: KVStore) -> None:
    result = store.delete(b"a", FROM_KEY)
    assert (result.deleted, result.revision, store.revision) == (0, 1, 1)


RANGES = [
    ((b"b",), [b"b"]),
    ((b"b", b"c"), [b"b", b"b/1", b"b/2"]),
    ((b"b/", prefix_end(b"b/")), [b"b/1", b"b/2"]),
    ((b"b/2", FROM_KEY), [b"b/2", b"c"]),
    ((b"\x00", FROM_KEY), [b"a", b"b", b"b/1", b"b/2", b"c"]),
    ((b"c", b"a"), []),
    ((b"b", b"b"), []),
]


@pytest.mark.parametrize(("span", "keys"), RANGES)
def test_a_range(store: KVStore, span: tuple[bytes, ...], keys: list[bytes]) -> None:
    for key in (b"c", b"b/2", b"a", b"b/1", b"b"):
        store.put(key, b"v")
    result = store.range(*span)
    assert [kv.key for kv in result.kvs] == keys
    assert result.count == len(keys)
    assert store.range(*span, count_only=True).count == len(keys)
    assert store.delete(*span).deleted == len(keys)
    assert store.range(*span).kvs == []


def test_a_limit_says_that_there_is_more(store: KVStore) -> None:
    for key in (b"a", b"b", b"c"):
        store.put(key, b"v")
    page = store.range(b"a", FROM_KEY, limit=2)
    assert ([kv.key for kv in page.kvs], page.more, page.count) == ([b"a", b"b"], True, 3)
    whole = store.range(b"a", FROM_KEY, limit=3)
    assert (len(whole.kvs), whole.more) == (3, False)


ORDERS = [
    (KEY, ASCEND, 0, [b"a", b"b", b"c"]),
    (KEY, DESCEND, 0, [b"c", b"b", b"a"]),
    (VERSION, DESCEND, 1, [b"b"]),
    (MOD, ASCEND, 0, [b"a", b"c", b"b"]),
    (VALUE, DESCEND, 0, [b"a", b"b", b"c"]),
    (VALUE, 0, 1, [b"b"]),  # without an order only limit + 1 keys are read: c is not seen
]


@pytest.mark.parametrize(("target", "order", "limit", "keys"), ORDERS)
def test_sorting(store: KVStore, target: int, order: int, limit: int, keys: list[bytes]) -> None:
    for key, value in ((b"a", b"9"), (b"b", b"1"), (b"c", b"0"), (b"b", b"1")):
        store.put(key, value)
    result = store.read(Range(b"a", FROM_KEY, limit=limit, sort_target=target, sort_order=order))
    assert [kv.key for kv in result.kvs] == keys


def test_revision_filters_leave_the_count_alone(store: KVStore) -> None:
    for key in (b"a", b"b", b"c", b"a"):
        store.put(key, b"v")
    result = store.read(Range(b"a", FROM_KEY, min_mod_revision=4, max_create_revision=3))
    assert ([kv.key for kv in result.kvs], result.count) == ([b"a"], 3)


REFUSED = [
    (Put(b"", b"v"), EmptyKey),
    (Put(b"k", b"v", ignore_value=True), ValueProvided),
    (Put(b"k", ignore_value=True), KeyNotFound),
    (Put(b"k", b"v", lease=7), LeaseNotFound),
    (Range(b""), EmptyKey),
    (Range(b"k", sort_order=5), InvalidSortOption),
    (Range(b"k", revision=9), FutureRevision),
    (DeleteRange(b""), EmptyKey),
    (None, KeyNotFound),
]


@pytest.mark.parametrize(("operation", "error"), REFUSED)
def test_a_refusal_changes_nothing(
    store: KVStore, operation: Put | Range | DeleteRange | None, error: type[EtcdError]
) -> None:
    with pytest.raises(error):
        store.apply(operation)
    assert (store.revision, len(store.log)) == (1, 0)


def test_put_refuses_in_its_quick_form_too(store: KVStore) -> None:
    with pytest.raises(EmptyKey):
        store.put(b"", b"v")
    with pytest.raises(LeaseNotFound):
        store.put(b"k", b"v", lease=3)


def test_a_put_may_keep_the_value_or_the_lease(store: KVStore) -> None:
    store.leases.grant(60, id=5)
    store.put(b"k", b"v", lease=5)
    kept = store.apply(Put(b"k", ignore_value=True, prev_kv=True))
    assert isinstance(kept, PutResult) and kept.prev_kv is not None and kept.prev_kv.lease == 5
    assert store.get(b"k") == KeyValue(b"k", b"v", 2, 3, 2, 0)
    store.put(b"k", b"v", lease=5)
    store.apply(Put(b"k", b"w", ignore_lease=True))
    assert store.get(b"k") == KeyValue(b"k", b"w", 2, 5, 4, 5)


def test_optimistic_writes_lose_against_a_change(store: KVStore) -> None:
    assert store.put_if(b"k", b"1", 0) == 2
    assert store.put_if(b"k", b"2", 0) == 0
    assert store.put_if(b"k", b"2", 2) == 3
    assert store.delete_if(b"k", 2) == 0
    assert store.delete_if(b"k", 3) == 4
    assert store.delete_if(b"k", 0) == 0


def test_compaction_forgets_what_is_older(store: KVStore) -> None:
    for value in (b"1", b"2", b"3"):
        store.put(b"a", value)
    store.put(b"gone", b"x")
    store.delete(b"gone")
    store.compact(3)
    assert store.compacted_revision == 3
    with pytest.raises(Compacted) as refused:
        store.range(b"a", rev=2)
    assert refused.value.compact_revision == 3
    found = store.get(b"a", 3)
    assert found is not None and found.value == b"2"
    for revision in (3, 2, -1):
        with pytest.raises(Compacted):
            store.compact(revision)
    with pytest.raises(FutureRevision):
        store.compact(7)
    store.put(b"b", b"y")
    store.compact(7)
    assert [kv.key for kv in store.range(b"\x00", FROM_KEY).kvs] == [b"a", b"b"]
    assert len(store.log) == 2 and len(store.index) == 2


def test_ranges_see_keys_that_were_created_in_bursts(store: KVStore) -> None:
    for number in range(200):
        store.put(b"%03d" % (number * 7 % 200), b"v")
        if number % 50 == 10:
            result: RangeResult = store.range(b"0", FROM_KEY)
            assert [kv.key for kv in result.kvs] == sorted(kv.key for kv in result.kvs)
    assert store.range(b"\x00", FROM_KEY, count_only=True).count == 200
