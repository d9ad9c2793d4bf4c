"""Logs and streams as far as the server itself goes: options, containers, nodes; methods that no path has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.conftest import CORE, Asker

NEGATIVE = "must be greater than or equal to 0"


@pytest.fixture
def pods() -> Asker:
    api = Asker()
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
    ports = {"kubeletEndpoint": {"Port": 20098}}
    node = {"metadata": {"name": "n1"}, "status": {"addresses": addresses, "daemonEndpoints": ports}}
    api.make("/api/v1/nodes", node)
    api.make("/api/v1/nodes", {"metadata": {"name": "bare"}})
    api.pod("one", nodeName="n1")
    api.pod("bare", nodeName="bare")
    api.pod("lost", nodeName="gone")
    api.pod("waiting")
    containers = [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]
    api.pod("two", nodeName="n1", containers=containers)
    return api


@pytest.mark.parametrize(
    ("name", "query", "status", "text"),
    [
        ("one", {"tailLines": "-1"}, 422, f"tailLines: Invalid value: -1: {NEGATIVE}"),
        ("one", {"limitBytes": "0"}, 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ("one", {"sinceSeconds": "0"}, 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ("one", {"stream": "Stdout"}, 422, "stream: Forbidden: may not be specified"),
        ("one", {"tailLines": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("one", {"container": "z"}, 400, "container z is not valid for pod one"),
        ("two", {}, 400, "a container name must be specified for pod two, choose one of: [a b]"),
        ("nope", {}, 404, 'pods "nope" not found'),
        ("lost", {}, 404, 'nodes "gone" not found'),
        ("bare", {}, 500, "no preferred addresses found; known addresses: []"),
        (
            "one",
            {"tailLines": "5"},
            500,
            'Get "https://127.0.0.1:20098/containerLogs/default/one/c?tailLines=5": '
            "dial tcp 127.0.0.1:20098: connect: connection refused",
        ),
    ],
)
def test_why_there_is_no_log(pods: Asker, name: str, query: dict[str, str], status: int, text: str) -> None:
    answer = pods.ask("GET", f"{CORE}/pods/{name}/log", **query)
    assert answer.status == status and answer.json()["message"].endswith(text)


def test_a_pod_without_a_node_has_an_empty_log(pods: Asker) -> None:
    assert pods.ask("GET", f"{CORE}/pods/waiting/log").status == 204


@pytest.mark.parametrize(
    ("name", "headers", "text"),
    [
        ("waiting", {}, "pod waiting does not have a host assigned"),
        ("one", {}, "Upgrade request required"),
        (
            "one",
            {"connection": "Upgrade"},
            "error dialing backend: dial tcp 127.0.0.1:20098: connect: connection refused",
        ),
    ],
)
def test_why_there_is_no_stream(pods: Asker, name: str, headers: dict[str, str], text: str) -> None:
    answer = pods.ask("POST", f"{CORE}/pods/{name}/exec", headers=headers, command="ls", stdout="1")
    assert answer.json()["message"] == text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/configmaps"),
        ("DELETE", "/apis/apps/v1/deployments"),
        ("POST", "/version"),
        ("PUT", "/apis/apps/v1"),
        ("DELETE", "/api"),
    ],
)
def test_methods_that_no_path_has(api: Asker, method: str, path: str) -> None:
    body: Any = {} if method in ("POST", "PUT") else None
    answer = api.ask(method, path, body)
    assert (answer.status, answer.json()["reason"]) == (405, "MethodNotAllowed")
    assert api.ask("POST", "/healthz").status == 200
