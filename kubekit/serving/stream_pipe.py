"""Pipes: plain bytes both ways after an upgrade, whether they lie bare on the socket or in a WebSocket's
messages.

`SocketPipe.take` answers 101 and takes the connection away from the HTTP server, which does not know SPDY
and would read what follows as the next request. `WebSocketPipe` carries the same bytes as binary messages
(kubectl's tunnel for port-forward). Both wait in `send` while the client does not read.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp import WSMsgType, web

READ_LIMIT = 1 << 20
"""Bytes that may lie unread before the socket is not read any more."""


class Pipe(Protocol):
    """Bytes both ways."""

    async def receive(self) -> bytes:
        """What came next; empty when the other side has gone."""

    async def send(self, data: bytes) -> None:
        """Send; raises ConnectionError when the other side has gone."""

    async def close(self) -> None:
        """Hang up."""


class SocketPipe(asyncio.Protocol):
    """A connection that has left HTTP behind."""

    def __init__(self, transport: asyncio.Transport, before: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._before = before
        self._parts: list[bytes] = []
        self._size = 0
        self._came = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = False

    @staticmethod
    def take(incoming: web.Request, headers: dict[str, str]) -> SocketPipe:
        """Answer 101 with these headers and take the connection; raises ConnectionError when it is gone."""
        transport, before = incoming.transport, incoming.protocol
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        assert isinstance(transport, asyncio.Transport)
        pipe = SocketPipe(transport, before)
        transport.set_protocol(pipe)
        transport.resume_reading()
        lines = ["HTTP/1.1 101 Switching Protocols", *(f"{name}: {value}" for name, value in headers.items())]
        transport.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        return pipe

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > READ_LIMIT:
            self._transport.pause_reading()
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed: those who wait go on, and the HTTP server tidies up."""
        self._lost = True
        self._came.set()
        self._writable.set()
        self._before.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._writable.set()

    async def receive(self) -> bytes:
        """What came next; empty at the end."""
        while not self._parts and not self._lost:
            self._came.clear()
            await self._came.wait()
        data = b"".join(self._parts)
        self._parts.clear()
        if self._size > READ_LIMIT and not self._lost:
            self._transport.resume_reading()
        self._size = 0
        return data

    async def send(self, data: bytes) -> None:
        """Send, at the client's pace."""
        if self._lost:
            raise ConnectionResetError("the client is gone")
        self._transport.write(data)
        await self._writable.wait()

    async def close(self) -> None:
        """Hang up when all is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Hang up now."""
        self._transport.abort()


class WebSocketPipe:
    """The same over a WebSocket's binary messages."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes:
        """The next message's bytes; empty at the end."""
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.BINARY:
                if message.data:
                    return bytes(message.data)
            elif message.type is not WSMsgType.TEXT:
                return b""

    async def send(self, data: bytes) -> None:
        """One message."""
        await self._socket.send_bytes(data)

    async def close(self) -> None:
        """Say goodbye."""
        await self._socket.close()


class Taken(web.StreamResponse):
    """What the HTTP server is given in place of a response: nothing of it is sent."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """The head was sent by whoever took the connection."""
        return

    async def write_eof(self, data: bytes = b"") -> None:
        """So was the end."""
