"""etcd's certificates on disk, at the paths and with the names that kubeadm gives them.

    <folder>/etcd/ca.crt                        etcd's own CA: the cluster's CA signs nothing here
    <folder>/etcd/server.crt .key               what a member shows to clients
    <folder>/etcd/peer.crt .key                 what members show to each other
    <folder>/etcd/healthcheck-client.crt .key   what the probes show
    <folder>/apiserver-etcd-client.crt .key     what the API server shows

Exercises name exactly these files. Keys are readable by their owner only. The CA's own key is not written.
Source: kubeadm's phases certs (cmd/kubeadm/app/phases/certs/certlist.go).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kubekit.serving.certificates import Authority, KeyPair

NAMES = ["localhost", "controlplane"]
ADDRESSES = ["127.0.0.1", "::1", "192.168.0.10"]

PROBE = "kube-etcd-healthcheck-client"
API_SERVER = "kube-apiserver-etcd-client"


@dataclass(frozen=True)
class EtcdPki:
    """The files of one cluster's etcd, below `folder`."""

    folder: Path

    @classmethod
    def write(cls, folder: Path, authority: Authority) -> EtcdPki:
        """Make all certificates and write them. Raises OSError."""
        pki = cls(folder.absolute())
        (pki.folder / "etcd").mkdir(parents=True, exist_ok=True)
        pki.ca.write_bytes(authority.certificate)
        pki._write(pki.server_certificate, authority.peer("controlplane", NAMES, ADDRESSES))
        pki._write(pki.folder / "etcd" / "peer.crt", authority.peer("controlplane", NAMES, ADDRESSES))
        pki._write(pki.client_certificate, authority.client(PROBE))
        pki._write(pki.folder / "apiserver-etcd-client.crt", authority.client(API_SERVER))
        return pki

    @property
    def ca(self) -> Path:
        """The CA's certificate: ``--cacert``."""
        return self.folder / "etcd" / "ca.crt"

    @property
    def server_certificate(self) -> Path:
        """What members show; exercises also use it as ``--cert``, which works: it is for both sides."""
        return self.folder / "etcd" / "server.crt"

    @property
    def server_key(self) -> Path:
        """Its key."""
        return self.folder / "etcd" / "server.key"

    @property
    def client_certificate(self) -> Path:
        """A client's certificate: ``--cert``."""
        return self.folder / "etcd" / "healthcheck-client.crt"

    @property
    def client_key(self) -> Path:
        """Its key: ``--key``."""
        return self.folder / "etcd" / "healthcheck-client.key"

    def _write(self, path: Path, pair: KeyPair) -> None:
        path.write_bytes(pair.certificate)
        key = path.with_suffix(".key")
        key.unlink(missing_ok=True)
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pair.key)
