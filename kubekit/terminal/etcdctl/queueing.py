"""Queueing: how lock and elect are made of keys, leases and transactions alone.

Who wants in writes a key under the prefix, tied to a lease; the key with the lowest create revision is first.
Who is not first waits for the key just before its own to go. A client that dies lets its lease run out, and
with it its place. Source: client/v3/concurrency (session.go, mutex.go, election.go, key.go).
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.etcd.errors import EtcdError
from kubekit.etcd.messages import Message
from kubekit.etcd.tree_index import prefix_end
from kubekit.terminal.etcdctl.call import Call
from kubekit.terminal.etcdctl.client import Client
from kubekit.terminal.etcdctl.exits import Exit, Interrupted
from kubekit.terminal.etcdctl.lease import renew

SESSION_SECONDS = 60
CREATE = 2
"""The sort target: create revision."""


class Place:
    """A place in the queue under `prefix`, kept by a lease of `ttl` seconds."""

    def __init__(self, call: Call, client: Client, name: str, ttl: int = SESSION_SECONDS) -> None:
        self.call, self.client, self.ttl = call, client, ttl
        self.prefix = f"{name}/".encode()
        self.lease: int = client.call("Lease/LeaseGrant", {"TTL": ttl}).get("ID", 0)
        self.key = self.prefix + f"{self.lease:x}".encode()
        self.revision = 0
        self.seen = 0
        """The store's revision of the last answer."""

    def enter(self, value: bytes) -> None:
        """Write the key, unless it is there."""
        compare = {"target": CREATE - 1, "key": self.key, "create_revision": 0, "result": 0}
        put = {"request_put": {"key": self.key, "value": value, "lease": self.lease}}
        answer = self.client.call(
            "KV/Txn",
            {
                "compare": [compare],
                "success": [put],
                "failure": [{"request_range": {"key": self.key}}],
            },
        )
        self.revision = answer["header"].get("revision", 0)
        if not answer.get("succeeded"):
            self.revision = answer["responses"][0]["response_range"]["kvs"][0]["create_revision"]
        self.seen = answer["header"].get("revision", 0)

    def before(self) -> Message | None:
        """The key just before ours; None when we are first."""
        answer = self.client.call(
            "KV/Range",
            {
                "key": self.prefix,
                "range_end": prefix_end(self.prefix),
                "sort_target": CREATE,
                "sort_order": 2,
                "limit": 1,
                "max_create_revision": self.revision - 1,
            },
        )
        self.seen = answer["header"].get("revision", 0)
        found: list[Message] = answer.get("kvs", [])
        return found[0] if found else None

    def wait_first(self) -> None:
        """Wait until nobody is before us. Raises Exit when interrupted."""
        try:
            while (ahead := self.before()) is not None:
                self._wait_gone(ahead["key"])
        except Interrupted:
            self.leave()
            raise Exit(1, "context canceled") from None

    def _wait_gone(self, key: bytes) -> None:
        gone: list[bool] = []

        def receive(response: Message) -> None:
            if response.get("canceled") or any(event.get("type") for event in response.get("events", [])):
                gone.append(True)

        stream = self.client.watch({"key": key, "start_revision": self.seen + 1}, receive)
        try:
            self.hold(lambda: bool(gone))
        finally:
            stream.close()

    def hold(self, pending: Callable[[], bool] = lambda: False) -> None:
        """Keep the lease alive until `pending()`. Raises Interrupted when that does not come."""
        program, waiting = self.call.program, self.call.waiting
        end = waiting.now() + program.patience
        if program.has_during or program.stops_when_quiet:
            self.call.block(pending)
            return
        while not waiting.until(pending, min(self.ttl / 3, max(0.0, end - waiting.now()))):
            if waiting.now() >= end or waiting.now() + self.ttl / 3 > end:
                raise Interrupted
            renew(self.client, self.lease)

    def mine(self) -> Message:
        """What stands at our key now."""
        return self.client.call("KV/Range", {"key": self.key})

    def leave(self) -> None:
        """Give the place up."""
        try:
            self.client.call("KV/DeleteRange", {"key": self.key})
        except EtcdError:
            return
