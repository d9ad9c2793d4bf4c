"""HTTPS: turns socket requests into `Request`s for the engine, and its answers into bytes.

Built on aiohttp, which gives client certificates, streamed answers and WebSockets. The translation decides
nothing: who may do what, what is too large or malformed, is the API server's business. Watches are streamed
line by line; a client that does not read is cut off before its backlog fills the memory.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import ssl
import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qsl

from aiohttp import web

from kubekit.api.exchange import (
    ConnectionRefused,
    Handler,
    Request,
    Response,
    UserInfo,
    WatchEvent,
    WatchStream,
)
from kubekit.api.status_error import internal_error
from kubekit.api.streams import Upgrade
from kubekit.serving import remote_command, stream_ports
from kubekit.serving.certificates import subject_of
from kubekit.serving.driver import Driver

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes of a request body that the API server accepts; one more is read so that it can refuse."""

GZIP_THRESHOLD = 128 * 1024
"""Bytes from which on an answer is compressed, if the client takes it."""

GZIP_LEVEL = 1

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"

BACKLOG = 10_000
"""Events that may wait for one slow watcher before it is cut off."""


class Door:
    """One HTTPS front door of a handler."""

    def __init__(self, handler: Handler, driver: Driver) -> None:
        self._handler = handler
        self._driver = driver
        self._open: set[WatchStream] = set()

    def application(self) -> web.Application:
        """The aiohttp application: every path and method goes to the one handler."""
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self.answer)
        app.on_shutdown.append(self._close_streams)
        app.on_response_prepare.append(_without_server_name)
        return app

    async def answer(self, incoming: web.Request) -> web.StreamResponse:
        """Answer one socket request."""
        request = await self._translate(incoming)
        try:
            with self._driver.lock:
                answer = self._handler(request)
        except ConnectionRefused:
            # The real one would not accept the connection at all; nearest to that is to drop it.
            if incoming.transport is not None:
                incoming.transport.close()
            raise web.HTTPServiceUnavailable(text="the API server is not running") from None
        except Exception as error:
            answer = _bug(request, error)
        finally:
            self._driver.wake()
        if isinstance(answer, WatchStream):
            return await self._stream(incoming, answer)
        if isinstance(answer, Upgrade):
            streamed = await self._upgrade(incoming, answer)
            return streamed if isinstance(streamed, web.StreamResponse) else _whole(incoming, streamed)
        return _whole(incoming, answer)

    async def _upgrade(self, incoming: web.Request, answer: Upgrade) -> web.StreamResponse | Response:
        if answer.ports is not None:
            return await stream_ports.answer(incoming, answer.ports, self._driver)
        assert answer.command is not None
        return await remote_command.answer(incoming, answer.command, self._driver)

    async def _translate(self, incoming: web.Request) -> Request:
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(incoming.rel_url.raw_query_string, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        body = await _read(incoming)
        return Request(
            method=incoming.method,
            path=incoming.rel_url.path,
            query=query,
            headers={name.lower(): value for name, value in incoming.headers.items()},
            body=body if body else None,
            user=_user_of(incoming),
            source=incoming.headers.get("User-Agent", "").split("/")[0] or "unknown client",
        )

    async def _stream(self, incoming: web.Request, stream: WatchStream) -> web.StreamResponse:
        response = web.StreamResponse(status=stream.status, headers=stream.headers)
        response.enable_chunked_encoding()
        await response.prepare(incoming)
        queue: asyncio.Queue[WatchEvent | None] = asyncio.Queue()
        running = asyncio.get_running_loop()

        def hand_over(event: WatchEvent | None) -> None:
            if event is not None and queue.qsize() >= BACKLOG:
                stream.close()
                return
            queue.put_nowait(event)

        def receive(event: WatchEvent) -> None:
            # Runs in whichever thread drives the engine; the queue belongs to asyncio's.
            running.call_soon_threadsafe(hand_over, event)

        with self._driver.lock:
            self._open.add(stream)
            stream.on_event(receive)
            stream.on_close(lambda: running.call_soon_threadsafe(hand_over, None))
        try:
            while (event := await queue.get()) is not None:
                lines = [event.encode()]
                while not queue.empty() and (more := queue.get_nowait()) is not None:
                    lines.append(more.encode())
                await response.write(b"".join(lines))
                if stream.closed and queue.empty():
                    break
            await response.write_eof()
        except (ConnectionResetError, asyncio.CancelledError):
            pass  # the client went away: that is how a watch usually ends
        finally:
            with self._driver.lock:
                self._open.discard(stream)
                stream.close()
        return response

    async def _close_streams(self, app: web.Application) -> None:
        with self._driver.lock:
            for stream in list(self._open):
                stream.close()


async def _read(incoming: web.Request) -> bytes:
    """At most one byte more than the limit: enough for the API server to say that it is too much."""
    if not incoming.body_exists:
        return b""
    parts: list[bytes] = []
    size = 0
    async for part in incoming.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT:
            break
    return b"".join(parts)


def _whole(incoming: web.Request, answer: Response) -> web.Response:
    body = answer.encoded()
    zipped = len(body) > GZIP_THRESHOLD and "gzip" in incoming.headers.get("Accept-Encoding", "")
    response = web.Response(
        status=answer.status, body=gzip.compress(body, GZIP_LEVEL, mtime=0) if zipped else body
    )
    response.headers["Content-Type"] = answer.headers.get("Content-Type", "application/json")
    for name, value in answer.headers.items():
        if name.lower() == "content-type":
            continue
        # Several warnings travel as several headers; inside they are one value with a line each.
        for line in value.split("\n"):
            response.headers.add(name, line)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
    response.headers.setdefault("Cache-Control", "no-cache, private")
    return response


def _bug(request: Request, error: Exception) -> Response:
    """What a client reads when the engine itself went wrong; the traceback stays on this side."""
    print(f"kubekit: a bug of the engine, met by {request.method} {request.path}:", file=sys.stderr)
    traceback.print_exception(error)
    text = f"this is a bug of kubekit, not of your request: {type(error).__name__}: {error}"
    status = internal_error(text).status
    return Response(500, status)


async def _without_server_name(incoming: web.Request, response: web.StreamResponse) -> None:
    """The real API server does not say what it is made of."""
    response.headers.popall("Server", None)


def _user_of(incoming: web.Request) -> UserInfo | None:
    """The user that the client's certificate stands for, or None when it showed none."""
    connection = incoming.transport
    socket: ssl.SSLObject | None = connection.get_extra_info("ssl_object") if connection else None
    der = socket.getpeercert(binary_form=True) if socket is not None else None
    return user_of_certificate(der) if der else None


@lru_cache(maxsize=1024)
def user_of_certificate(der: bytes) -> UserInfo:
    """The user of a client certificate (DER): its subject, and which certificate it was."""
    name, groups = subject_of(der)
    credential = f"X509SHA256={hashlib.sha256(der).hexdigest()}"
    return UserInfo(name, groups=(*groups, "system:authenticated"), extra={CREDENTIAL_ID: [credential]})


def server_context(certificate: str, key: str, authority: str) -> ssl.SSLContext:
    """TLS for the server: shows its certificate, asks for a client's, but lets anonymous clients in.

    The three arguments are paths of PEM files; authentication decides what an anonymous client may do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


Announce = Callable[[str], None]
"""Where a server says what happened (which port it took)."""
