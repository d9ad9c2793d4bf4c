"""Streams at the door, asked for byte by byte: refused handshakes, rights, clients that do not read."""

from __future__ import annotations

import base64
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import kubekit
from kubekit.serving import serve, spdy
from kubekit.serving.server import Server

POD = "/api/v1/namespaces/default/pods/web"
EXEC = f"{POD}/exec?command=yes&stdout=true"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    cluster = kubekit.up(workers=1, seed=3)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
         "spec": {"containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80}]}]}}
    )  # fmt: skip
    cluster.settle()
    folder = tmp_path_factory.mktemp("door")
    with serve(cluster, port=None, kubeconfig=folder / "config", announce=lambda text: None) as server:
        yield server


def connect(server: Server, tmp_path: Path) -> ssl.SSLSocket:
    import socket

    config = yaml.safe_load(server.kubeconfig.read_text())
    authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])
    user: dict[str, Any] = config["users"][0]["user"]
    pem = tmp_path / "client.pem"
    pem.write_bytes(
        base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
    )
    context = ssl.create_default_context(cadata=authority.decode())
    context.load_cert_chain(pem)
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def ask(socket: ssl.SSLSocket, path: str, headers: dict[str, str], method: str = "POST") -> tuple[int, bytes]:
    """(status, what follows the head)."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
    socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    got = b""
    while b"\r\n\r\n" not in got:
        got += socket.recv(4096)
    head, _, rest = got.partition(b"\r\n\r\n")
    return int(head.split()[1]), head + b"\r\n\r\n" + rest


UPGRADE = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
V4 = {**UPGRADE, "X-Stream-Protocol-Version": "v4.channel.k8s.io"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "text"),
    [
        (EXEC, {}, 400, "Upgrade request required"),
        (EXEC, {"Connection": "Upgrade", "Upgrade": "h2c"}, 400, "Upgrade request required"),
        (EXEC, UPGRADE, 400, "header X-Stream-Protocol-Version does not exist in request"),
        (EXEC, {**UPGRADE, "X-Stream-Protocol-Version": "v9"}, 403, "client supports [v9], server accepts ["),
        (f"{POD}/exec?command=ls", V4, 400, "you must specify at least 1 of stdin, stdout, stderr"),
        (f"{POD}/exec?stdout=true", V4, 400, "you must specify at least one command for the container"),
        (EXEC + "&container=no", V4, 400, "container no is not valid for pod web"),
        (EXEC.replace("/web/", "/nobody/"), V4, 404, "not found"),
        (EXEC, {**V4, "Impersonate-User": "jane"}, 403, "cannot create resource"),
        (f"{POD}/portforward", {**UPGRADE, "X-Stream-Protocol-Version": "x"}, 403, "server accepts ["),
    ],
)  # fmt: skip
def test_refused(
    served: Server, tmp_path: Path, path: str, headers: dict[str, str], status: int, text: str
) -> None:
    with connect(served, tmp_path) as socket:
        code, answer = ask(socket, path, headers)
        assert (code, text in answer.decode()) == (status, True), answer


def test_who_may_only_read_pods_may_not_exec_by_get(served: Server, tmp_path: Path) -> None:
    with connect(served, tmp_path) as socket:
        code, answer = ask(socket, EXEC, {**V4, "Impersonate-User": "jane"}, "GET")
        assert code == 403 and b"pods/exec" in answer


def test_a_client_that_does_not_read_is_waited_for(served: Server, tmp_path: Path) -> None:
    with connect(served, tmp_path) as socket:
        code, _ = ask(socket, EXEC, V4)
        assert code == 101
        client = spdy.Connection(client=True)
        for kind in ("error", "stdout"):
            socket.sendall(client.open({"streamType": kind})[1])
        time.sleep(1.0)  # it prints all the while, and nobody reads
        began = time.monotonic()
        with connect(served, tmp_path) as other:
            assert ask(other, "/healthz", {}, "GET")[0] == 200
        assert time.monotonic() - began < 5
    deadline = time.monotonic() + 10
    pods = served.cluster.nodes["node01"].runtime.pods  # type: ignore[attr-defined]
    container = next(c for box in pods.values() for c in box.containers)
    while container.watchers and time.monotonic() < deadline:
        time.sleep(0.05)
    assert container.watchers == [], "the command ended with its client"


def test_garbage_after_the_upgrade_ends_the_stream(served: Server, tmp_path: Path) -> None:
    with connect(served, tmp_path) as socket:
        assert ask(socket, EXEC, V4)[0] == 101
        socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        socket.settimeout(10)
        assert socket.recv(100) == b""


def test_the_door_closes_over_open_streams(tmp_path: Path) -> None:
    cluster = kubekit.up(workers=1, seed=4)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
         "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    )  # fmt: skip
    cluster.settle()
    server = serve(cluster, port=None, kubeconfig=tmp_path / "config", announce=lambda text: None)
    with connect(server, tmp_path) as socket:
        assert ask(socket, EXEC, V4)[0] == 101
        closing = threading.Thread(target=server.stop)
        closing.start()
        closing.join(timeout=9)
        assert not closing.is_alive() and not server.running
