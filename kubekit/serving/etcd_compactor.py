"""The compactor: every five minutes an API server lets etcd forget what is older than five minutes.

Several API servers share the work without talking: all look at one key, and who finds its version as he
remembers it moves it on and compacts; the others see that somebody did, and only remember the new version.

    version 3, as I remember   ->  put (version 4), compact what was the revision five minutes ago
    version 4, I remember 3    ->  nothing, remember 4

Source: apiserver/pkg/storage/etcd3/compact.go.
"""

from __future__ import annotations

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.operation import COMPARE_VERSION
from kubekit.serving.etcd_channels import Channels
from kubekit.sim import Handle, Loop

KEY = b"compact_rev_key"


class Compactor:
    """The compactor of one API server."""

    def __init__(self, loop: Loop, owner: str, channels: Channels, seconds: float) -> None:
        """`seconds` between two compactions; 0: never."""
        self._loop = loop
        self._owner = owner
        self._channels = channels
        self._seconds = seconds
        self._version = 0
        self._revision = 0
        self._timer: Handle | None = None

    def start(self) -> None:
        """Begin."""
        if self._seconds > 0:
            self._timer = self._loop.every(self._seconds, self._owner, self.turn, what="compact etcd")

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def turn(self) -> None:
        """Once: compact, or see that somebody else does."""
        try:
            self._turn()
        except EtcdError:
            return  # next time; nothing depends on it

    def _turn(self) -> None:
        compare = {"key": KEY, "target": COMPARE_VERSION, "result": 0, "version": self._version}
        put = {"request_put": {"key": KEY, "value": str(self._revision).encode()}}
        look = {"request_range": {"key": KEY}}
        answer = self._channels.write("KV/Txn", {"compare": [compare], "success": [put], "failure": [look]})
        present = int(answer["header"]["revision"])
        if not answer.get("succeeded"):
            kvs = answer["responses"][0]["response_range"].get("kvs", ())
            self._version = kvs[0].get("version", 0) if kvs else 0
            self._revision = present
            return
        self._version += 1
        before, self._revision = self._revision, present
        if before:
            self._channels.write("KV/Compact", {"revision": before})
