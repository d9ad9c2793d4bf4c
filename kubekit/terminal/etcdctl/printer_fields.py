"""The fields format: every field of a response on a line of its own, ``"Revision" : 7``.

Source: etcdctl/ctlv3/command/printer_fields.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.field_path import go_quote
from kubekit.etcd.messages import ENUMS, Message
from kubekit.terminal.etcdctl.exits import Panic
from kubekit.terminal.etcdctl.go_text import quote_bytes
from kubekit.terminal.etcdctl.printer import About, Printer, go_bool


class FieldsPrinter(Printer):
    """`-w fields`."""

    format = "fields"

    def _line(self, name: str, value: Any) -> None:
        self.out(f'"{name}" : {value}')

    def _id(self, name: str, value: int, wide: bool = False) -> None:
        """An identity; with --hex in hexadecimal (leases with all their digits), since 3.6."""
        hexadecimal = f"{value:016x}" if wide else f"{value:x}"
        self._line(name, hexadecimal if self.hex and self.release.minor >= 6 else value)

    def _header(self, message: Message) -> None:
        if "header" not in message:
            # Some answers have no header, and the original looks into it all the same.
            raise Panic("runtime error: invalid memory address or nil pointer dereference")
        head = message["header"]
        self._id("ClusterID", head.get("cluster_id", 0))
        self._id("MemberID", head.get("member_id", 0))
        revision = head.get("revision", 0)
        if revision > 0 or self.release.minor < 6:
            self._line("Revision", revision)
        self._line("RaftTerm", head.get("raft_term", 0))

    def _only_header(self, message: Message, about: About) -> None:
        self._header(message)

    def _kv(self, prefix: str, kv: Message) -> None:
        self._line(f"{prefix}Key", quote_bytes(kv.get("key", b"")))
        for name in ("create_revision", "mod_revision", "version"):
            self._line(prefix + "".join(word.capitalize() for word in name.split("_")), kv.get(name, 0))
        self._line(f"{prefix}Value", quote_bytes(kv.get("value", b"")))
        self._id(f"{prefix}Lease", kv.get("lease", 0), wide=True)

    # -- keys -------------------------------------------------------------------------------------------

    def get(self, message: Message, about: About) -> None:
        """A range."""
        self._header(message)
        for kv in message.get("kvs", []):
            self._kv("", kv)
        self._line("More", go_bool(message.get("more")))
        self._line("Count", message.get("count", 0))

    def put(self, message: Message, about: About) -> None:
        """A put."""
        self._header(message)
        if "prev_kv" in message:
            self._kv("Prev", message["prev_kv"])

    def delete(self, message: Message, about: About) -> None:
        """A deletion."""
        self._header(message)
        self._line("Deleted", message.get("deleted", 0))
        for kv in message.get("prev_kvs", []):
            self._kv("Prev", kv)

    def txn(self, message: Message, about: About) -> None:
        """A transaction and its answers."""
        self._header(message)
        self._line("Succeeded", go_bool(message.get("succeeded")))
        for response in message.get("responses", []):
            if "response_range" in response:
                self.get(response["response_range"], about)
            elif "response_put" in response:
                self.put(response["response_put"], about)
            elif "response_delete_range" in response:
                self.delete(response["response_delete_range"], about)

    def watch(self, message: Message, about: About) -> None:
        """One response of a watch."""
        self._header(message)
        for event in message.get("events", []):
            self._line("Type", ENUMS["EventType"][event.get("type", 0)])
            if "prev_kv" in event:
                self._kv("Prev", event["prev_kv"])
            self._kv("", event.get("kv", {}))

    # -- leases -----------------------------------------------------------------------------------------

    def lease_grant(self, message: Message, about: About) -> None:
        """A new lease, or a renewed one."""
        self._header(message)
        self._id("ID", message.get("ID", 0), wide=True)
        self._line("TTL", message.get("TTL", 0))

    lease_keep_alive = lease_grant
    lease_revoke = _only_header

    def lease_time_to_live(self, message: Message, about: About) -> None:
        """What is left of a lease."""
        self.lease_grant(message, about)
        self._line("GrantedTTL", message.get("grantedTTL", 0))
        for key in message.get("keys", []):
            self._line("Key", quote_bytes(key))

    def lease_list(self, message: Message, about: About) -> None:
        """All leases."""
        self._header(message)
        for lease in message.get("leases", []):
            self._id("ID", lease.get("ID", 0), wide=True)

    # -- members and endpoints --------------------------------------------------------------------------

    def member_list(self, message: Message, about: About) -> None:
        """Members, an empty line behind each."""
        self._header(message)
        for member in message.get("members", []):
            self._id("ID", member.get("ID", 0))
            self._line("Name", go_quote(member.get("name", "")))
            for url in member.get("peerURLs", []):
                self._line("PeerURL", go_quote(url))
            for url in member.get("clientURLs", []):
                self._line("ClientURL", go_quote(url))
            self._line("IsLearner", go_bool(member.get("isLearner")))
            self.out()

    def endpoint_health(self, found: list[Message], about: About) -> None:
        """Health, an empty line behind each endpoint."""
        for one in found:
            self._line("Endpoint", go_quote(one["endpoint"]))
            self._line("Health", go_bool(one["health"]))
            self._line("Took", one["took"])
            self._line("Error", one.get("error", ""))
            self.out()

    def endpoint_status(self, found: list[tuple[str, Message]], about: About) -> None:
        """Status, an empty line behind each endpoint."""
        new = self.release.minor >= 6
        for endpoint, status in found:
            self._header(status)
            self._line("Version", go_quote(status.get("version", "")))
            if new:
                self._line("StorageVersion", go_quote(status.get("storageVersion", "")))
            self._line("DBSize", status.get("dbSize", 0))
            if new:
                self._line("DBSizeInUse", status.get("dbSizeInUse", 0))
                self._line("DBSizeQuota", status.get("dbSizeQuota", 0))
            self._line("Leader", status.get("leader", 0))
            self._line("IsLearner", go_bool(status.get("isLearner")))
            for name in ("raftIndex", "raftTerm", "raftAppliedIndex"):
                self._line(name[0].upper() + name[1:], status.get(name, 0))
            self._line("Errors", f"[{' '.join(status.get('errors', []))}]")
            self._line("Endpoint", go_quote(endpoint))
            if new:
                info = status.get("downgradeInfo", {})
                self._line("DowngradeTargetVersion", go_quote(info.get("targetVersion", "")))
                self._line("DowngradeEnabled", go_bool(info.get("enabled")))
            self.out()

    def endpoint_hashkv(self, found: list[tuple[str, Message]], about: About) -> None:
        """Hashes, an empty line behind each endpoint."""
        for endpoint, one in found:
            self._header(one)
            self._line("Endpoint", go_quote(endpoint))
            self._line("Hash", one.get("hash", 0))
            if self.release.minor >= 6:
                self._line("HashRevision", one.get("hash_revision", 0))
            self.out()

    def alarm(self, message: Message, about: About) -> None:
        """Alarms, an empty line behind each."""
        self._header(message)
        for alarm in message.get("alarms", []):
            self._id("MemberID", alarm.get("memberID", 0))
            self._line("AlarmType", ENUMS["AlarmType"][alarm.get("alarm", 0)])
            self.out()

    def snapshot_status(self, status: Message, about: About) -> None:
        """A snapshot file."""
        names = {"Hash": "hash", "Revision": "revision", "Keys": "totalKey", "Size": "totalSize"}
        for shown, name in names.items():
            self._line(shown, status[name])
        if about.get("versioned"):
            self._line("Version", status["version"])

    def file_hash(self, found: Message, about: About) -> None:
        """The hash of a file."""
        self._line("Hash", found["hash"])
        self._line("Hash revision", found["hashRevision"])
        self._line("Compact revision", found["compactRevision"])

    # -- auth -------------------------------------------------------------------------------------------

    role_add = role_delete = role_grant_permission = role_revoke_permission = _only_header
    user_add = user_change_password = user_grant_role = user_revoke_role = user_delete = _only_header

    def role_get(self, message: Message, about: About) -> None:
        """What a role may do."""
        self._header(message)
        for one in message.get("perm", []):
            self.out(f'"PermType" :  {ENUMS["PermissionType"][one.get("permType", 0)]}')
            self._line("Key", quote_bytes(one.get("key", b"")))
            self._line("RangeEnd", quote_bytes(one.get("range_end", b"")))

    def role_list(self, message: Message, about: About) -> None:
        """Roles, on one line."""
        self._header(message)
        self.out('"Roles" :' + "".join(f" {go_quote(role)}" for role in message.get("roles", [])))
