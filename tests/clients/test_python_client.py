"""The official Python client on a served cluster: typed calls, watches, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.served import ServedCluster

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("clients-python"),
    pytest.mark.usefixtures("libraries"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def api(served: ServedCluster) -> Iterator[Any]:
    kubernetes = pytest.importorskip("kubernetes")
    client = kubernetes.config.new_client_from_config(str(served.kubeconfig))
    yield client
    client.close()


def test_read_and_write(api: Any) -> None:
    from kubernetes import client

    core = client.CoreV1Api(api)
    nodes = core.list_node().items
    assert [node.metadata.name for node in nodes] == ["controlplane", "node01", "node02"]
    assert all(any(c.type == "Ready" and c.status == "True" for c in n.status.conditions) for n in nodes)
    made = core.create_namespaced_config_map("default", {"metadata": {"name": "c"}, "data": {"a": "1"}})
    assert made.metadata.uid and made.metadata.creation_timestamp.tzinfo is not None
    patched = core.patch_namespaced_config_map("c", "default", {"data": {"b": "2"}})
    assert patched.data == {"a": "1", "b": "2"}
    patched.data = {"a": "3"}
    replaced = core.replace_namespaced_config_map("c", "default", patched)
    assert replaced.data == {"a": "3"}
    with pytest.raises(client.ApiException) as stale:
        core.replace_namespaced_config_map("c", "default", patched)
    assert (stale.value.status, stale.value.reason) == (409, "Conflict")
    core.delete_namespaced_config_map("c", "default")
    with pytest.raises(client.ApiException) as gone:
        core.read_namespaced_config_map("c", "default")
    assert gone.value.status == 404


def test_pages(api: Any) -> None:
    from kubernetes import client

    core = client.CoreV1Api(api)
    for number in range(5):
        core.create_namespaced_secret(
            "default", {"metadata": {"name": f"s{number}", "labels": {"of": "pages"}}}
        )
    page = core.list_namespaced_secret("default", label_selector="of=pages", limit=2)
    names = [item.metadata.name for item in page.items]
    while page.metadata._continue:
        page = core.list_namespaced_secret(
            "default", label_selector="of=pages", limit=2, _continue=page.metadata._continue
        )
        names += [item.metadata.name for item in page.items]
    assert names == ["s0", "s1", "s2", "s3", "s4"]


def test_watch(api: Any) -> None:
    from kubernetes import client, watch

    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    body = {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "nginx"}]},
            },
        },
    }
    starter = threading.Timer(0.3, apps.create_namespaced_deployment, ("default", body))
    starter.start()
    phases = []
    stream = watch.Watch()
    for event in stream.stream(
        core.list_namespaced_pod, "default", label_selector="app=web", timeout_seconds=30
    ):
        phases.append((event["type"], event["object"].status.phase))
        if phases[-1][1] == "Running":
            stream.stop()
    starter.join()
    assert phases[0] == ("ADDED", "Pending") and phases[-1] == ("MODIFIED", "Running")
    apps.delete_namespaced_deployment("web", "default", propagation_policy="Foreground")


def test_custom_objects_and_dynamic_client(api: Any) -> None:
    from kubernetes import dynamic

    client = dynamic.DynamicClient(api)
    deployments = client.resources.get(api_version="apps/v1", kind="Deployment")
    assert deployments.namespaced and deployments.get(namespace="kube-system").items == []
