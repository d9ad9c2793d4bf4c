"""The cluster on which recordings of controllers are replayed: what the README of the recordings describes.

One tainted control-plane node and three workers of 4 CPU, 8Gi, 110 pods; the controller manager's grace
period is 20 s; images are present on every node except those that do not exist.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.exchange import UserInfo
from kubekit.apiserver.server import APIServer
from kubekit.client import Client
from kubekit.controllers import ControllerManager
from kubekit.etcd import KVStore
from kubekit.kubelet import ImageStore, Kubelet
from kubekit.network import Fabric
from kubekit.scheduler import Scheduler
from kubekit.sim import Loop

CAPACITY = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi"}
NODES = {
    "control-plane": "172.18.0.2",
    "worker1": "172.18.0.3",
    "worker2": "172.18.0.4",
    "worker3": "172.18.0.5",
}
ADMIN = UserInfo("kubernetes-admin", groups=("system:masters", "system:authenticated"))


class PresentImages(ImageStore):
    """Every image lies on the node, except those that no registry has."""

    def find(self, name: str) -> Any:
        if "does-not-exist" not in name and super().find(name) is None:
            self.add(name)
        return super().find(name)


class ReplayCluster:
    """All components, settled."""

    def __init__(self, seed: int = 0) -> None:
        self.loop = Loop(seed=seed)
        self.api = APIServer(self.loop, KVStore(self.loop.clock))
        self.client = Client(self.api, user=ADMIN, name="recorder")
        self.manager = ControllerManager(
            self.loop,
            self.client.named("kube-controller-manager"),
            node_monitor_grace_period=20.0,
            root_ca="CA",
        )
        self.scheduler = Scheduler(self.loop, self.client.named("kube-scheduler"))
        fabric = Fabric(self.loop)
        self.kubelets: dict[str, Kubelet] = {}
        for name, address in NODES.items():
            labels = {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            }
            taints = []
            if name == "control-plane":
                labels["node-role.kubernetes.io/control-plane"] = ""
                taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
            self.kubelets[name] = Kubelet(
                self.loop,
                self.client.named(f"kubelet/{name}"),
                name,
                node_ip=address,
                host=fabric.add_host(name, address),
                capacity=CAPACITY,
                labels=labels,
                taints=taints,
                images=PresentImages(self.loop),
                sync_frequency=10.0,
            )
        self.api.start()
        self.manager.start()
        self.scheduler.start()
        for kubelet in self.kubelets.values():
            kubelet.start()
        self.loop.advance(20.0)
