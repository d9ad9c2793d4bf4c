"""etcd: one member's store, without a network or a disk."""

from __future__ import annotations

import time
from collections.abc import Callable

from kubekit.etcd import COMPARE_MOD, EQUAL, Compare, Event, KVStore, Put, prefix_end
from kubekit.sim import VirtualClock

KEYS = 100_000
PREFIX = b"/registry/pods/"
VALUE = b"x" * 256


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


def rows() -> list[tuple[str, float, str]]:
    """(what, figure, unit) for each measurement."""
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

    measured = [
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
        (f"etcd: compact {KEYS:,} keys", seconds(lambda: store.compact(store.revision)) * 1000, "ms"),
    ]
    return measured + watch_rows()


def watch_rows() -> list[tuple[str, float, str]]:
    """1,000 watchers of one range: writes that reach them all, and all of them catching up."""
    store = filled(1_000)
    heard = 0

    def hear(events: list[Event]) -> None:
        nonlocal heard
        heard += len(events)

    def watch_from(start: int) -> None:
        for _ in range(1_000):
            store.watchers.add(PREFIX, prefix_end(PREFIX), start, lambda events, _: hear(events))
        while store.watchers.unsynced:
            store.watchers.sync()

    def write() -> None:
        for key in names(200):
            store.put(key, VALUE)

    catching_up = seconds(lambda: watch_from(1))
    caught_up, heard = heard, 0
    writing = seconds(write)
    return [
        ("etcd: events to 1,000 watchers that catch up", caught_up / catching_up, "/s"),
        ("etcd: events to 1,000 watchers of one range", heard / writing, "/s"),
    ]
