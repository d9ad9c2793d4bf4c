"""The json and protobuf formats: a response as the client library's structs marshal it.

Most are the API's own messages. Leases, watches and endpoints have structs of the client's, with other names.
Source: etcdctl/ctlv3/command/printer_json.go, printer_protobuf.go, client/v3/lease.go, watch.go.
"""

from __future__ import annotations

import base64
from typing import Any

from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import encode
from kubekit.terminal.etcdctl.exits import BAD_FEATURE, Exit
from kubekit.terminal.etcdctl.go_text import json_value, marshal
from kubekit.terminal.etcdctl.printer import About, Printer

TYPES = {
    "get": "RangeResponse",
    "put": "PutResponse",
    "delete": "DeleteRangeResponse",
    "txn": "TxnResponse",
    "lease_revoke": "LeaseRevokeResponse",
    "alarm": "AlarmResponse",
    "member_list": "MemberListResponse",
    "member_add": "MemberAddResponse",
    "member_remove": "MemberRemoveResponse",
    "member_update": "MemberUpdateResponse",
    "member_promote": "MemberPromoteResponse",
    "move_leader": "MoveLeaderResponse",
    "downgrade": "DowngradeResponse",
    "auth_status": "AuthStatusResponse",
    "role_add": "AuthRoleAddResponse",
    "role_delete": "AuthRoleDeleteResponse",
    "role_get": "AuthRoleGetResponse",
    "role_list": "AuthRoleListResponse",
    "role_grant_permission": "AuthRoleGrantPermissionResponse",
    "role_revoke_permission": "AuthRoleRevokePermissionResponse",
    "user_add": "AuthUserAddResponse",
    "user_delete": "AuthUserDeleteResponse",
    "user_get": "AuthUserGetResponse",
    "user_list": "AuthUserListResponse",
    "user_change_password": "AuthUserChangePasswordResponse",
    "user_grant_role": "AuthUserGrantRoleResponse",
    "user_revoke_role": "AuthUserRevokeRoleResponse",
}
"""The message behind each kind that has one."""


def _header(message: Message) -> dict[str, Any]:
    return json_value("ResponseHeader", message.get("header", {}))


class JSONPrinter(Printer):
    """`-w json`."""

    format = "json"

    def _print(self, value: Any) -> None:
        self.out(marshal(value))

    def _message(self, type: str, message: Message) -> dict[str, Any]:
        return json_value(type, message, upper=self.release.minor == 4)

    def unsupported(self, kind: str, message: Any, about: About) -> None:
        """Everything that is a message is printed as one."""
        if kind not in TYPES:
            super().unsupported(kind, message, about)
        self._print(self._message(TYPES[kind], message))

    def watch(self, message: Message, about: About) -> None:
        """One response of a watch."""
        events = [json_value("Event", event) for event in message.get("events", [])]
        self._print(
            {
                "Header": _header(message),
                "Events": events or (None if message.get("canceled") else []),
                "CompactRevision": message.get("compact_revision", 0),
                "Canceled": bool(message.get("canceled")),
                "Created": bool(message.get("created")),
            }
        )

    def lease_grant(self, message: Message, about: About) -> None:
        """A new lease."""
        self._print(
            _header(message)
            | {"ID": message.get("ID", 0), "TTL": message.get("TTL", 0), "Error": message.get("error", "")}
        )

    def lease_keep_alive(self, message: Message, about: About) -> None:
        """A renewed lease."""
        self._print(_header(message) | {"ID": message.get("ID", 0), "TTL": message.get("TTL", 0)})

    def lease_time_to_live(self, message: Message, about: About) -> None:
        """What is left of a lease."""
        keys = [base64.b64encode(key).decode() for key in message.get("keys", [])] or None
        self._print(
            _header(message)
            | {
                "id": message.get("ID", 0),
                "ttl": message.get("TTL", 0),
                "granted-ttl": message.get("grantedTTL", 0),
                "keys": keys,
            }
        )

    def lease_list(self, message: Message, about: About) -> None:
        """All leases."""
        leases = [{"id": lease.get("ID", 0)} for lease in message.get("leases", [])]
        self._print(_header(message) | {"leases": leases})

    def member_list(self, message: Message, about: About) -> None:
        """Members; with --hex their ids as hexadecimal texts."""
        if not self.hex or self.release.minor < 5:
            self._print(self._message("MemberListResponse", message))
            return
        head = message.get("header", {})
        shown: dict[str, Any] = {
            "header": {
                "cluster_id": f"{head.get('cluster_id', 0):x}",
                "member_id": f"{head.get('member_id', 0):x}",
                "raft_term": head.get("raft_term", 0),
            }
        }
        if members := message.get("members"):
            shown["members"] = [
                {
                    "ID": f"{member.get('ID', 0):x}",
                    "name": member.get("name", ""),
                    "peerURLs": member.get("peerURLs") or None,
                    "clientURLs": member.get("clientURLs") or None,
                }
                for member in members
            ]
        self._print(shown)

    def endpoint_health(self, found: list[Message], about: About) -> None:
        """Health of endpoints."""
        names = ("endpoint", "health", "took", "error")
        self._print([{name: one[name] for name in names if name in one} for one in found] or self._none)

    def endpoint_status(self, found: list[tuple[str, Message]], about: About) -> None:
        """Status of endpoints."""
        shown = [{"Endpoint": ep, "Status": json_value("StatusResponse", one)} for ep, one in found]
        self._print(shown or self._none)

    def endpoint_hashkv(self, found: list[tuple[str, Message]], about: About) -> None:
        """Hashes of endpoints."""
        shown = [{"Endpoint": ep, "HashKV": json_value("HashKVResponse", one)} for ep, one in found]
        self._print(shown or self._none)

    @property
    def _none(self) -> list[Any] | None:
        """A list of nothing: since 3.6 it is not even a list."""
        return None if self.release.minor >= 6 else []

    def snapshot_status(self, status: Message, about: About) -> None:
        """A snapshot file."""
        names = (
            "hash",
            "revision",
            "totalKey",
            "totalSize",
            *(("version",) if about.get("versioned") else ()),
        )
        self._print({name: status[name] for name in names})

    def file_hash(self, found: Message, about: About) -> None:
        """The hash of a file."""
        self._print(found)


class ProtobufPrinter(Printer):
    """`-w protobuf`: the message's own bytes."""

    format = "protobuf"

    def unsupported(self, kind: str, message: Any, about: About) -> None:
        """Messages are printed, the client's own structs are not."""
        if kind in ("endpoint_health", "endpoint_status", "endpoint_hashkv"):
            super().unsupported(kind, message, about)
        if kind == "watch":
            kept = {name: message[name] for name in _WATCHED if name in message}
            self._bytes("WatchResponse", kept)
        elif kind in TYPES:
            self._bytes(TYPES[kind], message)
        else:
            type = "".join(word.capitalize() for word in kind.split("_"))
            raise Exit(BAD_FEATURE, f"marshal unsupported for type clientv3.{type}Response ({message})")

    def _bytes(self, type: str, message: Message) -> None:
        self.out(encode(type, message).decode(errors="replace"), end="")


_WATCHED = ("header", "events", "compact_revision", "canceled", "created")
