"""What a member finds when it comes back, how one that is behind catches up, and who does not start."""

from __future__ import annotations

import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.etcd.datadir import Storage
from kubekit.etcd.disk import MemoryDisk
from kubekit.etcd.member import Member
from kubekit.etcd.options import MemberPlan, Options
from kubekit.etcd.storage import MemoryStorage
from kubekit.raft import Entry, HardState
from kubekit.sim import Loop
from tests.etcd.members import cluster_of, followers_of, get, leader_of, put, same, told

PEER = "http://127.0.0.1:{}"


def fill(member: Member, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        put(member, b"k%d" % (number % 50), str(number).encode())


def on_disks(count: int, **options: int) -> tuple[EtcdCluster, dict[str, MemoryDisk]]:
    loop = Loop(seed=1)
    disks = {f"etcd-{n}": MemoryDisk() for n in range(1, count + 1)}
    cluster = EtcdCluster(
        loop,
        count,
        options=Options(**options),  # type: ignore[arg-type]
        disks={name: Storage(disk) for name, disk in disks.items()},
    )
    cluster.start()
    loop.advance(10)
    return cluster, disks


def test_a_follower_that_was_away_gets_the_entries_that_it_missed() -> None:
    cluster = cluster_of(3)
    follower = followers_of(cluster)[0]
    follower.crash()
    fill(leader_of(cluster), 200)
    follower.start()
    cluster.loop.advance(1)
    assert same(cluster) and not told(cluster, "snapshot"), "the log goes back far enough"


def test_one_that_was_away_too_long_gets_the_whole_state() -> None:
    cluster = cluster_of(3, snapshot_count=100, snapshot_catchup_entries=20)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    lease = leader.call("Lease/LeaseGrant", {"TTL": 500})["ID"]
    leader.call("KV/Put", {"key": b"leased", "value": b"", "lease": lease})
    leader.call("Auth/UserAdd", {"name": "ann", "password": "a"})
    leader.call("Maintenance/Alarm", {"action": 1, "memberID": leader.id, "alarm": 2})
    leader.call("Maintenance/Alarm", {"action": 2, "memberID": leader.id, "alarm": 2})
    follower.crash()
    fill(leader, 300)
    leader.call("KV/Compact", {"revision": 150})
    leader.call("Maintenance/Alarm", {"action": 1, "memberID": leader.id, "alarm": 1})
    follower.start()
    cluster.loop.advance(2)
    assert same(cluster)
    assert told(cluster, "snapshot")[-1].sentence.startswith(f"{follower.plan.name} takes over")
    assert follower.store.compacted_revision == 150 and follower.auth.user("ann")
    assert follower.store.leases.lookup(lease).keys == {b"leased": None}  # type: ignore[union-attr]
    assert follower.alarms.get() == leader.alarms.get() != []
    assert follower.members == leader.members and follower.membership.version == "3.6.0"
    leader.call("Maintenance/Alarm", {"action": 2, "memberID": leader.id, "alarm": 1})
    fill(leader, 5)
    cluster.loop.run_ready()
    assert same(cluster), "and goes on from there"


def test_a_newcomer_gets_the_state_when_the_log_begins_too_late() -> None:
    cluster = cluster_of(3, snapshot_count=100, snapshot_catchup_entries=20)
    fill(leader_of(cluster), 300)
    url = "https://192.168.0.29:2380"
    leader_of(cluster).call("Cluster/MemberAdd", {"peerURLs": [url], "isLearner": True})
    learner = cluster.join("etcd-4")
    cluster.loop.advance(3)
    assert learner.serving and same(cluster)
    assert learner.raft.log.first_index > 250
    assert leader_of(cluster).call("Cluster/MemberPromote", {"ID": learner.id})


def test_watchers_of_a_follower_are_told_what_came_with_the_state() -> None:
    cluster = cluster_of(3, snapshot_count=100, snapshot_catchup_entries=20)
    follower = followers_of(cluster)[0]
    heard: list[bytes] = []
    follower.store.watch(b"k", b"l", 0, lambda events: heard.extend(e.kv.value for e in events))
    cluster.partition([follower.plan.name])
    cluster.loop.advance(3)
    fill(leader_of(cluster), 300)
    cluster.heal()
    cluster.loop.advance(5)
    assert same(cluster) and heard == [str(number).encode() for number in range(300)]


def test_a_snapshot_that_is_lost_on_the_way_is_sent_again() -> None:
    cluster = cluster_of(3, snapshot_count=100, snapshot_catchup_entries=20)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    follower.crash()
    fill(leader, 300)
    cluster.slow(leader.plan.name, follower.plan.name, 0.05)
    follower.start()
    cluster.loop.run_until(lambda: any(f.message.type == "MsgSnap" for f in cluster.in_flight))
    follower.crash()
    assert leader.raft.progress[follower.id].state != "snapshot", "the leader knows that it was lost"
    follower.start()
    cluster.loop.advance(3)
    assert same(cluster)


def test_everybody_crashes_and_everything_is_there_again() -> None:
    cluster = cluster_of(5, snapshot_count=100, snapshot_catchup_entries=20)
    fill(leader_of(cluster), 250)
    cluster.loop.run_ready()
    before = (leader_of(cluster).store.revision, leader_of(cluster).store.hash_kv().hash)
    term = leader_of(cluster).raft.term
    cluster.crash()
    assert cluster.state == "crashed" and cluster.leader is None
    cluster.start()
    cluster.loop.advance(5)
    assert same(cluster) and leader_of(cluster).raft.term > term
    assert (leader_of(cluster).store.revision, leader_of(cluster).store.hash_kv().hash) == before


@pytest.mark.parametrize("moment", range(0, 120, 7))
def test_a_crash_at_any_moment_loses_nothing_that_was_answered(moment: int) -> None:
    cluster = cluster_of(3, snapshot_count=20, snapshot_catchup_entries=5)
    leader = leader_of(cluster)
    answered: list[int] = []
    for number in range(30):
        leader.submit(
            "KV/Put",
            {"key": b"k", "value": str(number).encode()},
            "",
            lambda got: answered.append(got["header"]["revision"]) if isinstance(got, dict) else None,
        )
    for _ in range(moment):
        cluster.loop.step()
    cluster.crash()
    cluster.start()
    cluster.loop.advance(5)
    assert same(cluster)
    assert leader_of(cluster).store.revision >= max(answered, default=1)


def test_members_on_disks_of_etcds_own_format_come_back_too() -> None:
    cluster, disks = on_disks(3, snapshot_count=50, snapshot_catchup_entries=10)
    fill(leader_of(cluster), 120)
    cluster.member("etcd-2").crash()
    fill(leader_of(cluster), 120, start=120)
    cluster.member("etcd-2").start()
    cluster.loop.advance(3)
    assert same(cluster)
    state = (leader_of(cluster).store.revision, leader_of(cluster).store.hash_kv().hash)
    assert any(name.endswith(".wal") for name in disks["etcd-1"].list("member/wal"))
    for verb in ("crash", "stop"):
        getattr(cluster, verb)()
        cluster.start()
        cluster.loop.advance(5)
        assert same(cluster)
        assert (leader_of(cluster).store.revision, leader_of(cluster).store.hash_kv().hash) == state
        put(leader_of(cluster), b"more", verb.encode())
        state = (leader_of(cluster).store.revision, leader_of(cluster).store.hash_kv().hash)


def test_a_machine_that_lost_its_disk_must_not_come_back_as_if_nothing_had_happened() -> None:
    for cluster in (cluster_of(3), on_disks(3)[0]):
        member = followers_of(cluster)[0]
        member.crash(lose_disk=True)
        with pytest.raises(BootstrapError, match=f"member {member.id:x} has already been bootstrapped"):
            member.start()
        assert member.state == "crashed" and "already been bootstrapped" in member.exit_error
        assert told(cluster, "start")[-1].sentence.startswith(f"{member.plan.name} does not start")


def plan(name: str, port: int, **more: object) -> MemberPlan:
    own = (name, (PEER.format(port),))
    more.setdefault("initial_cluster", (own,))
    return MemberPlan(name, own[1], (PEER.format(port + 1),), **more)  # type: ignore[arg-type]


def running() -> EtcdCluster:
    """m1 alone, on ports 22151 and 22150."""
    loop = Loop(seed=1)
    cluster = EtcdCluster(loop, [MemberPlan("m1", (PEER.format(22151),), (PEER.format(22150),))])
    cluster.start()
    loop.advance(1)
    return cluster


def test_a_name_that_is_not_in_the_initial_cluster() -> None:
    member = running().add_member(plan("q", 22153, initial_cluster=(("m1", (PEER.format(22153),)),)))
    with pytest.raises(BootstrapError) as refused:
        member.start()
    assert str(refused.value) == 'couldn\'t find local name "q" in the initial cluster configuration'


def test_an_advertised_address_that_differs() -> None:
    member = running().add_member(plan("q", 22153, initial_cluster=(("q", (PEER.format(22155),)),)))
    with pytest.raises(BootstrapError) as refused:
        member.start()
    assert str(refused.value) == (
        "--initial-cluster has q=http://127.0.0.1:22155 but missing from "
        "--initial-advertise-peer-urls=http://127.0.0.1:22153 "
        '(resolved urls: "http://127.0.0.1:22153" != "http://127.0.0.1:22155")'
    )


def test_a_port_in_use() -> None:
    member = running().add_member(plan("q", 22151))
    with pytest.raises(BootstrapError) as refused:
        member.start()
    assert str(refused.value) == "listen tcp 127.0.0.1:22151: bind: address already in use"


def test_joining_without_being_added() -> None:
    cluster = running()
    both = (("m1", (PEER.format(22151),)), ("q", (PEER.format(22153),)))
    member = cluster.add_member(plan("q", 22153, initial_cluster=both, existing=True))
    with pytest.raises(BootstrapError) as refused:
        member.start()
    first = cluster.member("m1")
    assert str(refused.value) == (
        f"error validating peerURLs {{ClusterID:{first.cluster_id:x} Members:[&{{ID:{first.id:x} "
        "RaftAttributes:{PeerURLs:[http://127.0.0.1:22151] IsLearner:false} "
        "Attributes:{Name:m1 ClientURLs:[http://127.0.0.1:22150]}}] RemovedMemberIDs:[]}: "
        "member count is unequal"
    )


def test_joining_with_other_addresses_than_were_added() -> None:
    cluster = running()
    cluster.member("m1").call("Cluster/MemberAdd", {"peerURLs": [PEER.format(22157)], "isLearner": True})
    both = (("m1", (PEER.format(22151),)), ("q", (PEER.format(22153),)))
    member = cluster.add_member(plan("q", 22153, initial_cluster=both, existing=True))
    with pytest.raises(BootstrapError, match="PeerURLs: no match found for existing member") as refused:
        member.start()
    assert "[http://127.0.0.1:22157]), last resolver error (resolved urls: " in str(refused.value)


def test_joining_nobody() -> None:
    cluster = running()
    cluster.crash()
    both = (("m1", (PEER.format(22151),)), ("q", (PEER.format(22153),)))
    member = cluster.add_member(plan("q", 22153, initial_cluster=both, existing=True))
    with pytest.raises(BootstrapError, match="cannot fetch cluster info from peer urls: could not retrieve"):
        member.start()


def test_an_address_twice() -> None:
    twice = (("q", (PEER.format(22153),)), ("r", (PEER.format(22153),)))
    member = running().add_member(plan("q", 22153, initial_cluster=twice))
    with pytest.raises(BootstrapError) as refused:
        member.start()
    assert str(refused.value) == (
        "initial cluster q=http://127.0.0.1:22153,r=http://127.0.0.1:22153 has duplicate url"
    )


def test_members_of_another_cluster_are_not_listened_to() -> None:
    cluster = cluster_of(3)
    other = Member(
        cluster.loop,
        MemberPlan("odd", ("http://10.0.0.1:2380",), (), "", (("odd", ("http://10.0.0.1:2380",)),)),
        cluster.links,
        cluster.options,
        "another-token",
    )
    other.start()
    lost = cluster.links.send(other, [_to(leader_of(cluster).id, other.id)])
    assert [loss.why for loss in lost] == ["it belongs to another cluster"]


def _to(to: int, frm: int) -> object:
    from kubekit.raft import Message

    return Message("MsgHeartbeat", to, frm, 99)


def test_a_disk_in_memory_forgets_in_a_crash_only_what_was_not_synced() -> None:
    disk = MemoryStorage()
    disk.create(1, 2)
    disk.save(HardState(2, 1, 0), [Entry(2, 1), Entry(2, 2), Entry(2, 3)], True)
    disk.save(HardState(2, 1, 2), [], False)
    disk.save(None, [Entry(3, 3)], True)
    assert [entry.term for entry in disk.load().entries] == [2, 2, 3], "a replaced tail"
    disk.save(HardState(2, 1, 3), [], False)
    disk.crash()
    assert disk.load().hard_state == HardState(2, 1, 2) and len(disk.load().entries) == 3
    disk.wipe()
    assert not disk.exists


def test_get_after_everything() -> None:
    cluster = cluster_of(3)
    put(leader_of(cluster))
    for name in ("etcd-1", "etcd-2", "etcd-3"):
        cluster.member(name).crash()
        cluster.loop.advance(3)
        cluster.member(name).start()
        cluster.loop.advance(3)
    assert all(get(member) == b"value" for member in cluster.members.values())
