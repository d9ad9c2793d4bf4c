"""The compactor: five minutes of the past are kept, one of several servers does it, who is late gets 410."""

from __future__ import annotations

import pytest

from kubekit.api.exchange import Request, WatchStream
from kubekit.apiserver import APIServer
from kubekit.apiserver.compactor import KEY, Compactor
from kubekit.etcd import Compacted, KVStore
from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.errors import RequestTimedOut
from kubekit.sim import Loop
from tests.apiserver.conftest import ADMIN, CORE, Asker


def test_what_was_the_revision_a_round_ago_is_compacted() -> None:
    loop = Loop()
    store = KVStore(loop.clock)
    Compactor(loop, "apiserver", store, 300.0).start()
    store.put(b"a", b"1")
    loop.advance(299.0)
    assert store.get(KEY) is None
    loop.advance(1.0)
    assert store.compacted_revision == -1, "the first round only says where the next one compacts to"
    then = store.revision
    assert store.get(KEY).value == b"0"  # type: ignore[union-attr]
    store.put(b"a", b"2")
    loop.advance(300.0)
    assert store.compacted_revision == then and store.get(KEY).value == b"%d" % then  # type: ignore[union-attr]
    assert store.get(b"a", then).value == b"1"  # type: ignore[union-attr]
    with pytest.raises(Compacted):
        store.get(b"a", then - 1)


def test_two_do_the_work_of_one_and_the_second_takes_over() -> None:
    loop = Loop()
    store = KVStore(loop.clock)
    first, second = (Compactor(loop, name, store, 300.0) for name in ("one", "two"))
    first.start()
    loop.advance(1.0)
    second.start()
    for _ in range(3):
        store.put(b"a", b"x")
        loop.advance(300.0)
    assert store.get(KEY).version == 3  # type: ignore[union-attr]
    compacted = store.compacted_revision
    assert compacted > 0
    first.stop()
    for _ in range(2):
        store.put(b"a", b"x")
        loop.advance(300.0)
    assert store.compacted_revision > compacted and store.get(KEY).version == 5  # type: ignore[union-attr]


def test_a_store_that_does_not_answer_is_asked_again_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()
    store = KVStore(loop.clock)
    Compactor(loop, "apiserver", store, 300.0).start()
    loop.advance(300.0)

    def fail(rev: int) -> None:
        raise RequestTimedOut

    with monkeypatch.context() as patch:
        patch.setattr(store, "compact", fail)
        loop.advance(300.0)
    assert store.compacted_revision == -1
    loop.advance(300.0)
    assert store.compacted_revision > 0


def test_zero_is_never_and_a_stopped_server_does_nothing() -> None:
    never = Asker(etcd_compaction_interval=0.0)
    stopped = Asker()
    stopped.server.stop()
    for api in (never, stopped):
        api.loop.advance(3600.0)
        assert api.store.get(KEY) is None and api.store.compacted_revision == -1


def test_lists_of_the_past_are_gone_and_recent_watches_go_on() -> None:
    api = Asker()
    for name in ("a", "b"):
        api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": name}})
    page = api.ask("GET", f"{CORE}/configmaps", limit="1").body
    old = page["metadata"]["resourceVersion"]
    exact = {"resourceVersion": old, "resourceVersionMatch": "Exact"}
    api.loop.advance(301.0)
    assert api.ask("GET", f"{CORE}/configmaps", **exact).status == 200
    api.ask("POST", f"{CORE}/configmaps", {"metadata": {"name": "c"}})
    api.loop.advance(600.0)
    assert api.store.compacted_revision > int(old)
    gone = api.ask("GET", f"{CORE}/configmaps", **exact)
    assert (gone.status, gone.body["reason"]) == (410, "Expired")
    token = page["metadata"]["continue"]
    gone = api.ask("GET", f"{CORE}/configmaps", limit="1", continue_=token)
    assert (gone.status, gone.body["reason"]) == (410, "Expired")
    assert "continue" in gone.body["metadata"]
    # The server itself remembers what happened since: a watch need not ask etcd.
    query = {"watch": ["true"], "resourceVersion": [old]}
    stream = api.server(Request("GET", f"{CORE}/configmaps", query, user=ADMIN))
    assert isinstance(stream, WatchStream)
    seen: list[str] = []
    stream.on_event(lambda event: seen.append(event.object["metadata"]["name"]))
    api.loop.run_until_quiet()
    assert seen == ["c"]


@pytest.mark.parametrize("members", [1, 3])
def test_quiet_watches_outlive_compaction_and_a_change_of_member(members: int) -> None:
    loop = Loop(seed=3)
    etcd = EtcdCluster(loop, members)
    etcd.start()
    loop.advance(3.0)
    client = etcd.client(name="kube-apiserver")
    server = APIServer(loop, client)
    server.start()
    request = Request("GET", f"{CORE}/configmaps", {"watch": ["true"]}, user=ADMIN)
    stream = server(request)
    assert isinstance(stream, WatchStream)
    for _ in range(4):
        client.put(b"other", b"x")
        loop.advance(300.0)
    quiet = server.store("", "configmaps").cache.revision
    assert {member.store.compacted_revision > quiet for member in etcd.members.values()} == {True}
    member = etcd.member(client.connected_to)
    member.crash()
    loop.advance(5.0)
    if members == 1:
        member.start()
        loop.advance(5.0)
    assert not stream.closed and client.connected_to
    client.put(b"/registry/configmaps/default/a", b'{"metadata":{"name":"a","namespace":"default"}}')
    assert "/registry/configmaps/default/a" in server.store("", "configmaps").cache.objects
