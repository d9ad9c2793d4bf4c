"""Transactions: comparing, branching, refusing, nesting."""

from __future__ import annotations

import pytest

from kubekit.etcd import (
    COMPARE_CREATE,
    COMPARE_LEASE,
    COMPARE_MOD,
    COMPARE_VALUE,
    COMPARE_VERSION,
    EQUAL,
    GREATER,
    LESS,
    NOT_EQUAL,
    Compacted,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    FutureRevision,
    KVStore,
    Put,
    Range,
    RangeResult,
    Txn,
    TxnResult,
)
from kubekit.etcd.errors import DuplicateKey, EmptyKey, KeyNotFound, LeaseNotFound, TooManyOps
from kubekit.etcd.operation import Operation

COMPARISONS = [
    (Compare(b"a", COMPARE_VERSION, EQUAL, 2), True),
    (Compare(b"a", COMPARE_MOD, GREATER, 2), True),
    (Compare(b"a", COMPARE_CREATE, LESS, 2), False),
    (Compare(b"a", COMPARE_VALUE, NOT_EQUAL, b"n"), False),
    (Compare(b"a", COMPARE_LEASE, EQUAL, 0), True),
    (Compare(b"none", COMPARE_VERSION, EQUAL, 0), True),
    (Compare(b"none", COMPARE_VALUE, NOT_EQUAL, b"x"), False),  # a missing value compares with nothing
    (Compare(b"a", COMPARE_VALUE, EQUAL, 3), False),  # an operand of the wrong kind counts as empty
    (Compare(b"a", COMPARE_MOD, GREATER, 2, b"c"), True),
    (Compare(b"a", COMPARE_VALUE, EQUAL, b"n", b"c"), False),  # every key of the range must hold
    (Compare(b"a", 9, EQUAL, 1), True),  # an unknown target is always equal
]


@pytest.mark.parametrize(("compare", "holds"), COMPARISONS)
def test_a_comparison(store: KVStore, compare: Compare, holds: bool) -> None:
    for key, value in ((b"a", b"m"), (b"a", b"n"), (b"b", b"m")):
        store.put(key, value)
    assert store.txn([compare]).succeeded is holds


def test_a_transaction_is_one_revision_and_one_note(store: KVStore) -> None:
    heard: list[list[Event]] = []
    store.watch(b"\x00", b"\x00", 0, heard.append)
    result = store.txn(success=[Put(b"a", b"1"), Range(b"a", b"z"), Put(b"b", b"2"), DeleteRange(b"c")])
    assert result.revision == store.revision == 2
    inner = result.responses[1]
    assert isinstance(inner, RangeResult) and [kv.key for kv in inner.kvs] == [b"a"]
    assert [[event.kv.key for event in events] for events in heard] == [[b"a", b"b"]]
    assert [(r.main, r.sub) for r, _ in store.history(0)] == [(2, 0), (2, 1)]


def test_reading_only_makes_no_revision(store: KVStore) -> None:
    assert store.txn(success=[Range(b"a"), DeleteRange(b"a")]).revision == 1


def nested(*operations: Operation) -> Txn:
    return Txn(success=list(operations))


DUPLICATES = [
    [Put(b"a"), Put(b"a")],
    [Put(b"a"), DeleteRange(b"a")],
    [DeleteRange(b"a", b"c"), Put(b"b")],
    [nested(Put(b"a")), Put(b"a")],
    [nested(Put(b"a")), nested(Put(b"a"))],
    [Put(b"a"), Txn(failure=[Put(b"a")])],
    [nested(DeleteRange(b"a", b"z")), Put(b"n")],
]
ALLOWED = [
    [DeleteRange(b"a"), DeleteRange(b"a")],
    [Put(b"c"), DeleteRange(b"a", b"c")],
    [Txn(success=[Put(b"n")], failure=[Put(b"n")])],
    [Put(b"h"), DeleteRange(b"a", b"\x00")],  # "from key" is not understood by the check
]


@pytest.mark.parametrize("operations", DUPLICATES)
def test_a_key_is_touched_once(store: KVStore, operations: list[Operation]) -> None:
    with pytest.raises(DuplicateKey):
        store.txn(failure=operations)
    assert store.revision == 1


@pytest.mark.parametrize("operations", ALLOWED)
def test_some_overlaps_pass(store: KVStore, operations: list[Operation]) -> None:
    assert store.txn(success=operations).succeeded


def test_put_and_deleted_in_one_transaction(store: KVStore) -> None:
    store.put(b"h", b"old")
    heard: list[Event] = []
    store.watch(b"h", b"", 0, heard.extend, prev_kv=True)
    result = store.txn(success=[Put(b"h", b"new"), DeleteRange(b"a", b"\x00", prev_kv=True)])
    deleted = result.responses[1]
    assert isinstance(deleted, DeleteResult) and [kv.value for kv in deleted.prev_kvs] == [b"new"]
    # Watchers learn what was there before the transaction.
    assert [event.prev_kv.value for event in heard if event.prev_kv] == [b"old", b"old"]


def test_nested_branches_are_chosen_before_anything_is_written(store: KVStore) -> None:
    absent = Compare(b"a", COMPARE_VERSION, EQUAL, 0)
    inner = Txn([absent], success=[Put(b"was-absent", b"1")], failure=[Put(b"was-there", b"1")])
    result = store.txn([absent], success=[Put(b"a", b"1"), inner, Range(b"was-absent")])
    second = result.responses[1]
    assert isinstance(second, TxnResult) and second.succeeded
    assert store.get(b"was-absent") is not None and store.get(b"was-there") is None


def test_limits_shrink_with_depth(store: KVStore) -> None:
    def puts(count: int) -> list[Operation]:
        return [Put(b"%d" % number) for number in range(count)]

    assert len(store.txn(success=puts(128)).responses) == 128
    with pytest.raises(TooManyOps):
        store.txn(success=puts(129))
    store.txn(success=[Txn(success=puts(127))])
    with pytest.raises(TooManyOps):
        store.txn(success=[Txn(success=puts(128))])


def test_nothing_is_written_when_a_later_operation_cannot_work(store: KVStore) -> None:
    store.put(b"a", b"1")
    store.put(b"a", b"2")
    store.compact(3)
    first = Put(b"b", b"1")
    for later, error in (
        (Range(b"a", revision=9), FutureRevision),
        (Range(b"a", revision=2), Compacted),
        (Put(b"c", lease=9), LeaseNotFound),
        (Txn(success=[Put(b"d", lease=9)]), LeaseNotFound),
        (Txn([Compare(b"", COMPARE_MOD, EQUAL, 0)]), EmptyKey),
    ):
        with pytest.raises(error):
            store.txn(success=[first, later])
        assert store.revision == 3 and store.get(b"b") is None


def test_what_is_looked_at_first_when_both_are_missing(store: KVStore) -> None:
    both = Put(b"none", lease=9, ignore_value=True)
    with pytest.raises(LeaseNotFound):
        store.apply(both)
    with pytest.raises(KeyNotFound):
        store.txn(success=[both])
