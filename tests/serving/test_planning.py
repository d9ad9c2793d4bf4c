"""`kubekit explain-pod` and `simulate`: over files, and over a real HTTPS connection that only reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import kubekit
from kubekit.api.exchange import Request
from kubekit.client import Client
from kubekit.client.https_handler import HTTPSHandler, KubeconfigError
from kubekit.serving import serve
from kubekit.serving.command import main

NODES = """
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {kubernetes.io/hostname: node-1}}
status: {capacity: {cpu: "4", memory: 8Gi, pods: "110"}}
---
apiVersion: v1
kind: Node
metadata: {name: node-2, labels: {kubernetes.io/hostname: node-2}}
spec: {taints: [{key: gpu, effect: NoSchedule}]}
status: {capacity: {cpu: "8", memory: 32Gi, pods: "110"}}
"""
APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, resources: {requests: {cpu: 1500m, memory: 1Gi}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: gpu}
spec:
  tolerations: [{key: gpu, operator: Exists}]
  containers: [{name: c, image: nginx, resources: {requests: {cpu: "6"}}}]
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    nodes, app = tmp_path / "nodes.yaml", tmp_path / "app.yaml"
    nodes.write_text(NODES)
    app.write_text(APP)
    return str(nodes), str(app)


def test_a_deployment_over_nodes_of_a_file(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    nodes, app = files
    assert main(["simulate", "-f", app, "--nodes", nodes]) == 1
    said = capsys.readouterr().out
    placed = [line.split()[:2] for line in said.splitlines()[1:5]]
    assert [node for _, node in placed] == ["node-1", "node-1", "-", "node-2"]
    assert placed[3][0] == "default/gpu" and "3 of 4 pods would find a node." in said
    assert "NodeResourcesFit  Insufficient cpu" in said


def test_as_json_each_pod_has_its_record(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    nodes, app = files
    main(["simulate", "-f", app, "--nodes", nodes, "-o", "json"])
    records = json.loads(capsys.readouterr().out)
    assert len(records) == 4 and all(record["steps"] for record in records)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["simulate", "-f", "{app}", "--nodes", "/nowhere.yaml"], "nowhere"),
        (
            ["simulate", "-f", "{app}", "--nodes", "{nodes}", "--kubeconfig", "x"],
            "either --nodes or --kubeconfig",
        ),
        (["explain-pod", "web", "--kubeconfig", "/nowhere"], "there is no kubeconfig at /nowhere"),
    ],
)
def test_wrong_calls(
    arguments: list[str], text: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    nodes, app = files
    assert main([one.format(nodes=nodes, app=app) for one in arguments]) == 2
    assert text in capsys.readouterr().err


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    cluster = kubekit.up(workers=2, images_present=True)
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "big", "namespace": "default"},
            "spec": {
                "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "500"}}}]
            },
        }
    )
    cluster.settle()
    path = tmp_path_factory.mktemp("kube") / "config"
    with serve(cluster, port=None, kubeconfig=path, announce=lambda text: None):
        yield cluster, str(path)


def test_a_pod_of_a_real_cluster(served: tuple[Any, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, kubeconfig = served
    assert main(["explain-pod", "big", "--kubeconfig", kubeconfig, "--node", "node01"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("default/big would find no node: 0/3 nodes are available: 1 node(s) had untol")
    assert "2 Insufficient cpu" in said
    assert "If the pod requests cpu" in said and "node01 has cpu" in said
    assert main(["explain-pod", "kube-system/nobody", "--kubeconfig", kubeconfig]) == 2
    assert 'Error from server (NotFound): pods "kube-system/nobody" not found' in capsys.readouterr().err


def test_manifests_over_a_real_cluster_change_nothing(
    served: tuple[Any, str], files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster, kubeconfig = served
    before = [o["metadata"]["resourceVersion"] for o in cluster.client.list("pods")["items"]]
    assert main(["simulate", "-f", files[1], "--kubeconfig", kubeconfig]) in (0, 1)
    assert "shop/web-" in capsys.readouterr().out
    assert [o["metadata"]["resourceVersion"] for o in cluster.client.list("pods")["items"]] == before


def test_the_connection_only_reads(served: tuple[Any, str]) -> None:
    handler = HTTPSHandler.of(served[1])
    assert len(Client(handler).list("nodes")["items"]) == 3
    with pytest.raises(PermissionError):
        handler(Request("DELETE", "/api/v1/nodes/node01"))
    handler.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"current-context": ""}, "names no current context"),
        ({"current-context": "other"}, "has no context 'other'"),
        ({"clusters": []}, "has no cluster"),
        ({"users": [{"name": "u", "user": {"exec": {}}}]}, "credentials from a program"),
    ],
)
def test_kubeconfigs_that_cannot_be_used(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = tmp_path / "config"
    changed = {**config, **change}
    if change.get("users"):
        changed["users"][0]["user"]["exec"] = {"command": "x"}
    path.write_text(yaml.safe_dump(changed))
    with pytest.raises(KubeconfigError, match=text):
        HTTPSHandler.of(path)
