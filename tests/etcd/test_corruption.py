"""Corruption: a member whose data differs is found out at its start, by the leader, or after a compaction."""

from __future__ import annotations

import pytest

from kubekit.etcd.alarms import CORRUPT, Alarm
from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.errors import CorruptCluster
from kubekit.etcd.member import Member
from kubekit.etcd.options import Options
from kubekit.sim import Loop


def cluster(members: int = 3, **options: object) -> EtcdCluster:
    etcd = EtcdCluster(Loop(seed=1), members, options=Options(**options))  # type: ignore[arg-type]
    etcd.start()
    etcd.loop.advance(3.0)
    client = etcd.client()
    for number in range(20):
        client.put(b"k%d" % (number % 5), b"value %d" % number)
    etcd.loop.advance(1.0)
    return etcd


def flip(member: Member, key: bytes = b"k3") -> None:
    """Turn over one bit of a value in a member's memory."""
    store = member.store
    index = store.index.by_key[key]
    kv = index.present
    assert kv is not None
    bad = kv._replace(value=bytes([kv.value[0] ^ 1]) + kv.value[1:])
    index.present = bad
    at = next(revision for revision, known in store.log.since(0) if known is kv)
    store.log.at[at] = bad
    assert store.get(key) == bad


def followers(etcd: EtcdCluster) -> list[Member]:
    return [member for member in etcd.members.values() if member is not etcd.leader]


def alarms(etcd: EtcdCluster) -> list[Alarm]:
    return [alarm for member in etcd.members.values() for alarm in member.alarms.get(CORRUPT)]


def test_the_leader_finds_the_member_that_differs() -> None:
    etcd = cluster(corrupt_check_time=60.0)
    etcd.loop.advance(300.0)
    assert alarms(etcd) == [], "members that hold the same raise no alarm"
    bad = followers(etcd)[1]
    flip(bad)
    etcd.loop.advance(61.0)
    assert alarms(etcd) == [Alarm(bad.id, CORRUPT)] * 3
    with pytest.raises(CorruptCluster, match="etcdserver: corrupt cluster"):
        etcd.client().put(b"a", b"b")
    errors = etcd.members["etcd-1"].call("Maintenance/Status", {})["errors"]
    assert errors == [f"memberID:{bad.id} alarm:CORRUPT "]


def test_without_being_asked_for_nobody_compares() -> None:
    etcd = cluster()
    flip(followers(etcd)[0])
    etcd.loop.advance(600.0)
    etcd.client().compact(15)
    etcd.loop.advance(600.0)
    assert alarms(etcd) == []


@pytest.mark.parametrize("leads", [True, False])
def test_after_a_compaction_the_majority_is_right(leads: bool) -> None:
    etcd = cluster(compact_hash_check_time=60.0)
    etcd.client().compact(10)
    etcd.loop.advance(61.0)
    assert alarms(etcd) == []
    leader = etcd.leader
    assert leader is not None
    bad = leader if leads else followers(etcd)[0]
    flip(bad)
    etcd.client().compact(21)
    etcd.loop.advance(61.0)
    assert alarms(etcd) == [Alarm(bad.id, CORRUPT)] * 3


def test_two_that_differ_from_each_other_are_nobody_s_fault() -> None:
    etcd = cluster(compact_hash_check_time=60.0)
    one, two = followers(etcd)
    flip(one)
    flip(two, b"k4")
    etcd.client().compact(21)
    etcd.loop.advance(61.0)
    assert alarms(etcd) == [Alarm(0, CORRUPT)] * 3


def test_who_cannot_be_asked_is_compared_later() -> None:
    etcd = cluster(compact_hash_check_time=60.0)
    bad, other = followers(etcd)
    flip(bad)
    etcd.client().compact(21)
    etcd.partition([bad.plan.name], [member.plan.name for member in etcd.members.values() if member != bad])
    etcd.loop.advance(130.0)
    assert alarms(etcd) == []
    etcd.heal()
    etcd.loop.advance(70.0)
    assert set(alarms(etcd)) == {Alarm(bad.id, CORRUPT)} and other.alarms.get()


def test_a_member_that_differs_does_not_start() -> None:
    etcd = cluster(initial_corrupt_check=True)
    good, bad = followers(etcd)
    for member in (good, bad):
        member.stop()
        if member is bad:
            entries = member.disk._entries  # type: ignore[attr-defined]
            place = next(n for n, entry in enumerate(entries) if getattr(entry.data, "kind", "") == "put")
            put = entries[place].data
            entries[place] = entries[place]._replace(data=put._replace(body=put.body._replace(value=b"else")))
            with pytest.raises(BootstrapError, match=f"^{member.id:x} found data inconsistency with peers$"):
                member.start()
            assert member.state == "crashed" and "inconsistency" in member.exit_error
        else:
            member.start()
            etcd.loop.advance(3.0)
            assert member.serving
