"""Who leads, what happens when the leader goes, and what a member without a quorum still answers."""

from __future__ import annotations

import pytest

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.cluster_errors import DeadlineExceeded, NoLeader
from kubekit.etcd.errors import EtcdError
from kubekit.sim import Loop
from tests.etcd.members import answer, cluster_of, followers_of, get, leader_of, put, same, text, told


@pytest.mark.parametrize("count", [1, 3, 5, 7])
def test_a_cluster_elects_one_leader_and_agrees_on_who_is_in_it(count: int) -> None:
    cluster = cluster_of(count)
    leaders = [member for member in cluster.members.values() if member.raft.role == "leader"]
    assert len(leaders) == 1 and leaders[0].raft.term == 2
    for member in cluster.members.values():
        assert member.serving and member.lead == leaders[0].id
        assert [info.name for info in member.members if info.client_urls] == [
            info.name for info in member.members
        ]
        assert member.membership.version == "3.6.0"
    assert put(cluster.members[next(iter(cluster.members))])["header"]["revision"] == 2
    cluster.loop.run_ready()
    assert same(cluster)


def test_names_are_known_from_the_start_and_addresses_only_once_published() -> None:
    cluster = EtcdCluster(Loop(seed=1), 3)
    cluster.start()
    member = cluster.member("etcd-1")
    assert [info.name for info in member.members] != [] and not member.serving
    assert all(info.name and not info.client_urls for info in member.members)
    cluster.loop.advance(5)
    assert all(info.client_urls for info in member.members)


def test_the_leader_goes_and_another_one_leads_in_the_next_term() -> None:
    cluster = cluster_of(3)
    old = leader_of(cluster)
    put(old, b"before")
    old.crash()
    assert cluster.leader is None
    cluster.loop.advance(3)
    new = leader_of(cluster)
    assert new is not old and new.raft.term == 3
    assert get(new, b"before") == b"value"
    assert put(new, b"after")["header"]["revision"] == 3
    old.start()
    cluster.loop.advance(1)
    assert old.raft.role == "follower" and new.raft.term == 3
    assert get(old, b"after", serializable=True) == b"value"
    assert same(cluster)


def test_an_election_comes_one_to_two_timeouts_after_the_last_sign_of_life() -> None:
    for seed in range(12):
        cluster = cluster_of(3, seed=seed)
        crashed = cluster.loop.clock.elapsed()
        leader_of(cluster).crash()
        cluster.loop.advance(3)
        began = next(record.at for record in told(cluster, "campaign") if record.at > crashed)
        assert 0.9 <= began - crashed <= 2.0, seed


def test_a_follower_that_was_cut_off_comes_back_without_disturbing_anybody() -> None:
    cluster = cluster_of(3)
    leader, outsider = leader_of(cluster), followers_of(cluster)[0]
    cluster.partition([outsider.plan.name])
    cluster.loop.advance(30)
    assert outsider.raft.term == 2 and outsider.lead == 0, "pre-vote: it asks, it does not count up"
    put(leader, b"meanwhile")
    cluster.heal()
    cluster.loop.advance(3)
    assert leader_of(cluster) is leader and leader.raft.term == 2
    assert get(outsider, b"meanwhile") == b"value"


def test_a_leader_that_was_cut_off_steps_down_and_the_others_go_on() -> None:
    cluster = cluster_of(5)
    old = leader_of(cluster)
    friend = followers_of(cluster)[0]
    cluster.partition([old.plan.name, friend.plan.name])
    cluster.loop.advance(5)
    new = leader_of(cluster)
    assert new not in (old, friend) and old.raft.role != "leader" and old.lead == 0
    assert put(new, b"majority")["header"]["revision"] == 2
    lost: list[object] = []
    old.submit("KV/Put", {"key": b"minority", "value": b""}, "", lost.append)
    cluster.loop.advance(8)
    assert [text(it) for it in lost] == ["etcdserver: request timed out"]
    cluster.heal()
    cluster.loop.advance(5)
    assert same(cluster)
    assert get(old, b"majority") == b"value" and get(old, b"minority") is None


def test_what_the_old_leader_had_not_agreed_on_is_overwritten() -> None:
    cluster = cluster_of(3)
    old = leader_of(cluster)
    cluster.partition([old.plan.name])
    got: list[object] = []
    old.submit("KV/Put", {"key": b"doubtful", "value": b"x"}, "", got.append)
    cluster.loop.run_ready()
    assert old.raft.log.last_index > old.raft.commit, "it is in the old leader's log"
    cluster.loop.advance(3)
    put(leader_of(cluster), b"sure")
    cluster.heal()
    cluster.loop.advance(8)
    assert same(cluster) and get(old, b"doubtful") is None and get(old, b"sure") == b"value"
    assert len(got) == 1 and isinstance(got[0], EtcdError)


NO_QUORUM = [
    ("KV/Put", {"key": b"a", "value": b"1"}),
    ("KV/Range", {"key": b"key"}),
    ("KV/Txn", {"success": [{"request_put": {"key": b"a", "value": b"1"}}]}),
    ("KV/Compact", {"revision": 2}),
    ("Lease/LeaseGrant", {"TTL": 60}),
    ("Lease/LeaseRevoke", {"ID": 7}),
    ("Cluster/MemberList", {"linearizable": True}),
    ("Auth/UserList", {}),
]


@pytest.mark.parametrize(("call", "request_"), NO_QUORUM)
def test_without_a_quorum_nothing_is_agreed_on(call: str, request_: dict[str, object]) -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    put(leader)
    for member in followers_of(cluster):
        member.crash()
    got: list[object] = []
    leader.submit(call, request_, "", got.append)
    cluster.loop.advance(6.9)
    assert got == []
    cluster.loop.advance(0.2)
    # It has stepped down while the request waited, so it cannot say more than this.
    assert [text(it) for it in got] == ["etcdserver: request timed out"]
    before = cluster.loop.clock.elapsed()
    with pytest.raises(DeadlineExceeded, match="context deadline exceeded"):
        leader.call(call, request_, timeout=5.0)
    assert cluster.loop.clock.elapsed() - before == pytest.approx(5.0)


def test_a_request_that_timed_out_behind_a_broken_connection_says_so() -> None:
    cluster = cluster_of(3)
    leader, asked = leader_of(cluster), followers_of(cluster)[0]
    cluster.cut(asked.plan.name, leader.plan.name)
    got: list[object] = []
    asked.submit("KV/Put", {"key": b"a", "value": b""}, "", got.append)
    cluster.loop.advance(5.5)
    cluster.heal()
    cluster.loop.advance(2)
    assert asked.lead == leader.id
    assert [text(it) for it in got] == ["etcdserver: request timed out, possibly due to connection lost"]


def test_without_a_quorum_what_needs_nobody_is_answered() -> None:
    cluster = cluster_of(3)
    survivor = leader_of(cluster)
    put(survivor)
    for member in followers_of(cluster):
        member.crash()
    cluster.loop.advance(5)
    assert get(survivor, serializable=True) == b"value"
    status = survivor.call("Maintenance/Status", {})
    assert status["leader"] == 0 and status["errors"] == ["etcdserver: no leader"]
    assert survivor.call("Maintenance/Defragment", {})
    assert survivor.call("Maintenance/HashKV", {})["hash"]
    assert sum(len(blob) for blob in survivor.snapshot()) > 4096
    got: list[object] = []
    survivor.submit("KV/Range", {"key": b"a", "serializable": True}, "", got.append, require_leader=True)
    assert isinstance(got[0], NoLeader), "a client that insists on a leader is sent away"


def test_a_write_of_the_time_without_a_quorum_may_be_done_later() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    others = followers_of(cluster)
    for member in others:
        member.crash()
    # It is in the leader's log before that one notices that it is alone.
    assert isinstance(put(leader, b"k-noquorum", timeout=0.5), DeadlineExceeded)
    cluster.loop.advance(5)
    others[0].start()
    cluster.loop.advance(5)
    assert get(leader, b"k-noquorum") == b"value"


@pytest.mark.parametrize("seed", range(4))
def test_a_proposal_that_was_passed_on_to_a_leader_that_died_is_lost(seed: int) -> None:
    cluster = cluster_of(3, seed=seed)
    leader, asked = leader_of(cluster), followers_of(cluster)[0]
    leader.crash()
    began = cluster.loop.clock.now()
    words = text(put(asked, b"lost"))
    # Who was elected soon after the request began blames the leader that was before it.
    blames = asked.raft.role == "leader" and began < asked.leader_since < began + 2
    assert words == "etcdserver: request timed out" + ", possibly due to previous leader failure" * blames
    assert put(asked, b"again")["header"]["revision"] == 2
    assert get(asked, b"lost") is None


def test_a_read_that_waits_fails_when_a_new_leader_appears() -> None:
    cluster = cluster_of(3)
    old, asked = leader_of(cluster), followers_of(cluster)[0]
    cluster.cut(asked.plan.name, old.plan.name)
    got: list[object] = []
    asked.submit("KV/Range", {"key": b"key"}, "", got.append)
    old.crash()
    cluster.loop.advance(4)
    assert [text(it) for it in got] == ["etcdserver: leader changed"]
    assert get(asked) is None, "asked again it is answered"


def test_reads_at_any_member_see_every_write_that_was_answered() -> None:
    cluster = cluster_of(5, seed=4)
    members = list(cluster.members.values())
    for number in range(40):
        value = str(number).encode()
        put(members[number % 5], b"counter", value)
        assert get(members[(number * 3 + 1) % 5], b"counter") == value


def test_an_orderly_stop_hands_leadership_over_first() -> None:
    cluster = cluster_of(3)
    leader = leader_of(cluster)
    leader.stop()
    assert leader_of(cluster) is not leader, "no election timeout has passed"
    assert told(cluster, "transfer") and leader_of(cluster).raft.term == 3


def test_the_same_seed_gives_the_same_trace() -> None:
    def run(seed: int) -> str:
        cluster = cluster_of(3, seed=seed)
        put(leader_of(cluster), b"a")
        leader_of(cluster).crash()
        cluster.loop.advance(4)
        put(leader_of(cluster), b"b")
        cluster.start()
        cluster.loop.advance(4)
        return cluster.loop.trace.dump()

    assert run(5) == run(5)
    assert run(5) != run(6)


def test_records_tell_an_election_with_its_messages_and_states() -> None:
    cluster = cluster_of(3)
    leader_of(cluster).crash()
    cluster.loop.advance(4)
    elected = told(cluster, "elected")[-1]
    new = leader_of(cluster)
    assert elected.sentence.startswith(f"{new.plan.name} is elected leader of term {new.raft.term}")
    state = elected.came_out["members"][new.plan.name]
    assert state["role"] == "leader" and state["term"] == new.raft.term and state["state"] == "running"
    campaign = told(cluster, "campaign")[-1]
    lost = {message["to"]: message["lost"] for message in campaign.came_out["messages"]}
    assert any("is crashed" in why for why in lost.values()) and "" in lost.values()
    votes = [record.sentence for record in told(cluster, "vote")[-1:]]
    assert votes == [
        f"{followers_of(cluster)[0].plan.name} votes for {new.plan.name} in term {new.raft.term}."
    ]


def test_a_campaign_that_fails_again_and_again_is_told_once() -> None:
    cluster = cluster_of(3)
    for member in followers_of(cluster):
        member.crash()
    cluster.loop.advance(3)
    before = len(cluster.loop.trace.records)
    cluster.loop.advance(600)
    assert len(cluster.loop.trace.records) - before <= 2


def test_a_cluster_of_one_tells_nothing_of_its_writes() -> None:
    cluster = cluster_of(1)
    put(cluster.member("default"))
    assert [record for record in cluster.loop.trace.records if record.kind == "raft"] == []


def test_a_member_that_is_not_there_refuses_the_connection() -> None:
    cluster = cluster_of(3)
    member = followers_of(cluster)[0]
    member.crash()
    host = member.client_address
    assert text(answer(member, "KV/Range", {"key": b"a"})) == (
        f'connection error: desc = "transport: Error while dialing: dial tcp {host}: '
        'connect: connection refused"'
    )
