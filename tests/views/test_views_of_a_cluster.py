"""The views, drawn from a real story: what they say is what the records and the store hold."""

from __future__ import annotations

import json
from typing import Any

import kubekit
from kubekit.views.cluster_map import ClusterMap
from tests.views.conftest import pod


def test_every_scene_is_json_and_carries_its_words(cluster: Any) -> None:
    packet = cluster.send("default/client", "web:80")
    replica_set = cluster.list("replicasets")[0]["metadata"]["name"]
    views = [
        cluster.view.map(),
        cluster.view.life_of("pod/default/client"),
        cluster.view.control_loop(f"replicaset/default/{replica_set}"),
        cluster.view.packet(packet),
        cluster.view.owners("deployment/default/web"),
    ]
    for view in views:
        json.dumps(view.scene)
        assert view.scene["title"] and view.text
        assert view.sentence and len(view.table.rows) > 1
        assert "<table>" in view._repr_mimebundle_()["text/html"]


def test_the_map_says_who_is_down_and_who_waits(cluster: Any) -> None:
    view = cluster.view.map()
    assert view.scene["title"] == "kube-scheduler is stopped: 1 pod waits for a node"
    assert "`default/late` is stored in etcd and stays Pending" in view.sentence
    last = view.scene["records"][-1]
    assert last["states"]["kube-scheduler"] == "stopped" and last["homeless"]["count"] == 1
    assert last["card"]["title"] == "kube-scheduler"
    assert "on no node  default/late  Pending" in view.text


def test_the_map_goes_back_in_time_by_reading_old_revisions(cluster: Any) -> None:
    frames = cluster.view.map().scene["records"]
    revisions = [frame["rev"] for frame in frames]
    assert revisions == sorted(revisions) and revisions[0] < revisions[-1]
    before = [frame for frame in frames if frame["states"]["kube-scheduler"] == "running"]
    assert before and all(frame["homeless"]["count"] <= 3 for frame in before)


def test_a_button_of_the_map_acts_and_shows_what_came_of_it() -> None:
    made = kubekit.up(workers=1, seed=3, name="buttons")
    view = ClusterMap(made)
    assert view.scene["title"].startswith("2 nodes are Ready")
    view.handle({"action": "stop", "arguments": {"component": "kube-scheduler"}})
    assert made.scheduler.state == "stopped" and view.scene["title"].startswith("kube-scheduler is stopped")
    view.handle({"action": "start", "arguments": {"component": "kube-scheduler"}})
    assert view.scene["title"].startswith("2 nodes are Ready")


def test_the_map_stands_while_the_door_is_closed() -> None:
    made = kubekit.up(workers=1, seed=3, name="closed")
    made.apiserver.crash()
    made.etcd.crash()
    view = made.view.map()
    assert "crashed" in view.scene["title"]
    assert {component["id"] for component in view.scene["places"]["controlplane"]["components"]}


def test_the_map_knows_who_leads_and_when_too_few_run() -> None:
    made = kubekit.up(workers=1, seed=3, name="three", etcd_members=3)
    view = made.view.map()
    places = view.scene["places"]["etcd"]
    assert [member["name"] for member in places["members"]] == ["etcd-1", "etcd-2", "etcd-3"]
    assert places["members"][0]["ip"] == "192.168.0.21" and places["quorum"] == 2
    leader = made.etcd.leader.name
    last = view.scene["records"][-1]
    assert last["leader"] == leader and last["writable"]
    assert "etcd's leader" in {item["text"] for item in last["legend"]}
    card = view.scene["inspected"]["etcd-2"]
    assert card["actions"][0]["code"] == 'cluster.etcd.member("etcd-2").stop()'
    assert "everything, as long as 2 of 3 members run" not in str(card)
    others = [name for name in made.etcd.members if name != leader]
    made.etcd.member(others[0]).crash()
    view.refresh()
    assert view.scene["title"] == f"{others[0]} is crashed: everything else goes on"
    assert "as long as 2 of 3 members run" in str(view.scene["inspected"][others[0]])
    made.etcd.member(others[1]).stop()
    view.refresh()
    assert view.scene["title"].endswith("are down: without a quorum nothing can be written")
    assert not view.scene["records"][-1]["writable"]


def test_a_button_of_the_map_crashes_one_member() -> None:
    made = kubekit.up(workers=1, seed=3, name="buttons of three", etcd_members=3)
    view = ClusterMap(made)
    view.handle({"action": "crash", "arguments": {"component": "etcd-2"}})
    assert made.etcd.member("etcd-2").state == "crashed"
    assert made.etcd.member("etcd-1").state == made.etcd.member("etcd-3").state == "running"
    view.handle({"action": "start", "arguments": {"component": "etcd-2"}})
    assert view.scene["title"].startswith("2 nodes are Ready")


def test_a_life_runs_from_the_request_to_the_runtime(cluster: Any) -> None:
    view = cluster.view.life_of("client")
    kinds = [row["kind"] for row in view.rows]
    assert kinds[:3] == ["request", "write", "response"]
    assert kinds.index("decision") < kinds.index("call")
    node = cluster.get("pod", "client")["spec"]["nodeName"]
    said = [(row["from"], row["to"], row["label"]) for row in view.rows]
    assert ("kube-apiserver", f"kubelet/{node}", f"ADDED, nodeName = {node}") in said
    assert any(label == "…/status: Running" or label.endswith("/status: Running") for _, _, label in said)
    # One door: whoever is not on the node talks to the API server or is it.
    for source, target, _ in said:
        assert "kube-apiserver" in (source, target) or source.startswith(("kubelet/", "kube-scheduler"))


def test_a_life_tells_of_what_was_never_asked(cluster: Any) -> None:
    view = cluster.view.life_of("pod/default/nobody")
    assert "No record of pod/default/nobody" in view.scene["empty"]


def test_a_refused_request_is_content(cluster: Any) -> None:
    answer = cluster.client.request("POST", "/api/v1/namespaces/default/pods", body=pod("late"))
    assert answer.status == 409
    rows = cluster.view.life_of("pod/default/late").rows
    refusal = next(row for row in rows if row["kind"] == "refusal")
    assert refusal["label"] == "409 Conflict" and "already exists" in refusal["sentence"]


def test_a_loop_shows_the_difference_and_the_action(cluster: Any) -> None:
    name = cluster.list("replicasets")[0]["metadata"]["name"]
    view = cluster.view.control_loop(f"rs/{name}")
    first = view.scene["columns"][0]
    assert (first["desired"], first["observed"], first["difference"]) == ("2", "0", "+2")
    assert sum(action["text"].startswith("POST 201") for action in first["actions"]) == 2
    assert "nothing is left to do" in view.scene["title"]


def test_a_packet_shows_its_rules_and_what_was_drawn(cluster: Any) -> None:
    record = cluster.send("default/client", "web:80")
    view = cluster.view.packet(record)
    chains = [chain["name"] for hop in view.scene["hops"] for chain in hop["chains"]]
    assert "KUBE-SERVICES" in chains and any(name.startswith("KUBE-SEP-") for name in chains)
    assert view.scene["records"][view.cursor]["halt"] == "picked"
    changed = {row[0]: row[3] for row in view.scene["packet"]}
    assert changed["dst"] is True
    assert view.scene["answer"]["client_sees"]["src"].startswith(
        cluster.get("service", "web")["spec"]["clusterIP"]
    )


def test_a_packet_that_is_refused_opens_where_it_was(cluster: Any) -> None:
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "nobody", "namespace": "default"},
            "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]},
        }
    )
    cluster.settle()
    view = cluster.view.packet(cluster.send("default/client", "nobody:80"))
    assert view.scene["status"] == "refused" and view.scene["title"].endswith(": refused")
    assert view.scene["records"][view.cursor]["halt"] == "refused"


def test_owners_follow_the_references(cluster: Any) -> None:
    graph = cluster.view.owners("deployment/web")
    assert graph.scene["title"] == "Deployment web owns 1 ReplicaSet, 2 Pods"
    assert graph.dot().count("->") == 3
