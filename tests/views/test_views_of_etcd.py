"""The three views of etcd, drawn from members that really agree: what they say is what the members did."""

from __future__ import annotations

import json
from typing import Any

import pytest

import kubekit
from kubekit.etcd import EtcdError


@pytest.fixture(scope="module")
def three() -> Any:
    return kubekit.up(workers=1, seed=5, name="three", etcd_members=3)


def the_others(cluster: Any, name: str) -> list[str]:
    return [other for other in cluster.etcd.members if other != name]


def test_the_start_of_a_cluster_is_an_election_and_writes(three: Any) -> None:
    view = three.view.raft()
    frames = view.scene["records"]
    kinds = [frame["kind"] for frame in frames]
    assert kinds.index("campaign") < kinds.index("vote") < kinds.index("elected")
    assert "Folded away" in view.scene["fold"]["text"]
    leader = three.etcd.leader
    assert f"{leader.plan.name}  leader  {leader.raft.term}  {leader.raft.log.last_index}" in view.text
    assert (
        view.scene["title"]
        == f"{leader.plan.name} leads in term {leader.raft.term}: every write needs 2 of 3"
    )
    json.dumps(view.scene)
    bundle = view._repr_mimebundle_()
    assert bundle["text/plain"] == repr(view) and bundle["text/html"].count("<tr>") == 4


def test_what_records_say_adds_up_to_what_the_members_are(three: Any) -> None:
    view = three.view.raft()
    members = {name: dict(state) for name, state in view.scene["first"]["members"].items()}
    for frame in view.scene["records"]:
        for name, state in frame["members"].items():
            members[name].update(state)
    for name, member in three.etcd.members.items():
        told = members[name]
        assert (told["role"], told["term"], told["last"]) == (
            member.raft.role, member.raft.term, member.raft.log.last_index,
        )  # fmt: skip


def test_a_leader_cut_off_is_replaced() -> None:
    made = kubekit.up(workers=1, seed=6, name="cut", etcd_members=3)
    view = made.view.raft()
    old = made.etcd.leader.plan.name
    others = the_others(made, old)
    view.handle({"action": "partition", "arguments": {"sides": [[old], others]}})
    frame = view.scene["records"][view.cursor]
    assert frame["kind"] == "partition" and frame["halt"] == "cut"
    after = view.scene["records"][view.cursor :]
    elected = [one for one in after if one["kind"] == "elected"]
    assert len(elected) == 1 and elected[0]["about"] in others
    assert any(message["lost"] for one in after for message in one["messages"])
    assert view.scene["title"] == "Cut in two, only the side with two members can write"
    assert [side["able"] for side in view.scene["records"][-1]["sides"]].count(True) == 1
    view.handle({"action": "heal", "arguments": {}})
    assert "leads in term" in view.scene["title"]
    assert len({member.raft.term for member in made.etcd.members.values()}) == 1


def test_an_entry_without_a_quorum_is_overwritten() -> None:
    made = kubekit.up(workers=1, seed=6, name="overwritten", etcd_members=3)
    old = made.etcd.leader.plan.name
    made.etcd.partition([old], the_others(made, old))
    with pytest.raises(EtcdError, match="timed out"):
        made.etcd.client([old]).put(b"/lost", b"never acknowledged")
    made.advance("3s")
    last = made.view.raft().scene["records"][-1]
    assert "overwritten" in last["fates"][old]
    assert any(note["hue"] == "refuse" and "will be overwritten" in note["text"] for note in last["notes"])
    made.etcd.heal()
    made.advance("3s")
    last = made.view.raft().scene["records"][-1]
    assert not any("overwritten" in fates for fates in last["fates"].values())
    assert made.etcd.store.get(b"/lost") is None


def test_a_leader_is_moved_and_a_follower_asks_in_vain() -> None:
    made = kubekit.up(workers=1, seed=6, name="moved", etcd_members=3)
    view = made.view.raft()
    before = made.etcd.leader.plan.name
    target = the_others(made, before)[0]
    view.handle({"action": "campaign", "arguments": {"member": target}})
    # The others hear their leader: they do not vote, and nothing changes.
    assert made.etcd.leader.plan.name == before
    view.handle({"action": "transfer", "arguments": {"member": target}})
    assert made.etcd.leader.plan.name == target and "notice" not in view.scene
    for action in view.scene["actions"]["members"][before]:
        if action["name"] == "transfer":
            exec(action["code"], {"cluster": made})
    made.advance("1s")
    assert made.etcd.leader.plan.name == before


def test_without_a_quorum_a_move_is_refused_in_etcds_words() -> None:
    made = kubekit.up(workers=1, seed=6, name="lost", etcd_members=3)
    view = made.view.raft()
    first, second = the_others(made, made.etcd.leader.plan.name)
    for name in (first, second):
        view.handle({"action": "crash", "arguments": {"member": name}})
    assert view.scene["title"] == "1 of 3 members run: without 2 nothing can be written"
    view.handle({"action": "transfer", "arguments": {"member": first}})
    assert view.scene["notice"]["hue"] == "refuse" and "etcdserver: " in view.scene["notice"]["text"]
    for name in (first, second):
        view.handle({"action": "start", "arguments": {"member": name}})
    assert "leads in term" in view.scene["title"]


def test_one_member_agrees_with_itself(cluster: Any) -> None:
    view = cluster.view.raft()
    (name,) = cluster.etcd.members
    assert view.text.splitlines()[0] == f"One member: {name} agrees with itself"
    assert [action["text"] for action in view.scene["actions"]["members"][name]] == [
        "crash",
        "stop",
        "pause",
    ]
    assert view.scene["actions"]["links"] == {}


def test_what_a_member_would_send_is_looked_into(three: Any) -> None:
    member = three.etcd.member("etcd-2")
    view = three.view.file(member)
    assert view.scene["digest"]["verdict"] == "pass" and view.scene["errors"] == []
    assert view.scene["records"][-1]["tick"]["hue"] == "good"
    assert f"revision {member.store.revision}" in view.scene["title"]
    assert {row[0] for row in view.scene["buckets"]} >= {"key", "lease", "members", "meta"}


def test_the_explorer_reads_the_leader_of_several(three: Any) -> None:
    view = three.view.revisions("/registry/minions/")
    assert "/registry/minions/node01  {" in view.text
    assert view.history is not None and view.history.revision == three.etcd.store.revision


def test_the_same_seed_draws_the_same() -> None:
    drawn = []
    for _ in range(2):
        made = kubekit.up(workers=1, seed=9, name="same", etcd_members=3)
        made.etcd.member("etcd-1").crash()
        made.advance("3s")
        views = [
            made.view.raft(),
            made.view.revisions("/registry/"),
            made.view.file(made.etcd.member("etcd-2")),
        ]
        drawn.append([(view.text, view.table.html(), json.dumps(view.scene)) for view in views])
    assert drawn[0] == drawn[1]
