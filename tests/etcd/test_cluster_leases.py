"""Leases in a cluster: the leader keeps the time, every member deletes the keys, at the same index."""

from __future__ import annotations

import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.member import Member
from tests.etcd.members import answer, cluster_of, followers_of, get, leader_of, same, text


def grant(member: Member, ttl: int, key: bytes = b"key") -> int:
    lease = int(member.call("Lease/LeaseGrant", {"TTL": ttl})["ID"])
    member.call("KV/Put", {"key": key, "value": b"value", "lease": lease})
    return lease


def ttl(member: Member, lease: int) -> int:
    return int(member.call("Lease/LeaseTimeToLive", {"ID": lease})["TTL"])


def keep_alive(member: Member, lease: int) -> int:
    return int(member.call("Lease/LeaseKeepAlive", {"ID": lease})["TTL"])


def test_a_lease_runs_out_once_for_all_members() -> None:
    cluster = cluster_of(3)
    grant(followers_of(cluster)[0], 10)
    cluster.loop.advance(9)
    assert get(leader_of(cluster)) == b"value"
    cluster.loop.advance(2)
    assert same(cluster) and leader_of(cluster).store.revision == 3
    assert all(not m.store.leases.leases() for m in cluster.members.values())


def test_any_member_renews_it_and_says_how_long_it_has() -> None:
    cluster = cluster_of(3)
    follower = followers_of(cluster)[0]
    lease = grant(follower, 10)
    cluster.loop.advance(6)
    assert {ttl(member, lease) for member in cluster.members.values()} == {4}
    assert keep_alive(follower, lease) == 10
    assert ttl(leader_of(cluster), lease) == 10
    for _ in range(5):
        cluster.loop.advance(8)
        assert keep_alive(followers_of(cluster)[1], lease) == 10
    assert get(follower) == b"value"


def test_only_the_leader_keeps_the_time() -> None:
    cluster = cluster_of(3)
    grant(leader_of(cluster), 10)
    cluster.loop.run_ready()
    assert [m.store.leases.primary for m in cluster.members.values()] == [
        m is leader_of(cluster) for m in cluster.members.values()
    ]


def test_a_new_leader_begins_every_lease_anew() -> None:
    cluster = cluster_of(3)
    lease = grant(leader_of(cluster), 10)
    cluster.loop.advance(8)
    leader_of(cluster).crash()
    cluster.loop.advance(4)
    new = leader_of(cluster)
    assert get(new) == b"value", "nobody knows how much of its time had gone"
    assert ttl(new, lease) > 6
    cluster.loop.advance(12)
    assert get(new) is None and same(cluster)


def test_with_checkpoints_the_new_leader_goes_on_from_there() -> None:
    cluster = cluster_of(3, lease_checkpoint_interval=5.0)
    lease = grant(leader_of(cluster), 60)
    cluster.loop.advance(31)
    leader_of(cluster).crash()
    cluster.loop.advance(4)
    assert ttl(leader_of(cluster), lease) <= 31


def test_without_a_leader_no_lease_runs_out_and_none_is_renewed() -> None:
    cluster = cluster_of(3)
    survivor = leader_of(cluster)
    lease = grant(survivor, 5)
    for member in followers_of(cluster):
        member.crash()
    cluster.loop.advance(30)
    assert get(survivor, serializable=True) == b"value"
    got: list[object] = []
    survivor.submit("Lease/LeaseKeepAlive", {"ID": lease}, "", got.append)
    survivor.submit("Lease/LeaseTimeToLive", {"ID": lease}, "", got.append)
    cluster.loop.advance(8)
    assert [text(it) for it in got] == ["etcdserver: no leader", "etcdserver: no leader"]
    cluster.start()
    cluster.loop.advance(3)
    assert get(leader_of(cluster)) == b"value" and ttl(survivor, lease) >= 2


def test_a_keep_alive_that_comes_too_late_hears_that_there_is_no_such_lease() -> None:
    cluster = cluster_of(1)
    member = cluster.member("default")
    lease = grant(member, 2)
    # Exactly at the end it is overdue, and the leader looks twice a second.
    cluster.loop.advance(2.0)
    got: list[object] = []
    member.submit("Lease/LeaseKeepAlive", {"ID": lease}, "", got.append)
    cluster.loop.advance(1)
    assert [it["TTL"] for it in got] == [0]  # type: ignore[index]
    assert keep_alive(member, 99) == 0 and ttl(member, 99) == -1
    assert answer(member, "Lease/LeaseLeases", {})["leases"] == []


def test_a_lease_of_a_chosen_id_is_the_same_on_all_members() -> None:
    cluster = cluster_of(3)
    for member in cluster.members.values():
        member.call("Lease/LeaseGrant", {"TTL": 100})
    cluster.loop.run_ready()
    lists = [sorted(lease.id for lease in m.store.leases.leases()) for m in cluster.members.values()]
    assert len(lists[0]) == 3 and lists[0] == lists[1] == lists[2]


AS = {"permType": 2, "key": b"a", "range_end": b"b"}
"""Leave to read and write all that begins with an a."""


def users(cluster: EtcdCluster) -> None:
    leader = leader_of(cluster)
    for call, request in (
        ("Auth/UserAdd", {"name": "root", "password": "r"}),
        ("Auth/RoleAdd", {"name": "root"}),
        ("Auth/UserGrantRole", {"user": "root", "role": "root"}),
        ("Auth/UserAdd", {"name": "ann", "password": "a"}),
        ("Auth/RoleAdd", {"name": "half"}),
        ("Auth/RoleGrantPermission", {"name": "half", "perm": AS}),
        ("Auth/UserGrantRole", {"user": "ann", "role": "half"}),
        ("Auth/AuthEnable", {}),
    ):
        leader.call(call, request)


def test_a_token_is_good_at_every_member_and_a_lease_ends_although_users_are_heeded() -> None:
    cluster = cluster_of(3)
    users(cluster)
    asked = followers_of(cluster)[0]
    token = asked.call("Auth/Authenticate", {"name": "ann", "password": "a"})["token"]
    cluster.loop.run_ready()
    prefix, _, index = token.partition(".")
    assert len(prefix) == 16 and int(index) == asked.applied, "the entry's index makes it unique"
    for member in cluster.members.values():
        assert member.call("KV/Put", {"key": b"a1", "value": b"x"}, token)["header"]
        assert text(answer(member, "KV/Put", {"key": b"z"}, token=token)) == "etcdserver: permission denied"
        assert text(answer(member, "KV/Range", {"key": b"a1"})) == "etcdserver: user name is empty"
        unknown = answer(member, "KV/Range", {"key": b"a1"}, token="x.1")
        assert text(unknown) == "etcdserver: invalid auth token"
    lease = asked.call("Lease/LeaseGrant", {"TTL": 5}, token)["ID"]
    asked.call("KV/Put", {"key": b"a2", "value": b"", "lease": lease}, token)
    cluster.loop.advance(7)
    assert same(cluster)
    assert leader_of(cluster).store.get(b"a2") is None, "the leader revokes it as root"
    leader_of(cluster).crash()
    cluster.loop.advance(4)
    assert leader_of(cluster).call("KV/Range", {"key": b"a1"}, token)["kvs"], "tokens outlive the leader"


def test_passwords_never_get_into_the_log() -> None:
    cluster = cluster_of(3)
    users(cluster)
    leader = leader_of(cluster)
    leader.call("Auth/Authenticate", {"name": "ann", "password": "a"})
    entries = leader.raft.log.entries(1, leader.raft.log.last_index + 1)
    bodies = [entry.data.body for entry in entries if getattr(entry.data, "kind", "").startswith("auth")]
    assert bodies and all("password" not in body for body in bodies)


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_is_refused_before_anything_is_agreed_on(password: str) -> None:
    cluster = cluster_of(3)
    users(cluster)
    applied = leader_of(cluster).applied
    request = {"name": "ann", "password": password}
    words = "etcdserver: authentication failed, invalid user ID or password"
    assert text(answer(leader_of(cluster), "Auth/Authenticate", request)) == words
    assert leader_of(cluster).applied == applied
