"""Watches of a store: now, from the past, many at once."""

from __future__ import annotations

import pytest

from kubekit.etcd import DELETE, FROM_KEY, PUT, Compacted, Event, KVStore, prefix_end
from kubekit.etcd.errors import EmptyWatchRange
from kubekit.etcd.watch import BATCH_REVISIONS


def short(events: list[Event]) -> list[tuple[int, bytes, int]]:
    return [(event.type, event.kv.key, event.kv.mod_revision) for event in events]


def test_each_write_is_told_at_once(store: KVStore) -> None:
    heard: list[Event] = []
    watcher = store.watch(b"a", b"", 0, heard.extend)
    store.put(b"a", b"1")
    store.put(b"b", b"1")
    store.delete(b"a")
    assert short(heard) == [(PUT, b"a", 2), (DELETE, b"a", 4)]
    watcher.cancel()
    watcher.cancel()
    store.put(b"a", b"2")
    assert len(heard) == 2 and len(store.watchers) == 0


def test_the_past_is_told_first(store: KVStore) -> None:
    store.put(b"a", b"1")
    store.put(b"a", b"2")
    heard: list[Event] = []
    assert store.watch(b"a", b"", 3, heard.extend, prev_kv=True).synced
    store.delete(b"a")
    assert short(heard) == [(PUT, b"a", 3), (DELETE, b"a", 4)]
    assert [event.prev_kv.value for event in heard if event.prev_kv] == [b"1", b"2"]


def test_a_watch_of_the_future_waits(store: KVStore) -> None:
    heard: list[Event] = []
    store.watch(b"a", b"", 4, heard.extend)
    for value in (b"1", b"2", b"3"):
        store.put(b"a", value)
    assert short(heard) == [(PUT, b"a", 4)]


SPANS = [
    ((b"b", b"d"), [b"b", b"c"]),
    ((b"b", FROM_KEY), [b"b", b"c", b"d"]),
    ((b"\x00", FROM_KEY), [b"a", b"b", b"c", b"d"]),
    ((b"c", b""), [b"c"]),
    ((b"c/", prefix_end(b"c/")), []),
]


@pytest.mark.parametrize("past", [True, False])
def test_each_watcher_hears_of_its_range_alone(store: KVStore, past: bool) -> None:
    heard: list[list[Event]] = [[] for _ in SPANS]

    def watch() -> None:
        for (span, _), into in zip(SPANS, heard, strict=True):
            store.watch(*span, 2 if past else 0, into.extend)

    if not past:
        watch()
    for key in (b"a", b"b", b"c", b"d"):
        store.put(key, b"v")
    if past:
        watch()
    assert [[event.kv.key for event in into] for into in heard] == [keys for _, keys in SPANS]


def test_hidden_types_and_no_previous_values(store: KVStore) -> None:
    puts: list[Event] = []
    store.watch(b"a", b"", 0, puts.extend, hidden=(DELETE,))
    store.put(b"a", b"1")
    store.put(b"a", b"2")
    store.delete(b"a")
    assert [(event.type, event.prev_kv) for event in puts] == [(PUT, None), (PUT, None)]


def test_what_cannot_be_watched(store: KVStore) -> None:
    for _ in range(4):
        store.put(b"a", b"v")
    store.compact(4)
    with pytest.raises(EmptyWatchRange):
        store.watch(b"b", b"a")
    with pytest.raises(Compacted):
        store.watch(b"a", b"", 3)
    heard: list[Event] = []
    store.watch(b"a", b"", 4, heard.extend, prev_kv=True)
    # The value before the compacted revision cannot be told any more.
    assert [event.prev_kv is None for event in heard] == [True, False]


def test_a_watcher_that_waited_too_long_is_cancelled(store: KVStore) -> None:
    store.put(b"a", b"1")
    store.put(b"a", b"2")
    told: list[int] = []
    watcher = store.watchers.add(b"a", b"", 2, lambda events, revision: None, on_compacted=told.append)
    store.compact(3)
    assert store.watchers.sync() == 0
    assert told == [3] and watcher.cancelled


def test_catching_up_goes_in_batches(store: KVStore) -> None:
    for number in range(BATCH_REVISIONS + 5):
        store.put(b"a", b"%d" % number)
    sizes: list[int] = []
    watcher = store.watchers.add(b"a", b"", 1, lambda events, revision: sizes.append(len(events)))
    assert store.watchers.sync() == 1
    store.put(b"a", b"meanwhile")
    assert store.watchers.sync() == 0
    assert sizes == [BATCH_REVISIONS, 6] and watcher.synced


def test_one_read_of_the_history_serves_many(store: KVStore) -> None:
    for number in range(10):
        store.put(b"a", b"%d" % number)
    heard: list[list[Event]] = [[] for _ in range(1000)]
    for number, into in enumerate(heard):
        store.watchers.add(b"a", b"b", number % 11 + 1, lambda events, _, into=into: into.extend(events))
    reads = 0
    history = store.history

    def counted(main: int) -> object:
        nonlocal reads
        reads += 1
        return history(main)

    store.history = counted  # type: ignore[method-assign, assignment]
    while store.watchers.unsynced:
        store.watchers.sync()
    assert reads == 2
    assert [len(into) for into in heard[:12]] == [10, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 10]


def test_a_receiver_that_writes_keeps_everybody_in_order(store: KVStore) -> None:
    heard: list[int] = []

    def echo(events: list[Event]) -> None:
        if events[0].kv.mod_revision < 5:
            store.put(b"a", b"again")

    store.watch(b"a", b"", 0, echo)
    store.watch(b"a", b"", 0, lambda events: heard.append(events[0].kv.mod_revision))
    store.put(b"a", b"first")
    assert heard == [2, 3, 4, 5]


def test_a_receiver_may_cancel_another(store: KVStore) -> None:
    heard: list[list[Event]] = []
    second = None

    def cancel(events: list[Event]) -> None:
        assert second is not None
        second.cancel()

    store.watch(b"a", b"", 0, cancel)
    second = store.watch(b"a", b"", 0, heard.append)
    store.put(b"a", b"1")
    assert heard == []
