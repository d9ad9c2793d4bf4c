"""What the tests of etcdctl share: a member to talk to, and the shells of a small cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kubekit.etcd.cluster import EtcdCluster
from kubekit.etcd.disk import FolderDisk
from kubekit.sim import Loop
from kubekit.terminal.cli.result import Result
from kubekit.terminal.etcdctl import Etcdctl
from kubekit.terminal.etcdctl.doors import MemberDoor
from kubekit.terminal.notebook import LoopPump

PKI = "/etc/kubernetes/pki"
TLS = f"--cacert {PKI}/etcd/ca.crt --cert {PKI}/etcd/server.crt --key {PKI}/etcd/server.key"
REACH = f"--endpoints https://127.0.0.1:2379 {TLS}"
"""How etcd is reached from the control-plane node's own shell."""


class One:
    """etcdctl of some version and one member without TLS, at the default endpoint."""

    def __init__(self, folder: Path, version: str = "3.6.13") -> None:
        self.loop = Loop(seed=3)
        self.cluster = EtcdCluster(self.loop, 1)
        self.cluster.start()
        self.member = next(iter(self.cluster.members.values()))
        self.etcdctl = Etcdctl(
            lambda address: MemberDoor(self.member) if address == "127.0.0.1:2379" else None,
            version=version,
            files=FolderDisk(folder),
            now=self.loop.clock.now,
            pump=LoopPump(self.loop),
        )

    def __call__(self, line: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Result:
        return self.etcdctl.run(line.split(), stdin, env or {})

    def out(self, line: str, stdin: str = "") -> str:
        """The output of a line that must succeed."""
        result = self(line, stdin)
        assert result.exit == 0, result.stderr
        return result.stdout
