"""Other clients, unchanged: kr8s, lightkube, kubernetes_asyncio, and the official one's streams."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.clients.served import ServedCluster

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("clients-libraries"),
    pytest.mark.usefixtures("libraries"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: nginx, image: "nginx:1.28", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ticker}
spec: {containers: [{name: c, image: busybox, args: [sh, -c, "while true; do echo tick; sleep 1; done"]}]}
"""


@pytest.fixture(scope="module")
def pods(served: ServedCluster) -> ServedCluster:
    served.ok("apply", "-f", "-", stdin=PODS)
    served.ok("wait", "--for=condition=Ready", "pod/web", "pod/ticker", "--timeout=60s")
    return served


# -- the official client -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def core(pods: ServedCluster) -> Iterator[Any]:
    kubernetes = pytest.importorskip("kubernetes")
    client = kubernetes.config.new_client_from_config(str(pods.kubeconfig))
    yield kubernetes.client.CoreV1Api(client)
    client.close()


def test_official_exec(core: Any) -> None:
    from kubernetes.stream import stream

    said = stream(
        core.connect_get_namespaced_pod_exec, "web", "default",
        command=["sh", "-c", "echo hello; echo no >&2"],
        stdout=True, stderr=False, stdin=False, tty=False,
    )  # fmt: skip
    assert said == "hello\n"
    talk = stream(
        core.connect_get_namespaced_pod_exec, "web", "default", command=["sh"],
        stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False,
    )  # fmt: skip
    talk.write_stdin("echo $HOSTNAME\n")
    assert talk.readline_stdout(timeout=10) == "web"
    talk.write_stdin("nosuch\n")
    assert talk.readline_stderr(timeout=10) == "sh: nosuch: not found"
    talk.write_stdin("exit 3\n")
    talk.run_forever(timeout=10)
    assert talk.returncode == 3
    talk.close()


def test_official_port_forward(core: Any) -> None:
    from kubernetes.stream import portforward

    forwarding = portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports="80")
    with closing(forwarding.socket(80)) as connection:
        connection.setblocking(True)
        connection.settimeout(10)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
        answer = b""
        while b"</html>" not in answer:
            answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and b"X-Served-By: web\r\n" in answer
    assert forwarding.error(80) is None


def test_official_port_forward_to_nobody(core: Any) -> None:
    from kubernetes.stream import portforward

    forwarding = portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports="81")
    with closing(forwarding.socket(81)) as connection:
        connection.setblocking(True)
        connection.settimeout(10)
        # The client's own end may be closed before anything is written to it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.recv(10) == b""
    assert "connect: connection refused" in forwarding.error(81)


def test_official_logs_that_follow(core: Any) -> None:
    from kubernetes import watch

    lines = watch.Watch().stream(core.read_namespaced_pod_log, "ticker", "default", tail_lines=1)
    assert list(itertools.islice(lines, 3)) == ["tick", "tick", "tick"]


# -- kr8s ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")  # it stops at 1.35
def test_kr8s(pods: ServedCluster) -> None:
    kr8s = pytest.importorskip("kr8s")
    api = kr8s.api(kubeconfig=str(pods.kubeconfig))
    assert [node.name for node in api.get("nodes")] == ["controlplane", "node01", "node02"]
    made = kr8s.objects.ConfigMap(
        {"metadata": {"name": "from-kr8s", "namespace": "default"}, "data": {"a": "1"}}, api=api
    )
    made.create()
    made.patch({"data": {"b": "2"}})
    made.refresh()
    assert dict(made.data) == {"a": "1", "b": "2"}
    made.label(colour="blue")
    assert [one.name for one in api.get("configmaps", label_selector={"colour": "blue"})] == ["from-kr8s"]
    made.delete()
    made.wait("delete", timeout=10)
    assert not made.exists()
    pod = kr8s.objects.Pod.get("web", namespace="default", api=api)
    assert pod.ready()
    ran = pod.exec(["sh", "-c", "echo $HOSTNAME"])
    assert (ran.returncode, ran.stdout) == (0, b"web\n")
    assert any(line.endswith("start worker processes") for line in pod.logs())
    with pod.portforward(remote_port=80) as port:
        import urllib.request

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert answer.headers["X-Served-By"] == "web"
    with pytest.raises(kr8s.NotFoundError):
        kr8s.objects.Pod.get("nobody", namespace="default", api=api)


# -- lightkube -----------------------------------------------------------------------------------------------


def test_lightkube(pods: ServedCluster) -> None:
    lightkube = pytest.importorskip("lightkube")
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import ConfigMap, Node, Pod

    config = lightkube.KubeConfig.from_file(str(pods.kubeconfig))
    client = lightkube.Client(config=config, field_manager="lightkube")
    assert [node.metadata.name for node in client.list(Node)] == ["controlplane", "node01", "node02"]
    made = client.create(
        ConfigMap(metadata=ObjectMeta(name="from-lightkube", namespace="default"), data={"a": "1"})
    )
    assert made.metadata.uid
    applied = client.apply(
        ConfigMap(metadata=ObjectMeta(name="from-lightkube", namespace="default"), data={"b": "2"})
    )
    assert applied.data == {"a": "1", "b": "2"}
    assert {entry.manager for entry in applied.metadata.managedFields} >= {"lightkube"}
    watched = client.watch(Pod, namespace="default", fields={"metadata.name": "web"})
    kind, pod = next(iter(watched))
    assert (kind, pod.status.phase) == ("ADDED", "Running")
    assert list(itertools.islice(client.log("ticker", tail_lines=1, follow=True), 2)) == ["tick\n", "tick\n"]
    assert list(client.list(Deployment)) == []
    with pytest.raises(lightkube.ApiError) as gone:
        client.get(Pod, "nobody")
    assert (gone.value.status.code, gone.value.status.reason) == (404, "NotFound")
    client.delete(ConfigMap, "from-lightkube")


# -- kubernetes_asyncio --------------------------------------------------------------------------------------


def test_kubernetes_asyncio(pods: ServedCluster) -> None:
    pytest.importorskip("kubernetes_asyncio")
    asyncio.run(_asynchronously(str(pods.kubeconfig)))


async def _asynchronously(kubeconfig: str) -> None:
    from kubernetes_asyncio import client, config, watch
    from kubernetes_asyncio.stream import WsApiClient

    configuration = client.Configuration()
    await config.load_kube_config(kubeconfig, client_configuration=configuration)
    async with client.ApiClient(configuration) as api:
        core = client.CoreV1Api(api)
        assert len((await core.list_node()).items) == 3
        made = await core.create_namespaced_config_map("default", {"metadata": {"name": "later"}})
        async with watch.Watch() as seen:
            stream = seen.stream(
                core.list_namespaced_config_map,
                "default",
                field_selector="metadata.name=later",
                resource_version=made.metadata.resource_version,
                timeout_seconds=20,
            )
            changing = asyncio.create_task(
                core.patch_namespaced_config_map("later", "default", {"data": {"a": "1"}})
            )
            async for event in stream:
                assert (event["type"], event["object"].data) == ("MODIFIED", {"a": "1"})
                break
            await changing
        await core.delete_namespaced_config_map("later", "default")
        with pytest.raises(client.ApiException) as gone:
            await core.read_namespaced_config_map("later", "default")
        assert gone.value.status == 404
    async with WsApiClient(configuration) as sockets:
        said = await client.CoreV1Api(sockets).connect_get_namespaced_pod_exec(
            "web", "default", command=["hostname"], stdout=True, stderr=True, stdin=False, tty=False
        )
        assert said == "web\n"
