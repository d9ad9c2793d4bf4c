"""A node of the cluster: what stands on it, and its power switch.

The kubelet and kube-proxy are components of their own (`node.kubelet.crash()`); the runtime with its
containers, the images, the network and the manifest directory are the node's and survive them. `crash` is the
power cut: everything on the node is gone, and nobody is told.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.meta import Obj
from kubekit.cluster.konnectivity import Agent
from kubekit.cluster.node_files import NodeFiles
from kubekit.cluster.topology import NodePlan
from kubekit.kubelet import ImageStore, Kubelet, ManifestDirectory, Runtime
from kubekit.network import Host
from kubekit.proxy import Proxy
from kubekit.sim import Component


class Node:
    """One machine: `kubelet`, `kube_proxy`, `runtime`, `images`, `manifests`, `host` (its network),
    `files`."""

    def __init__(
        self,
        plan: NodePlan,
        host: Host,
        runtime: Runtime,
        images: ImageStore,
        manifests: ManifestDirectory,
        kubelet: Kubelet,
        kube_proxy: Proxy,
        agent: Agent | None = None,
    ) -> None:
        self.plan = plan
        self.name = plan.name
        self.ip = plan.ip
        self.host = host
        self.runtime = runtime
        self.images = images
        self.manifests = manifests
        self.files = NodeFiles()
        self.manifest_folder: Any = None
        """The kubelet's eye on /etc/kubernetes/manifests among the files (`ManifestFolder`)."""
        self.kubelet = kubelet
        self.kube_proxy = kube_proxy
        self.konnectivity_agent = agent
        """The node's end of a tunnel to the control plane, where there are tunnels."""

    @property
    def files(self) -> NodeFiles:
        """Its file system, of which containers mount parts."""
        return self._files

    @files.setter
    def files(self, files: NodeFiles) -> None:
        self._files = files
        self.runtime.host_files = files

    @property
    def components(self) -> list[Component]:
        """What runs on every node."""
        agent = self.konnectivity_agent
        return [self.kubelet, self.kube_proxy] if agent is None else [self.kubelet, self.kube_proxy, agent]

    @property
    def object(self) -> Obj | None:
        """The Node as its kubelet last heard of it."""
        return self.kubelet.node()

    @property
    def state(self) -> str:
        """ "running" when both components run, else what the first that does not run is."""
        return next((c.state for c in self.components if c.state != "running"), "running")

    def start(self) -> None:
        """Start what does not run."""
        for component in self.components:
            component.start()

    def stop(self) -> None:
        """Stop the kubelet and kube-proxy in order; containers go on."""
        for component in reversed(self.components):
            component.stop()

    def crash(self) -> None:
        """Cut the power: components and containers are gone at once; `start` boots it again, empty."""
        for component in reversed(self.components):
            component.crash()
        self.runtime.power_off()
        for pod in list(self.host.pods):
            self.kubelet.cri.release(pod)

    def pause(self) -> None:
        """Freeze the node's components."""
        for component in self.components:
            component.pause()

    def resume(self) -> None:
        """Let them go on."""
        for component in self.components:
            component.resume()

    def step(self) -> bool:
        """Let one of its components do one thing; False when there is nothing to do."""
        return any(component.step() for component in self.components)

    def __repr__(self) -> str:
        states = ", ".join(f"{c.name.split('/')[0]} {c.state}" for c in self.components)
        return f"node {self.name} ({self.ip}): {states}, {len(self.runtime.pods)} pod(s)"
