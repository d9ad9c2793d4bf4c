"""Doorways: which etcd member answers at an address, seen from the control-plane node.

On a node that kubeadm made, the member listens at 127.0.0.1:2379 and at the node's own address, shows the
certificate that lies in /etc/kubernetes/pki/etcd, and wants one from whoever comes. Members on hosts of their
own are found at the addresses that they advertise. Who is stopped or has crashed refuses the connection.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kubekit.cluster.etcd_pki import FOLDER
from kubekit.terminal.etcdctl.doors import Door, MemberDoor
from kubekit.terminal.etcdctl.tls import ServerTLS

PORT = 2379
LOCAL = ("127.0.0.1", "localhost")
DOWN = ("stopped", "crashed")


class Doorways:
    """The client ports of a cluster's members. Call it with ``host:port``."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self._tls: ServerTLS | None = None

    @property
    def members(self) -> dict[str, Any]:
        """The members by the addresses at which they listen."""
        found: dict[str, Any] = {}
        for member in getattr(self.cluster.etcd, "members", {}).values():
            for url in member.plan.client_urls:
                parts = urlsplit(url)
                found[f"{parts.hostname}:{parts.port or PORT}"] = member
            if self.stacked(member):
                for host in (*LOCAL, self.node.name, self.node.ip):
                    found[f"{host}:{PORT}"] = member
        return found

    @property
    def node(self) -> Any:
        """The control-plane node."""
        return next(iter(self.cluster.nodes.values()))

    def stacked(self, member: Any) -> bool:
        """Whether a member runs on the control-plane node."""
        return bool(member.name == "etcd")

    def __call__(self, address: str) -> Door | None:
        member = self.members.get(address)
        if member is None or member.state in DOWN:
            return None
        return MemberDoor(member, self.tls if self.secure(member) else None)

    def secure(self, member: Any) -> bool:
        """Whether a member speaks TLS."""
        return self.stacked(member) or member.plan.client_urls[0].startswith("https:")

    @property
    def tls(self) -> ServerTLS:
        """What members show, read from the node's files."""
        if self._tls is None:
            files = self.node.files
            self._tls = ServerTLS(
                files.read(f"{FOLDER}/etcd/server.crt"), files.read(f"{FOLDER}/etcd/ca.crt")
            )
        return self._tls

    @property
    def environment(self) -> dict[str, str]:
        """ETCDCTL_* variables with which etcdctl reaches the members."""
        members = list(getattr(self.cluster.etcd, "members", {}).values())
        if len(members) == 1 and self.stacked(members[0]):
            endpoints = [f"https://127.0.0.1:{PORT}"]
        else:
            endpoints = [member.plan.client_urls[0] for member in members]
        found = {"ETCDCTL_ENDPOINTS": ",".join(endpoints)}
        if any(self.secure(member) for member in members):
            found |= {
                "ETCDCTL_CACERT": f"{FOLDER}/etcd/ca.crt",
                "ETCDCTL_CERT": f"{FOLDER}/etcd/server.crt",
                "ETCDCTL_KEY": f"{FOLDER}/etcd/server.key",
            }
        return found
