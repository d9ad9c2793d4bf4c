"""A Handler over HTTPS: the way to a real cluster, with the address and the credentials of a kubeconfig.

`HTTPSHandler.of(path, context)` reads a kubeconfig as kubectl does ($KUBECONFIG, else ~/.kube/config) and
gives the one callable shape that `Client` takes. It only reads unless `read_only` is switched off: any
other method than GET is refused here, before it leaves the machine. Requests are answered one after the
other; a watch is refused (use lists). Client certificates, tokens and basic authentication are understood;
credentials that a program would have to fetch are not.

Source: client-go/tools/clientcmd (merging is left out: the first file that has the context is used).
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import ssl
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from kubekit.api.exchange import ConnectionRefused, Request, Response, encode_json

Obj = dict[str, Any]

TIMEOUT = 30.0
"""Seconds to wait for an answer."""
PARTS = {"clusters": "cluster", "contexts": "context", "users": "user"}


class KubeconfigError(ValueError):
    """The kubeconfig cannot be used; the text says why in one sentence."""


class HTTPSHandler:
    """One cluster, asked over HTTPS (or HTTP) as one user."""

    def __init__(
        self,
        server: str,
        *,
        context: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        read_only: bool = True,
        timeout: float = TIMEOUT,
    ) -> None:
        parsed = urllib.parse.urlsplit(server if "://" in server else f"https://{server}")
        self.server = parsed.geturl()
        self.read_only = read_only
        self._prefix = parsed.path.rstrip("/")
        self._headers = dict(headers or {})
        host = parsed.hostname or ""
        if parsed.scheme == "http":
            self._connection = http.client.HTTPConnection(host, parsed.port or 80, timeout=timeout)
        else:
            self._connection = http.client.HTTPSConnection(
                host, parsed.port or 443, timeout=timeout, context=context or ssl.create_default_context()
            )

    @staticmethod
    def of(
        path: str | os.PathLike[str] | None = None,
        context: str = "",
        *,
        read_only: bool = True,
        environment: Mapping[str, str] = os.environ,
    ) -> HTTPSHandler:
        """The handler for a context of a kubeconfig (the current one if none is named).

        Raises `KubeconfigError`.
        """
        place, config = _load(path, environment)
        name = context or config.get("current-context") or ""
        chosen = _entry(config, "contexts", name, place)
        cluster = _entry(config, "clusters", chosen.get("cluster", ""), place)
        user = _entry(config, "users", chosen["user"], place) if chosen.get("user") else {}
        server = cluster.get("server")
        if not server:
            raise KubeconfigError(f"cluster {chosen.get('cluster')!r} of {place} has no server")
        tls = _tls(cluster, user, place.parent) if not str(server).startswith("http://") else None
        return HTTPSHandler(server, context=tls, headers=_login(user, place), read_only=read_only)

    def __call__(self, request: Request) -> Response:
        """Ask; raises ConnectionRefused when nobody answers, PermissionError for a forbidden write."""
        if self.read_only and request.method != "GET":
            raise PermissionError(f"{request.method} {request.path}: this connection only reads")
        if request.query.get("watch"):
            raise ValueError("this connection does not watch: list instead")
        query = urllib.parse.urlencode(request.query, doseq=True)
        path = f"{self._prefix}{request.path}{'?' + query if query else ''}"
        body = request.body
        sent = body if body is None or isinstance(body, bytes) else encode_json(body)
        headers = {"accept": "application/json", **request.headers, **self._headers}
        if sent is not None:
            headers.setdefault("content-type", "application/json")
        try:
            answer, content = self._ask(request.method, path, sent, headers)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ConnectionRefused(f"{self.server}: {error}") from None
        return Response(answer.status, content, {key.lower(): value for key, value in answer.getheaders()})

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Once more over a new connection when the server has closed the old one."""
        for last in (False, True):
            try:
                self._connection.request(method, path, body, headers)
                answer = self._connection.getresponse()
                return answer, answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError):
                self._connection.close()
                if last or method != "GET":
                    raise
        raise AssertionError("the loop returns or raises")

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def _load(path: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> tuple[Path, Obj]:
    if path:
        places = [Path(path)]
    elif environment.get("KUBECONFIG"):
        places = [Path(one) for one in environment["KUBECONFIG"].split(os.pathsep) if one]
    else:
        places = [Path.home() / ".kube" / "config"]
    for place in places:
        try:
            found = yaml.safe_load(place.expanduser().read_text())
        except FileNotFoundError:
            continue
        except (OSError, yaml.YAMLError) as error:
            raise KubeconfigError(f"{place} cannot be read: {error}") from None
        if not isinstance(found, dict):
            raise KubeconfigError(f"{place} is no kubeconfig")
        return place.expanduser(), found
    raise KubeconfigError(f"there is no kubeconfig at {', '.join(str(place) for place in places)}")


def _entry(config: Obj, part: str, name: str, place: Path) -> Obj:
    for one in config.get(part) or ():
        if one.get("name") == name:
            inner: Obj = one.get(PARTS[part]) or {}
            return inner
    kind = PARTS[part]
    raise KubeconfigError(f"{place} has no {kind} {name!r}" if name else f"{place} names no current {kind}")


def _login(user: Obj, place: Path) -> dict[str, str]:
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = _content(user, "tokenFile", "", place.parent).decode().strip()
    if token:
        return {"authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if user.get("exec") or user.get("auth-provider"):
        raise KubeconfigError(f"{place}: credentials from a program are not understood; use a token")
    return {}


def _tls(cluster: Obj, user: Obj, folder: Path) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", "certificate-authority-data", folder)
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate = _content(user, "client-certificate", "client-certificate-data", folder)
        key = _content(user, "client-key", "client-key-data", folder)
        if certificate and key:
            with _kept(certificate) as first, _kept(key) as second:
                context.load_cert_chain(first, second)
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigError(f"the certificates of the kubeconfig cannot be used: {error}") from None
    return context


def _content(entry: Mapping[str, str], path_field: str, data_field: str, folder: Path) -> bytes:
    if data_field and entry.get(data_field):
        try:
            return base64.b64decode(entry[data_field], validate=True)
        except ValueError:
            raise KubeconfigError(f"{data_field} is not base64") from None
    path = entry.get(path_field)
    if not path:
        return b""
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise KubeconfigError(f"{path_field}: {error}") from None


@contextlib.contextmanager
def _kept(content: bytes) -> Iterator[str]:
    """A file with this content, readable by its owner only, for as long as it takes: ssl reads only files."""
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        yield path
    finally:
        os.unlink(path)
