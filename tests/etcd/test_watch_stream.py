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
