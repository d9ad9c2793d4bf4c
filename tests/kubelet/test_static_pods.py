"""Static pods: run without the API server, shown in it, and back again when their mirror is deleted."""

from __future__ import annotations

from kubekit.cluster import Cluster
from kubekit.kubelet.manifests import HASH
from kubekit.kubelet.static_pods import MIRROR
from tests.kubelet.conftest import pod


def test_a_manifest_becomes_a_pod_and_a_mirror(cluster: Cluster) -> None:
    node = cluster.node("node01")
    node.manifests.write("web.yaml", pod("web"))
    cluster.settle()
    found = cluster.get("pod", "web-node01")
    assert found["status"]["phase"] == "Running" and found["status"]["podIP"]
    notes = found["metadata"]["annotations"]
    assert notes[MIRROR] == notes[HASH] and notes["kubernetes.io/config.source"] == "file"
    assert found["metadata"]["ownerReferences"][0]["kind"] == "Node"
    assert found["metadata"]["uid"] not in node.runtime.pods


def test_a_deleted_mirror_comes_back_and_the_container_never_stopped(cluster: Cluster) -> None:
    node = cluster.node("node01")
    node.manifests.write("web.yaml", pod("web"))
    cluster.settle()
    before = cluster.get("pod", "web-node01")
    cluster.delete("pod", "web-node01")
    cluster.advance("5s")
    after = cluster.get("pod", "web-node01")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["status"]["containerStatuses"] == before["status"]["containerStatuses"]


def test_a_changed_manifest_is_another_pod(cluster: Cluster) -> None:
    node = cluster.node("node01")
    node.manifests.write("web.yaml", pod("web", {"image": "nginx:1.28"}))
    cluster.settle()
    node.manifests.write("web.yaml", pod("web", {"image": "nginx:1.29"}))
    cluster.settle()
    found = cluster.get("pod", "web-node01")
    assert found["spec"]["containers"][0]["image"] == "nginx:1.29"
    assert found["status"]["containerStatuses"][0]["image"] == "nginx:1.29"
    assert len(node.runtime.pods) == 1


def test_a_removed_manifest_ends_the_pod(cluster: Cluster) -> None:
    node = cluster.node("node01")
    node.manifests.write("web.yaml", pod("web"))
    cluster.settle()
    node.manifests.remove("web.yaml")
    cluster.settle()
    assert cluster.list("pods") == [] and node.runtime.pods == {}


def test_it_runs_without_an_api_server(cluster: Cluster) -> None:
    cluster.apiserver.stop()
    cluster.node("node01").manifests.write("web.yaml", pod("web"))
    cluster.advance("5s")
    box = next(iter(cluster.node("node01").runtime.pods.values()))
    assert box.name == "web-node01" and box.containers[0].running
    cluster.apiserver.start()
    cluster.advance("2m")
    assert cluster.get("pod", "web-node01")["status"]["phase"] == "Running"
