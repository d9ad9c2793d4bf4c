"""Watch streams: ids, confirmations, progress, fragments."""

from __future__ import annotations

import pytest

from kubekit.etcd import KVStore
from kubekit.etcd.errors import PermissionDenied
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import encode
from kubekit.etcd.watch_stream import NO_WATCH, WatchStream, fragments


@pytest.fixture
def heard() -> list[Message]:
    return []


@pytest.fixture
def stream(store: KVStore, heard: list[Message]) -> WatchStream:
    return WatchStream(store, heard.append)


def create(stream: WatchStream, **request: object) -> None:
    stream.request({"create_request": request})


def test_a_watch_is_confirmed_before_its_events(
    store: KVStore, stream: WatchStream, heard: list[Message]
) -> None:
    store.put(b"a", b"1")
    create(stream, key=b"a", start_revision=1)
    store.put(b"a", b"2")
    assert [(m.get("created", False), len(m.get("events", []))) for m in heard] == [
        (True, 0),
        (False, 1),
        (False, 1),
    ]
    assert [m["header"]["revision"] for m in heard] == [2, 2, 3]


def test_ids_are_counted_or_chosen(stream: WatchStream, heard: list[Message]) -> None:
    create(stream, key=b"a", watch_id=1)
    create(stream, key=b"a")
    create(stream, key=b"a")
    create(stream, key=b"a", watch_id=2)
    assert [m["watch_id"] for m in heard] == [1, 0, 2, NO_WATCH]
    assert heard[3]["cancel_reason"] == "mvcc: duplicate watch ID provided on the WatchStream"


def test_cancelling_is_confirmed_once(store: KVStore, stream: WatchStream, heard: list[Message]) -> None:
    create(stream, key=b"a")
    stream.request({"cancel_request": {"watch_id": 0}})
    stream.request({"cancel_request": {"watch_id": 0}})
    store.put(b"a", b"1")
    assert [m.get("canceled", False) for m in heard] == [False, True]


def test_what_is_refused(store: KVStore, stream: WatchStream, heard: list[Message]) -> None:
    for _ in range(3):
        store.put(b"a", b"v")
    store.compact(3)
    create(stream, key=b"b", range_end=b"a")
    create(stream, key=b"a", start_revision=-1)
    create(stream, key=b"a", start_revision=2)
    assert [m.get("cancel_reason") for m in heard] == [
        "mvcc: watcher range is empty",
        "etcdserver: mvcc: required revision has been compacted",
        None,
        None,
    ]
    assert heard[2]["created"] and heard[3]["canceled"] and heard[3]["compact_revision"] == 3


def test_who_may_not_read_may_not_watch(store: KVStore, heard: list[Message]) -> None:
    def deny(key: bytes, range_end: bytes) -> None:
        raise PermissionDenied

    create(WatchStream(store, heard.append, deny), key=b"a")
    assert heard[0]["cancel_reason"] == (
        "rpc error: code = PermissionDenied desc = etcdserver: permission denied"
    )


def test_progress_of_the_stream_and_of_one_watch(
    store: KVStore, stream: WatchStream, heard: list[Message]
) -> None:
    stream.request({"progress_request": {}})
    assert heard == []
    create(stream, key=b"a", progress_notify=True)
    create(stream, key=b"b")
    stream.request({"progress_request": {}})
    assert (heard[-1]["watch_id"], heard[-1]["header"]["revision"]) == (NO_WATCH, 1)
    stream.progress_tick()
    assert heard[-1]["watch_id"] == 0
    store.put(b"a", b"1")
    count = len(heard)
    stream.progress_tick()
    assert len(heard) == count, "a watch that heard something needs no note"
    stream.progress_tick()
    assert len(heard) == count + 1


def test_a_watch_without_a_past_holds_up_progress_until_it_is_cancelled(
    store: KVStore, stream: WatchStream, heard: list[Message]
) -> None:
    for _ in range(3):
        store.put(b"a", b"v")
    store.compact(3)
    create(stream, key=b"a", start_revision=2, watch_id=5)
    assert heard[-1]["canceled"] and heard[-1]["compact_revision"] == 3
    create(stream, key=b"b")
    count = len(heard)
    stream.request({"progress_request": {}})
    assert len(heard) == count
    create(stream, key=b"b", watch_id=5)
    assert heard[-1]["cancel_reason"].endswith("duplicate watch ID provided on the WatchStream")
    stream.request({"cancel_request": {"watch_id": 5}})
    assert heard[-1] == {"header": {"revision": 4}, "watch_id": 5, "canceled": True}
    stream.request({"progress_request": {}})
    assert heard[-1] == {"header": {"revision": 4}, "watch_id": NO_WATCH}


def test_progress_waits_for_the_start_of_a_watch_of_the_future(
    store: KVStore, stream: WatchStream, heard: list[Message]
) -> None:
    create(stream, key=b"a", start_revision=3)
    store.put(b"b", b"")
    stream.request({"progress_request": {}})
    assert len(heard) == 1
    store.put(b"b", b"")
    stream.request({"progress_request": {}})
    assert heard[-1] == {"header": {"revision": 3}, "watch_id": NO_WATCH}


def test_a_client_without_room_is_told_later(
    store: KVStore, stream: WatchStream, heard: list[Message]
) -> None:
    create(stream, key=b"a")
    create(stream, key=b"b", start_revision=99)
    stream.pause()
    create(stream, key=b"a", start_revision=1)
    for value in (b"1", b"2"):
        store.put(b"a", value)
    assert all("events" not in message for message in heard)
    stream.request({"progress_request": {}})
    assert all(message.get("created") for message in heard)
    stream.resume()
    told = [(m["watch_id"], e["kv"]["value"]) for m in heard if "events" in m for e in m["events"]]
    assert sorted(told) == [(0, b"1"), (0, b"2"), (2, b"1"), (2, b"2")]
    store.put(b"b", b"")
    assert len(heard) == 5, "the watch of the future still waits"


def test_a_client_that_has_no_room_for_too_long_loses_its_watch(
    store: KVStore, stream: WatchStream, heard: list[Message]
) -> None:
    create(stream, key=b"a")
    stream.pause()
    for _ in range(3):
        store.put(b"a", b"v")
    store.compact(4)
    stream.resume()
    assert heard[-1]["canceled"] and heard[-1]["compact_revision"] == 4


def test_room_that_ends_again_while_catching_up(store: KVStore) -> None:
    for number in range(2500):
        store.put(b"a", b"%d" % number)
    sizes: list[int] = []

    def take(message: Message) -> None:
        if "events" in message:
            sizes.append(len(message["events"]))
            stream.pause()

    stream = WatchStream(store, take)
    create(stream, key=b"a", start_revision=1)
    assert sizes == [1000]
    while sum(sizes) < 2500:
        stream.resume()
    assert sizes == [1000, 1000, 500]


def test_filters_hide_types_of_events(store: KVStore, stream: WatchStream, heard: list[Message]) -> None:
    create(stream, key=b"a", filters=[0])
    store.put(b"a", b"1")
    store.delete(b"a")
    assert [event["type"] for event in heard[1]["events"]] == [1]


def test_fragments_stay_below_the_limit() -> None:
    events = [{"type": 0, "kv": {"key": b"k%d" % n, "value": b"x" * 100}} for n in range(20)]
    whole: Message = {"header": {"revision": 9}, "watch_id": 3, "events": events}
    parts = fragments(whole, limit=500)
    assert [event for part in parts for event in part["events"]] == events
    assert [part.get("fragment", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert all(len(encode("WatchResponse", part)) < 500 for part in parts)
    assert fragments(whole) == [whole]


def test_many_streams_are_told_the_same_and_each_what_it_asked_for(store: KVStore) -> None:
    heard: list[list[Message]] = [[], [], []]
    for number, request in enumerate(({}, {"prev_kv": True}, {"filters": [1]})):
        create(WatchStream(store, heard[number].append), key=b"a", range_end=b"b", **request)
    store.put(b"a", b"1")
    store.put(b"a", b"2")
    store.delete(b"a")
    told = [
        [
            (event["type"], event["kv"]["value"], event.get("prev_kv", {}).get("value"))
            for message in messages
            for event in message.get("events", ())
        ]
        for messages in heard
    ]
    assert told == [
        [(0, b"1", None), (0, b"2", None), (1, b"", None)],
        [(0, b"1", None), (0, b"2", b"1"), (1, b"", b"2")],
        [(0, b"1", None), (0, b"2", None)],
    ]
