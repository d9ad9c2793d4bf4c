"""One member: its calls, what it says of itself, and how it comes and goes."""

from __future__ import annotations

import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.cluster_errors import ConnectionBroken, DeadlineExceeded, ServerStopped
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.member import Member
from kubekit.etcd.options import Options
from kubekit.sim import Loop, VirtualClock, WallClock
from tests.etcd.members import answer, cluster_of, get, put, text


@pytest.fixture
def member() -> Member:
    return cluster_of(1, settle=0.0).member("default")


def test_a_sole_member_serves_at_once_and_leaves_nothing_to_do(member: Member) -> None:
    assert member.serving and member.raft.role == "leader" and member.alone
    assert put(member)["header"] == {
        "revision": 2,
        "cluster_id": 0xCDF818194E3A8C32,
        "member_id": 0x8E9E05C52164694D,
        "raft_term": 2,
    }
    assert get(member) == b"value"
    before = member.loop.steps
    member.loop.advance(3600)
    assert member.loop.steps - before <= 2, "no ticks, no heartbeats"


def test_its_log_is_what_a_real_one_would_be(member: Member) -> None:
    put(member)
    entries = member.raft.log.entries(1, member.raft.log.last_index + 1)
    kinds = [None if entry.data is None else getattr(entry.data, "kind", "conf change") for entry in entries]
    assert kinds == ["conf change", None, "cluster_version_set", "cluster_member_attr_set", "put"]


def test_status_says_what_the_member_knows(member: Member) -> None:
    put(member)
    status = member.call("Maintenance/Status", {})
    assert status["version"] == "3.6.13" and status["storageVersion"] == "3.6.0"
    assert status["leader"] == member.id and status["raftTerm"] == 2
    assert status["raftIndex"] == status["raftAppliedIndex"] == 5
    assert status["dbSize"] >= status["dbSizeInUse"] > 0 and status["dbSizeQuota"] == 2 * 1024**3
    assert status["errors"] == [] and not status["isLearner"]
    assert member.status()["raftIndex"] == 5


def test_submit_answers_once_and_at_once_where_nobody_has_to_be_asked(member: Member) -> None:
    got: list[object] = []
    member.submit("KV/Put", {"key": b"a", "value": b"1"}, "", got.append)
    assert len(got) == 1
    member.submit("KV/Nonsense", {}, "", got.append)
    assert text(got[1]) == "unknown method Nonsense"


def test_what_was_answered_is_there_after_a_crash(member: Member) -> None:
    for number in range(250):
        put(member, b"k%d" % number, b"v")
    member.call("KV/DeleteRange", {"key": b"k7"})
    lease = member.call("Lease/LeaseGrant", {"TTL": 100})["ID"]
    put(member, b"leased", b"v")
    member.call("KV/Put", {"key": b"leased", "value": b"v", "lease": lease})
    state = (member.store.revision, member.store.hash_kv().hash)
    member.crash()
    assert text(put(member)).startswith("connection error")
    member.start()
    assert (member.store.revision, member.store.hash_kv().hash) == state
    assert member.raft.term == 3 and member.call("Lease/LeaseTimeToLive", {"ID": lease, "keys": True})["keys"]
    assert get(member, b"k7") is None and get(member, b"k8") == b"v"


def test_a_restart_reads_a_snapshot_and_applies_the_rest_again() -> None:
    cluster = cluster_of(1, snapshot_count=100, snapshot_catchup_entries=10)
    member = cluster.member("default")
    for number in range(250):
        put(member, b"k", str(number).encode())
    assert member.disk.load().snapshot is not None
    assert member.raft.log.first_index > 190, "the log in memory is cut behind the snapshot"
    hash_before, revision = member.store.hash_kv().hash, member.store.revision
    member.crash()
    member.start()
    assert member.store.revision == revision and member.store.hash_kv().hash == hash_before
    assert get(member, b"k") == b"249"
    sentence = next(r.sentence for r in cluster.loop.trace.records if "on its disk" in r.sentence)
    assert "finds a snapshot of entry 202" in sentence


def test_a_crash_loses_no_entry_however_often_it_happens(member: Member) -> None:
    for round in range(5):
        assert put(member, b"round", str(round).encode())["header"]["revision"] == round + 2
        member.crash()
        member.start()
        assert get(member, b"round") == str(round).encode()


def test_a_member_alone_that_loses_its_disk_begins_anew(member: Member) -> None:
    put(member)
    member.crash(lose_disk=True)
    member.start()
    assert member.store.revision == 1 and get(member) is None


def test_a_paused_member_keeps_its_clients_waiting(member: Member) -> None:
    member.pause()
    got: list[object] = []
    member.submit("KV/Put", {"key": b"a", "value": b"1"}, "", got.append)
    gave_up = member.submit("KV/Put", {"key": b"b", "value": b"1"}, "", got.append)
    gave_up.cancel()
    member.loop.advance(60)
    assert got == []
    member.resume()
    assert len(got) == 1 and get(member, b"a") == b"1" and get(member, b"b") is None


@pytest.mark.parametrize(("verb", "error"), [("stop", ServerStopped), ("crash", ConnectionBroken)])
def test_who_waits_at_a_member_that_goes_is_told(verb: str, error: type[EtcdError]) -> None:
    cluster = cluster_of(3)
    leader = cluster.leader
    assert leader is not None
    for other in cluster.members.values():
        if other is not leader:
            other.crash()
    got: list[object] = []
    leader.submit("KV/Put", {"key": b"a", "value": b"1"}, "", got.append)
    leader.submit("KV/Range", {"key": b"a"}, "", got.append)
    getattr(leader, verb)()
    assert [type(it) for it in got] == [error, error]


def test_a_call_within_an_event_does_not_let_the_others_go_on(member: Member) -> None:
    loop, seen = member.loop, []

    def ask() -> None:
        seen.append(put(member)["header"]["revision"])

    loop.call_soon("apiserver", ask)
    loop.call_soon("scheduler", seen.append, "scheduler")
    loop.run_ready()
    assert seen == [2, "scheduler"]


def test_a_call_within_an_event_that_only_time_could_answer_is_refused_at_once() -> None:
    cluster = cluster_of(3)
    leader = cluster.leader
    assert leader is not None
    for other in cluster.members.values():
        if other is not leader:
            other.crash()
    seen: list[object] = []
    cluster.loop.call_soon("apiserver", lambda: seen.append(put(leader)))
    at = cluster.loop.clock.elapsed()
    cluster.loop.run_ready()
    assert text(seen[0]) == "etcdserver: request timed out" and cluster.loop.clock.elapsed() == at


def test_on_the_wall_clock_nobody_waits_for_time_to_pass() -> None:
    loop = Loop(WallClock(), seed=1)
    cluster = EtcdCluster(loop, 3)
    cluster.start()
    assert text(answer(cluster.member("etcd-1"), "KV/Put", {"key": b"a"})) == "etcdserver: request timed out"
    assert loop.clock.elapsed() < 30


def test_a_client_s_own_deadline(member: Member) -> None:
    member.pause()
    with pytest.raises(DeadlineExceeded):
        member.call("KV/Range", {"key": b"a"}, timeout=2.0)
    assert isinstance(member.loop.clock, VirtualClock) and member.loop.clock.elapsed() == pytest.approx(2.0)


def test_a_watch_is_served_and_ends_with_the_member(member: Member) -> None:
    heard: list[object] = []
    ended: list[EtcdError] = []
    stream = member.watch(heard.append, ended=ended.append)
    stream.request({"create_request": {"key": b"a"}})
    put(member, b"a", b"1")
    assert heard[-1]["events"][0]["kv"]["value"] == b"1"  # type: ignore[index]
    assert heard[-1]["header"]["member_id"] == member.id  # type: ignore[index]
    member.crash()
    assert [type(it) for it in ended] == [ConnectionBroken]
    with pytest.raises(EtcdError, match="connection refused"):
        member.watch(heard.append)


def test_a_watch_that_asks_for_it_hears_how_far_the_store_has_come(member: Member) -> None:
    heard: list[object] = []
    stream = member.watch(heard.append)
    stream.request({"create_request": {"key": b"a", "progress_notify": True}})
    put(member, b"other")
    # The first tick finds that the watch has just been created; the second tells.
    member.loop.advance(1300)
    assert heard[-1]["header"]["revision"] == 2 and "events" not in heard[-1]  # type: ignore[index,operator]
    stream.close()
    before = member.loop.steps
    member.loop.advance(7200)
    assert member.loop.steps - before <= 1, "no streams, no ticks"


def test_a_quota_of_one_member() -> None:
    cluster = cluster_of(1, quota_bytes=200_000)
    member = cluster.member("default")
    words = ""
    for number in range(60):
        words = text(put(member, b"k%d" % number, b"x" * 5000))
        if words:
            break
    assert words == "etcdserver: mvcc: database space exceeded"
    assert member.call("Maintenance/Status", {})["errors"] == [f"memberID:{member.id} alarm:NOSPACE "]
    assert text(put(member, b"small", b"")) == words and not member.alone
    assert answer(member, "KV/DeleteRange", {"key": b"k0"})["deleted"] == 1
    member.call("KV/Compact", {"revision": member.store.revision})
    member.call("Maintenance/Defragment", {})
    member.call("Maintenance/Alarm", {"action": 2, "memberID": member.id, "alarm": 1})
    assert put(member, b"small", b"")["header"]["revision"] > 2 and member.alone


def test_automatic_compaction_goes_through_the_log() -> None:
    options = Options(auto_compaction_mode="revision", auto_compaction_retention="10")
    loop = Loop(seed=1)
    cluster = EtcdCluster(loop, 3, options=options)
    cluster.start()
    loop.advance(10)
    for number in range(40):
        put(cluster.member("etcd-1"), b"k", str(number).encode())
    loop.advance(310)
    assert [m.store.compacted_revision for m in cluster.members.values()] == [31, 31, 31]


def test_entries_written_the_short_way_are_applied_the_long_way_after_a_crash() -> None:
    cluster = cluster_of(1)
    member, client = cluster.member("default"), cluster.client()
    before = member.store

    def mod(key: bytes) -> int:
        found = client.get(key)
        return found.mod_revision if found is not None else 0

    assert client.get(b"a0") is None and member.alone
    for number in range(30):
        key = b"a%d" % (number % 7)
        assert client.put_if(key, b"v%d" % number, mod(key)) == number + 2
    assert client.put_if(b"a0", b"lost", 1) == 0, "the key has changed"
    assert client.delete_if(b"a1", mod(b"a1")) == 32 and client.delete_if(b"a1", 5) == 0
    with pytest.raises(EtcdError, match="requested lease not found"):
        client.put_if(b"new", b"", 0, lease=99)
    client.put(b"b", b"plain")
    state = (before.revision, before.hash_kv().hash)
    member.crash()
    member.start()
    assert (member.store.revision, member.store.hash_kv().hash) == state
    assert member.store is not before


def test_a_member_is_not_alone_any_more_once_another_one_is_added() -> None:
    cluster = cluster_of(1)
    member = cluster.member("default")
    assert member.alone
    member.call("Cluster/MemberAdd", {"peerURLs": ["http://127.0.0.1:9"]})
    assert not member.alone, "two are a quorum of two"
    client = cluster.client()
    with pytest.raises(EtcdError, match="timed out"):
        client.put_if(b"a", b"", 0)
