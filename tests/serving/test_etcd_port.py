"""What comes to etcd's port that is no request: bytes, half connections, frames that lie.

The port refuses, hangs up or waits a little, and goes on answering others; nothing is left behind.
"""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubekit.serving import etcd_front
from kubekit.serving.etcd_front import PREFACE, offered
from kubekit.serving.etcd_server import EtcdServer, serve_etcd
from tests.serving.etcd_served import Served, get, wait_until
from tests.serving.test_etcd_door_clients import credentials
from tests.serving.wire import Wire

SETTINGS = struct.pack(">I", 0)[1:] + b"\x04\x00" + struct.pack(">I", 0)


@pytest.fixture(scope="module", params=["plain", "tls"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    folder = tmp_path_factory.mktemp("pki")
    quiet = {"port": 0, "announce": lambda text: None}
    opened = serve_etcd(Served(), tls=request.param == "tls", directory=folder, **quiet)
    yield opened
    opened.stop()


def connect(server: EtcdServer) -> socket.socket:
    host, _, port = server.endpoints[0].partition("://")[2].partition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.settimeout(20)
    return connection


def frame(kind: int, flags: int, stream: int, payload: bytes, length: int | None = None) -> bytes:
    """An HTTP/2 frame; `length` may lie."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def still_answers(server: EtcdServer) -> None:
    wire = Wire(server.endpoints[0], credentials(server) if server.pki is not None else None)
    with wire:
        assert "header" in wire.call("KV/Range", key=b"a")


def front(server: EtcdServer) -> Any:
    return next(iter(server._doors.values()))._front


def open_connections(server: EtcdServer) -> int:
    found = front(server)
    return len(found._open) + sum(not transport.is_closing() for transport in list(found._transports))


def throw(server: EtcdServer, data: bytes, patience: float = 0.2) -> bytes:
    """Send bytes, read what comes back for a while, go away."""
    with connect(server) as connection:
        try:
            connection.sendall(data)
            connection.settimeout(patience)
            answer = b""
            while part := connection.recv(65536):
                answer += part
                if len(answer) > 1 << 20:
                    break
        except (TimeoutError, ConnectionError):
            return b""
    return answer


NOISE = [random.Random(seed).randbytes(size) for seed, size in enumerate((1, 3, 24, 100, 5000, 70_000))]
LIES = [
    PREFACE,
    PREFACE[:10],
    PREFACE + SETTINGS,
    PREFACE + b"\x00" * 100,
    PREFACE + frame(0, 0, 1, b"x", length=0xFFFFFF),  # DATA on a stream that is not open, and too long
    PREFACE + SETTINGS + frame(1, 4, 1, b"\xff" * 50),  # HEADERS that are no HPACK
    PREFACE + SETTINGS + frame(1, 0, 1, b"\x82") + frame(9, 0, 1, b"\x82" * 100) * 200,  # no end of headers
    PREFACE + SETTINGS + frame(4, 0, 0, b"\x00\x04\xff\xff\xff\xff"),  # a window beyond 2^31
    PREFACE + SETTINGS + frame(8, 0, 0, b"\x00\x00\x00\x00"),  # a window update of nothing
    PREFACE + SETTINGS + frame(6, 0, 0, b"\x00" * 8) * 5000,  # pings without end
    PREFACE + SETTINGS + frame(3, 0, 99, b"\x00" * 4),
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n",
    b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    b"\x16\x03\x01\xff\xff" + b"\x00" * 200,
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    b"\x16",
]


@pytest.mark.parametrize("data", [*NOISE, *LIES], ids=range(len(NOISE) + len(LIES)))
def test_bytes(server: EtcdServer, data: bytes) -> None:
    throw(server, data)
    still_answers(server)


def test_nothing_is_left_behind(server: EtcdServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_front, "PATIENCE", 1.0)
    for data in (*NOISE, *LIES):
        throw(server, data, patience=0.02)
    wait_until(lambda: open_connections(server) == 0)
    still_answers(server)


def test_noise_inside_tls(server: EtcdServer) -> None:
    """Past the handshake, for those who hold a certificate."""
    if server.pki is None:
        return  # this port speaks plainly
    for protocol in ("h2", "http/1.1"):
        for data in LIES[:12]:
            context = ssl.create_default_context(cafile=str(server.cacert))
            context.load_cert_chain(str(server.cert), str(server.key))
            context.set_alpn_protocols([protocol])
            with connect(server) as plain:
                try:
                    with context.wrap_socket(plain, server_hostname="localhost") as connection:
                        assert connection.selected_alpn_protocol() == protocol
                        connection.sendall(data)
                        connection.settimeout(0.1)
                        connection.recv(65536)
                except OSError:
                    continue
    still_answers(server)
    wait_until(lambda: open_connections(server) == 0)


def test_curl_is_content_with_http_1(server: EtcdServer) -> None:
    """Who offers both protocols, as curl does, gets the pages."""
    if server.pki is None:
        assert get(server.endpoints[0], "/health")[0] == 200
        return
    context = ssl.create_default_context(cafile=str(server.cacert))
    context.load_cert_chain(str(server.cert), str(server.key))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(server) as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.endswith(b'{"health":"true","reason":""}')


def test_who_says_nothing_is_hung_up_on(server: EtcdServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_front, "PATIENCE", 0.2)
    beginnings = [b"", b"\x16\x03\x01"] if server.pki is not None else [b"", PREFACE[:12]]
    for beginning in beginnings:
        with connect(server) as connection:
            connection.sendall(beginning)
            began = time.monotonic()
            with contextlib.suppress(ConnectionError):
                assert connection.recv(10) == b""
            assert 0.1 < time.monotonic() - began < 5
    still_answers(server)


def test_too_many_connections(server: EtcdServer, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_until(lambda: open_connections(server) == 0)
    monkeypatch.setattr(etcd_front, "MOST", 10)
    held = [connect(server) for _ in range(10)]
    try:
        wait_until(lambda: open_connections(server) == 10)
        with connect(server) as refused, contextlib.suppress(ConnectionError):
            assert refused.recv(10) == b""
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: open_connections(server) == 0)
    still_answers(server)


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_any_greeting_is_read_without_harm(data: bytes) -> None:
    assert isinstance(offered(data), list)
    assert isinstance(offered(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 32 + data), list)


@pytest.mark.parametrize("protocols", [["h2"], ["h2", "http/1.1"], ["http/1.1"], []])
def test_what_a_greeting_offers(protocols: list[str]) -> None:
    context = ssl.create_default_context()
    if protocols:
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    assert offered(outgoing.read()) == [protocol.encode() for protocol in protocols]
