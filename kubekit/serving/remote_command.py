"""exec and attach through the door: the handshake, then bytes between a client and a `streams.Command`.

kubectl speaks WebSockets (the fourth and fifth protocols) from 1.30 on and SPDY/3.1 before; other clients
speak WebSockets. The outcome is a Status on the error channel, or for the oldest protocols its text. A
client that does not read is cut off before its backlog fills the memory.
Upstream: cri-streaming/pkg/streaming/remotecommand, apiserver/pkg/util/proxy/streamtranslator.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from kubekit.api.exchange import Response
from kubekit.api.status_error import status
from kubekit.api.streams import ERROR, RESIZE, STDERR, STDIN, STDOUT, Command
from kubekit.serving.driver import Driver
from kubekit.serving.stream_channels import MESSAGE_LIMIT, Channels, SpdyChannels, WebSocketChannels
from kubekit.serving.stream_pipe import SocketPipe, Taken

WEBSOCKET_PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
SPDY_PROTOCOLS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
TEXT_ONLY = frozenset(
    {"channel.k8s.io", "base64.channel.k8s.io", "v2.channel.k8s.io", "v3.channel.k8s.io", ""}
)
"""Protocols whose error channel carries a text and no Status."""
OUTPUTS = {STDOUT: "stdout", STDERR: "stderr"}
SPDY = "SPDY/3.1"
BACKLOG = 64 * 1024 * 1024
"""Bytes that may wait for a client that does not read."""


def negotiate(incoming: web.Request, known: tuple[str, ...]) -> str | Response:
    """The protocol of a SPDY handshake, the client's first choice that is known, or the refusal."""
    text = {"Content-Type": "text/plain; charset=utf-8"}
    values = incoming.headers.getall("X-Stream-Protocol-Version", [])
    offered = [one.strip() for value in values for one in value.split(",") if one.strip()]
    if not offered:
        count = len(incoming.headers)
        name = "X-Stream-Protocol-Version"
        return Response(
            400, f"unable to upgrade: header {name} does not exist in request with {count} headers\n", text
        )
    chosen = next((one for one in offered if one in known), None)
    if chosen is None:
        lists = f"client supports [{' '.join(offered)}], server accepts [{' '.join(known)}]"
        return Response(403, f"unable to upgrade: unable to negotiate protocol: {lists}\n", text)
    return chosen


async def answer(incoming: web.Request, command: Command, driver: Driver) -> web.StreamResponse | Response:
    """Talk; gives a plain response when the handshake is refused."""
    upgrade = incoming.headers.get("Upgrade", "").lower()
    if upgrade == "websocket":
        socket = web.WebSocketResponse(
            protocols=WEBSOCKET_PROTOCOLS, max_msg_size=MESSAGE_LIMIT, compress=False
        )
        try:
            await socket.prepare(incoming)
        except web.HTTPException as refused:
            return Response(
                refused.status, status(refused.status, "BadRequest", refused.text or refused.reason)
            )
        asked = [channel for channel, name in OUTPUTS.items() if _true(incoming, name)]
        channels = WebSocketChannels(socket, frozenset(OUTPUTS) - frozenset(asked))
        first = asked[0] if asked else ERROR
        with contextlib.suppress(ConnectionError):
            await channels.send(first, b"")  # tells the client that the connection stands
            await converse(channels, command, driver, socket.ws_protocol or "")
        return socket
    if SPDY.lower() not in upgrade:
        return Response(400, status(400, "BadRequest", "Upgrade request required"))
    protocol = negotiate(incoming, SPDY_PROTOCOLS)
    if isinstance(protocol, Response):
        return protocol
    tty = _true(incoming, "tty")
    expected = 1 + sum(_true(incoming, name) for name in ("stdin", "stdout"))
    expected += int(_true(incoming, "stderr") and not tty)
    expected += int(tty and protocol in SPDY_PROTOCOLS[:2])
    with contextlib.suppress(ConnectionError):
        pipe = SocketPipe.take(
            incoming, {"Connection": "Upgrade", "Upgrade": SPDY, "X-Stream-Protocol-Version": protocol}
        )
        spdy_channels = SpdyChannels(pipe, expected)
        try:
            if await spdy_channels.open():
                await converse(spdy_channels, command, driver, protocol)
        except asyncio.CancelledError:  # the door closes: nobody else knows this connection
            pipe.abort()
            raise
        finally:
            await pipe.close()
    return Taken()


async def converse(channels: Channels, command: Command, driver: Driver, protocol: str) -> None:
    """Carry bytes until the command ends or the client goes."""
    running = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, bytes] | dict[str, Any] | None] = asyncio.Queue()
    waiting = 0
    talking = asyncio.current_task()

    def take(channel: int, data: bytes) -> None:
        nonlocal waiting
        waiting += len(data)
        queue.put_nowait((channel, data))
        if waiting > BACKLOG and talking is not None:
            talking.cancel()

    def output(channel: int, data: bytes) -> None:
        # Called on the engine's side; the queue belongs to asyncio's.
        running.call_soon_threadsafe(take, channel, data)

    def done(outcome: dict[str, Any]) -> None:
        running.call_soon_threadsafe(queue.put_nowait, outcome)

    async def listen() -> None:
        async for channel, data in channels.incoming():
            with driver.lock:
                if channel == STDIN and data is None:
                    command.close_stdin()
                elif channel == STDIN and data is not None:
                    command.write(data)
                elif channel == RESIZE and data:
                    _resize(command, data)
            driver.wake()
        queue.put_nowait(None)

    with driver.lock:
        command.listen(output, done)
    driver.wake()
    listening = asyncio.create_task(listen())
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, dict):
                await channels.send(ERROR, _told(item, protocol))
                await channels.close()
                return
            waiting -= len(item[1])
            await channels.send(*item)
        await channels.close()
    except asyncio.CancelledError:
        channels.abort()
        raise
    finally:
        listening.cancel()
        with driver.lock:
            command.hang_up()
        driver.wake()


def _told(outcome: dict[str, Any], protocol: str) -> bytes:
    if protocol not in TEXT_ONLY:
        return json.dumps(outcome, separators=(",", ":")).encode()
    return b"" if outcome["status"] == "Success" else str(outcome["message"]).encode()


def _resize(command: Command, data: bytes) -> None:
    for line in data.splitlines():
        try:
            size = json.loads(line)
            command.resize(int(size["Width"]), int(size["Height"]))
        except (ValueError, KeyError, TypeError):
            continue


def _true(incoming: web.Request, name: str) -> bool:
    return incoming.query.get(name, "").lower() in ("1", "true")
