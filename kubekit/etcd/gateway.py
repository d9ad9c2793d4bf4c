"""Gateway: etcd's API as JSON over HTTP, ``POST /v3/<path>``.

`Gateway.post("kv/put", '{"key": "Zm9v", "value": "YmFy"}')` answers (HTTP status, JSON object). Streams
differ: `lease/keepalive` wraps each answer in ``{"result": ...}``, or ``{"error": ...}``, and a watch, which
stays open, is made with `watch`. Do not put behaviour here; this file only knows paths and shapes.
Source: api/etcdserverpb/gw (grpc-gateway), server/embed/serve.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.calls import REQUESTS, RESPONSE_STREAMS
from kubekit.etcd.errors import EtcdError, MessageTooLarge, NotServed
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import encode
from kubekit.etcd.protojson import each_json, from_json, to_json
from kubekit.etcd.v3rpc import MAX_MESSAGE_BYTES, Server
from kubekit.etcd.watch_stream import WatchStream

PATHS: dict[str, str] = {
    "kv/range": "KV/Range",
    "kv/put": "KV/Put",
    "kv/deleterange": "KV/DeleteRange",
    "kv/txn": "KV/Txn",
    "kv/compaction": "KV/Compact",
    "lease/grant": "Lease/LeaseGrant",
    "lease/revoke": "Lease/LeaseRevoke",
    "kv/lease/revoke": "Lease/LeaseRevoke",
    "lease/keepalive": "Lease/LeaseKeepAlive",
    "lease/timetolive": "Lease/LeaseTimeToLive",
    "kv/lease/timetolive": "Lease/LeaseTimeToLive",
    "lease/leases": "Lease/LeaseLeases",
    "kv/lease/leases": "Lease/LeaseLeases",
    "cluster/member/add": "Cluster/MemberAdd",
    "cluster/member/remove": "Cluster/MemberRemove",
    "cluster/member/update": "Cluster/MemberUpdate",
    "cluster/member/list": "Cluster/MemberList",
    "cluster/member/promote": "Cluster/MemberPromote",
    "maintenance/alarm": "Maintenance/Alarm",
    "maintenance/status": "Maintenance/Status",
    "maintenance/defragment": "Maintenance/Defragment",
    "maintenance/hash": "Maintenance/Hash",
    "maintenance/hashkv": "Maintenance/HashKV",
    "maintenance/snapshot": "Maintenance/Snapshot",
    "maintenance/transfer-leadership": "Maintenance/MoveLeader",
    "maintenance/downgrade": "Maintenance/Downgrade",
    "watch": "Watch/Watch",
    "auth/enable": "Auth/AuthEnable",
    "auth/disable": "Auth/AuthDisable",
    "auth/status": "Auth/AuthStatus",
    "auth/authenticate": "Auth/Authenticate",
    "auth/user/add": "Auth/UserAdd",
    "auth/user/get": "Auth/UserGet",
    "auth/user/list": "Auth/UserList",
    "auth/user/delete": "Auth/UserDelete",
    "auth/user/changepw": "Auth/UserChangePassword",
    "auth/user/grant": "Auth/UserGrantRole",
    "auth/user/revoke": "Auth/UserRevokeRole",
    "auth/role/add": "Auth/RoleAdd",
    "auth/role/get": "Auth/RoleGet",
    "auth/role/list": "Auth/RoleList",
    "auth/role/delete": "Auth/RoleDelete",
    "auth/role/grant": "Auth/RoleGrantPermission",
    "auth/role/revoke": "Auth/RoleRevokePermission",
}
"""The call behind each path."""


class Gateway:
    """The JSON door of one member."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def post(self, path: str, body: str, token: str = "") -> tuple[int, dict[str, Any]]:
        """Answer one request: (HTTP status, body). `token` is that of the Authorization header."""
        name = PATHS.get(path.strip("/").removeprefix("v3/"))
        try:
            if name is None:
                raise NotServed
            if name in RESPONSE_STREAMS:
                status, answers = self.stream(name, body, token)
                return status, answers[0] if answers else {}
            return 200, self._answer(name, from_json(REQUESTS[name][0], body), token)
        except EtcdError as error:
            return error.http_status, _refusal(error)

    def stream(self, name: str, body: str, token: str = "") -> tuple[int, list[dict[str, Any]]]:
        """Answer the requests of a call that is a stream, e.g. ``Lease/LeaseKeepAlive``.

        A request that cannot be read ends the stream without a word. An error ends it too; it decides the
        status if it comes first.
        """
        answers: list[dict[str, Any]] = []
        try:
            for request in each_json(REQUESTS[name][0], body):
                answers.append({"result": self._answer(name, request, token)})
        except EtcdError as error:
            answers.append({"error": _refusal(error)})
            return 200 if len(answers) > 1 else error.http_status, answers
        return 200, answers

    def _answer(self, name: str, request: Message, token: str) -> dict[str, Any]:
        request_type, response_type = REQUESTS[name]
        size = len(encode(request_type, request))
        if size > MAX_MESSAGE_BYTES:
            raise MessageTooLarge(size, MAX_MESSAGE_BYTES)
        return to_json(response_type, self._server.call(name, request, token))

    def watch(self, body: str, send: Callable[[dict[str, Any]], None], token: str = "") -> WatchStream:
        """Open a watch: `send` gets each response as JSON, until the stream is closed. Raises EtcdError."""

        def deliver(response: Message) -> None:
            self._server.fill(response["header"])
            send({"result": to_json("WatchResponse", response)})

        stream = WatchStream(
            self._server.store, deliver, lambda key, end: self._server.permit_read(token, key, end)
        )
        stream.request(from_json("WatchRequest", body))
        return stream


def _refusal(error: EtcdError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message}
