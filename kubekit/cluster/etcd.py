"""etcd as a component of a cluster with one member: the store, and whether it answers.

The store itself is `kubekit.etcd.KVStore`; what is added is that it can be stopped and crashed like anything
else. A crash loses nothing (everything was on the disk), a stopped etcd answers nothing. Only the API server
is given this object as its store.
"""

from __future__ import annotations

from typing import Any

from kubekit.etcd import EtcdError, KVStore
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.sim import Component, Loop


class Etcd(Component):
    """A single etcd member; behaves as the store while it runs."""

    def __init__(self, loop: Loop, name: str = "etcd") -> None:
        super().__init__(loop, name)
        self.store = KVStore(loop.clock)
        self._expiry: LeaseExpiry | None = None

    def on_start(self) -> None:
        """Begin to let leases expire."""
        self._expiry = LeaseExpiry(self.loop, self.store)

    def on_stop(self) -> None:
        """Nobody watches over leases while etcd is down; they expire when it is back."""
        if self._expiry is not None:
            self._expiry.stop()
            self._expiry = None

    def on_crash(self) -> None:
        """The same: a dead member lets nothing expire."""
        self.on_stop()

    def put_if(self, key: bytes, value: bytes, mod_revision: int, lease: int = 0) -> int:
        """Put when the key is at that revision; the new revision, or 0."""
        if self.state != "running":
            self._refuse()
        return self.store.put_if(key, value, mod_revision, lease)

    def get(self, key: bytes, rev: int = 0) -> Any:
        """One key, or None."""
        if self.state != "running":
            self._refuse()
        return self.store.get(key, rev)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self.state != "running":
            self._refuse()
        return getattr(self.store, name)

    def _refuse(self) -> None:
        error = EtcdError("etcdserver: request timed out")
        raise error
