"""The member that the etcdctl recordings talked to: its addresses, its certificates, its release.

kubekit is an etcd 3.6. Where 3.4.23 and 3.5.1 answered otherwise - fields that came later, a hash at the
compacted revision - `RecordedServer` answers as they did: what is compared is the command-line program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kubekit.cluster.certificates import Authority
from kubekit.etcd.auth import AuthStore, Identity
from kubekit.etcd.backend import BackendState
from kubekit.etcd.cluster_errors import BadTransferee, Unavailable
from kubekit.etcd.datadir import Storage
from kubekit.etcd.disk import Disk
from kubekit.etcd.errors import Compacted, EtcdError, PermissionDenied
from kubekit.etcd.expiry import LeaseExpiry
from kubekit.etcd.kvstore import KVStore
from kubekit.etcd.membership import MemberInfo, default_member
from kubekit.etcd.messages import Message
from kubekit.etcd.quota import Quota
from kubekit.etcd.snapshot import SnapshotBlobs
from kubekit.etcd.store_loading import load, state_of
from kubekit.etcd.v3rpc import Server
from kubekit.etcd.watch_stream import WatchStream
from kubekit.raft import ConfState
from kubekit.sim import Loop
from kubekit.terminal.etcdctl.doors import MemberDoor
from kubekit.terminal.etcdctl.tls import ServerTLS

ADDRESS = ("127.0.0.1", "22020")
PEER_URL = "http://127.0.0.1:22021"
ENTRIES_AT_START = {4: 5, 5: 4, 6: 4}
"""Entries of the log that a new member has applied before the first request."""

SINCE_36 = ("storageVersion", "dbSizeQuota", "downgradeInfo")


def aged(version: str, call: str, answer: Message | EtcdError) -> Message | EtcdError:
    """An answer as a release gave it."""
    minor = int(version.split(".")[1])
    if isinstance(answer, EtcdError):
        return answer
    if call == "Maintenance/Status":
        answer = answer | {"version": version}
        if minor < 6:
            return {name: value for name, value in answer.items() if name not in SINCE_36}
    if call == "Maintenance/Alarm" and minor < 6:
        return {name: value for name, value in answer.items() if name != "header"}
    if call == "Maintenance/HashKV" and minor < 6:
        return {name: value for name, value in answer.items() if name != "hash_revision"}
    return answer


class AgedDoor(MemberDoor):
    """The port of a member of another release."""

    def __init__(self, member: Any, version: str) -> None:
        super().__init__(member)
        self.version = version

    def submit(
        self, call: str, request: Message, token: str, done: Callable[[Message | EtcdError], None]
    ) -> None:
        """Ask the member."""
        super().submit(call, request, token, lambda answer: done(aged(self.version, call, answer)))

    def snapshot(self, token: str = "") -> Iterator[bytes]:
        """Everything; a learner of 3.4 refuses all streams."""
        if self.version.startswith("3.4") and self.member.learner:
            raise Unavailable("etcdserver: rpc not supported for learner")
        return super().snapshot(token)


class Certificates:
    """A CA, another one, and what the first signed, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        authority, other = Authority("etcd-ca"), Authority("other-ca")
        server = authority.server("etcd", ["localhost"], [ADDRESS[0]])
        client = authority.client("root")
        files = {"ca.crt": authority.certificate, "other-ca.crt": other.certificate}
        for name, pair in (("server", server), ("client", client)):
            files |= {f"{name}.crt": pair.certificate, f"{name}.key": pair.key}
        for name, data in files.items():
            (folder / name).write_bytes(data)
        self.tls = ServerTLS(server.certificate, authority.certificate)


class RecordedServer:
    """A single member of some release; a Door for etcdctl."""

    def __init__(self, loop: Loop, version: str, certificates: Certificates | None) -> None:
        self.loop, self.version = loop, version
        self._opened = ""
        self.tls = certificates.tls if certificates else None
        scheme = "https" if certificates else "http"
        self.url = f"{scheme}://{':'.join(ADDRESS)}"
        self._serve(KVStore(loop.clock), AuthStore(loop.clock), default_member("default", PEER_URL, self.url))

    def _serve(self, store: KVStore, auth: AuthStore, member: MemberInfo) -> None:
        self.server = Server(store, auth, (member,))
        self.expiry = LeaseExpiry(self.loop, store)

    @property
    def minor(self) -> int:
        """4, 5 or 6."""
        return int(self.version.split(".")[1])

    def limit(self, quota: int) -> None:
        """Set the quota, in bytes."""
        node: Any = self.server.node
        node.quota = node._applier.quota = Quota(quota, self.server.store.size)

    def reopen(self, disk: Disk, folder: str) -> None:
        """Serve what a restore left in a folder."""
        if self._opened != folder:
            self._opened = folder
            stored = Storage(disk, folder).load()
            assert stored.state is not None
            loaded = load(stored.state, self.loop.clock, stored.member_id)
            loaded.store.leases.promote()
            member = next(one for one in stored.members.members() if one.id == stored.member_id)
            self._serve(loaded.store, loaded.auth, member._replace(name="default", client_urls=(self.url,)))

    def submit(
        self, call: str, request: Message, token: str, done: Callable[[Message | EtcdError], None]
    ) -> None:
        """Answer as this release."""
        if self.minor == 4 and call in ("Maintenance/Status", "Cluster/MemberList"):
            token = self._somebody()
        if self.minor < 6 and call == "Maintenance/HashKV":
            revision = request.get("revision", 0)
            if 0 < revision <= self.server.store.compacted_revision:
                done(Compacted(self.server.store.compacted_revision))
                return
        if call == "Maintenance/MoveLeader" and request.get("targetID") != self.server.node.id:
            done(BadTransferee())  # it leads, and knows nobody else
            return
        self.server.submit(call, request, token, lambda answer: done(aged(self.version, call, answer)))

    def _somebody(self) -> Any:
        """An identity that may do everything: 3.4 does not ask who wants to know its status."""
        auth = self.server.node.auth
        return Identity("root", auth.revision) if auth.enabled else ""

    def watch(self, send: Callable[[Message], None], token: str = "") -> WatchStream:
        """Open a stream of watches."""

        def deliver(response: Message) -> None:
            self.server.fill(response["header"])
            send(response)

        return WatchStream(
            self.server.store, deliver, lambda key, end: self.server.permit_read(token, key, end)
        )

    def snapshot(self, token: str = "") -> Iterator[bytes]:
        """The state as a file's blobs."""
        node: Any = self.server.node
        try:
            node.auth.permit_admin(node.auth.identify(token))
        except PermissionDenied:
            if self.minor > 4:
                raise
            raise EtcdError("auth: permission denied") from None
        return iter(SnapshotBlobs(self._state(node)))

    def _state(self, node: Any) -> BackendState:
        """What this release's file holds. A member that has just come up has applied some entries already."""
        members = node.membership.members()
        if self.minor == 5:
            members = [member._replace(client_urls=()) for member in members]
        modern = {"term": node.term, "conf_state": ConfState((node.id,), ())} if self.minor > 4 else {}
        return state_of(
            node.store,
            node.auth,
            node.alarms,
            members=members,
            consistent_index=node.applied + ENTRIES_AT_START[self.minor],
            cluster_version=f"3.{self.minor}.0",
            storage_version="3.6.0" if self.minor > 5 else "",
            **modern,
        )
