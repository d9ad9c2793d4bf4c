"""etcd: one member's store, without a network or a disk.

Each figure is of one store in one process. The long history is the one of `docs/performance.md`: 10,000 keys
that were written 100 times each; its memory is what the process grew by, with one value for all versions, so
it is the cost of a version without its value.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable

from kubekit.etcd import COMPARE_MOD, EQUAL, Compare, Event, KVStore, Put, prefix_end
from kubekit.etcd.messages import Message
from kubekit.etcd.watch_stream import WatchStream
from kubekit.sim import VirtualClock

KEYS = 100_000
PREFIX = b"/registry/pods/"
VALUE = b"x" * 256
VERSIONS = 100
"""How often each key of the long history is written."""

WATCHERS = 1_000


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def names(count: int) -> list[bytes]:
    """Keys as the API server makes them."""
    return [b"%bshop-%02d/web-%06d" % (PREFIX, number % 20, number) for number in range(count)]


def filled(count: int) -> KVStore:
    """A store with `count` keys."""
    store = KVStore(VirtualClock())
    for key in names(count):
        store.put(key, VALUE)
    return store


Rows = list[tuple[str, float, str]]


def rows() -> Rows:
    """(what, figure, unit) for each measurement."""
    return store_rows() + history_rows() + watch_rows()


def store_rows() -> Rows:
    """100,000 keys: written, read, forgotten."""
    store = KVStore(VirtualClock())
    keys = names(KEYS)
    end = prefix_end(PREFIX)

    def put_all() -> None:
        for key in keys:
            store.put(key, VALUE)

    def read_all() -> None:
        for key in keys:
            store.range(key)

    def create_if_absent() -> None:
        for number in range(20_000):
            key = b"/registry/leases/%d" % number
            store.txn([Compare(key, COMPARE_MOD, EQUAL, 0)], [Put(key, VALUE)])

    return [
        ("etcd: put, new keys", KEYS / seconds(put_all), "/s"),
        ("etcd: put, existing keys", KEYS / seconds(put_all), "/s"),
        ("etcd: range of one key", KEYS / seconds(read_all), "/s"),
        ("etcd: transaction, put if absent", 20_000 / seconds(create_if_absent), "/s"),
        (f"etcd: range of all {KEYS:,} keys", seconds(lambda: store.range(PREFIX, end)) * 1000, "ms"),
        (
            f"etcd: page of 500 of {KEYS:,} keys",
            seconds(lambda: store.range(PREFIX, end, limit=500)) * 1000,
            "ms",
        ),
        (
            f"etcd: page of 500 of {KEYS:,} keys, 1,000 revisions ago",
            seconds(lambda: store.range(PREFIX, end, limit=500, rev=store.revision - 1_000)) * 1000,
            "ms",
        ),
        (
            f"etcd: count of {KEYS:,} keys",
            seconds(lambda: store.range(PREFIX, end, count_only=True)) * 1000,
            "ms",
        ),
        (f"etcd: compact {KEYS:,} keys", seconds(lambda: store.compact(store.revision)) * 1000, "ms"),
    ]


def resident() -> int:
    """How much memory this process takes, in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def history_rows() -> Rows:
    """A history of 1,000,000 revisions: built, kept, forgotten."""
    store = KVStore(VirtualClock())
    keys = names(KEYS // 10)
    count = len(keys) * VERSIONS

    def build() -> None:
        for _ in range(VERSIONS):
            for key in keys:
                store.put(key, VALUE)

    gc.collect()
    before = resident()
    building = seconds(build)
    grown = resident() - before
    middle = store.revision // 2
    return [
        (f"etcd: put, {count:,} revisions of {len(keys):,} keys", count / building, "/s"),
        ("etcd: memory of a version without its value", grown / count, "bytes"),
        ("etcd: compact half of these revisions", seconds(lambda: store.compact(middle)) * 1000, "ms"),
        ("etcd: compact the other half", seconds(lambda: store.compact(store.revision)) * 1000, "ms"),
    ]


def watch_rows() -> Rows:
    """1,000 watchers: of one range, of one key, of ranges of their own, and as streams of responses."""
    store = filled(1_000)
    keys = names(200)
    heard = 0

    def hear(events: list[Event]) -> None:
        nonlocal heard
        heard += len(events)

    def watch(key: bytes, range_end: bytes, start: int) -> Callable[[], None]:
        watcher = store.watchers.add(key, range_end, start, lambda events, _: hear(events))
        return watcher.cancel

    def rate(work: Callable[[], object]) -> float:
        nonlocal heard
        heard = 0
        took = seconds(work)
        return heard / took

    def write(keys: list[bytes]) -> None:
        for key in keys:
            store.put(key, VALUE)

    cancels: list[Callable[[], None]] = []

    def catch_up() -> None:
        cancels.extend(watch(PREFIX, prefix_end(PREFIX), 1) for _ in range(WATCHERS))
        while store.watchers.unsynced:
            store.watchers.sync()

    def all_gone() -> None:
        while cancels:
            cancels.pop()()

    rows = [("etcd: events to 1,000 watchers that catch up", rate(catch_up), "/s")]
    rows.append(("etcd: events to 1,000 watchers of one range", rate(lambda: write(keys)), "/s"))
    all_gone()
    cancels.extend(watch(keys[0], b"", 0) for _ in range(WATCHERS))
    rows.append(("etcd: events to 1,000 watchers of one key", rate(lambda: write(keys[:1] * 200)), "/s"))
    all_gone()

    def come_and_write() -> None:
        for number in range(WATCHERS):
            key = b"%bshop-%05d/" % (PREFIX, number)
            cancels.append(watch(key, prefix_end(key), 0))
            store.put(key + b"web", VALUE)

    rows.append(("etcd: 1,000 ranges, each watched and written", seconds(come_and_write) * 1000, "ms"))
    all_gone()

    def count(message: Message) -> None:
        nonlocal heard
        heard += len(message.get("events", ()))

    for _ in range(WATCHERS):
        WatchStream(store, count).request({"create_request": {"key": PREFIX, "range_end": b"0"}})
    rows.append(("etcd: responses to 1,000 watch streams of one range", rate(lambda: write(keys)), "/s"))
    return rows
