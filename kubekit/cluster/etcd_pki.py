"""The certificates on the control-plane node and etcd's hosts, where and as kubeadm leaves them.

Keys are dear, so each file is made when somebody first reads it; the authority too. etcd has a CA of its own:
a certificate that the cluster's CA signed opens nothing here, which is a mistake worth making once.
Source: cmd/kubeadm/app/phases/certs/certlist.go.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from kubekit.cluster.node_files import FILE_MODE, PRIVATE_MODE, NodeFiles

FOLDER = "/etc/kubernetes/pki"

SERVERS = ("server", "peer")
"""Certificates that open from both sides: a member's, and what members show to each other."""

CLIENTS = {
    "etcd/healthcheck-client": ("kube-etcd-healthcheck-client", ()),
    "apiserver-etcd-client": ("kube-apiserver-etcd-client", ()),
}
"""Certificates of etcd's clients, by file: common name and organisations."""

KUBELET_CLIENT = "apiserver-kubelet-client"
"""What the API server shows to kubelets, from the cluster's own CA. Its group may do everything."""

API_SERVER = "apiserver"
API_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
API_SERVICE_IP = "10.96.0.1"


class EtcdPki:
    """The authority of one cluster's etcd, and what it signed for the machine `name` at `ip`.

    `first`: whose authorities sign here too; without it there are new ones.
    """

    def __init__(self, name: str, ip: str, first: EtcdPki | None = None) -> None:
        self.name, self.ip = name, ip
        self._first = first
        self._pairs: dict[str, Any] = {}

    @cached_property
    def authority(self) -> Any:
        """``etcd-ca``."""
        from kubekit.cluster.certificates import Authority

        return Authority("etcd-ca") if self._first is None else self._first.authority

    @cached_property
    def cluster_authority(self) -> Any:
        """``kubernetes``: the CA of everything else."""
        from kubekit.cluster.certificates import Authority

        return Authority("kubernetes") if self._first is None else self._first.cluster_authority

    def pair(self, file: str) -> Any:
        """The certificate and key of a file without its ending, e.g. ``etcd/server``."""
        if file not in self._pairs:
            if file == KUBELET_CLIENT:
                made = self.cluster_authority.client(
                    "kube-apiserver-kubelet-client", ("kubeadm:cluster-admins",)
                )
            elif file == API_SERVER:
                addresses = [API_SERVICE_IP, self.ip]
                made = self.cluster_authority.server("kube-apiserver", [self.name, *API_NAMES], addresses)
            elif file in CLIENTS:
                made = self.authority.client(*CLIENTS[file])
            else:
                names, addresses = [self.name, "localhost"], [self.ip, "127.0.0.1", "::1"]
                made = self.authority.peer(self.name, names, addresses)
            self._pairs[file] = made
        return self._pairs[file]

    @property
    def others(self) -> tuple[str, ...]:
        """What the cluster's own CA signed; a host of etcd alone has none of it."""
        return (API_SERVER, KUBELET_CLIENT) if self._first is None else ()

    def install(self, files: NodeFiles) -> None:
        """Put the files into a node."""
        files.lazy(f"{FOLDER}/etcd/ca.crt", lambda: bytes(self.authority.certificate))
        files.lazy(f"{FOLDER}/ca.crt", lambda: bytes(self.cluster_authority.certificate))
        for file in (*(f"etcd/{name}" for name in SERVERS), *CLIENTS, *self.others):
            files.lazy(f"{FOLDER}/{file}.crt", self._maker(file, "certificate"), FILE_MODE)
            files.lazy(f"{FOLDER}/{file}.key", self._maker(file, "key"), PRIVATE_MODE)

    def _maker(self, file: str, part: str) -> Any:
        return lambda: bytes(getattr(self.pair(file), part))
