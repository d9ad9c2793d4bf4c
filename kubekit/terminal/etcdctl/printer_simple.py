"""The simple format: what etcdctl prints when it is not told otherwise.

Keys and values stand on lines of their own, raw; everything else is a sentence.
Source: etcdctl/ctlv3/command/printer_simple.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.etcd.messages import ENUMS, Message
from kubekit.etcd.tree_index import prefix_end
from kubekit.terminal.etcdctl.printer import (
    About,
    Printer,
    alarm_text,
    go_bool,
    hash_rows,
    member_rows,
    snapshot_rows,
    status_rows,
)

READ, WRITE, READWRITE = range(3)
OPEN_END = b"\x00"


def text_of(data: bytes, hex: bool = False) -> str:
    """Bytes for a terminal: as they are, or each as ``\\x66``."""
    return "".join(f"\\x{byte:02x}" for byte in data) if hex else data.decode(errors="replace")


class SimplePrinter(Printer):
    """`-w simple`."""

    format = "simple"

    def _kv(self, kv: Message) -> None:
        if not self.value_only:
            self.out(text_of(kv.get("key", b""), self.hex))
        self.out(text_of(kv.get("value", b""), self.hex))

    def _rows(self, rows: list[list[str]]) -> None:
        for row in rows:
            self.out(", ".join(row))

    # -- keys -------------------------------------------------------------------------------------------

    def get(self, message: Message, about: About) -> None:
        """Keys and values."""
        for kv in message.get("kvs", []):
            self._kv(kv)

    def put(self, message: Message, about: About) -> None:
        """OK, and what was there before."""
        self.out("OK")
        if "prev_kv" in message:
            self._kv(message["prev_kv"])

    def delete(self, message: Message, about: About) -> None:
        """How many, and which."""
        self.out(str(message.get("deleted", 0)))
        for kv in message.get("prev_kvs", []):
            self._kv(kv)

    def txn(self, message: Message, about: About) -> None:
        """Which branch, and each answer behind an empty line."""
        self.out("SUCCESS" if message.get("succeeded") else "FAILURE")
        for response in message.get("responses", []):
            self.out()
            if "response_range" in response:
                self.get(response["response_range"], about)
            elif "response_put" in response:
                self.put(response["response_put"], about)
            elif "response_delete_range" in response:
                self.delete(response["response_delete_range"], about)

    def watch(self, message: Message, about: About) -> None:
        """Each event: its type, the pair before (if asked for), the pair now."""
        for event in message.get("events", []):
            self.out(ENUMS["EventType"][event.get("type", 0)])
            if "prev_kv" in event:
                self._kv(event["prev_kv"])
            self._kv(event.get("kv", {}))

    # -- leases -----------------------------------------------------------------------------------------

    def lease_grant(self, message: Message, about: About) -> None:
        """The new lease."""
        self.out(f"lease {message.get('ID', 0):016x} granted with TTL({message.get('TTL', 0)}s)")

    def lease_revoke(self, message: Message, about: About) -> None:
        """It is gone."""
        self.out(f"lease {about['id']:016x} revoked")

    def lease_keep_alive(self, message: Message, about: About) -> None:
        """One renewal."""
        self.out(f"lease {message.get('ID', 0):016x} keepalived with TTL({message.get('TTL', 0)})")

    def lease_time_to_live(self, message: Message, about: About) -> None:
        """What is left of it."""
        id, left, granted = (message.get(name, 0) for name in ("ID", "TTL", "grantedTTL"))
        if granted == 0 and left == -1:
            self.out(f"lease {id:016x} already expired")
            return
        text = f"lease {id:016x} granted with TTL({granted}s), remaining({left}s)"
        if about["keys"]:
            text += f", attached keys([{' '.join(text_of(key) for key in message.get('keys', []))}])"
        self.out(text)

    def lease_list(self, message: Message, about: About) -> None:
        """All leases."""
        leases = message.get("leases", [])
        self.out(f"found {len(leases)} leases")
        for lease in leases:
            self.out(f"{lease.get('ID', 0):016x}")

    # -- members and endpoints --------------------------------------------------------------------------

    def alarm(self, message: Message, about: About) -> None:
        """Alarms, one a line."""
        for alarm in message.get("alarms", []):
            self.out(alarm_text(alarm))

    def member_list(self, message: Message, about: About) -> None:
        """Members, one a line."""
        self._rows(member_rows(message)[1])

    def _member(self, what: str, id: int, message: Message) -> None:
        self.out(f"Member {id:16x} {what} cluster {message.get('header', {}).get('cluster_id', 0):16x}")

    def member_add(self, message: Message, about: About) -> None:
        """The new member."""
        member = message["member"]
        learner = member.get("isLearner") and self.release.minor >= 6
        self._member("added as learner to" if learner else "added to", member.get("ID", 0), message)

    def member_remove(self, message: Message, about: About) -> None:
        """It is no member any more."""
        self._member("removed from", about["id"], message)

    def member_update(self, message: Message, about: About) -> None:
        """Its addresses changed."""
        self._member("updated in", about["id"], message)

    def member_promote(self, message: Message, about: About) -> None:
        """It votes now."""
        self._member("promoted in", about["id"], message)

    def endpoint_health(self, found: list[Message], about: About) -> None:
        """Who is well; who is not goes to stderr."""
        for one in found:
            if not one.get("error"):
                text = f"{one['endpoint']} is healthy: successfully committed proposal: took = {one['took']}"
                (self.output.err if self.release.minor == 4 else self.out)(text)
            else:
                self.output.err(f"{one['endpoint']} is unhealthy: failed to commit proposal: {one['error']}")

    def endpoint_status(self, found: Any, about: About) -> None:
        """Status, one endpoint a line."""
        self._rows(status_rows(found, self.release)[1])

    def endpoint_hashkv(self, found: Any, about: About) -> None:
        """Hashes, one endpoint a line."""
        self._rows(hash_rows(found, self.release)[1])

    def move_leader(self, message: Message, about: About) -> None:
        """From whom to whom."""
        self.out(f"Leadership transferred from {about['leader']:x} to {about['target']:x}")

    def downgrade(self, message: Message, about: About) -> None:
        """What a downgrade command did."""
        self.out(f"Downgrade {about['action']} success, cluster version {message.get('version', '')}")

    def snapshot_status(self, status: Message, about: About) -> None:
        """A snapshot file in one line."""
        self._rows(snapshot_rows(status, about.get("versioned", False))[1])

    def file_hash(self, found: Message, about: About) -> None:
        """The hash of a file."""
        self._rows([[str(found[name]) for name in ("hash", "hashRevision", "compactRevision")]])

    # -- auth -------------------------------------------------------------------------------------------

    def auth_status(self, message: Message, about: About) -> None:
        """Whether it is on."""
        self.out(f"Authentication Status: {go_bool(message.get('enabled'))}")
        self.out(f"AuthRevision: {message.get('authRevision', 0)}")

    def role_add(self, message: Message, about: About) -> None:
        """A role was made."""
        self.out(f"Role {about['role']} created")

    def role_delete(self, message: Message, about: About) -> None:
        """A role went."""
        self.out(f"Role {about['role']} deleted")

    def role_list(self, message: Message, about: About) -> None:
        """Roles."""
        for role in message.get("roles", []):
            self.out(role)

    def role_grant_permission(self, message: Message, about: About) -> None:
        """A role got more."""
        self.out(f"Role {about['role']} updated")

    def role_revoke_permission(self, message: Message, about: About) -> None:
        """A role lost something."""
        key, end, role = about["key"], about["end"], about["role"]
        if not end:
            self.out(f"Permission of key {key} is revoked from role {role}")
        elif end != OPEN_END:
            self.out(f"Permission of range [{key}, {text_of(end)}) is revoked from role {role}")
        else:
            self.out(f"Permission of range [{key}, <open ended> is revoked from role {role}")

    def role_get(self, message: Message, about: About) -> None:
        """What a role may do."""
        self.out(f"Role {about['role']}")
        permissions = message.get("perm", [])
        everything = about["role"] == "root" and not permissions and self.release.minor >= 5
        for title, kinds in (("KV Read:", (READ, READWRITE)), ("KV Write:", (WRITE, READWRITE))):
            self.out(title)
            if everything:
                self.out("\t[, <open ended>")
            for one in permissions:
                if one.get("permType", 0) in kinds:
                    self._permission(one.get("key", b""), one.get("range_end", b""))

    def _permission(self, key: bytes, end: bytes) -> None:
        name = text_of(key)
        if not end:
            self.out(f"\t{name}")
            return
        text = f"\t[{name}, <open ended>" if end == OPEN_END else f"\t[{name}, {text_of(end)})"
        if prefix_end(key) == end and (key or self.release.minor < 6):
            text += f" (prefix {name})"
        self.out(text)

    def user_add(self, message: Message, about: About) -> None:
        """A user was made."""
        self.out(f"User {about['user']} created")

    def user_get(self, message: Message, about: About) -> None:
        """A user and its roles."""
        self.out(f"User: {about['user']}")
        self.out("Roles:" + "".join(f" {role}" for role in message.get("roles", [])))

    def user_list(self, message: Message, about: About) -> None:
        """Users."""
        for user in message.get("users", []):
            self.out(user)

    def user_change_password(self, message: Message, about: About) -> None:
        """It has a new password."""
        self.out("Password updated")

    def user_grant_role(self, message: Message, about: About) -> None:
        """A user got a role."""
        self.out(f"Role {about['role']} is granted to user {about['user']}")

    def user_revoke_role(self, message: Message, about: About) -> None:
        """A user lost a role."""
        self.out(f"Role {about['role']} is revoked from user {about['user']}")

    def user_delete(self, message: Message, about: About) -> None:
        """A user went."""
        self.out(f"User {about['user']} deleted")
