"""`kubectl port-forward` and `proxy` in a notebook: real connections in the background, and refusals."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

import kubekit
from kubekit.terminal import forwarding, proxying
from kubekit.terminal.kubectl.program import Kubectl
from kubekit.terminal.notebook import kubectl_of

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {run: web}, ports: [{name: front, port: 8080, targetPort: http}]}
"""


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    cluster = kubekit.up(workers=1, seed=3)
    made = kubectl_of(cluster)
    ports = [{"name": "http", "containerPort": 80}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    overrides = {"spec": {"containers": [{"name": "web", "ports": ports}]}}
    made.run(
        ["run", "web", "--image=nginx", "--overrides", json.dumps(overrides), "--override-type=strategic"]
    )
    made.run(["apply", "-f", "-"], SERVICE)
    made.run(["run", "stuck", "--image=does-not-exist"])
    cluster.settle()
    yield made
    forwarding.stop_all()
    proxying.stop_all()
    assert forwarding.forwarded() == proxying.open_ports() == []


def forward(kubectl: Kubectl, *words: str) -> int:
    answer = kubectl.run(["port-forward", *words])
    found = re.fullmatch(r"Forwarding from 127\.0\.0\.1:(\d+) -> 80\n", answer.stdout)
    assert answer.exit == 0 and found is not None, answer
    assert "the cell has ended but the forwarding goes on" in answer.stderr
    return int(found[1])


def page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize(
    "words", [("web", ":80"), ("pod/web", ":http"), ("svc/web", ":8080"), ("svc/web", ":front")]
)
def test_a_page_comes_through(kubectl: Kubectl, words: tuple[str, str]) -> None:
    before = kubectl.clock.now()
    port = forward(kubectl, *words)
    assert "Welcome to nginx!" in page(port) and "Welcome to nginx!" in page(port)
    assert kubectl.clock.now() == before
    assert '"GET / HTTP/1.1" 200' in kubectl.run(["logs", "web", "--tail=1"]).stdout
    # The same port again takes the place of what was there.
    assert forward(kubectl, "web", f"{port}:80") == port and "Welcome" in page(port)


def test_a_port_that_is_taken(kubectl: Kubectl) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = kubectl.run(["port-forward", "web", f"{port}:80"])
    assert answer.exit == 1 and f"Unable to listen on port {port}: " in answer.stderr
    assert f"error: unable to listen on any of the requested ports: [{{{port} 80}}]" in answer.stderr


def test_it_ends_with_its_pod(kubectl: Kubectl) -> None:
    kubectl.run(["run", "brief", "--image=httpd"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/brief"])
    port = forward(kubectl, "brief", ":80")
    assert "It works!" in page(port)
    kubectl.run(["delete", "pod", "brief", "--now"])
    deadline = time.monotonic() + 10
    while port in forwarding.forwarded():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(OSError, match=r"refused|reset"):
        page(port)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("port-forward web", "TYPE/NAME and list of ports are required for port-forward"),
        ("port-forward web x:y:z", "invalid port format 'x:y:z'"),
        (
            "port-forward stuck 80",
            "unable to forward port because pod is not running. Current status=Pending",
        ),
        ("port-forward nobody 80", 'pods "nobody" not found'),
        ("port-forward web :nope", "error: Pod 'web' does not have a named port 'nope'"),
        ("port-forward web :dns", "error: UDP protocol is not supported for dns"),
        ("port-forward svc/web 80", "error: Service web does not have a service port 80"),
        ("port-forward svc/web :nope", "error: Service 'web' does not have a named port 'nope'"),
        ("port-forward web 80:99999", "value out of range"),
        ("port-forward --address 0.0.0.0 web 80", "listens on 127.0.0.1 only, not on 0.0.0.0"),
        ("port-forward web 80 --as=jane", 'User "jane" cannot get resource "pods"'),
    ],
)
def test_refused(kubectl: Kubectl, line: str, text: str) -> None:
    answer = kubectl.run(line.split())
    assert answer.exit == 1 and text in answer.stderr, answer


def fetched(port: int, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, str]:
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, kind, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_a_proxy(kubectl: Kubectl) -> None:
    answer = kubectl.run(["proxy", "--port=0", "--api-prefix=/k8s"])
    found = re.fullmatch(r"Starting to serve on 127\.0\.0\.1:(\d+)\n", answer.stdout)
    assert answer.exit == 0 and found is not None
    port = int(found[1])
    status, text = fetched(port, "/k8s/api/v1/namespaces/default/pods/web")
    assert status == 200 and json.loads(text)["metadata"]["name"] == "web"
    made = json.dumps({"metadata": {"name": "settings"}, "data": {"a": "b"}}).encode()
    path = "/api/v1/namespaces/default/configmaps"
    assert fetched(port, path, "POST", made)[0] == 201 and fetched(port, path, "POST", made)[0] == 409
    assert kubectl.run(["get", "cm", "settings"]).exit == 0
    assert fetched(port, f"{path}/settings", "DELETE")[0] == 200
    assert fetched(port, "/api/v1/namespaces/default/pods/web/exec?command=ls") == (403, "Forbidden\n")
    assert fetched(port, "/api/v1/namespaces/default/services/web/proxy/")[1].startswith("<!DOCTYPE html>")
    watch = f"http://127.0.0.1:{port}{path}?watch=true"
    with urllib.request.urlopen(watch, timeout=10) as stream:
        assert json.loads(stream.readline())["type"] == "ADDED"


@pytest.mark.parametrize(
    ("line", "text"),
    [("proxy --address=0.0.0.0", "listens on 127.0.0.1 only"), ("proxy -p x", 'invalid argument "x"')],
)
def test_a_proxy_refused(kubectl: Kubectl, line: str, text: str) -> None:
    answer = kubectl.run(line.split())
    assert answer.exit == 1 and text in answer.stderr, answer
