"""One member's client port: gRPC and HTTP/1.1 together, with or without TLS.

A door is made, opened, shut and closed by `etcd_server`, inside its asyncio thread. When the member stops or
crashes, its connections break and new ones are refused, as with a dead process; the port stays its own.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from kubekit.serving.etcd_engine import EngineTurns, ServedMember
from kubekit.serving.etcd_front import Front
from kubekit.serving.etcd_grpc import HARD_LIMIT, EtcdServices
from kubekit.serving.etcd_http import EtcdHTTP
from kubekit.serving.etcd_metrics import Counters
from kubekit.serving.listening import HOST, bind
from kubekit.serving.quiet_grpc import aio, grpc

GRPC_OPTIONS = [
    ("grpc.max_receive_message_length", HARD_LIMIT),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_concurrent_streams", 10_000),
]
"""etcd's own settings, as far as grpcio has them (a client may ping every 5 s, at rest too)."""


@dataclass(frozen=True)
class DoorTLS:
    """The files of what a TLS port shows, and of who signs its clients' certificates (None: it asks for
    none)."""

    certificate: Path
    key: Path
    client_authority: Path | None


class EtcdDoor:
    """The client port of one member."""

    def __init__(
        self,
        member: ServedMember,
        turns: EngineTurns,
        listener: socket.socket,
        inner: str,
        urls: dict[int, str],
        tls: DoorTLS | None = None,
    ) -> None:
        """`inner` is where grpcio listens (a path of a Unix socket, or ``host:port``); `urls` are the client
        URLs that member lists show, by the members' ids."""
        self.member = member
        self.port: int = listener.getsockname()[1]
        self.url = f"{'http' if tls is None else 'https'}://{HOST}:{self.port}"
        self.counters = Counters()
        self._tls = tls
        self._listener = listener
        self._inner = inner
        asks = tls is not None and tls.client_authority is not None
        self._services = EtcdServices(member, turns, self.counters, urls, self.follow, certificates=asks)
        self._pages = EtcdHTTP(member, turns, self.counters, self._services.pipes, urls, certificates=asks)
        self._server: Any = None
        self._runner: web.AppRunner | None = None
        self._front: Front | None = None
        self._moving = asyncio.Lock()

    async def open(self) -> None:
        """Get ready to answer; the port opens with `follow`, when the member runs."""
        self._server = aio.server(options=GRPC_OPTIONS)
        self._server.add_generic_rpc_handlers((self._services,))
        address = f"unix:{self._inner}" if self._inner.startswith("/") else self._inner
        if self._tls is None:
            self._server.add_insecure_port(address)
        else:
            self._server.add_secure_port(address, _credentials(self._tls))
        await self._server.start()
        self._runner = web.AppRunner(
            self._pages.application(), access_log=None, shutdown_timeout=1.0, handler_cancellation=True
        )
        await self._runner.setup()

    async def follow(self) -> None:
        """Open the port if the member runs (or is frozen), else shut it."""
        async with self._moving:
            alive = self.member.state in ("running", "paused")
            if alive and self._front is None:
                assert self._runner is not None and self._runner.server is not None
                context = _context(self._tls) if self._tls is not None else None
                self._listener.listen(128)
                self._front = Front(self._listener, self._runner.server, self._inner, context)
                self._front.start()
            elif not alive and self._front is not None:
                await self._front.stop()
                self._front = None
                # Bound but not listening: connections are refused, and nobody else takes the port.
                self._listener = bind(self.port, backlog=None)

    async def close(self) -> None:
        """Close the port and every connection."""
        if self._front is not None:
            await self._front.stop()
            self._front = None
        self._listener.close()
        if self._server is not None:
            await self._server.stop(None)
        if self._runner is not None:
            await self._runner.cleanup()


def _credentials(tls: DoorTLS) -> Any:
    chain = [(tls.key.read_bytes(), tls.certificate.read_bytes())]
    if tls.client_authority is None:
        return grpc.ssl_server_credentials(chain)
    return grpc.ssl_server_credentials(chain, tls.client_authority.read_bytes(), require_client_auth=True)


def _context(tls: DoorTLS) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate, tls.key)
    context.set_alpn_protocols(["http/1.1"])
    if tls.client_authority is not None:
        context.load_verify_locations(tls.client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
