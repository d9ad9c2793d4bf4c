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


def last_egress(cluster: Cluster) -> Any:
    """The last step of that sort, with the record of its packet."""
    steps = [
        step
        for record in cluster.loop.trace.in_order()
        if record.kind == "request"
        for step in record.steps
        if step.asked.startswith("Egress")
    ]
    figures: Any = steps[-1].figures
    return steps[-1], next(
        (one for one in cluster.loop.trace.in_order() if one.id == figures.get("packet")), None
    )


@pytest.mark.parametrize("konnectivity", [False, True])
def test_the_call_is_a_packet_on_the_network(konnectivity: bool) -> None:
    cluster = with_a_pod(konnectivity=konnectivity)
    assert logs(cluster) == "logs"
    step, packet = last_egress(cluster)
    assert step.figures["direction"] == "control plane to node"
    assert packet.kind == "packet" and packet.came_out["status"] == "connected"
    assert packet.component.startswith("konnectivity-agent/" if konnectivity else "kube-apiserver")
    request = next(one for one in cluster.loop.trace.in_order() if one.id == packet.caused_by)
    assert request.came_in["subresource"] == "log"


def test_a_cut_cable_stops_what_the_control_plane_dials_itself_and_not_what_a_tunnel_carries() -> None:
    cluster = with_a_pod()
    node = cluster.get("pod", "web")["spec"]["nodeName"]
    ip = cluster.node(node).ip
    cluster.fabric.cut("controlplane", node)
    answer = cluster.client.request("GET", "/api/v1/namespaces/default/pods/web/log")
    assert answer.status == 500
    assert answer.json()["message"] == (
        f'Get "https://{ip}:10250/containerLogs/default/web/c": dial tcp {ip}:10250: i/o timeout'
    )
    step, packet = last_egress(cluster)
    assert "the cable between controlplane and" in step.reason
    assert packet.came_out["status"] == "timed out"

    tunnelled = with_a_pod(konnectivity=True)
    node = tunnelled.get("pod", "web")["spec"]["nodeName"]
    tunnelled.fabric.cut("controlplane", node)
    for other in tunnelled.nodes:
        if other != node:
            tunnelled.crash(f"konnectivity-agent/{other}")
    assert logs(tunnelled) == "logs"


def test_a_rule_on_the_node_refuses_the_call() -> None:
    cluster = with_a_pod()
    node = cluster.node(cluster.get("pod", "web")["spec"]["nodeName"])
    rule = "*filter\n-I INPUT 1 -p tcp --dport 10250 -j REJECT\nCOMMIT\n"
    node.host.netfilter.restore(rule)
    answer = cluster.client.request("GET", "/api/v1/namespaces/default/pods/web/log")
    assert answer.json()["message"].endswith(f"dial tcp {node.ip}:10250: connect: connection refused")


def test_a_pod_sees_whoever_dialled() -> None:
    cluster = with_a_pod(konnectivity=True)
    node = cluster.get("pod", "web")["spec"]["nodeName"]
    other = next(name for name in cluster.nodes if name not in (node, "controlplane"))
    for name in cluster.nodes:
        if name != other:
            cluster.crash(f"konnectivity-agent/{name}")
    assert cluster.client.request("GET", "/api/v1/namespaces/default/pods/web:80/proxy/").status == 200
    text = str(cluster.client.request("GET", "/api/v1/namespaces/default/pods/web/log").body)
    assert f"{cluster.node(other).ip} - -" in text


def test_programs_of_the_control_plane_listen_while_they_run() -> None:
    cluster = kubekit.up(workers=1, seed=7)

    def status(to: str) -> str:
        found: str = cluster.send("node01", to).came_out["status"]
        return found

    home = cluster.node("controlplane").ip
    assert status("10.96.0.1:443") == status(f"{home}:6443") == status(f"{home}:2379") == "connected"
    assert status(f"{home}:10257") == "refused", "on the loopback address only"
    cluster.stop("kube-apiserver")
    assert status(f"{home}:6443") == "refused"
    cluster.start("kube-apiserver")
    assert status(f"{home}:6443") == "connected"
    node = cluster.node("node01").ip
    assert cluster.send("controlplane", f"{node}:10250").came_out["status"] == "connected"
    cluster.crash("kubelet/node01")
    assert cluster.send("controlplane", f"{node}:10250").came_out["status"] == "refused"


def test_a_pod_in_the_nodes_network_listens_on_the_node() -> None:
    cluster = kubekit.up(workers=1, seed=7)
    cluster.apply(
        """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {hostNetwork: true, containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
"""
    )
    cluster.settle()
    node = cluster.node("node01").ip
    assert cluster.send("controlplane", f"{node}:80").came_out["status"] == "connected"
    assert cluster.client.request("GET", "/api/v1/namespaces/default/pods/web:80/proxy/").status == 200
    cluster.client.delete("pods", "web", "default")
    cluster.settle()
    assert cluster.send("controlplane", f"{node}:80").came_out["status"] == "refused"
