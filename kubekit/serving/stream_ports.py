"""port-forward through the door: pairs of streams over SPDY (bare or in a WebSocket), or channels of a
WebSocket.

kubectl opens for each connection an error stream and a data stream with the same request id; what goes
wrong is said on the error stream. Other clients name their ports in the query and get two channels for
each: data and error, both beginning with the port's number in two bytes.
Upstream: cri-streaming/pkg/streaming/portforward, apiserver/pkg/util/proxy/streamtunnel.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass

from aiohttp import web

from kubekit.api.exchange import Response
from kubekit.api.status_error import status
from kubekit.api.streams import Forwarder, PortConnection
from kubekit.serving import spdy
from kubekit.serving.driver import Driver
from kubekit.serving.remote_command import SPDY, negotiate
from kubekit.serving.stream_channels import MESSAGE_LIMIT, WebSocketChannels
from kubekit.serving.stream_pipe import Pipe, SocketPipe, Taken, WebSocketPipe

PROTOCOL = "portforward.k8s.io"
TUNNEL = f"{SPDY}+{PROTOCOL}"
CHANNEL_PROTOCOLS = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")
PORT_LIMIT = 64
"""Ports that one request may name."""


async def answer(incoming: web.Request, ports: Forwarder, driver: Driver) -> web.StreamResponse | Response:
    """Forward until one side goes; gives a plain response when the handshake is refused."""
    upgrade = incoming.headers.get("Upgrade", "").lower()
    try:
        if upgrade == "websocket":
            return await _websocket(incoming, ports, driver)
        if SPDY.lower() not in upgrade:
            return Response(400, status(400, "BadRequest", "Upgrade request required"))
        chosen = negotiate(incoming, (PROTOCOL,))
        if isinstance(chosen, Response):
            return chosen
        with contextlib.suppress(ConnectionError):
            headers = {"Connection": "Upgrade", "Upgrade": SPDY, "X-Stream-Protocol-Version": chosen}
            await Forwarding(SocketPipe.take(incoming, headers), ports, driver).run()
        return Taken()
    finally:
        with driver.lock:
            ports.hang_up()


async def _websocket(
    incoming: web.Request, ports: Forwarder, driver: Driver
) -> web.StreamResponse | Response:
    offered = incoming.headers.get("Sec-WebSocket-Protocol", "")
    numbers: list[int] = []
    if TUNNEL not in offered:
        try:
            numbers = [int(one) for value in incoming.query.getall("ports", []) for one in value.split(",")]
        except ValueError:
            numbers = [0]
        if not numbers:
            return Response(400, 'query parameter "port" is required\n', {"Content-Type": "text/plain"})
        if len(numbers) > PORT_LIMIT or not all(0 < number < 65536 for number in numbers):
            text = f'unable to parse "{incoming.query.get("ports", "")}" as a port\n'
            return Response(400, text, {"Content-Type": "text/plain"})
    socket = web.WebSocketResponse(
        protocols=(TUNNEL, *CHANNEL_PROTOCOLS), max_msg_size=MESSAGE_LIMIT, compress=False
    )
    try:
        await socket.prepare(incoming)
    except web.HTTPException as refused:
        return Response(refused.status, status(refused.status, "BadRequest", refused.text or refused.reason))
    with contextlib.suppress(ConnectionError):
        if numbers:
            await _channels(WebSocketChannels(socket), numbers, ports, driver)
        else:
            await Forwarding(WebSocketPipe(socket), ports, driver).run()
    return socket


async def _channels(
    channels: WebSocketChannels, numbers: list[int], ports: Forwarder, driver: Driver
) -> None:
    running = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
    connections: dict[int, PortConnection] = {}
    for index, number in enumerate(numbers):
        for channel in (2 * index, 2 * index + 1):
            await channels.send(channel, struct.pack("<H", number))

    def tell(item: tuple[int, bytes] | None) -> None:
        running.call_soon_threadsafe(queue.put_nowait, item)

    with driver.lock:
        ports.on_lost(lambda: tell(None))
        for index, number in enumerate(numbers):
            try:
                made = connections[2 * index] = ports.connect(number)
            except OSError as error:
                tell((2 * index + 1, str(error).encode()))
                continue

            def data(piece: bytes, channel: int = 2 * index) -> None:
                tell((channel, piece))

            made.listen(data, lambda: _all_closed(connections, tell))

    async def listen() -> None:
        async for channel, data in channels.incoming():
            connection = connections.get(channel)
            if connection is not None and data:
                with driver.lock:
                    connection.send(data)
                driver.wake()
        queue.put_nowait(None)

    listening = asyncio.create_task(listen())
    try:
        while (item := await queue.get()) is not None:
            await channels.send(*item)
        await channels.close()
    finally:
        listening.cancel()


def _all_closed(connections: dict[int, PortConnection], tell: object) -> None:
    """A server hung up on one port; the WebSocket stays for the others, and the client sees no more data."""


@dataclass
class _Pair:
    """The two streams of one forwarded connection."""

    error: int = 0
    data: int = 0
    port: int = 0
    connection: PortConnection | None = None


class Forwarding:
    """Port-forwarding over SPDY on any pipe."""

    def __init__(self, pipe: Pipe, ports: Forwarder, driver: Driver) -> None:
        self._pipe = pipe
        self._ports = ports
        self._driver = driver
        self._spdy = spdy.Connection()
        self._pairs: dict[str, _Pair] = {}
        self._by_data: dict[int, _Pair] = {}
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._asyncio = asyncio.get_running_loop()

    async def run(self) -> None:
        """Forward until the client or the pod goes."""
        with self._driver.lock:
            self._ports.on_lost(lambda: self._post(None))
        listening = asyncio.create_task(self._listen())
        try:
            while (data := await self._out.get()) is not None:
                await self._pipe.send(data)
            await self._pipe.send(self._spdy.goaway())
        except ConnectionError:
            pass
        finally:
            listening.cancel()
            await self._pipe.close()

    async def _listen(self) -> None:
        try:
            while data := await self._pipe.receive():
                for event in self._spdy.receive(data):
                    self._handle(event)
                self._driver.wake()
        except (spdy.SpdyError, ConnectionError):
            pass
        self._out.put_nowait(None)

    def _handle(self, event: spdy.Event) -> None:
        if isinstance(event, spdy.Opened):
            self._opened(event)
        elif isinstance(event, spdy.Received):
            pair = self._by_data.get(event.stream)
            if pair is not None and pair.connection is not None:
                with self._driver.lock:
                    if event.data:
                        pair.connection.send(event.data)
                    if event.fin:
                        pair.connection.close()
        elif isinstance(event, spdy.Reset):
            pair = self._by_data.pop(event.stream, None)
            if pair is not None and pair.connection is not None:
                with self._driver.lock:
                    pair.connection.close()
        elif isinstance(event, spdy.Answer):
            self._out.put_nowait(event.data)

    def _opened(self, event: spdy.Opened) -> None:
        kind, port = event.headers.get("streamtype", ""), event.headers.get("port", "")
        if kind not in ("error", "data") or not (port.isdigit() and 0 < int(port) < 65536):
            self._out.put_nowait(self._spdy.reset(event.stream, spdy.REFUSED_STREAM))
            return
        self._out.put_nowait(self._spdy.reply(event.stream))
        # Clients of long ago gave no id: their two streams have numbers that follow each other.
        id = event.headers.get("requestid") or str(event.stream - (2 if kind == "data" else 0))
        pair = self._pairs.setdefault(id, _Pair())
        if kind == "error":
            pair.error = event.stream
        else:
            pair.data, pair.port = event.stream, int(port)
            self._by_data[event.stream] = pair
        if pair.error and pair.data:
            del self._pairs[id]
            self._connect(pair)

    def _connect(self, pair: _Pair) -> None:
        with self._driver.lock:
            try:
                pair.connection = self._ports.connect(pair.port)
            except OSError as error:
                text = str(error).encode()
                self._out.put_nowait(self._spdy.data(pair.error, text, fin=True))
                self._out.put_nowait(self._spdy.data(pair.data, b"", fin=True))
                self._out.put_nowait(self._spdy.reset(pair.data))
                self._spdy.close(pair.error)
                return
            pair.connection.listen(
                lambda data: self._post(self._spdy.data(pair.data, data)), lambda: self._ended(pair)
            )

    def _ended(self, pair: _Pair) -> None:
        """The server hung up: both streams end."""
        if self._by_data.pop(pair.data, None) is not None:
            self._post(self._spdy.data(pair.data, b"", fin=True) + self._spdy.data(pair.error, b"", fin=True))
            self._asyncio.call_soon_threadsafe(self._spdy.close, pair.data)
            self._asyncio.call_soon_threadsafe(self._spdy.close, pair.error)

    def _post(self, data: bytes | None) -> None:
        self._asyncio.call_soon_threadsafe(self._out.put_nowait, data)
