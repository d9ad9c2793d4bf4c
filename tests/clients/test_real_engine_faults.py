"""A real etcd that fails under API servers: its leader is killed, a member freezes, all of it goes away.

Everything that an API server acknowledged must be in etcd at the end, at the revision that it said; a watch
sees each change once, in order, whichever member died.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kubekit.api.status_error import StatusError
from kubekit.etcd import Compacted
from kubekit.serving import etcd_channels
from tests.clients.api_servers import Server, both, config_map, key
from tests.clients.real_etcd import RealEtcd

pytestmark = pytest.mark.real


def test_the_leader_is_killed_under_load(three: RealEtcd, servers: Callable[..., Server]) -> None:
    a, b = servers(three, "a"), servers(three, "b")
    told = b.watch("/api/v1/namespaces/default/configmaps")
    acknowledged: dict[str, int] = {}
    refused: list[str] = []
    killed = threading.Event()

    def load() -> None:
        number = after = 0
        deadline = time.monotonic() + 40
        while after < 150:
            assert time.monotonic() < deadline, f"{len(acknowledged)} written, then only: {refused[-1:]}"
            number += 1
            name = f"n{number:05}"
            try:
                made = a.client.create("configmaps", config_map(name, n=str(number)))
            except StatusError as error:
                refused.append(str(error))
                continue
            acknowledged[name] = int(made["metadata"]["resourceVersion"])
            after += killed.is_set()

    def kill() -> None:
        while len(acknowledged) < 100:
            time.sleep(0.01)
        three.leader().kill()
        killed.set()

    both(load, kill)
    stored = three.content(b"/registry/configmaps/default/")
    lost = {name for name in acknowledged if key(name) not in stored}
    assert not lost, f"acknowledged and lost: {sorted(lost)}"
    assert {name: stored[key(name)][1] for name in acknowledged} == acknowledged
    b.hear()
    assert [revision for _, _, revision in told] == sorted({revision for _, _, revision in told})
    watched = {name: revision for _, name, revision in told}
    wanted = {
        name.rsplit(b"/", 1)[1].decode(): revision
        for name, (_, revision) in stored.items()
        if not name.endswith(b"kube-root-ca.crt")
    }
    assert watched == wanted
    assert len(told) == len(wanted), "a change was told twice"


def test_a_member_that_freezes_does_not_freeze_its_readers(
    three: RealEtcd, servers: Callable[..., Server]
) -> None:
    a, b = servers(three, "a"), servers(three, "b")
    leader = three.leader()
    frozen = next(member for member in three.members if member is not leader)
    frozen.signal(signal.SIGSTOP)
    try:
        for number in range(10):
            a.client.create("configmaps", config_map(f"n{number}"))
            assert b.client.get("configmaps", f"n{number}", "default")
    finally:
        frozen.signal(signal.SIGCONT)


def test_who_missed_what_was_compacted_reads_everything_anew(
    one: RealEtcd, servers: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = servers(one, "a"), servers(one, "b")
    a.client.create("configmaps", config_map("old"))
    told = b.watch("/api/v1/namespaces/default/configmaps")
    follower, channels = b.etcd._follower, b.etcd._channels
    assert follower is not None
    opened = channels.stream

    def cut(*arguments: Any) -> Any:
        raise ValueError("no connection")

    monkeypatch.setattr(channels, "stream", cut)
    follower.hop()
    a.client.delete("configmaps", "old", "default")
    for number in range(5):
        a.client.create("configmaps", config_map(f"n{number}"))
    a.etcd.compact(one.revision())
    monkeypatch.setattr(channels, "stream", opened)
    deadline = time.monotonic() + 10
    while not follower.lost and time.monotonic() < deadline:
        time.sleep(0.02)
    names = [item["metadata"]["name"] for item in b.client.list("configmaps", "default")["items"]]
    assert names == [f"n{number}" for number in range(5)]
    assert told == [], "the watch ended without a word: its client lists again"
    a.client.create("configmaps", config_map("new"))
    assert b.client.get("configmaps", "new", "default")


def test_an_etcd_that_is_gone_and_comes_back(
    one: RealEtcd, servers: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    a = servers(one, "a")
    a.client.create("configmaps", config_map("before"))
    one.members[0].kill()
    with pytest.raises(StatusError) as refused:
        a.client.create("configmaps", config_map("lost"))
    assert refused.value.code == 500
    monkeypatch.setattr(etcd_channels, "DOUBT", 1000.0)
    with pytest.raises(StatusError):
        a.client.list("configmaps", "default")
    tried: list[str] = []
    find = a.etcd._channels._method

    def trying(place: int, name: str) -> Any:
        tried.append(name)
        return find(place, name)

    with monkeypatch.context() as watching:
        watching.setattr(a.etcd._channels, "_method", trying)
        for count in range(1, 21):
            with pytest.raises(StatusError):
                a.client.list("configmaps", "default")
            assert len(tried) == count, "one try is enough for what is known to be gone"
    one.members[0].start()
    one.wait()
    deadline = time.monotonic() + 20
    while True:
        try:
            a.client.create("configmaps", config_map("after"))
            break
        except StatusError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    names = {item["metadata"]["name"] for item in a.client.list("configmaps", "default")["items"]}
    assert {"before", "after"} <= names


def test_a_receiver_that_fails_takes_nothing_from_the_others(
    one: RealEtcd, servers: Callable[..., Server]
) -> None:
    a, b = servers(one, "a"), servers(one, "b")

    def fail(events: list[Any]) -> None:
        raise RuntimeError("mine alone")

    heard: list[bytes] = []
    first = b.etcd.watch(b"/registry/configmaps/", b"/registry/configmaps0", 0, fail)
    b.etcd.watch(b"/registry/configmaps/", b"/registry/configmaps0", 0, lambda e: heard.append(e[0].kv.key))
    a.client.create("configmaps", config_map("x"))
    with pytest.raises(RuntimeError, match="mine alone"):
        b.hear()
    assert heard == [key("x")] and b.api.store("", "configmaps").cache.get(key("x").decode())
    first.cancel()
    a.client.create("configmaps", config_map("y"))
    b.hear()
    assert heard == [key("x"), key("y")]
    with pytest.raises(Compacted):
        b.etcd.watch(b"/registry/configmaps/", b"/registry/configmaps0", b.etcd.revision)


def test_stopped_and_started_again(one: RealEtcd, servers: Callable[..., Server]) -> None:
    a = servers(one, "a")
    a.client.create("configmaps", config_map("x"))
    a.etcd.stop()
    with pytest.raises(StatusError) as refused:
        a.client.get("configmaps", "x", "default")
    assert refused.value.code == 500 and "connection is closing" in str(refused.value)
    a.etcd.start()
    a.api.stop()
    a.api.start()
    assert a.client.get("configmaps", "x", "default")
    assert a.client.create("configmaps", config_map("y"))
