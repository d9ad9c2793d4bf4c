"""Links: messages in flight, slow and cut cables, paused members, and since when who is connected."""

from __future__ import annotations

import pytest

from kubekit.etcd.links import MOST_UNDER_WAY, NOTICED_AFTER
from tests.etcd.members import cluster_of, followers_of, get, leader_of, put, same, text, told


def test_messages_under_way_can_be_seen_and_arrive_in_order() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    a, b = (member.plan.name for member in followers_of(cluster))
    cluster.slow(leader.plan.name, a, 0.5)
    got: list[object] = []
    for number in range(3):
        leader.submit("KV/Put", {"key": b"k", "value": str(number).encode()}, "", got.append)
    flights = [f for f in cluster.in_flight if f.target.plan.name == a and f.message.type == "MsgApp"]
    assert [f.message.entries[-1].data.body.value for f in flights] == [b"0", b"1", b"2"]
    now = cluster.loop.clock.now()
    assert all(f.sender is leader and f.sent == now and f.due == pytest.approx(now + 0.5) for f in flights)
    assert repr(flights[0]).startswith(f"{leader.plan.name} -> {a}: ")
    cluster.loop.run_ready()
    assert len(got) == 3, "the quick follower is enough"
    slow, quick = cluster.member(a), cluster.member(b)
    assert quick.store.revision == 4 and slow.store.revision == 1
    cluster.loop.advance(2)
    assert same(cluster)


def test_a_message_never_overtakes_another_one() -> None:
    cluster = cluster_of(3)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    cluster.slow(leader.plan.name, follower.plan.name, 2.0)
    put(leader, b"first")
    cluster.slow(leader.plan.name, follower.plan.name, 0)
    put(leader, b"second")
    flights = [f for f in cluster.in_flight if f.target is follower]
    assert [f.due for f in flights] == sorted(f.due for f in flights) and len(flights) >= 2
    cluster.loop.advance(4)
    assert same(cluster)


def test_slow_cables_make_writes_slow_and_nothing_else() -> None:
    cluster = cluster_of(3)
    for a in cluster.members:
        for b in cluster.members:
            if a < b:
                cluster.slow(a, b, 0.1)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    before = cluster.loop.clock.elapsed()
    put(leader)
    assert cluster.loop.clock.elapsed() - before == pytest.approx(0.2)
    before = cluster.loop.clock.elapsed()
    put(follower)
    assert 0.39 <= cluster.loop.clock.elapsed() - before <= 0.61
    cluster.loop.advance(60)
    assert leader.raft.term == 2, "a tenth of a second is no reason for an election"


def test_within_an_event_a_write_waits_for_what_is_under_way_and_for_nothing_else() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    for follower in followers_of(cluster):
        cluster.slow(leader.plan.name, follower.plan.name, 0.25)
    seen: list[object] = []
    cluster.loop.call_later(0.3, "scheduler", seen.append, "scheduler")
    cluster.loop.call_soon("apiserver", lambda: seen.append(put(leader)["header"]["revision"]))
    began = cluster.loop.clock.elapsed()
    cluster.loop.run_ready()
    assert seen[0] == 2 and cluster.loop.clock.elapsed() - began == pytest.approx(0.5)
    assert seen == [2, "scheduler"], "what fell due meanwhile runs afterwards"


def test_one_direction_can_be_cut_alone() -> None:
    cluster = cluster_of(3)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    cluster.cut(follower.plan.name, leader.plan.name, one_way=True)
    put(leader)
    cluster.loop.run_ready()
    assert follower.store.revision == 2 and leader.raft.progress[follower.id].match < leader.applied
    cluster.loop.advance(5)
    assert leader_of(cluster) is leader and leader.raft.term == 2, "it hears its leader and stays quiet"
    assert cluster.links.broken() == [
        {"from": follower.plan.name, "to": leader.plan.name, "cut": True, "slow": 0.0}
    ]


def test_what_is_under_way_on_a_link_that_is_cut_is_lost() -> None:
    cluster = cluster_of(3)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    cluster.slow(leader.plan.name, follower.plan.name, 1.0)
    put(leader)
    assert any(f.target is follower for f in cluster.in_flight)
    cluster.cut(leader.plan.name, follower.plan.name)
    assert not any(f.target is follower and f.sender is leader for f in cluster.in_flight)
    cluster.heal()
    cluster.loop.advance(3)
    assert same(cluster) and cluster.links.broken() == []


def test_a_paused_member_takes_its_messages_one_by_one() -> None:
    cluster = cluster_of(3)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    follower.pause()
    put(leader)
    cluster.loop.run_ready()
    assert [f.message.type for f in cluster.in_flight if f.target is follower] == ["MsgApp", "MsgApp"]
    assert follower.raft.log.last_index < leader.raft.log.last_index
    assert follower.step() and follower.raft.log.last_index == leader.raft.log.last_index
    assert follower.store.revision == 1, "stored, but it does not know yet that it is agreed on"
    assert follower.step() and follower.store.revision == 2
    assert not follower.step()
    follower.resume()
    cluster.loop.advance(1)
    assert same(cluster)


def test_what_waits_for_a_frozen_member_is_bounded() -> None:
    cluster = cluster_of(3)
    follower = followers_of(cluster)[0]
    follower.pause()
    cluster.loop.advance(MOST_UNDER_WAY * 0.1 + 60)
    waiting = sum(f.target is follower for f in cluster.in_flight)
    assert 1000 < waiting <= MOST_UNDER_WAY
    follower.resume()
    put(leader_of(cluster))
    cluster.loop.advance(2)
    assert same(cluster)


def test_messages_to_a_member_that_crashes_are_gone() -> None:
    cluster = cluster_of(3)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    cluster.slow(leader.plan.name, follower.plan.name, 1.0)
    put(leader)
    follower.crash()
    assert not any(f.target is follower for f in cluster.in_flight)
    follower.start()
    cluster.heal()
    cluster.loop.advance(3)
    assert same(cluster)


def test_connected_since() -> None:
    cluster = cluster_of(3)
    links, (a, b, c) = cluster.links, cluster.members.values()
    start = cluster.loop.clock.now() - 10
    assert links.connected_since(a, b) == start
    b.crash()
    assert links.connected_since(a, b) is None, "a broken connection is noticed at once"
    b.start()
    assert links.connected_since(a, b) == cluster.loop.clock.now()
    cluster.cut("etcd-1", "etcd-3")
    cluster.loop.advance(NOTICED_AFTER - 1)
    assert links.connected_since(a, c) == start, "silence is noticed after some time"
    cluster.loop.advance(1)
    assert links.connected_since(a, c) is None
    cluster.mend("etcd-1", "etcd-3")
    assert links.connected_since(a, c) == cluster.loop.clock.now()
    cluster.cut("etcd-1", "etcd-3")
    cluster.loop.advance(1)
    cluster.mend("etcd-1", "etcd-3")
    assert links.connected_since(a, c) == cluster.loop.clock.now() - 1, "it was too short to be noticed"


def test_groups_that_cannot_hear_each_other() -> None:
    cluster = cluster_of(5)
    cluster.partition(["etcd-1", "etcd-2"])
    cut = {(link["from"], link["to"]) for link in cluster.links.broken()}
    assert cut == {
        pair
        for a in ("etcd-1", "etcd-2")
        for b in ("etcd-3", "etcd-4", "etcd-5")
        for pair in ((a, b), (b, a))
    }
    record = told(cluster, "partition")[0]
    assert record.sentence == (
        "The members cannot hear each other any more: etcd-1, etcd-2 | etcd-3, etcd-4, etcd-5."
    )
    assert record.came_out["groups"] == [["etcd-1", "etcd-2"], ["etcd-3", "etcd-4", "etcd-5"]]
    cluster.heal()
    assert told(cluster, "heal")[0].came_out == {"what": "heal", "links": [], "groups": []}
    with pytest.raises(KeyError, match="there is no member 'etcd-9'; there are etcd-1, etcd-2"):
        cluster.partition(["etcd-9"])


def test_a_minority_that_is_read_without_a_guarantee_shows_its_age() -> None:
    cluster = cluster_of(3)
    put(leader_of(cluster), b"key", b"old")
    outsider = followers_of(cluster)[0]
    cluster.loop.run_ready()
    cluster.partition([outsider.plan.name])
    put(leader_of(cluster), b"key", b"new")
    assert get(outsider, serializable=True) == b"old"
    got: list[object] = []
    outsider.submit("KV/Range", {"key": b"key"}, "", got.append)
    cluster.loop.advance(7.5)
    assert [text(it) for it in got] == ["etcdserver: request timed out"], "it does not know any better"
    assert get(leader_of(cluster)) == b"new"
