"""Doorways: which etcd member answers at an address, seen from the control-plane node or a host of etcd.

On a node that kubeadm made, the member listens at 127.0.0.1:2379 and at the node's own address, shows the
certificate that lies in /etc/kubernetes/pki/etcd, and wants one from whoever comes. Members on hosts of their
own are found at the addresses that they advertise. Who is stopped or has crashed refuses the connection.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kubekit.cluster.etcd_pki import FOLDER, EtcdPki
from kubekit.terminal.etcdctl.doors import Door, MemberDoor
from kubekit.terminal.etcdctl.tls import ServerTLS

PORT = 2379
LOCAL = ("127.0.0.1", "localhost")
DOWN = ("stopped", "crashed")
SHOWN = ("server.crt", "ca.crt")


class Doorways:
    """The client ports of a cluster's members. Call it with ``host:port``. `host`: from where it is looked;
    the control-plane node if nothing is said."""

    def __init__(self, cluster: Any, host: str = "") -> None:
        self.cluster, self.host = cluster, host
        self._tls: dict[str, ServerTLS] = {}

    @property
    def members(self) -> dict[str, Any]:
        """The members by the addresses at which they listen."""
        found: dict[str, Any] = {}
        for member in getattr(self.cluster.etcd, "members", {}).values():
            for url in member.plan.client_urls:
                parts = urlsplit(url)
                found[f"{parts.hostname}:{parts.port or PORT}"] = member
                if not self.stacked(member):
                    found[f"{member.plan.name}:{parts.port or PORT}"] = member
            own = self.machine(member)
            if self.stacked(member):
                found[f"{own.name}:{PORT}"] = found[f"{own.ip}:{PORT}"] = member
            if own is not None and own.name == (self.host or self.node.name):
                found |= {f"{host}:{PORT}": member for host in LOCAL}
        return found

    def machine(self, member: Any) -> Any:
        """The machine that a member runs on: a node, a host of its own, or None when it has no files."""
        return self.node if self.stacked(member) else self.cluster.etcd_hosts.get(member.plan.name)

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
        return MemberDoor(member, self.tls(member) if self.secure(member) else None)

    def secure(self, member: Any) -> bool:
        """Whether a member speaks TLS."""
        return self.stacked(member) or member.plan.client_urls[0].startswith("https:")

    def tls(self, member: Any) -> ServerTLS:
        """What a member shows, read from the files of its machine."""
        name = member.plan.name
        if name not in self._tls:
            machine = self.machine(member)
            if machine is None:
                pki = EtcdPki(name, urlsplit(member.plan.client_urls[0]).hostname or "", self.cluster.pki)
                shown, authority = pki.pair("etcd/server").certificate, pki.authority.certificate
            else:
                shown, authority = (machine.files.read(f"{FOLDER}/etcd/{file}") for file in SHOWN)
            self._tls[name] = ServerTLS(bytes(shown), bytes(authority))
        return self._tls[name]

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
