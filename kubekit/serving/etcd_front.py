"""The front of an etcd port: looks at a connection's first bytes and says who speaks to it.

etcd answers gRPC and HTTP/1.1 on one port. gRPC begins with HTTP/2's preface, or, behind TLS, offers ``h2``
alone in its greeting; everything else is HTTP/1.1 (curl offers both, and is content with the older). The
bytes are only peeked at: an HTTP/1.1 connection is handed over whole to aiohttp, one of gRPC is spliced to
grpcio's own listener, TLS and all, so each side ends TLS itself and sees the client's certificate.

Nothing is answered here. Who says nothing within a few seconds is hung up on, and so is everybody while too
many connections are open.
Source: server/embed/serve.go (cmux); RFC 9113 section 3.4; RFC 8446 section 4.1.2; RFC 7301.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import weakref
from collections.abc import Callable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HANDSHAKE = 0x16
"""The first byte of a TLS connection."""

PATIENCE = 10.0
"""Seconds within which a client must have shown what it speaks."""

LOOK_AGAIN = 0.005
"""Seconds between two looks at a beginning that is not complete."""

PEEK = 16 * 1024 + 5
"""The longest beginning: one TLS record."""

MOST = 2000
"""Connections that may be open at once."""

Protocol = Callable[[], asyncio.Protocol]


class Front:
    """One listening port; `http` makes aiohttp's protocols, `grpc` is where grpcio listens."""

    def __init__(
        self, listener: socket.socket, http: Protocol, grpc: str, http_tls: ssl.SSLContext | None = None
    ) -> None:
        """`grpc` is a path of a Unix socket, or ``host:port``. With `http_tls` the port speaks TLS only."""
        self._listener = listener
        self._http = http
        self._grpc = grpc
        self._tls = http_tls
        self._open: set[asyncio.Task[None]] = set()
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to accept, in the running asyncio loop."""
        self._listener.setblocking(False)
        self._accepting = asyncio.ensure_future(self._accept())

    async def stop(self) -> None:
        """Close the port and every connection."""
        tasks = [*self._open, *([self._accepting] if self._accepting is not None else [])]
        self._accepting = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in list(self._transports):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    await asyncio.sleep(0.1)  # no more files: wait until some are closed
                continue
            if len(self._open) + len(self._transports) >= MOST and self._full():
                connection.close()
                continue
            connection.setblocking(False)
            task = asyncio.ensure_future(self._serve(connection))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    def _full(self) -> bool:
        return len(self._open) + sum(not transport.is_closing() for transport in self._transports) >= MOST

    async def _serve(self, connection: socket.socket) -> None:
        """Find out who speaks and hand over."""
        loop = asyncio.get_running_loop()
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(PATIENCE):
                speaks_grpc = await self._look(connection)
                if speaks_grpc is None:
                    connection.close()
                elif speaks_grpc:
                    await self._splice(loop, connection)
                else:
                    transport, _ = await loop.connect_accepted_socket(self._http, connection, ssl=self._tls)
                    self._transports.add(transport)
        except (OSError, TimeoutError, asyncio.CancelledError):
            connection.close()

    async def _look(self, connection: socket.socket) -> bool | None:
        """Whether gRPC speaks; None for nobody that could be answered."""
        loop = asyncio.get_running_loop()
        await _readable(loop, connection)
        while True:
            try:
                seen = connection.recv(PEEK, socket.MSG_PEEK)
            except BlockingIOError:
                await asyncio.sleep(LOOK_AGAIN)
                continue
            if not seen:
                return None
            if self._tls is None:
                if seen[0] == HANDSHAKE:
                    return None
                if not PREFACE.startswith(seen[: len(PREFACE)]):
                    return False
                if len(seen) >= len(PREFACE):
                    return True
            elif seen[0] != HANDSHAKE:
                return None
            else:
                complete = len(seen) >= 5 and len(seen) >= min(PEEK, 5 + int.from_bytes(seen[3:5], "big"))
                if complete:
                    return offered(seen) == [b"h2"]
            await asyncio.sleep(LOOK_AGAIN)

    async def _splice(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        """Join the connection to grpcio's listener, bytes both ways."""
        inner = _Half()
        if ":" in self._grpc and not self._grpc.startswith("/"):
            host, _, port = self._grpc.rpartition(":")
            await loop.create_connection(lambda: inner, host, int(port))
        else:
            await loop.create_unix_connection(lambda: inner, self._grpc)
        outer = _Half()
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: outer, connection)
            self._transports.add(transport)
        except BaseException:
            inner.abort()
            outer.abort()
            raise
        inner.other, outer.other = outer, inner
        inner.begin()
        outer.begin()


class _Half(asyncio.Protocol):
    """One end of a splice: what it gets, the other end sends."""

    def __init__(self) -> None:
        self.other: _Half | None = None
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self.lost = False
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.pause_reading()  # until there is another end to send it to

    def begin(self) -> None:
        """Take what comes: both ends are there. Hang up if the other has gone meanwhile."""
        assert self.other is not None and self._transport is not None
        if self.other.lost:
            self.abort()
            return
        for data in self._early:
            self.other.send(data)
        self._early.clear()
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        # Python 3.11.2 reads once more although connection_made paused: kept until there is another end.
        if self.other is None:
            self._early.append(data)
        else:
            self.other.send(data)

    def eof_received(self) -> bool:
        other = self.other
        if other is None:
            return True  # begin reads on and meets this end again
        self.ended = True
        if other.ended:
            self.abort()
            other.abort()
        elif other._transport is not None:
            with contextlib.suppress(OSError, RuntimeError):
                other._transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self.other is not None:
            self.other.abort()

    def send(self, data: bytes) -> None:
        """Send towards this end's peer."""
        if self._transport is not None:
            self._transport.write(data)

    def abort(self) -> None:
        """Hang up, after what was written has gone."""
        if self._transport is not None:
            self._transport.close()

    def pause_writing(self) -> None:
        """This end's peer does not read: do not take more from the other."""
        if self.other is not None and self.other._transport is not None:
            self.other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other._transport is not None:
            self.other._transport.resume_reading()


async def _readable(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
    ready = asyncio.Event()
    number = connection.fileno()
    loop.add_reader(number, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(number)


def offered(hello: bytes) -> list[bytes]:
    """The protocols that a TLS ClientHello offers (ALPN), in its order; none when it is not understood."""
    try:
        return _offered(hello)
    except IndexError:
        return []


def _offered(record: bytes) -> list[bytes]:
    if record[0] != HANDSHAKE or record[5] != 1:
        return []
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]  # the session
    at += 2 + int.from_bytes(record[at : at + 2], "big")  # the ciphers
    at += 1 + record[at]  # compression
    end = at + 2 + int.from_bytes(record[at : at + 2], "big")
    at += 2
    while at + 4 <= min(end, len(record)):
        kind, length = (
            int.from_bytes(record[at : at + 2], "big"),
            int.from_bytes(record[at + 2 : at + 4], "big"),
        )
        if kind == 16:
            return _names(record[at + 6 : at + 4 + length])
        at += 4 + length
    return []


def _names(data: bytes) -> list[bytes]:
    names: list[bytes] = []
    at = 0
    while at < len(data):
        names.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return names
