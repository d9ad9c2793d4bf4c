"""Addresses and ports of Services, evictions, scale."""

from __future__ import annotations

from typing import Any

from tests.apiserver.conftest import CORE, Asker, pod


def service(name: str, **spec: Any) -> dict[str, Any]:
    """A Service's manifest."""
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], "selector": {"app": name}, **spec}}


def test_addresses_are_given_kept_and_returned(api: Asker) -> None:
    path = f"{CORE}/services"
    first = api.make(path, service("a"))["spec"]["clusterIP"]
    assert first.startswith("10.") and first != "10.96.0.1"
    taken = api.ask("POST", path, service("b", clusterIP=first))
    assert taken.status == 422 and "provided IP is already allocated" in taken.json()["message"]
    api.ask("DELETE", f"{path}/a")
    assert api.make(path, service("b", clusterIP=first))["spec"]["clusterIP"] == first
    assert api.make(path, service("c", clusterIP="None"))["spec"]["clusterIPs"] == ["None"]


def test_node_ports(api: Asker) -> None:
    path = f"{CORE}/services"
    port = api.make(path, service("a", type="NodePort"))["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    wanted = [{"port": 80, "nodePort": port}]
    taken = api.ask("POST", path, service("b", type="NodePort", ports=wanted))
    assert taken.status == 422 and "provided port is already allocated" in taken.json()["message"]
    plain = api.ask("PATCH", f"{path}/a", {"spec": {"type": "ClusterIP"}}, kind="merge").json()
    assert "nodePort" not in plain["spec"]["ports"][0]
    assert api.make(path, service("b", type="NodePort", ports=wanted))["spec"]["ports"][0]["nodePort"] == port


def test_a_refused_service_gives_its_address_back(api: Asker) -> None:
    path = f"{CORE}/services"
    refused = api.ask("POST", path, service("a", clusterIP="10.96.7.7", type="NodePort", ports=[{"port": 0}]))
    assert refused.status == 422
    assert api.ask("POST", path, service("b", clusterIP="10.96.7.7")).status == 201


def test_scale(api: Asker) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod("x")["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    api.make(path, {"metadata": {"name": "a"}, "spec": spec})
    scale = api.ask("GET", f"{path}/a/scale").json()
    assert scale["spec"] == {"replicas": 1} and scale["status"]["selector"] == "app=a"
    scale["spec"]["replicas"] = 4
    assert api.ask("PUT", f"{path}/a/scale", scale).status == 200
    changed = api.ask("GET", f"{path}/a").json()
    assert changed["spec"]["replicas"] == 4 and changed["metadata"]["generation"] == 2


def test_evictions_ask_the_budget(api: Asker) -> None:
    api.pod("web", labels={"app": "web"}, nodeName="n1")
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    api.ask("PATCH", f"{CORE}/pods/web/status", {"status": status}, kind="merge")
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    selector = {"matchLabels": {"app": "web"}}
    api.make(budgets, {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": selector}})
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
    counted = {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    api.ask("PATCH", f"{budgets}/b/status", {"status": {**counted, "disruptionsAllowed": 0}}, kind="merge")
    refused = api.ask("POST", f"{CORE}/pods/web/eviction", eviction)
    assert refused.status == 429
    assert refused.json()["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    api.ask("PATCH", f"{budgets}/b/status", {"status": {"disruptionsAllowed": 1}}, kind="merge")
    assert api.ask("POST", f"{CORE}/pods/web/eviction", eviction).status == 201
    going = api.ask("GET", f"{CORE}/pods/web").json()
    assert going["metadata"]["deletionTimestamp"]
    assert going["status"]["conditions"][-1]["type"] == "DisruptionTarget"


def test_binding_happens_once(api: Asker) -> None:
    api.pod("web")
    body = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}}
    assert api.ask("POST", f"{CORE}/pods/web/binding", body).status == 201
    bound = api.ask("GET", f"{CORE}/pods/web").json()
    assert bound["spec"]["nodeName"] == "n1"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    again = api.ask("POST", f"{CORE}/pods/web/binding", body)
    assert again.status == 409 and "already assigned to node" in again.json()["message"]
