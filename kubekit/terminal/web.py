"""Web: what curl finds from one machine of a cluster - etcd's members, their metrics ports, the API server.

    WebOf(cluster, host).site("192.168.0.10", 6443)

Each site answers with what the component itself answers; TLS is worked out from the files of the machines,
as for etcdctl (`etcdctl.tls`). etcd wants a certificate of its own authority from whoever comes; the API
server only asks for one: who shows none is anonymous.
Source: server/embed/serve.go, etcdhttp/health.go; k8s.io/apiserver pkg/server/secure_serving.go.
"""

from __future__ import annotations

import importlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubekit.api.exchange import UserInfo, WatchStream
from kubekit.api.status_error import unauthorized
from kubekit.cluster.etcd_pki import FOLDER
from kubekit.etcd.auth import Identity
from kubekit.etcd.errors import EtcdError
from kubekit.etcd.gateway import Gateway
from kubekit.etcd.messages import ENUMS
from kubekit.etcd.protojson import from_json, to_json
from kubekit.kubelet.web_site import OPENSSL, UNVERIFIED, Answered, Asked, Refused, Site
from kubekit.terminal.doorways import DOWN, LOCAL, Doorways
from kubekit.terminal.etcdctl.tls import ServerTLS, host_trouble, parsed_certificates, signed_by
from kubekit.terminal.notebook import LoopPump

METRICS_PORT = 2381
API_PORT = 6443
PATIENCE = 60.0
"""Seconds for which a stream is listened to; it ends sooner when nothing more happens."""

ROOT = Identity("root", -1)
"""Who asks on behalf of health checks."""

PLAIN = {"content-type": "text/plain; charset=utf-8"}
JSON = {"content-type": "application/json"}
ALERT = "OpenSSL SSL_read: " + OPENSSL + ": error:{}, errno 0"


class WebOf:
    """The world as the machine `host` sees it; the control-plane node if nothing is said."""

    def __init__(self, cluster: Any, host: str = "") -> None:
        self.cluster, self.host = cluster, host
        self.doors = Doorways(cluster, host)

    def knows(self, host: str) -> bool:
        """Whether a name means anything: addresses always do."""
        machines = (*self.cluster.nodes, *self.cluster.etcd_hosts)
        return host in LOCAL or host in machines or host.replace(".", "").isdigit() or ":" in host

    def address(self, host: str) -> str:
        """What a name stands for; here machines are called by theirs."""
        return host

    def site(self, host: str, port: int, patience: float | None = None) -> Site | None:
        """What listens there."""
        first = self.doors.node
        here = self.host or first.name
        names = (first.name, first.ip, *(LOCAL if here == first.name else ()))
        if port == API_PORT and host in names and self.cluster.apiserver.running:
            return ApiSite(self.cluster)
        if port == METRICS_PORT and host in LOCAL:
            for member in self.doors.members.values():
                machine = self.doors.machine(member)
                if machine is not None and machine.name == here and member.state not in DOWN:
                    return MemberSite(self.cluster, member, None)
        member = self.doors.members.get(f"{host}:{port}")
        if member is None or member.state in DOWN:
            return None
        tls = self.doors.tls(member) if self.doors.secure(member) else None
        return MemberSite(self.cluster, member, tls)

    @staticmethod
    def certificates(pem: bytes) -> list[object]:
        """The certificates of a file. Raises ValueError."""
        return list(parsed_certificates(pem))

    @staticmethod
    def belongs(key: bytes, certificate: Any) -> bool:
        """Whether a file holds the private key of a certificate."""
        from cryptography.hazmat.primitives import serialization

        try:
            private = serialization.load_pem_private_key(key, None)
        except (ValueError, TypeError):
            return False
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        mine: bytes = private.public_key().public_bytes(*form)
        return bool(mine == certificate.public_key().public_bytes(*form))


def unverified(tls: ServerTLS, roots: list[object] | None, host: str) -> Refused | None:
    """Why a client does not trust the server; `roots` None: it does not ask."""
    if roots is None:
        return None
    own, _ = tls.parsed
    if not signed_by(own, tuple(roots)):
        return Refused(60, f"SSL certificate problem: unable to get local issuer certificate\n{UNVERIFIED}")
    if host_trouble(host, own):
        return Refused(
            60,
            f"SSL: no alternative certificate subject name matches target host name '{host}'\n{UNVERIFIED}",
        )
    return None


class MemberSite:
    """A member's client port, or its metrics port when there is no TLS."""

    def __init__(self, cluster: Any, member: Any, tls: ServerTLS | None) -> None:
        self.cluster, self.member, self.tls = cluster, member, tls
        self.secure = tls is not None

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """etcd wants a certificate that its own authority signed."""
        assert self.tls is not None
        if trouble := unverified(self.tls, roots, host):
            return trouble
        if certificate is None:
            return Refused(56, ALERT.format("0A00045C:SSL routines::tlsv13 alert certificate required"))
        if not signed_by(certificate, self.tls.parsed[1]):
            return Refused(56, ALERT.format("0A000418:SSL routines::tlsv1 alert unknown ca"))
        return None

    def answer(self, asked: Asked) -> Answered:
        """The gateway, health, version and metrics."""
        parts = urlsplit(asked.target)
        path = parts.path.rstrip("/") or "/"
        query = parse_qs(parts.query, keep_blank_values=True)
        if path.startswith("/v3/"):
            return self._gateway(asked, path.removeprefix("/v3/"))
        if path == "/health":
            return self._health(query)
        if path in ("/livez", "/readyz"):
            return self._checks(path, "verbose" in query)
        if path == "/version":
            return Answered(200, JSON, b'{"etcdserver":"3.6.13","etcdcluster":"3.6.0","storage":"3.6.0"}')
        if path == "/metrics":
            metrics = importlib.import_module("kubekit.serving.etcd_metrics")
            return Answered(200, PLAIN, metrics.text(self.member, metrics.Counters(), 0).encode())
        return Answered(404, PLAIN, b"404 page not found\n")

    def _gateway(self, asked: Asked, path: str) -> Answered:
        if asked.method != "POST":
            refused = {"code": 12, "message": "Method Not Allowed", "details": []}
            return Answered(501, JSON, json.dumps(refused, separators=(",", ":")).encode())
        token = asked.headers.get("authorization", "")
        body = asked.body.decode(errors="replace")
        if path == "watch":
            return self._watch(body, token)
        status, answer = Gateway(self.member).post(path, body, token)
        return Answered(status, JSON, json.dumps(answer, separators=(",", ":")).encode())

    def _watch(self, body: str, token: str) -> Answered:
        found: list[bytes] = []

        def send(response: Any) -> None:
            answer = {"result": to_json("WatchResponse", response)}
            found.append(json.dumps(answer, separators=(",", ":")).encode() + b"\n")

        stream = self.member.watch(send, token)
        try:
            stream.request(from_json("WatchRequest", body))
            LoopPump(self.cluster.loop).quiet(PATIENCE)
        except EtcdError as error:
            refused = {"error": {"code": error.code, "message": error.message}}
            return Answered(error.http_status, JSON, json.dumps(refused, separators=(",", ":")).encode())
        finally:
            stream.close()
        return Answered(200, JSON, b"".join(found), ended=False)

    # -- health -----------------------------------------------------------------------------------------

    def _health(self, query: dict[str, list[str]]) -> Answered:
        why = self._ill(set(query.get("exclude", [])), query.get("serializable", [""])[0] == "true")
        told = json.dumps({"health": "false" if why else "true", "reason": why}, separators=(",", ":"))
        return Answered(503 if why else 200, PLAIN, told.encode() + (b"\n" if why else b""))

    def _ill(self, excluded: set[str], serializable: bool) -> str:
        for alarm in self._alarms():
            if alarm not in excluded:
                return f"ALARM {alarm}"
        if not serializable and not self.member.has_leader:
            return "RAFT NO LEADER"
        error = self._read(serializable)
        return f"RANGE ERROR:{error}" if error else ""

    def _checks(self, path: str, verbose: bool) -> Answered:
        learner = "not supported for learner" if self.member.status().get("isLearner") else ""
        corrupt = "alarm activated: CORRUPT" if "CORRUPT" in self._alarms() else ""
        checks = {"serializable_read": self._read(True)}
        if path == "/readyz":
            checks = {
                "data_corruption": corrupt,
                **checks,
                "linearizable_read": self._read(False),
                "non_learner": learner,
            }
        lines = "".join(
            f"[-]{name} failed: {why}\n" if why else f"[+]{name} ok\n" for name, why in checks.items()
        )
        if any(checks.values()):
            return Answered(503, PLAIN, f"{lines}\n".encode())
        return Answered(200, PLAIN, ((lines if verbose else "") + "ok\n").encode())

    def _alarms(self) -> list[str]:
        try:
            found = self.member.call("Maintenance/Alarm", {}, ROOT)
        except EtcdError:
            return []
        return [ENUMS["AlarmType"][alarm.get("alarm", 0)] for alarm in found.get("alarms", ())]

    def _read(self, serializable: bool) -> str:
        request = {"key": b"\x00", "keys_only": True, "limit": 1, "serializable": serializable}
        try:
            self.member.call("KV/Range", request, ROOT)
        except EtcdError as error:
            return error.message
        return ""


class ApiSite:
    """The API server's port."""

    secure = True

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        files = next(iter(cluster.nodes.values())).files
        self.tls = ServerTLS(files.read(f"{FOLDER}/apiserver.crt"), files.read(f"{FOLDER}/ca.crt"))

    def handshake(self, roots: list[object] | None, certificate: object, host: str) -> Refused | None:
        """A client may come without a certificate."""
        return unverified(self.tls, roots, host)

    def answer(self, asked: Asked) -> Answered:
        """As over a socket."""
        user: UserInfo | None = None
        if asked.certificate is not None:
            if not signed_by(asked.certificate, self.tls.parsed[1]):
                refused = unauthorized("Unauthorized").status
                return Answered(401, JSON, json.dumps(refused, indent=2).encode())
            user = _user_of(asked.certificate)
        response = self.cluster.apiserver(asked.as_request(user, "curl"))
        if isinstance(response, WatchStream):
            LoopPump(self.cluster.loop).quiet(PATIENCE)
            lines = b"".join(event.encode() for event in response.take())
            ended = response.closed
            response.close()
            return Answered(200, dict(response.headers), lines, ended)
        told = {name.lower(): value for name, value in response.headers.items()}
        return Answered(response.status, {**JSON, **told}, _indented(response))


def _indented(response: Any) -> bytes:
    """The API server answers curl with indented JSON: it looks at the name of the program that asks."""
    if isinstance(response.body, dict):
        return json.dumps(response.body, indent=2, ensure_ascii=False).encode()
    encoded: bytes = response.encoded()
    if encoded.startswith(b"{"):
        return json.dumps(json.loads(encoded), indent=2, ensure_ascii=False).encode()
    return encoded


def _user_of(certificate: Any) -> UserInfo:
    from cryptography.x509.oid import NameOID

    subject = certificate.subject
    name = subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    groups = [one.value for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return UserInfo(str(name), groups=(*map(str, groups), "system:authenticated"))
