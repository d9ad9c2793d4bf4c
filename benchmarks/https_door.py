"""A way to an API server over HTTPS, from a kubeconfig, with the standard library's client.

Both servers of a comparison are asked by this same code, and nothing of it is ours.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class Door:
    """The server of a kubeconfig's current context; a client certificate or a bearer token says who asks."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        current = config.get("current-context") or config["contexts"][0]["name"]
        context = _named(config["contexts"], current)["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        address = urlsplit(cluster["server"])
        self.host, self.port = str(address.hostname), address.port or 443
        self.headers = {"Content-Type": "application/json"}
        if token := user.get("token"):
            self.headers["Authorization"] = f"Bearer {token}"
        self.tls = _trust(cluster)
        if certificate := _pem(user, "client-certificate"):
            with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
                pem.write(certificate + b"\n" + _pem(user, "client-key"))
                pem.flush()
                self.tls.load_cert_chain(pem.name)

    def connect(self) -> http.client.HTTPSConnection:
        """A new connection."""
        return http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=60)

    def ask(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Any = None,
        kind: str = "",
    ) -> bytes:
        """One request and its whole answer; `kind` is a patch's content type. Raises RuntimeError."""
        headers = {**self.headers, "Content-Type": kind} if kind else self.headers
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]!r}")
        return text


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _pem(holder: dict[str, Any], field: str) -> bytes:
    if data := holder.get(f"{field}-data"):
        return base64.b64decode(data)
    return Path(holder[field]).read_bytes() if holder.get(field) else b""


def _trust(cluster: dict[str, Any]) -> ssl.SSLContext:
    if authority := _pem(cluster, "certificate-authority"):
        return ssl.create_default_context(cadata=authority.decode())
    tls = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls
