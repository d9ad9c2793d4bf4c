"""The kubectl of a cluster in this process, with files in memory."""

from __future__ import annotations

from kubekit.cluster import Cluster
from kubekit.terminal.cli.files import MemoryFiles
from kubekit.terminal.kubectl import Kubectl
from kubekit.terminal.notebook import LoopPump


def kubectl_of(cluster: Cluster, files: MemoryFiles) -> Kubectl:
    """A kubectl that asks the cluster's API server; while it waits, the cluster's time passes."""
    return Kubectl(cluster.apiserver, clock=cluster.loop.clock, pump=LoopPump(cluster.loop), files=files)
