"""EtcdHost: a machine on which a member of an external etcd runs, and nothing else.

kubeadm makes such hosts with a kubelet that belongs to no cluster: it only keeps the static pod of
/etc/kubernetes/manifests/etcd.yaml. So a member's data, certificates and flags lie where they lie on a
control-plane node with a stacked member, and are treated in the same way.

    cluster.etcd_hosts["etcd-2"].files.text("/etc/kubernetes/manifests/etcd.yaml")

Source: kubernetes.io, "Set up a High Availability etcd Cluster with kubeadm".
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from kubekit.cluster.etcd_disk import DATA_DIR, DataDirectory
from kubekit.cluster.etcd_manifest import MANIFEST, STACKED, manifest
from kubekit.cluster.etcd_pki import EtcdPki
from kubekit.cluster.manifest_folder import ManifestFolder
from kubekit.cluster.node_files import NodeFiles
from kubekit.etcd.bootstrap import url_map
from kubekit.kubelet import ManifestDirectory
from kubekit.sim import Component, Loop


class LoneKubelet(Component):
    """A kubelet without a cluster, which keeps static pods."""

    def __init__(self, loop: Loop, host: str) -> None:
        super().__init__(loop, f"kubelet/{host}")
        self.state = "running"


class EtcdHost:
    """One host: `name`, `ip`, `files`."""

    def __init__(self, loop: Loop, etcd: Any, name: str, pki: EtcdPki) -> None:
        member = etcd.members[name]
        self.name = name
        self.ip = str(urlsplit(member.plan.client_urls[0]).hostname)
        self.files = member.disk.files if isinstance(member.disk, DataDirectory) else NodeFiles()
        self.kubelet = LoneKubelet(loop, name)
        self.manifests = ManifestDirectory()
        self.files.mkdir(DATA_DIR)
        self.files.chmod(DATA_DIR, 0o700)
        EtcdPki(name, self.ip, pki).install(self.files)
        self.files.put(MANIFEST, manifest(name, self.ip, url_map(member.plan.initial_cluster)), mode=0o600)
        self.manifest_folder = ManifestFolder(self, partial(etcd.members.get, name))

    def __repr__(self) -> str:
        return f"etcd host {self.name} ({self.ip})"


def hosts_of(loop: Loop, etcd: Any, pki: EtcdPki) -> dict[str, EtcdHost]:
    """The hosts of an etcd of this process whose members have machines of their own, by name."""
    members = getattr(etcd, "members", {})
    return {
        name: EtcdHost(loop, etcd, name, pki) for name, member in members.items() if member.name != STACKED
    }
