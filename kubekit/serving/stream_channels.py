"""The channels of a command (stdin, stdout, stderr, error, resize) on the wire, in the two ways that clients
know.

`WebSocketChannels`: each message's first byte is the channel; in the base64 protocols it is a digit and the
rest is encoded. The fifth protocol can close a channel (`0xff` and its number), which is how `kubectl exec
-i` ends a pipe. `SpdyChannels`: each channel is a stream that says in a header what it is. Status and
refusals: `remote_command`.
Source: apimachinery/pkg/util/remotecommand/constants.go, streaming/pkg/httpstream/wsstream.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import WSMsgType, web

from kubekit.api.streams import ERROR, RESIZE, STDERR, STDIN, STDOUT
from kubekit.serving import spdy
from kubekit.serving.stream_pipe import SocketPipe

CHUNK = 32 * 1024
"""Bytes of a message."""
CLOSE_CHANNEL = 0xFF
MESSAGE_LIMIT = 4 * 1024 * 1024
STREAM_SECONDS = 30.0
"""How long the streams may take to be opened."""
KINDS = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}


class Channels(Protocol):
    """A command's channels."""

    def incoming(self) -> AsyncIterator[tuple[int, bytes | None]]:
        """(channel, bytes) as they come, None for a channel that is closed; ends with the connection."""

    async def send(self, channel: int, data: bytes) -> None:
        """Bytes for the client; raises ConnectionError when it has gone."""

    async def close(self) -> None:
        """All is said."""

    def abort(self) -> None:
        """Hang up without waiting for a client that does not read."""


class WebSocketChannels:
    """Channels in the messages of a WebSocket; `muted` are those that the client did not ask for."""

    def __init__(self, socket: web.WebSocketResponse, muted: frozenset[int] = frozenset()) -> None:
        self._socket = socket
        self._muted = muted
        protocol = socket.ws_protocol or ""
        self._base64 = "base64" in protocol
        self._closes = protocol.startswith("v5.")

    async def incoming(self) -> AsyncIterator[tuple[int, bytes | None]]:
        """See `Channels`."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                data = bytes(message.data)
            elif message.type is WSMsgType.TEXT and self._base64:
                try:
                    data = bytes([ord(message.data[0]) - 48]) + base64.b64decode(message.data[1:])
                except (IndexError, ValueError, binascii.Error):
                    return
            elif message.type is WSMsgType.TEXT:
                data = message.data.encode()
            else:
                return
            if not data:
                continue
            if self._closes and data[0] == CLOSE_CHANNEL and len(data) > 1:
                yield data[1], None
            else:
                yield data[0], data[1:]

    async def send(self, channel: int, data: bytes) -> None:
        """See `Channels`."""
        if channel in self._muted:
            return
        for start in range(0, len(data) or 1, CHUNK):
            piece = data[start : start + CHUNK]
            if self._base64:
                await self._socket.send_str(f"{channel}{base64.b64encode(piece).decode()}")
            else:
                await self._socket.send_bytes(bytes([channel]) + piece)

    async def close(self) -> None:
        """See `Channels`."""
        await self._socket.close()

    def abort(self) -> None:
        """See `Channels`; a handler that is cancelled takes its connection with it."""


class SpdyChannels:
    """Channels as SPDY streams over a pipe."""

    def __init__(self, pipe: SocketPipe, expected: int) -> None:
        self._pipe = pipe
        self._connection = spdy.Connection()
        self._expected = expected
        self._streams: dict[int, int] = {}
        self._kinds: dict[int, int] = {}
        self._early: list[tuple[int, bytes | None]] = []

    async def open(self) -> bool:
        """Wait for the client's streams; whether they came."""
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                while len(self._streams) < self._expected:
                    data = await self._pipe.receive()
                    if not data:
                        return False
                    self._early += [one async for one in self._events(data)]
        except (TimeoutError, spdy.SpdyError, ConnectionError):
            return False
        return True

    async def incoming(self) -> AsyncIterator[tuple[int, bytes | None]]:
        """See `Channels`."""
        for one in self._early:
            yield one
        try:
            while data := await self._pipe.receive():
                async for one in self._events(data):
                    yield one
        except (spdy.SpdyError, ConnectionError):
            return

    async def _events(self, data: bytes) -> AsyncIterator[tuple[int, bytes | None]]:
        for event in self._connection.receive(data):
            if isinstance(event, spdy.Opened):
                channel = KINDS.get(event.headers.get("streamtype", ""))
                if channel is None or channel in self._streams:
                    await self._pipe.send(self._connection.reset(event.stream, spdy.REFUSED_STREAM))
                    continue
                self._streams[channel], self._kinds[event.stream] = event.stream, channel
                await self._pipe.send(self._connection.reply(event.stream))
                if event.fin:
                    yield channel, None
            elif isinstance(event, spdy.Received):
                channel = self._kinds[event.stream]
                if event.data:
                    yield channel, event.data
                if event.fin:
                    yield channel, None
            elif isinstance(event, spdy.Reset) and event.stream in self._kinds:
                yield self._kinds[event.stream], None
            elif isinstance(event, spdy.Answer):
                await self._pipe.send(event.data)

    async def send(self, channel: int, data: bytes) -> None:
        """See `Channels`; for a stream that the client did not open it goes nowhere."""
        stream = self._streams.get(channel)
        if stream is not None and data:
            await self._pipe.send(self._connection.data(stream, data))

    async def close(self) -> None:
        """See `Channels`: end each stream, then the connection."""
        for stream in self._streams.values():
            await self._pipe.send(self._connection.data(stream, b"", fin=True))
        await self._pipe.send(self._connection.goaway())
        await self._pipe.close()

    def abort(self) -> None:
        """See `Channels`."""
        self._pipe.abort()
