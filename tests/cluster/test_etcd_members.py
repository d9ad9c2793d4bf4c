"""A cluster whose etcd has several members: what Kubernetes notices when some of them are gone."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.api.status_error import StatusError
from kubekit.cluster.cluster import Cluster
from kubekit.cluster.errors import KubekitError, line_of
from kubekit.etcd.cluster_errors import BootstrapError

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        },
    },
}


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}


@pytest.fixture
def cluster() -> Cluster:
    made = kubekit.up(workers=2, etcd_members=3, seed=7)
    made.apply(DEPLOYMENT)
    made.run_until("deployment/web is Available")
    made.advance("10s")
    return made


def running_pods(cluster: Cluster) -> int:
    return sum(len(node.runtime.pods) for node in cluster.nodes.values())


def test_members_are_components_on_hosts_of_their_own(cluster: Cluster) -> None:
    assert [component.name for component in cluster.components[:4]] == [
        "etcd-1",
        "etcd-2",
        "etcd-3",
        "kube-apiserver",
    ]
    assert [(row.component, row.on, row.port) for row in cluster.rows()[:3]] == [
        ("etcd-1", "etcd-1", "2379"),
        ("etcd-2", "etcd-2", "2379"),
        ("etcd-3", "etcd-3", "2379"),
    ]
    assert cluster.etcd.member("etcd-2").client_address == "192.168.0.22:2379"
    assert cluster.etcd.clients() == {"etcd-1": ["kube-apiserver"], "etcd-2": [], "etcd-3": []}
    cluster.stop("etcd-2")
    assert cluster.component("etcd-2").state == "stopped"
    assert cluster.view.map().text


def test_every_member_holds_the_same_objects(cluster: Cluster) -> None:
    cluster.settle()
    hashes = {member.store.hash_kv().hash for member in cluster.etcd.members.values()}
    assert len(hashes) == 1 and cluster.etcd.store.get(b"/registry/deployments/default/web") is not None


def test_nobody_notices_that_a_follower_or_the_leader_is_gone(cluster: Cluster) -> None:
    for _ in range(2):
        leader = cluster.etcd.leader
        assert leader is not None
        leader.crash()
        cluster.advance("5s")
        cluster.apply(config_map(f"without-{leader.name}"))
        cluster.client.delete("pods", cluster.client.list("pods")["items"][0]["metadata"]["name"], "default")
        cluster.run_until("deployment/web is Available", timeout="2m")
        assert running_pods(cluster) >= 3
        leader.start()
        cluster.advance("5s")
    assert len({member.applied for member in cluster.etcd.members.values()}) == 1


def test_without_a_quorum_nothing_is_decided_and_everything_runs_on(cluster: Cluster) -> None:
    pods = running_pods(cluster)
    for name in ("etcd-1", "etcd-2"):
        cluster.etcd.member(name).crash()
    began = cluster.loop.clock.elapsed()
    with pytest.raises(StatusError) as refused:
        cluster.apply(config_map("refused"))
    assert refused.value.code == 500 and refused.value.message == "etcdserver: request timed out"
    assert line_of(refused.value) == "Error from server: etcdserver: request timed out"
    assert cluster.loop.clock.elapsed() - began == pytest.approx(7.0, abs=0.1)
    with pytest.raises(StatusError, match="etcdserver: request timed out"):
        cluster.get("deployment", "web")
    with pytest.raises(StatusError, match="etcdserver: request timed out"):
        cluster.client.list("pods")
    assert cluster.client.list("pods", resource_version="0")["items"], "old answers are to be had"
    cluster.advance("3m")
    assert running_pods(cluster) == pods
    cluster.etcd.member("etcd-1").start()
    cluster.advance("20s")
    cluster.apply(config_map("thawed"))
    assert cluster.get("configmap", "thawed")
    cluster.run_until("all nodes are Ready", timeout="2m")
    cluster.run_until("deployment/web is Available", timeout="2m")
    assert running_pods(cluster) == pods


def test_an_api_server_on_the_wrong_side_finds_a_member_on_the_right_one(cluster: Cluster) -> None:
    cluster.etcd.partition(["etcd-1"], ["etcd-2", "etcd-3"])
    cluster.advance("10s")
    assert cluster.etcd.clients()["etcd-1"] == []
    cluster.apply(config_map("majority"))
    cluster.etcd.heal()
    cluster.advance("5s")
    store = cluster.etcd.member("etcd-1").store
    assert store.get(b"/registry/configmaps/default/majority") is not None


def test_all_members_crash_and_come_back(cluster: Cluster) -> None:
    cluster.etcd.crash()
    with pytest.raises(StatusError, match="etcdserver: request timed out"):
        cluster.apply(config_map("refused"))
    cluster.advance("1m")
    cluster.etcd.start()
    cluster.advance("30s")
    cluster.apply(config_map("back"))
    cluster.run_until("all nodes are Ready", timeout="2m")
    cluster.run_until("deployment/web is Available", timeout="2m")


def test_a_stacked_etcd_that_comes_back_is_watched_again() -> None:
    cluster = kubekit.up(workers=1, seed=7)
    cluster.apply(DEPLOYMENT)
    for verb in ("crash", "stop"):
        getattr(cluster.etcd, verb)()
        with pytest.raises(StatusError, match="etcdserver: request timed out"):
            cluster.client.list("pods")
        cluster.advance("10s")
        cluster.etcd.start()
        cluster.run_until("deployment/web is Available", timeout="3m")
        cluster.client.delete("pods", cluster.client.list("pods")["items"][0]["metadata"]["name"], "default")


def test_the_same_seed_gives_the_same_trace() -> None:
    def run() -> str:
        made = kubekit.up(workers=1, etcd_members=3, seed=3)
        made.etcd.member("etcd-1").crash()
        made.advance("20s")
        return made.loop.trace.dump()

    assert run() == run()


def test_an_idle_cluster_is_as_cheap_with_three_members_as_with_one() -> None:
    steps = []
    for members in (1, 3):
        made = kubekit.up(workers=1, etcd_members=members, seed=3)
        made.advance("1m")
        before = made.loop.steps
        made.advance("10m")
        steps.append(made.loop.steps - before)
    # Every status and lease that is renewed is agreed on, with eight messages; signs of life cost nothing.
    assert steps[1] < steps[0] + 10 * 200


def test_a_refused_start_is_one_line_to_a_learner(cluster: Cluster) -> None:
    member = cluster.etcd.member("etcd-2")
    member.crash(lose_disk=True)
    with pytest.raises(BootstrapError) as refused:
        member.start()
    assert line_of(refused.value) == (
        f"etcd does not start: member {member.id:x} has already been bootstrapped"
    )


@pytest.mark.parametrize("size", [0, 2, 4, 9])
def test_sizes_that_make_no_sense(size: int) -> None:
    with pytest.raises(KubekitError, match=f"etcd runs with 1, 3, 5, 7 members here, not with {size}"):
        kubekit.up(etcd_members=size)
