"""Listening: which ports of a node the control plane's programs answer on at this moment.

The kubelet and kube-proxy open their own; kube-apiserver, etcd and Konnectivity's server belong to no node
and are looked at here. kube-scheduler and kube-controller-manager listen on the loopback address only, as
kubeadm starts them, so no packet reaches them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kubekit.cluster import konnectivity

if TYPE_CHECKING:
    from kubekit.cluster.cluster import Cluster


def control_plane_listens(cluster: Cluster, ip: str, protocol: str, port: int) -> bool:
    """Whether a running program of the control plane has this port of the address open."""
    if protocol != "tcp":
        return False
    if cluster.apiserver.address == f"{ip}:{port}":
        return cluster.apiserver.running
    tunnels = cluster.tunnels
    if tunnels is not None and port == konnectivity.PORT:
        return tunnels.running and cluster.apiserver.address.startswith(f"{ip}:")
    for member in getattr(cluster.etcd, "members", {}).values():
        for url in (*member.plan.client_urls, *member.plan.peer_urls):
            parts = urlsplit(url)
            if parts.hostname == ip and parts.port == port:
                return bool(member.running)
    return False
