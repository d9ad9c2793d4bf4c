"""Proxying: the API server over plain HTTP on this machine, as the learner, while the notebook goes on.

`kubectl proxy` stays open in a terminal; a cell ends, so the listening goes on in the background, on loopback
only. Each request is handed to the API server with the learner's name; a watch is streamed for as long as the
client reads.
Source: k8s.io/kubectl/pkg/proxy/proxy_server.go.
"""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubekit.api.exchange import Response, WatchStream

HOST = "127.0.0.1"
ACCEPT_HOSTS = re.compile(r"^localhost$|^127\.0\.0\.1$|^\[::1\]$")
HOP = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")
"""Headers that are about the connection and not about the request."""
_open: dict[int, Proxying] = {}

Ask = Callable[[str, str, dict[str, list[str]], dict[str, str], bytes | None], Response | WatchStream]


class Proxying:
    """One proxy on a port. `ask` sends a request; `refused` are patterns of paths that are not passed on.

    Raises OSError when the port cannot be had.
    """

    def __init__(self, port: int, ask: Ask, accepted: Sequence[str], refused: Sequence[str]) -> None:
        if port in _open:
            _open[port].stop()
        self._ask = ask
        self._accepted = [re.compile(one) for one in accepted]
        self._refused = [re.compile(one) for one in refused]
        proxying = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words: Any) -> None:
                """The cell has ended: nobody would read it."""

            def _answer(self) -> None:
                with contextlib.suppress(OSError):
                    proxying._answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        _open[self.port] = self
        name = f"kubekit-proxy-{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name=name, daemon=True).start()

    def _answer(self, client: BaseHTTPRequestHandler) -> None:
        host = (client.headers.get("Host") or "").rpartition(":")[0] or client.headers.get("Host") or ""
        place = urlsplit(client.path)
        allowed = any(one.match(place.path) for one in self._accepted) and ACCEPT_HOSTS.match(host)
        if not allowed or any(one.match(place.path) for one in self._refused):
            _send(client, 403, {"Content-Type": "text/plain; charset=utf-8"}, b"Forbidden\n")
            return
        size = int(client.headers.get("Content-Length") or 0)
        body = client.rfile.read(size) if size else None
        headers = {name.lower(): one for name, one in client.headers.items() if name.lower() not in HOP}
        query = parse_qs(place.query, keep_blank_values=True)
        try:
            answer = self._ask(client.command, place.path, query, headers, body)
        except ConnectionError as error:
            _send(client, 502, {"Content-Type": "text/plain; charset=utf-8"}, f"{error}\n".encode())
            return
        if isinstance(answer, WatchStream):
            _stream(client, answer)
        else:
            _send(client, answer.status, answer.headers, answer.encoded())

    def stop(self) -> None:
        """Close the port."""
        if _open.get(self.port) is self:
            del _open[self.port]
            self._server.shutdown()
            self._server.server_close()


def _send(client: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    client.send_response_only(status)
    for name, value in headers.items():
        for line in value.split("\n"):
            client.send_header(name, line)
    if "Content-Type" not in headers:
        client.send_header("Content-Type", "application/json")
    client.send_header("Content-Length", str(len(body)))
    client.end_headers()
    if client.command != "HEAD":
        client.wfile.write(body)


def _stream(client: BaseHTTPRequestHandler, stream: WatchStream) -> None:
    events: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    stream.on_event(lambda event: events.put(event.encode()))
    stream.on_close(lambda: events.put(None))
    client.send_response_only(200)
    kind = stream.headers.get("Content-Type", "application/json")
    for name, value in (("Content-Type", kind), ("Transfer-Encoding", "chunked")):
        client.send_header(name, value)
    client.end_headers()
    try:
        while (data := events.get()) is not None:
            client.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        client.wfile.write(b"0\r\n\r\n")
    finally:
        stream.close()


def stop_all() -> None:
    """Close every proxy."""
    for one in list(_open.values()):
        one.stop()


def open_ports() -> list[int]:
    """The ports of this machine on which a proxy listens."""
    return sorted(_open)
