"""Two directions of traffic: nodes call the API server; it calls them, directly or through their tunnels."""

from __future__ import annotations

from typing import Any

import pytest

import kubekit
from kubekit.api.status_error import StatusError
from kubekit.cluster import Cluster


def with_a_pod(**settings: Any) -> Cluster:
    cluster = kubekit.up(workers=2, seed=7, **settings)
    cluster.apply(
        """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: "httpd:2.4-alpine"}]}
"""
    )
    cluster.settle()
    return cluster


def logs(cluster: Cluster) -> Any:
    answer = cluster.client.request("GET", "/api/v1/namespaces/default/pods/web/log")
    return answer.status if answer.status != 200 else "logs"


def egress(cluster: Cluster) -> list[str]:
    """The ways of the last request that the API server had to ask a node about."""
    asked = [record for record in cluster.loop.trace.in_order() if record.kind == "request"]
    record = [one for one in asked if one.came_in["subresource"] in ("log", "proxy")][-1]
    return [f"{step.asked}: {step.reason}" for step in record.steps if step.asked.startswith("Egress")]


def test_without_tunnels_the_nodes_are_dialled() -> None:
    cluster = with_a_pod()
    assert logs(cluster) == "logs"
    ip = cluster.node(cluster.get("pod", "web")["spec"]["nodeName"]).ip
    assert egress(cluster) == [f"Egress to {ip}:10250: dialled directly"]
    assert not [one.name for one in cluster.components if "konnectivity" in one.name]


def test_a_call_goes_through_any_agent_that_is_connected() -> None:
    cluster = with_a_pod(konnectivity=True)
    ways = set()
    for _ in range(20):
        assert logs(cluster) == "logs"
        ways |= set(egress(cluster))
    names = {f"konnectivity-agent/{node}" for node in cluster.nodes}
    assert {way.rpartition(" ")[2] for way in ways} == names
    for name in sorted(names)[1:]:
        cluster.stop(name)
    assert logs(cluster) == "logs" and egress(cluster)[0].endswith(sorted(names)[0])


def test_without_an_agent_only_what_the_api_server_wants_of_nodes_fails() -> None:
    cluster = with_a_pod(konnectivity=True)
    for node in cluster.nodes:
        cluster.crash(f"konnectivity-agent/{node}")
    with pytest.raises(StatusError, match=r"error sending request: Post .*: No agent available"):
        cluster.exec("default", "web", "c", ["true"])
    assert logs(cluster) == 500 and egress(cluster)[0].endswith(": No agent available")
    proxied = cluster.client.request("GET", "/api/v1/namespaces/default/pods/web:80/proxy/")
    assert proxied.status == 503 and "error trying to reach service: No agent available" in str(proxied.body)
    # Everything that the nodes begin themselves goes on.
    cluster.advance("2m")
    cluster.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: more}\nspec: {containers: [{name: c, image: nginx}]}"
    )
    cluster.run_until("pod/more is Running", timeout="1m")
    assert all(
        condition["status"] == "True"
        for node in cluster.list("nodes")
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    )


def test_agents_dial_again_when_the_server_comes_back() -> None:
    cluster = with_a_pod(konnectivity=True)
    cluster.stop("konnectivity-server")
    assert logs(cluster) == 500 and "connect: connection refused" in egress(cluster)[0]
    cluster.advance("5s")
    cluster.start("konnectivity-server")
    assert logs(cluster) == 500
    cluster.advance("2s")
    assert logs(cluster) == "logs"
    assert all(
        node.konnectivity_agent is not None and node.konnectivity_agent.connected
        for node in cluster.nodes.values()
    )


def test_a_node_without_power_has_no_tunnel() -> None:
    cluster = with_a_pod(konnectivity=True)
    node = cluster.node("node01")
    node.crash()
    assert node.konnectivity_agent is not None and not node.konnectivity_agent.connected
    node.start()
    assert node.konnectivity_agent.connected


def test_the_map_shows_them() -> None:
    cluster = kubekit.up(workers=1, konnectivity=True)
    assert "konnectivity-agent" in repr(cluster.view.map()) and "konnectivity-agent" in repr(cluster)
