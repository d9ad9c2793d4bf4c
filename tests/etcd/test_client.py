"""The client that an API server holds: one member after the other, and no event missed or told twice."""

from __future__ import annotations

import pytest

from kubekit.etcd import FROM_KEY, Compare, DeleteRange, EtcdError, Put, Range
from kubekit.etcd.client import EtcdClient
from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.operation import COMPARE_MOD, EQUAL
from tests.etcd.members import cluster_of, followers_of, leader_of, same


@pytest.mark.parametrize("count", [1, 3])
def test_it_is_a_store(count: int) -> None:
    cluster = cluster_of(count)
    client = cluster.client()
    assert client.put(b"a", b"1") == 2 and client.revision == 2
    assert client.put_if(b"b", b"1", 0) == 3 and client.put_if(b"b", b"2", 0) == 0
    assert client.put_if(b"b", b"2", 3) == 4 and client.put_if(b"b", b"2", 3) == 0
    found = client.get(b"b")
    assert found is not None and (found.value, found.mod_revision, found.version) == (b"2", 4, 2)
    assert client.get(b"b", 3).value == b"1" and client.get(b"none") is None  # type: ignore[union-attr]
    result = client.range(b"a", FROM_KEY, limit=1)
    assert [kv.key for kv in result.kvs] == [b"a"] and result.more and result.count == 2
    done = client.txn([Compare(b"a", COMPARE_MOD, EQUAL, 2)], [Put(b"c"), Range(b"c")], [DeleteRange(b"a")])
    assert done.succeeded and done.revision == 5
    assert client.delete_if(b"c", 4) == 0 and client.delete_if(b"c", 5) == 6
    assert client.delete(b"a", FROM_KEY).deleted == 2
    client.compact(6)
    assert client.compacted_revision == 6
    with pytest.raises(EtcdError, match="required revision has been compacted"):
        client.get(b"a", 3)
    lease = client.grant(10)
    assert client.put_if(b"leased", b"", 0, lease) == 8
    with pytest.raises(EtcdError, match="requested lease not found"):
        client.put_if(b"x", b"", 0, 99)
    with pytest.raises(EtcdError, match="key is not provided"):
        client.put_if(b"", b"", 0)
    cluster.loop.run_ready()
    assert same(cluster)


def test_it_goes_to_the_next_member_when_its_own_goes() -> None:
    cluster = cluster_of(3)
    client = cluster.client(name="kube-apiserver")
    client.put(b"a", b"1")
    assert cluster.clients() == {"etcd-1": ["kube-apiserver"], "etcd-2": [], "etcd-3": []}
    cluster.member("etcd-1").crash()
    cluster.loop.advance(4)
    client.put(b"a", b"2")
    assert client.connected_to == "etcd-2"
    cluster.member("etcd-2").stop()
    cluster.member("etcd-1").start()
    cluster.loop.advance(4)
    client.put(b"a", b"3")
    assert client.connected_to == "etcd-3" and client.revision == 4
    client.close()
    assert cluster.clients()["etcd-3"] == []


def test_only_the_endpoints_that_it_was_given() -> None:
    cluster = cluster_of(3)
    client = cluster.client(["etcd-3"])
    client.put(b"a", b"1")
    assert client.connected_to == "etcd-3"
    cluster.member("etcd-3").crash()
    with pytest.raises(EtcdError, match="etcdserver: request timed out"):
        client.get(b"a")


def heard_of(client: EtcdClient) -> list[bytes]:
    heard: list[bytes] = []
    client.watch(b"k", b"l", 0, lambda events: heard.extend(event.kv.value for event in events))
    return heard


def test_a_watch_goes_on_at_the_next_member_without_a_gap() -> None:
    cluster = cluster_of(3)
    watcher, writer = cluster.client(), cluster.client(["etcd-3", "etcd-2"])
    heard = heard_of(watcher)
    writer.put(b"k", b"0")
    cluster.loop.run_ready()
    cluster.member("etcd-1").crash()
    cluster.loop.advance(3)
    for number in range(1, 20):
        writer.put(b"k%d" % number, b"%d" % number)
    cluster.loop.run_ready()
    assert heard == [b"%d" % number for number in range(20)]


def test_a_watch_waits_while_nobody_answers() -> None:
    cluster = cluster_of(3)
    client = cluster.client()
    heard = heard_of(client)
    client.put(b"k", b"0")
    cluster.crash()
    cluster.loop.advance(60)
    assert client.connected_to == ""
    cluster.start()
    cluster.loop.advance(5)
    client.put(b"k", b"1")
    cluster.loop.run_ready()
    assert heard == [b"0", b"1"]


def test_the_same_with_a_single_member() -> None:
    cluster = cluster_of(1)
    client = cluster.client()
    heard = heard_of(client)
    client.put(b"k", b"0")
    for verb in ("crash", "stop"):
        getattr(cluster, verb)()
        with pytest.raises(EtcdError, match="etcdserver: request timed out"):
            client.put(b"k", b"lost")
        cluster.start()
        client.put(b"k", verb.encode())
    assert heard == [b"0", b"crash", b"stop"]


def test_a_member_that_is_cut_off_loses_its_clients_after_some_seconds() -> None:
    cluster = cluster_of(3)
    client = cluster.client(["etcd-1", "etcd-2", "etcd-3"])
    heard = heard_of(client)
    client.put(b"k", b"0")
    cluster.partition(["etcd-1"])
    cluster.loop.advance(6)
    assert client.connected_to == "etcd-2", "it requires a member that knows a leader"
    client.put(b"k", b"1")
    assert heard == [b"0", b"1"]


def test_a_member_that_kept_it_waiting_is_not_asked_again_at_once() -> None:
    cluster = cluster_of(3)
    client = cluster.client()
    client.put(b"a", b"1")
    others = [member for member in cluster.members.values() if member.plan.name != "etcd-1"]
    cluster.partition(["etcd-1"])
    seen: list[str] = []

    def write() -> None:
        try:
            client.put(b"a", b"2")
            seen.append("written")
        except EtcdError as error:
            seen.append(error.message)

    cluster.loop.call_soon("kube-apiserver", write)
    cluster.loop.run_ready()
    assert seen == ["etcdserver: request timed out"] and client.connected_to == "etcd-2"
    cluster.loop.advance(4)
    write()
    assert seen[-1] == "written" and others[0].store.revision >= 3


def test_a_watch_whose_past_is_gone_is_told_so() -> None:
    cluster = cluster_of(3)
    first, second = cluster.client(["etcd-1"]), cluster.client(["etcd-2", "etcd-3"])
    gone: list[int] = []
    heard: list[bytes] = []
    first.watch(
        b"k", b"l", 0, lambda events: heard.extend(e.kv.value for e in events), on_compacted=gone.append
    )
    first.put(b"k", b"0")
    cluster.member("etcd-1").crash()
    cluster.loop.advance(4)
    for number in range(10):
        second.put(b"k", b"%d" % number)
    second.compact(10)
    cluster.member("etcd-1").start()
    cluster.loop.advance(4)
    assert gone == [10] and heard == [b"0"]
    first.put(b"k", b"later")
    assert heard == [b"0"], "such a watch has ended"


def test_a_watch_that_was_cancelled_hears_nothing_more() -> None:
    cluster = cluster_of(3)
    client = cluster.client()
    heard: list[int] = []
    watch = client.watch(b"k", b"l", 0, lambda events: heard.append(len(events)))
    client.put(b"k", b"0")
    watch.cancel()
    watch.cancel()
    client.put(b"k", b"1")
    cluster.member("etcd-1").crash()
    cluster.loop.advance(4)
    client.put(b"k", b"2")
    assert heard == [1]


def test_users_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    for call, request in (
        ("Auth/UserAdd", {"name": "root", "password": "r"}),
        ("Auth/RoleAdd", {"name": "root"}),
        ("Auth/UserGrantRole", {"user": "root", "role": "root"}),
        ("Auth/AuthEnable", {}),
    ):
        leader.call(call, request)
    nobody = cluster.client()
    for ask in (lambda: nobody.put(b"a", b""), lambda: nobody.get(b"a"), lambda: nobody.put_if(b"a", b"", 0)):
        with pytest.raises(EtcdError, match="user name is empty"):
            ask()
    token = leader.call("Auth/Authenticate", {"name": "root", "password": "r"})["token"]
    root = EtcdClient(cluster, who=token)
    assert root.put_if(b"a", b"1", 0) and root.get(b"a").value == b"1"  # type: ignore[union-attr]


def test_a_full_store_refuses_and_raises_its_alarm() -> None:
    for count in (1, 3):
        cluster = cluster_of(count, quota_bytes=100_000)
        client = cluster.client()
        with pytest.raises(EtcdError, match="database space exceeded"):
            for number in range(100):
                client.put_if(b"k%d" % number, b"x" * 4000, 0)
        cluster.loop.run_ready()
        assert all(member.alarms.get() for member in cluster.members.values())
        with pytest.raises(EtcdError, match="database space exceeded"):
            client.put_if(b"small", b"", 0)
        cluster.loop.run_ready()
        assert same(cluster)


def test_two_writers_of_the_same_key_never_both_win() -> None:
    cluster = cluster_of(3)
    clients = [cluster.client([name]) for name in cluster.members]
    for number in range(12):
        found = clients[0].get(b"k")
        at = found.mod_revision if found is not None else 0
        wins = [bool(client.put_if(b"k", b"%d" % number, at)) for client in clients]
        assert wins.count(True) == 1
    cluster.loop.run_ready()
    assert same(cluster) and len(followers_of(cluster)) == 2


def test_the_cluster_says_how_it_is() -> None:
    cluster: EtcdCluster = cluster_of(3)
    cluster.member("etcd-2").crash()
    assert repr(cluster) in (
        "etcd: etcd-1 leader, etcd-2 crashed, etcd-3 follower",
        "etcd: etcd-1 follower, etcd-2 crashed, etcd-3 follower",
        "etcd: etcd-1 follower, etcd-2 crashed, etcd-3 leader",
    )
    with pytest.raises(KeyError, match="there is no member 'nobody'; there are etcd-1, etcd-2, etcd-3"):
        cluster.member("nobody")
