"""Members are added, promoted, moved to, updated and removed; and what of that is refused, in what words."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.cluster_errors import ConnectionRefused, DeadlineExceeded
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.member import Member
from tests.etcd.members import answer, cluster_of, followers_of, get, leader_of, put, same, text, told

URL = "https://192.168.0.29:2380"
OTHER = "https://192.168.0.30:2380"


def add(member: Member, url: str = URL, learner: bool = False) -> Any:
    return answer(member, "Cluster/MemberAdd", {"peerURLs": [url], "isLearner": learner})


def grown() -> tuple[EtcdCluster, Member]:
    """A cluster of three with a learner that has caught up."""
    cluster = cluster_of(3)
    put(leader_of(cluster))
    add(leader_of(cluster), learner=True)
    learner = cluster.join("etcd-4")
    cluster.loop.advance(8)
    return cluster, learner


def names(member: Member) -> list[tuple[str, bool]]:
    listed = member.call("Cluster/MemberList", {})["members"]
    return sorted((info["name"], info["isLearner"]) for info in listed)


def test_a_learner_is_added_started_and_promoted() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    put(leader, b"before")
    added = add(leader, learner=True)
    assert added["member"] == {
        "ID": added["member"]["ID"],
        "peerURLs": [URL],
        "isLearner": True,
    }
    assert len(added["members"]) == 4 and "revision" not in added["header"]
    assert names(leader) == [("", True), ("etcd-1", False), ("etcd-2", False), ("etcd-3", False)]
    learner = cluster.join("etcd-4")
    assert learner.id == added["member"]["ID"] and learner.cluster_id == leader.cluster_id
    cluster.loop.advance(2)
    assert learner.serving and learner.learner and same(cluster)
    assert names(leader)[-1] == ("etcd-4", True)
    assert leader.call("Cluster/MemberPromote", {"ID": learner.id})["members"]
    cluster.loop.run_ready()
    assert not learner.learner and learner.raft.voters == leader.raft.voters and len(learner.raft.voters) == 4
    assert put(learner, b"after")["header"]["revision"] == 3


LEARNER_ANSWERS = [
    ("KV/Range", {"key": b"key"}, False),
    ("KV/Range", {"key": b"key", "serializable": True}, True),
    ("KV/Put", {"key": b"x", "value": b"y"}, False),
    ("KV/Txn", {"success": [{"request_range": {"key": b"x", "serializable": True}}]}, False),
    ("Cluster/MemberList", {}, False),
    ("Lease/LeaseGrant", {"TTL": 60}, False),
    ("Maintenance/HashKV", {}, False),
    ("Maintenance/Defragment", {}, False),
    ("Maintenance/Alarm", {}, False),
    ("Maintenance/Status", {}, True),
]


@pytest.mark.parametrize(("call", "request_", "served"), LEARNER_ANSWERS)
def test_a_learner_answers_only_about_itself_and_what_may_be_old(
    call: str, request_: dict[str, Any], served: bool
) -> None:
    _, learner = grown()
    got = answer(learner, call, request_)
    assert text(got) == ("" if served else "etcdserver: rpc not supported for learner")
    if not served:
        assert got.code == 9


def test_a_learner_opens_no_watch_but_gives_a_snapshot() -> None:
    cluster, learner = grown()
    with pytest.raises(EtcdError, match="rpc not supported for learner"):
        learner.watch(lambda message: None)
    assert b"".join(learner.snapshot())
    status = learner.call("Maintenance/Status", {})
    assert status["isLearner"] and status["leader"] == leader_of(cluster).id


def refusals() -> list[tuple[str, str, dict[str, Any], str, int]]:
    """(situation, call, request, words, code); "$learner", "$url" and so on are filled in."""
    return [
        ("learner", "Cluster/MemberAdd", {"peerURLs": [OTHER], "isLearner": True},
         "etcdserver: too many learner members in cluster", 9),
        ("learner", "Cluster/MemberAdd", {"peerURLs": ["https://192.168.0.21:2380"]},
         "etcdserver: Peer URLs already exists", 9),
        ("three", "Cluster/MemberAdd", {"peerURLs": []}, "etcdserver: given member URLs are invalid", 3),
        ("three", "Cluster/MemberAdd", {"peerURLs": ["nonsense"]},
         "etcdserver: given member URLs are invalid", 3),
        ("three", "Cluster/MemberAdd", {"peerURLs": ["http://host"]},
         "etcdserver: given member URLs are invalid", 3),
        ("three", "Cluster/MemberAdd", {"peerURLs": ["http://host:1/path"]},
         "etcdserver: given member URLs are invalid", 3),
        ("three", "Cluster/MemberPromote", {"ID": 0x1234}, "etcdserver: member not found", 5),
        ("three", "Cluster/MemberPromote", {"ID": "$leader"},
         "etcdserver: can only promote a learner member", 9),
        ("three", "Cluster/MemberRemove", {"ID": 0x1234}, "etcdserver: member not found", 5),
        ("three", "Cluster/MemberUpdate", {"ID": 0x1234, "peerURLs": [OTHER]},
         "etcdserver: member not found", 5),
        ("three", "Cluster/MemberUpdate", {"ID": "$leader", "peerURLs": ["$follower"]},
         "etcdserver: Peer URLs already exists", 9),
        ("three", "Maintenance/MoveLeader", {"targetID": 0x1234}, "etcdserver: bad leader transferee", 9),
        ("learner", "Maintenance/MoveLeader", {"targetID": "$learner"},
         "etcdserver: bad leader transferee", 9),
        ("unstarted learner", "Cluster/MemberPromote", {"ID": "$learner"},
         "etcdserver: can only promote a learner member which is in sync with leader", 9),
        ("one dead", "Cluster/MemberAdd", {"peerURLs": [OTHER]}, "etcdserver: unhealthy cluster", 14),
        ("one dead", "Cluster/MemberRemove", {"ID": "$alive"}, "etcdserver: unhealthy cluster", 14),
        ("one unstarted", "Cluster/MemberAdd", {"peerURLs": [OTHER]},
         "etcdserver: re-configuration failed due to not enough started members", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(("situation", "call", "request_", "words", "code"), refusals())
def test_refusals(situation: str, call: str, request_: dict[str, Any], words: str, code: int) -> None:
    names_of: dict[str, Any] = {}
    if situation == "learner":
        cluster, learner = grown()
        names_of["$learner"] = learner.id
    else:
        cluster = cluster_of(3)
    leader, follower = leader_of(cluster), followers_of(cluster)[0]
    if situation == "unstarted learner":
        names_of["$learner"] = add(leader, learner=True)["member"]["ID"]
        for number in range(30):
            put(leader, b"k%d" % number)
    elif situation == "one dead":
        names_of["$alive"] = followers_of(cluster)[1].id
        follower.crash()
    elif situation == "one unstarted":
        follower.crash()
        leader.call("Cluster/MemberRemove", {"ID": follower.id})
        add(leader)
    names_of["$leader"], names_of["$follower"] = leader.id, follower.plan.peer_urls[0]
    filled = {
        field: [names_of.get(one, one) for one in value]
        if isinstance(value, list)
        else names_of.get(value, value)
        for field, value in request_.items()
    }
    got = answer(leader, call, filled)
    assert (text(got), got.code) == (words, code)


def test_connections_count_only_after_some_seconds() -> None:
    cluster = cluster_of(3, settle=3.0)
    assert text(add(leader_of(cluster))) == "etcdserver: unhealthy cluster"
    cluster.loop.advance(4)
    assert add(leader_of(cluster))["member"]["ID"]


def test_a_dead_member_may_be_removed_and_replaced() -> None:
    cluster = cluster_of(3)
    leader, dead = leader_of(cluster), followers_of(cluster)[0]
    dead.crash(lose_disk=True)
    assert leader.call("Cluster/MemberRemove", {"ID": dead.id})["members"]
    assert add(leader)["member"]
    assert put(leader)["header"]["revision"] == 2, "two of three run"
    fresh = cluster.join("etcd-new")
    cluster.loop.advance(3)
    assert same(cluster) and get(fresh) == b"value"
    assert put(fresh, b"x")["header"]["revision"] == 3


def test_a_member_that_was_removed_ends_itself_and_does_not_come_back() -> None:
    cluster, learner = grown()
    leader = leader_of(cluster)
    leader.call("Cluster/MemberRemove", {"ID": learner.id})
    cluster.loop.advance(3)
    assert learner.state == "stopped"
    assert learner.exit_error == "the member has been permanently removed from the cluster"
    assert isinstance(answer(learner, "KV/Range", {"key": b"key"}), ConnectionRefused)
    assert text(answer(leader, "Cluster/MemberRemove", {"ID": learner.id})) == "etcdserver: member not found"
    learner.start()
    cluster.loop.advance(5)
    assert learner.state == "stopped" and not learner.serving


def test_one_that_was_down_while_it_was_removed_learns_of_it_from_the_others() -> None:
    cluster = cluster_of(3)
    leader, gone = leader_of(cluster), followers_of(cluster)[0]
    gone.crash()
    leader.call("Cluster/MemberRemove", {"ID": gone.id})
    gone.start()
    cluster.loop.advance(10)
    assert gone.state == "stopped" and "permanently removed" in gone.exit_error
    assert leader.raft.term == 2, "it has disturbed nobody"


def test_the_leader_itself_is_removed() -> None:
    cluster = cluster_of(3)
    old = leader_of(cluster)
    assert old.call("Cluster/MemberRemove", {"ID": old.id})["members"]
    cluster.loop.advance(5)
    assert old.state == "stopped" and leader_of(cluster) is not old
    assert len(leader_of(cluster).raft.voters) == 2
    assert put(leader_of(cluster))["header"]["revision"] == 2


def test_two_members_one_dead_cannot_agree_on_removing_it() -> None:
    cluster = cluster_of(3)
    first = followers_of(cluster)[0]
    leader_of(cluster).call("Cluster/MemberRemove", {"ID": first.id})
    cluster.loop.advance(10)
    leader, dead = leader_of(cluster), followers_of(cluster)[0]
    dead.crash()
    got = answer(leader, "Cluster/MemberRemove", {"ID": dead.id}, timeout=5.0)
    assert isinstance(got, DeadlineExceeded)
    assert get(leader, serializable=True) is None


def test_growing_from_one_costs_the_quorum_until_the_second_runs() -> None:
    cluster = cluster_of(1)
    first = cluster.member("default")
    assert add(first, "http://127.0.0.1:22153")["member"]
    assert isinstance(put(first, timeout=5.0), DeadlineExceeded)
    assert get(first, serializable=True) is None
    second = cluster.join("m2", ["http://127.0.0.1:22152"])
    got = answer(second, "KV/Range", {"key": b"key"}, timeout=5.0)
    assert isinstance(got, DeadlineExceeded), "it asks a cluster without a quorum, and is kept waiting"
    cluster.loop.advance(30)
    assert second.serving and put(first)["header"]["revision"] >= 2
    cluster.loop.run_ready()
    assert same(cluster)


def test_leadership_is_moved() -> None:
    cluster = cluster_of(3)
    old, target = leader_of(cluster), followers_of(cluster)[1]
    assert text(answer(target, "Maintenance/MoveLeader", {"targetID": target.id})) == "etcdserver: not leader"
    assert old.call("Maintenance/MoveLeader", {"targetID": target.id}).keys() == {"header"}
    assert leader_of(cluster) is target and target.raft.term == 3
    assert old.call("KV/Put", {"key": b"a", "value": b""})["header"]["raft_term"] == 3
    assert told(cluster, "transfer")[-1].sentence.endswith(f"leadership over to {target.plan.name}.")


def test_peer_addresses_are_updated() -> None:
    cluster = cluster_of(3)
    member = followers_of(cluster)[0]
    leader_of(cluster).call("Cluster/MemberUpdate", {"ID": member.id, "peerURLs": [URL]})
    cluster.loop.run_ready()
    for other in cluster.members.values():
        info = other.membership.get(member.id)
        assert info is not None and info.peer_urls == (URL,) and info.name == member.plan.name


def test_a_promotion_is_asked_of_the_leader_by_whoever_is_asked() -> None:
    cluster, learner = grown()
    follower = next(m for m in followers_of(cluster) if m is not learner)
    assert follower.call("Cluster/MemberPromote", {"ID": learner.id})["members"]
    cluster.loop.run_ready()
    assert not learner.learner


def test_changes_that_nobody_waits_for_any_more_are_forgotten() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    for member in followers_of(cluster):
        member.crash()
    for number in range(20):
        got = answer(
            leader, "Cluster/MemberUpdate", {"ID": leader.id, "peerURLs": [URL]}, timeout=0.1 * (number + 1)
        )
        assert isinstance(got, DeadlineExceeded)
    assert len(leader.proposals) <= 1


def test_only_root_changes_the_membership() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    for call, request_ in (
        ("Auth/UserAdd", {"name": "root", "password": "r"}),
        ("Auth/RoleAdd", {"name": "root"}),
        ("Auth/UserGrantRole", {"user": "root", "role": "root"}),
        ("Auth/UserAdd", {"name": "ann", "password": "a"}),
        ("Auth/AuthEnable", {}),
    ):
        leader.call(call, request_)
    ann = leader.call("Auth/Authenticate", {"name": "ann", "password": "a"})["token"]
    root = leader.call("Auth/Authenticate", {"name": "root", "password": "r"})["token"]
    request_ = {"peerURLs": [URL]}
    assert text(answer(leader, "Cluster/MemberAdd", request_)) == "etcdserver: user name is empty"
    assert text(answer(leader, "Cluster/MemberAdd", request_, token=ann)) == "etcdserver: permission denied"
    assert text(answer(leader, "Cluster/MemberList", {})) == "etcdserver: user name is empty"
    assert answer(leader, "Cluster/MemberList", {}, token=ann)["members"]
    assert answer(leader, "Cluster/MemberAdd", request_, token=root)["member"]


def test_records_tell_who_belongs_to_the_cluster() -> None:
    cluster, learner = grown()
    leader_of(cluster).call("Cluster/MemberPromote", {"ID": learner.id})
    leader_of(cluster).call("Cluster/MemberRemove", {"ID": learner.id})
    cluster.loop.advance(2)
    leader = leader_of(cluster).plan.name
    mine = [r.sentence for r in told(cluster, "conf change") if r.sentence.startswith(leader)]
    id = f"{learner.id:x}"
    assert mine == [
        f"{leader}: {id} belongs to the cluster, as a learner; 3 vote, 2 of them are a quorum.",
        f"{leader}: learner etcd-4 votes from now on; 4 vote, 3 of them are a quorum.",
        f"{leader}: etcd-4 does not belong to the cluster any more; 3 vote, 2 of them are a quorum.",
    ]


def test_one_that_could_not_say_its_name_yet_is_not_taken_for_the_next_newcomer() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    add(leader)
    first = cluster.join("etcd-4")
    first.crash()
    cluster.loop.advance(1)
    assert [name for name, _ in names(leader)] == ["", "etcd-1", "etcd-2", "etcd-3"]
    add(leader, OTHER)
    second = cluster.join("etcd-5")
    assert second.id != first.id and second.plan.peer_urls == (OTHER,)
    first.start()
    cluster.loop.advance(8)
    assert [name for name, _ in names(leader)] == ["etcd-1", "etcd-2", "etcd-3", "etcd-4", "etcd-5"]
    assert same(cluster)
