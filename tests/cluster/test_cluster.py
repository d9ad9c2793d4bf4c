"""A cluster from the learner's side: booting, verbs, waiting, time, components, errors."""

from __future__ import annotations

from pathlib import Path

import pytest

import kubekit
from kubekit.api.status_error import StatusError
from kubekit.cluster import Cluster, KubekitError, ManifestError, TimeoutReached, UnknownName
from kubekit.cluster.defaults import Settings
from kubekit.cluster.errors import line_of
from kubekit.cluster.time import seconds_of
from kubekit.cluster.topology import plan
from kubekit.cluster.waiting import is_state
from kubekit.sim.calm import calm

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: "nginx:1.28", ports: [{containerPort: 80}]}]}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


@pytest.fixture
def cluster() -> Cluster:
    return kubekit.up(workers=2, seed=7)


def test_a_new_cluster_is_ready(cluster: Cluster) -> None:
    nodes = cluster.list("nodes")
    assert [n["metadata"]["name"] for n in nodes] == ["controlplane", "node01", "node02"]
    assert [n["status"]["addresses"][0]["address"] for n in nodes] == [
        "192.168.0.10",
        "192.168.0.11",
        "192.168.0.12",
    ]
    assert [n["spec"]["podCIDR"] for n in nodes] == ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]
    assert all(is_state(n, "Ready") for n in nodes)
    assert nodes[0]["spec"]["taints"] == [
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    ]
    assert cluster.get("serviceaccount", "default")["metadata"]["namespace"] == "default"
    assert cluster.now.startswith("2026-01-01T00:00:")


def test_the_map(cluster: Cluster) -> None:
    cluster.scheduler.stop()
    lines = repr(cluster).splitlines()
    assert lines[0].startswith("cluster kubekit: 3 node(s), seed 7")
    assert lines[1].split() == ["component", "on", "state", "port", "talks", "to"]
    assert lines[2].split() == ["etcd", "controlplane", "running", "2379"]
    stopped = next(line for line in lines if line.startswith("kube-scheduler"))
    assert stopped.split()[:3] == ["kube-scheduler", "controlplane", "stopped"] and "t=" in stopped
    assert sum(line.startswith("kubelet") for line in lines) == 3
    assert cluster._repr_mimebundle_()["text/plain"] == repr(cluster)


def test_verbs(cluster: Cluster, tmp_path: Path) -> None:
    made = cluster.create(POD)
    assert made["metadata"]["uid"] and repr(made).startswith("apiVersion: v1\nkind: Pod\n")
    (tmp_path / "service.yaml").write_text(SERVICE)
    assert cluster.create(tmp_path)["kind"] == "Service"
    cluster.settle()
    found = cluster.get("po", "web")
    assert found["status"]["phase"] == "Running"
    found["status"]["phase"] = "mine"
    assert cluster.get("Pod", "web")["status"]["phase"] == "Running", "what is returned is a copy"
    assert repr(cluster.list("pods")) == "Pod default/web  Running"
    assert cluster.list("pods", selector="app=other") == []
    cluster.patch("pod", "web", {"metadata": {"labels": {"app": "other"}}})
    assert cluster.get("pod", "web")["metadata"]["labels"] == {"app": "other"}
    cluster.delete("pod", "web")
    cluster.settle()
    with pytest.raises(StatusError) as refused:
        cluster.get("pod", "web")
    assert line_of(refused.value) == 'Error from server (NotFound): pods "web" not found'


def test_waiting_in_words(cluster: Cluster) -> None:
    cluster.create(POD)
    cluster.run_until("pod/web is Running")
    cluster.run_until("pod/default/web is Ready", timeout="10s")
    cluster.run_until("all nodes are Ready")
    cluster.delete("pod", "web")
    cluster.run_until("pod/web is gone")
    with pytest.raises(TimeoutReached, match=r"not within 5s: pod/web is Running\n.* waits "):
        cluster.run_until("pod/web is Running", timeout="5s")
    with pytest.raises(KubekitError, match="write it like"):
        cluster.run_until("the pod runs")
    with pytest.raises(KubekitError, match="there is no kind 'pot'"):
        cluster.run_until("pot/web is Running")


def test_a_paused_component_is_named_when_a_wait_ends(cluster: Cluster) -> None:
    cluster.scheduler.pause()
    cluster.create(POD)
    with pytest.raises(TimeoutReached, match="kube-scheduler is paused and holds"):
        cluster.run_until("pod/web is Running", timeout="20s")
    cluster.scheduler.resume()
    cluster.run_until("pod/web is Running", timeout="20s")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("2d", 172800), ("10", 10), (2.5, 2.5)]
)
def test_durations(text: float | str, seconds: float) -> None:
    assert seconds_of(text) == seconds


def test_what_is_wrong_is_said_in_one_sentence(cluster: Cluster) -> None:
    with pytest.raises(KubekitError, match="'soon' is no duration"):
        cluster.advance("soon")
    with pytest.raises(UnknownName, match="there is no node 'node9'; there are controlplane, node01, node02"):
        cluster.node("node9")
    with pytest.raises(
        UnknownName, match="there is no component 'scheduler'; there are etcd, kube-apiserver"
    ):
        cluster.stop("scheduler")
    with pytest.raises(ManifestError, match="not valid YAML at line 2, column 5"):
        cluster.create("a: 1\nb: c: d\n")
    with pytest.raises(ManifestError, match="an object without kind"):
        cluster.create({"apiVersion": "v1"})
    with pytest.raises(ManifestError, match="there is no file or folder"):
        cluster.create("nowhere.yaml")
    with pytest.raises(UnknownName, match='no matches for kind "Pot"'):
        cluster.create({"apiVersion": "v1", "kind": "Pot", "metadata": {"name": "x"}})
    with pytest.raises(KubekitError, match=r"up\(\) has no setting 'wokers'; there are .*workers"):
        kubekit.up(wokers=3)
    with pytest.raises(KubekitError, match="two nodes have the same name"):
        kubekit.up(node_names=["a", "a"])
    with pytest.raises(KubekitError, match="there is no clock 'sun'"):
        kubekit.up(clock="sun")


def test_packets(cluster: Cluster) -> None:
    cluster.create(POD + "---" + SERVICE)
    cluster.settle()
    assert cluster.send("node01", "web:80").kind == "packet"
    assert "answers" in cluster.send("web", "web.default.svc.cluster.local:80").sentence
    with pytest.raises(UnknownName, match="no such host"):
        cluster.send("node01", "nothing:80")
    with pytest.raises(UnknownName, match="nobody"):
        cluster.send("nobody", "web:80")


def test_records(cluster: Cluster) -> None:
    cluster.create(POD)
    cluster.settle()
    about = cluster.records.of("pod/default/web")
    assert {"request", "watch", "schedule", "sync", "cri"} <= {record.kind for record in about}
    chain = cluster.records.chain(about[-1])
    assert len(chain) > 2 and chain[0].caused_by is None
    assert cluster.records.kind("cri") and cluster.records.by("kube-scheduler")
    assert len(repr(cluster.records.since(0)).splitlines()) == len(cluster.records)
    assert cluster.records[-1].id >= cluster.records[0].id


NAMES = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet/node01",
    "kube-proxy/node01",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_crashed_component_is_silent_and_can_come_back(cluster: Cluster, name: str) -> None:
    cluster.crash(name)
    assert cluster.component(name).state == "crashed"
    began = len(cluster.records)
    if name not in ("etcd", "kube-apiserver"):
        cluster.create(POD + "---" + SERVICE)
    cluster.advance("10s")
    said = [r for r in list(cluster.records)[began:] if r.component == name]
    assert [r for r in said if r.kind != "component"] == []
    cluster.start(name)
    cluster.advance("1m")
    if name in ("etcd", "kube-apiserver"):
        cluster.create(POD + "---" + SERVICE)
    cluster.run_until("pod/web is Running", timeout="3m")


def test_pods_run_on_without_a_control_plane(cluster: Cluster) -> None:
    cluster.create(POD + "---" + SERVICE)
    cluster.settle()
    for component in cluster.components[:4]:
        component.crash()
    cluster.advance("5m")
    pod = next(box for node in cluster.nodes.values() for box in node.runtime.pods.values())
    assert pod.containers[0].running


def test_a_node_joins(cluster: Cluster) -> None:
    node = cluster.add_node("node03", cpu="8")
    cluster.run_until("node/node03 is Ready")
    assert node.ip == "192.168.0.13"
    assert cluster.get("node", "node03")["status"]["capacity"]["cpu"] == "8"
    with pytest.raises(KubekitError, match="there is a node node03 already"):
        cluster.add_node("node03")


def test_several_clusters_at_once(cluster: Cluster) -> None:
    other = kubekit.up(workers=1, name="other")
    assert kubekit.current() is other
    kubekit.use(cluster)
    assert kubekit.current() is cluster
    other.create(POD)
    other.settle()
    assert cluster.list("pods") == [] and len(other.list("pods")) == 1


def test_the_plan_of_other_names() -> None:
    settings = Settings(
        node_names=["control-plane", "worker1"],
        first_node_ip="172.18.0.2",
        capacity={"cpu": "2", "worker1": {"memory": "1Gi"}},
        node_labels={"worker1": {"disk": "ssd"}},
    )
    first, second = plan(settings)
    assert (first.name, first.ip, first.capacity) == ("control-plane", "172.18.0.2", {"cpu": "2"})
    assert (second.ip, second.capacity) == ("172.18.0.3", {"cpu": "2", "memory": "1Gi"})
    assert second.labels == {"disk": "ssd"} and second.taints == ()


def test_a_cluster_of_the_present_time() -> None:
    cluster = kubekit.up(workers=0, clock="wall")
    assert cluster.now > "2026-01-02"
    assert kubekit.up(workers=0, start="2030-05-01T00:00:00Z").now.startswith("2030-05-01")


def test_stepping(cluster: Cluster) -> None:
    cluster.create(POD)
    now = cluster.now
    assert cluster.step() is True
    assert cluster.now == now
    while cluster.step():
        pass
    assert cluster.get("pod", "web")["spec"]["nodeName"]


def test_the_collector_is_left_as_it_was() -> None:
    import gc

    before = gc.get_threshold()
    with calm():
        assert gc.get_threshold()[0] >= before[0]
    assert gc.get_threshold() == before
