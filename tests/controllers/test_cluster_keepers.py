"""Namespaces, service accounts, garbage, nodes, quotas, budgets: what keeps a cluster in order."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.sim import rfc3339
from tests.controllers.world import Obj, World, workload

NODE_READY = [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"


# -- namespaces ---------------------------------------------------------------------------------------------


def test_a_new_namespace_gets_an_account_and_the_root_certificate() -> None:
    world = World(["serviceaccount", "root-ca-certificate-publisher"], root_ca="PEM")
    world.create("namespaces", "shop", None)
    assert world.names("serviceaccounts", "shop") == ["default"]
    published = world.get("configmaps", "kube-root-ca.crt", "shop")
    assert published["data"] == {"ca.crt": "PEM"}
    world.delete("serviceaccounts", "default", "shop")
    world.change("configmaps", "kube-root-ca.crt", {"data": {"ca.crt": "forged"}}, "shop")
    assert world.names("serviceaccounts", "shop") == ["default"]
    assert world.get("configmaps", "kube-root-ca.crt", "shop")["data"] == {"ca.crt": "PEM"}


def test_an_account_does_not_name_a_token_that_is_gone() -> None:
    world = World(["serviceaccount-token"], service_account_signer=lambda account, secret: "t")
    world.create("serviceaccounts", "robot", secrets=[{"name": "token"}, {"name": "other"}])
    metadata = {"annotations": {"kubernetes.io/service-account.name": "robot"}}
    world.create("secrets", "token", metadata=metadata, type="kubernetes.io/service-account-token")
    assert world.get("secrets", "token")["data"]["token"]
    world.delete("secrets", "token")
    assert world.get("serviceaccounts", "robot")["secrets"] == [{"name": "other"}]


def test_a_deleted_namespace_takes_everything_with_it() -> None:
    world = World(["namespace"])
    world.create("namespaces", "shop", None)
    world.create("configmaps", "a", "shop", data={})
    world.create("configmaps", "held", "shop", metadata={"finalizers": ["test/hold"]})
    world.client.delete("namespaces", "shop")
    world.loop.advance(20.0)
    assert world.names("configmaps", "shop") == ["held"]
    status = world.get("namespaces", "shop")["status"]
    assert status["phase"] == "Terminating"
    true = {c["type"]: c["message"] for c in status["conditions"] if c["status"] == "True"}
    assert true == {
        "NamespaceContentRemaining": "Some resources are remaining: configmaps. has 1 resource instances",
        "NamespaceFinalizersRemaining": (
            "Some content in the namespace has finalizers remaining: test/hold in 1 resource instances"
        ),
    }
    world.change("configmaps", "held", {"metadata": {"finalizers": None}}, "shop")
    world.loop.advance(60.0)
    assert world.find("namespaces", "shop") is None


# -- garbage ------------------------------------------------------------------------------------------------


@pytest.fixture
def owned() -> World:
    world = World(["replicaset", "garbage-collector"])
    world.create("replicasets", "web", spec=workload(2))
    world.loop.advance(1.0)
    return world


def test_background(owned: World) -> None:
    owned.delete("replicasets", "web", propagation="background")
    assert owned.find("replicasets", "web") is None
    owned.loop.advance(5.0)
    assert owned.pods() == []


def test_foreground(owned: World) -> None:
    for pod in owned.pods():
        owned.change("pods", pod["metadata"]["name"], {"metadata": {"finalizers": ["test/hold"]}})
    owned.delete("replicasets", "web", propagation="foreground")
    owned.loop.advance(5.0)
    waiting = owned.get("replicasets", "web")
    assert waiting["metadata"]["finalizers"] == ["foregroundDeletion"] and owned.pods() == []
    for pod in owned.list("pods"):
        owned.change("pods", pod["metadata"]["name"], {"metadata": {"finalizers": None}})
        if owned.find("pods", pod["metadata"]["name"]):
            owned.delete("pods", pod["metadata"]["name"], grace_seconds=0)
    owned.loop.advance(5.0)
    assert owned.find("replicasets", "web") is None


def test_orphan(owned: World) -> None:
    owned.delete("replicasets", "web", propagation="orphan")
    owned.loop.advance(5.0)
    assert owned.find("replicasets", "web") is None
    assert len(owned.pods()) == 2
    assert all("ownerReferences" not in pod["metadata"] for pod in owned.pods())


def test_an_owner_that_never_was_is_no_owner(owned: World) -> None:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": "0-0"}
    owned.create("configmaps", "lost", metadata={"ownerReferences": [reference]})
    owned.loop.advance(5.0)
    assert owned.find("configmaps", "lost") is None


def test_one_of_two_owners_is_not_enough(owned: World) -> None:
    a, b = owned.create("configmaps", "a"), owned.create("configmaps", "b")
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}
        for o in (a, b)
    ]
    owned.create("configmaps", "child", metadata={"ownerReferences": references})
    owned.delete("configmaps", "a")
    owned.loop.advance(5.0)
    left = owned.get("configmaps", "child")["metadata"]["ownerReferences"]
    assert [r["name"] for r in left] == ["b"]
    owned.delete("configmaps", "b")
    owned.loop.advance(5.0)
    assert owned.find("configmaps", "child") is None


# -- nodes --------------------------------------------------------------------------------------------------


class Nodes:
    """Nodes whose kubelets a test can silence, and pods on them."""

    def __init__(self, count: int) -> None:
        self.world = World(["node-lifecycle", "taint-eviction", "node-ipam"])
        self.silent: set[str] = set()
        self.names = [f"n{number}" for number in range(count)]
        for name in self.names:
            self.world.create("nodes", name, None, status={"conditions": NODE_READY})
            lease = {"holderIdentity": name, "leaseDurationSeconds": 40}
            self.world.create("leases", name, "kube-node-lease", spec=lease)
        self.pass_time(10.0)

    def pass_time(self, seconds: float) -> None:
        """Every kubelet that is not silent renews its Lease every ten seconds."""
        for _ in range(int(seconds / 10.0)):
            for name in self.names:
                if name not in self.silent:
                    now = {"spec": {"renewTime": rfc3339(self.world.loop.clock.now())[:-1] + ".000000Z"}}
                    self.world.change("leases", name, now, "kube-node-lease")
            self.world.loop.advance(10.0)

    def pod(self, name: str, node: str, **spec: Any) -> None:
        containers = [{"name": "c", "image": "nginx:1.28"}]
        self.world.create("pods", name, spec={"nodeName": node, "containers": containers, **spec})

    def taints(self, node: str) -> list[str]:
        return [f"{t['key']}:{t['effect']}" for t in self.get(node)["spec"].get("taints") or ()]

    def get(self, node: str) -> Obj:
        return self.world.client.get("nodes", node)

    def gone(self, pod: str) -> bool:
        found = self.world.find("pods", pod)
        return found is None or bool(found["metadata"].get("deletionTimestamp"))


def test_pod_networks() -> None:
    nodes = Nodes(3)
    assert [nodes.get(n)["spec"]["podCIDR"] for n in nodes.names] == [
        "10.244.0.0/24",
        "10.244.1.0/24",
        "10.244.2.0/24",
    ]


def test_a_node_for_which_no_pod_network_is_left_asks_again_ever_more_rarely() -> None:
    world = World(["node-ipam"], cluster_cidr="10.0.0.0/24", node_cidr_mask_size=25)
    for name in ("n1", "n2", "n3"):
        world.create("nodes", name, None)
    blocks = {name: world.get("nodes", name, "")["spec"].get("podCIDR") for name in ("n1", "n2", "n3")}
    assert blocks == {"n1": "10.0.0.0/25", "n2": "10.0.0.128/25", "n3": None}
    world.loop.advance(60.0)
    tried = sum(
        event.get("count", 1) for event in world.list("events") if event["reason"] == "CIDRNotAvailable"
    )
    assert 10 <= tried <= 20
    world.client.delete("nodes", "n1", None)
    world.loop.advance(120.0)
    assert world.get("nodes", "n3", "")["spec"]["podCIDR"] == "10.0.0.0/25"


def test_a_block_from_elsewhere_takes_none_of_ours() -> None:
    world = World(["node-ipam"], cluster_cidr="10.0.0.0/24", node_cidr_mask_size=25)
    foreign = ("192.168.7.0/24", "10.0.0.0/24", "10.0.1.0/25", "fd00::/64")
    for number, block in enumerate(foreign):
        world.create("nodes", f"f{number}", None, spec={"podCIDR": block, "podCIDRs": [block]})
    world.create("nodes", "n1", None)
    assert world.get("nodes", "n1", "")["spec"]["podCIDR"] == "10.0.0.0/25"


def test_a_silent_node_is_unknown_tainted_and_emptied() -> None:
    nodes = Nodes(3)
    nodes.pod("patient", "n1")
    stays = [{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}]
    nodes.pod("stays", "n1", tolerations=stays)
    quick = [{**stays[0], "tolerationSeconds": 20}]
    nodes.pod("quick", "n1", tolerations=quick)
    nodes.silent.add("n1")
    nodes.pass_time(40.0)
    assert nodes.taints("n1") == []
    nodes.pass_time(30.0)
    (ready,) = [c for c in nodes.get("n1")["status"]["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert ready["message"] == "Kubelet stopped posting node status."
    assert sorted(nodes.taints("n1")) == [f"{UNREACHABLE}:NoExecute", f"{UNREACHABLE}:NoSchedule"]
    assert nodes.taints("n0") == []
    nodes.pass_time(30.0)
    assert nodes.gone("quick") and not nodes.gone("patient")
    nodes.pass_time(300.0)
    assert nodes.gone("patient") and not nodes.gone("stays")


def test_a_node_that_comes_back_in_time_loses_nothing() -> None:
    nodes = Nodes(3)
    nodes.pod("patient", "n1")
    nodes.silent.add("n1")
    nodes.pass_time(120.0)
    assert nodes.taints("n1")
    nodes.silent.clear()
    heartbeat = {**NODE_READY[0], "lastHeartbeatTime": rfc3339(nodes.world.loop.clock.now())}
    nodes.world.client.patch("nodes", "n1", {"status": {"conditions": [heartbeat]}}, subresource="status")
    nodes.pass_time(400.0)
    assert nodes.taints("n1") == [] and not nodes.gone("patient")


def test_when_all_nodes_are_silent_nothing_is_evicted() -> None:
    nodes = Nodes(2)
    nodes.pod("patient", "n1")
    nodes.silent.update(nodes.names)
    nodes.pass_time(900.0)
    assert not nodes.gone("patient"), "more likely the control plane is cut off"


def test_a_zone_that_is_down_among_others_is_emptied() -> None:
    nodes = Nodes(3)
    for name, zone in (("n0", "a"), ("n1", "b"), ("n2", "b")):
        nodes.world.change("nodes", name, {"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}, "")
    nodes.pass_time(10.0)
    nodes.silent.update(("n1", "n2"))
    nodes.pass_time(90.0)
    for name in ("n1", "n2"):
        assert f"{UNREACHABLE}:NoExecute" in nodes.taints(name), "another zone answers: the network is fine"


def test_no_pod_is_told_to_go_when_all_nodes_fall_silent_at_once() -> None:
    nodes = Nodes(2)
    nodes.pod("patient", "n1", tolerations=[])
    nodes.silent.update(nodes.names)
    for _ in range(24):
        nodes.pass_time(10.0)
        assert not any("NoExecute" in taint for name in nodes.names for taint in nodes.taints(name))
    assert nodes.world.events("TaintManagerEviction") == []


def test_a_kubelet_that_says_itself_that_it_is_not_ready_speaks_for_its_pods() -> None:
    nodes = Nodes(3)
    nodes.pod("web", "n1")
    nodes.world.set_status(nodes.world.get("pods", "web"), "Running")
    unready = {**NODE_READY[0], "status": "False", "reason": "KubeletNotReady"}
    nodes.world.client.patch("nodes", "n1", {"status": {"conditions": [unready]}}, subresource="status")
    nodes.pass_time(20.0)
    assert f"{NOT_READY}:NoExecute" in nodes.taints("n1")
    assert nodes.world.events("NodeNotReady") == []
    (ready,) = nodes.world.get("pods", "web")["status"]["conditions"]
    assert ready["status"] == "True"


def test_a_later_taint_does_not_change_the_hour_of_an_eviction() -> None:
    nodes = Nodes(2)
    tolerations = [
        {"key": "slow", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 100},
        {"key": "fast", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10},
    ]
    nodes.pod("web", "n1", tolerations=tolerations)
    slow, fast = ({"key": key, "effect": "NoExecute"} for key in ("slow", "fast"))
    nodes.world.change("nodes", "n1", {"spec": {"taints": [slow]}}, "")
    nodes.pass_time(20.0)
    nodes.world.change("nodes", "n1", {"spec": {"taints": [slow, fast]}}, "")
    nodes.pass_time(60.0)
    assert not nodes.gone("web")
    nodes.pass_time(30.0)
    assert nodes.gone("web")


def test_a_taint_that_is_not_tolerated_cancels_what_was_planned() -> None:
    nodes = Nodes(2)
    tolerated = {"key": "slow", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 100}
    nodes.pod("web", "n1", tolerations=[tolerated])
    slow, other = ({"key": key, "effect": "NoExecute"} for key in ("slow", "other"))
    nodes.world.change("nodes", "n1", {"spec": {"taints": [slow]}}, "")
    nodes.pass_time(10.0)
    nodes.world.change("nodes", "n1", {"spec": {"taints": [slow, other]}}, "")
    nodes.pass_time(10.0)
    assert nodes.gone("web")
    assert nodes.world.events("TaintManagerEviction") == [
        "Cancelling deletion of Pod default/web",
        "Marking for deletion Pod default/web",
    ]


# -- limits -------------------------------------------------------------------------------------------------


def test_a_quota_counts_what_is_used() -> None:
    world = World(["resourcequota"])
    world.create("resourcequotas", "q", spec={"hard": {"pods": "5", "requests.cpu": "2", "configmaps": "9"}})
    containers = [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "300m"}}}]
    for name in "ab":
        world.create("pods", name, spec={"containers": containers})
    world.loop.advance(10.0)
    used = world.get("resourcequotas", "q")["status"]["used"]
    assert used["pods"] == "2" and used["requests.cpu"] == "600m"
    world.set_status(world.get("pods", "a"), "Succeeded", ready=False)
    world.loop.advance(10.0)
    assert world.get("resourcequotas", "q")["status"]["used"]["pods"] == "1"


def used(world: World) -> dict[str, str]:
    found: dict[str, str] = world.get("resourcequotas", "q")["status"].get("used") or {}
    return found


def test_a_quota_counts_objects_of_a_kind_that_comes_later() -> None:
    world = World(["resourcequota"])
    world.create("resourcequotas", "q", spec={"hard": {"count/wheels.example.com": "2", "pods": "1"}})
    world.loop.advance(1.0)
    assert used(world) == {"pods": "0"}, "nobody can say yet"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": "example.com",
        "names": {"kind": "Wheel", "plural": "wheels"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    world.create("customresourcedefinitions", "wheels.example.com", None, spec=spec)
    world.loop.advance(5.0)
    assert used(world) == {"count/wheels.example.com": "0", "pods": "0"}
    path = "/apis/example.com/v1/namespaces/default/wheels"
    for name, status in (("a", 201), ("b", 201), ("c", 403)):
        wheel = {"apiVersion": "example.com/v1", "kind": "Wheel", "metadata": {"name": name}}
        assert world.client.request("POST", path, None, wheel).status == status
    world.client.request("DELETE", f"{path}/a")
    world.loop.advance(1.0)
    assert used(world)["count/wheels.example.com"] == "1"


def test_a_quota_hears_of_a_service_that_is_of_another_type() -> None:
    world = World(["resourcequota"])
    world.create("resourcequotas", "q", spec={"hard": {"services.nodeports": "5"}})
    world.create("services", "web", spec={"type": "NodePort", "ports": [{"port": 80}]})
    world.loop.advance(1.0)
    assert used(world) == {"services.nodeports": "1"}
    world.change("services", "web", {"spec": {"type": "ClusterIP", "ports": [{"port": 80}]}})
    world.loop.advance(1.0)
    assert used(world) == {"services.nodeports": "0"}


def test_a_budget_knows_how_many_may_go() -> None:
    world = World(["replicaset", "disruption"])
    world.create("replicasets", "web", spec=workload(4))
    selector = {"matchLabels": {"app": "web"}}
    world.create("poddisruptionbudgets", "b", spec={"maxUnavailable": "25%", "selector": selector})
    assert world.get("poddisruptionbudgets", "b")["status"]["disruptionsAllowed"] == 0
    world.all_ready()
    world.loop.advance(2.0)
    status = world.get("poddisruptionbudgets", "b")["status"]
    assert (status["expectedPods"], status["desiredHealthy"], status["currentHealthy"]) == (4, 3, 4)
    assert status["disruptionsAllowed"] == 1
    (condition,) = status["conditions"]
    assert (condition["type"], condition["reason"]) == ("DisruptionAllowed", "SufficientPods")
