"""etcd over HTTP/1.1: the JSON gateway, health, version and metrics, beside gRPC on the same port.

``POST /v3/<path>`` is the gateway: one request, one answer, except for the streams (a watch, keep-alives, a
snapshot), which answer with a line of JSON each, for as long as the client stays. Health looks at alarms, the
leader and one read, as the original does, past auth. Which path is which call stands in
`kubekit.etcd.gateway`; a client's certificate says nothing here, as in the original's gateway.
Source: server/embed/serve.go, server/etcdserver/api/etcdhttp (health.go, version.go), grpc-gateway.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from kubekit.etcd.auth import Identity
from kubekit.etcd.calls import REQUEST_STREAMS, REQUESTS
from kubekit.etcd.errors import EtcdError, InvalidArgument, MessageTooLarge
from kubekit.etcd.gateway import PATHS
from kubekit.etcd.messages import ENUMS, Message
from kubekit.etcd.protobuf import encode
from kubekit.etcd.protojson import from_json, to_json
from kubekit.etcd.v3rpc import MAX_MESSAGE_BYTES
from kubekit.serving import etcd_metrics
from kubekit.serving.etcd_engine import EngineTurns, ServedMember
from kubekit.serving.etcd_grpc import served_urls, snapshot_parts
from kubekit.serving.etcd_watch import WatchPipe

BODY_LIMIT = 2 * MAX_MESSAGE_BYTES
"""Bytes of a body: base64 makes a message longer by a third."""

COMMON_NAME_IGNORED = (
    "CommonName of client sending a request against gateway will be ignored and not used as expected"
)

ROOT = Identity("root", -1)
"""Who asks on behalf of health checks: they pass auth."""


class EtcdHTTP:
    """The HTTP/1.1 side of one member's port."""

    def __init__(
        self,
        member: ServedMember,
        turns: EngineTurns,
        counters: etcd_metrics.Counters,
        pipes: set[WatchPipe],
        urls: dict[int, str],
        certificates: bool = False,
    ) -> None:
        self._member = member
        self._turns = turns
        self._counters = counters
        self._pipes = pipes
        self._urls = urls
        self._certificates = certificates

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=BODY_LIMIT)
        router = app.router
        for path, answer in (
            ("/health", self.health),
            ("/version", self.version),
            ("/metrics", self.metrics),
        ):
            router.add_route("*", path, answer)
        for kind in ("livez", "readyz"):
            router.add_route("*", f"/{kind}", self.checks)
            router.add_route("*", f"/{kind}/{{check}}", self.checks)
        for version in ("v3", "v3beta"):
            router.add_route("*", f"/{version}/{{path:.*}}", self.gateway)
        router.add_route("*", "/{path:.*}", _nothing_here)
        app.on_response_prepare.append(_plain_headers)
        return app

    # -- the gateway ------------------------------------------------------------------------------------

    async def gateway(self, incoming: web.Request) -> web.StreamResponse:
        """One call as JSON."""
        name = PATHS.get(incoming.match_info["path"].strip("/"))
        if name is None:
            return _refusal(5, "Not Found", 404)
        if incoming.method != "POST":
            return _refusal(12, "Method Not Allowed", 501)
        if self._names_somebody(incoming):
            return _text_answer(400, COMMON_NAME_IGNORED + "\n")
        who = incoming.headers.get("Authorization", "") or incoming.headers.get("Grpc-Metadata-Token", "")
        self._counters.began(name, "stream" if name in REQUEST_STREAMS else "unary", "unknown")
        try:
            if name == "Watch/Watch":
                return await self._watch(incoming, who)
            if name == "Maintenance/Snapshot":
                return await self._snapshot(incoming, who)
            request_type, response_type = REQUESTS[name]
            requests = _documents(incoming, request_type) if name in REQUEST_STREAMS else None
            if requests is not None:
                return await self._keep_alive(incoming, requests, who)
            request = _message(request_type, await _text(incoming))
            answer = await self._turns.call(self._member, name, request, who)
            if name.startswith("Cluster/"):
                answer = served_urls(answer, self._urls)
            return _json(to_json(response_type, answer))
        except EtcdError as error:
            return _refusal(error.code, error.message, error.http_status)

    def _names_somebody(self, incoming: web.Request) -> bool:
        """Whether a certificate would say who asks, if this were gRPC."""
        transport = incoming.transport
        if not self._certificates or transport is None or not self._member.auth.enabled:
            return False
        shown = transport.get_extra_info("peercert") or {}
        return any(name == "commonName" and value for rdn in shown.get("subject", ()) for name, value in rdn)

    async def _watch(self, incoming: web.Request, who: str) -> web.StreamResponse:
        requests = _documents(incoming, "WatchRequest")
        first = await anext(requests, None)
        if first is None:
            return _json({})
        pipe = WatchPipe(self._turns, self._member, who)
        try:
            await pipe.open()
        except EtcdError as error:
            return _json({"error": _words(error)}, error.http_status)
        self._pipes.add(pipe)
        response = _lines()
        reading = asyncio.ensure_future(_forward(first, requests, pipe))
        try:
            await response.prepare(incoming)
            while (message := await pipe.get()) is not None:
                await response.write(_line({"result": to_json("WatchResponse", message)}))
            await response.write_eof()
        except EtcdError as error:
            with contextlib.suppress(ConnectionResetError):
                await response.write(_line({"error": _words(error)}))
                await response.write_eof()
        except (ConnectionResetError, asyncio.CancelledError):
            pass  # the client went away: that is how a watch usually ends
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            self._pipes.discard(pipe)
            await asyncio.shield(pipe.close())
        return response

    async def _keep_alive(
        self, incoming: web.Request, requests: AsyncIterator[Message], who: str
    ) -> web.StreamResponse:
        response: web.StreamResponse | None = None
        async for request in requests:
            line: dict[str, Any]
            try:
                answer = await self._turns.call(self._member, "Lease/LeaseKeepAlive", request, who)
                line = {"result": to_json("LeaseKeepAliveResponse", answer)}
            except EtcdError as error:
                line = {"error": _words(error)}
                if response is None:
                    return _json(line, error.http_status)
            if response is None:
                response = _lines()
                await response.prepare(incoming)
            await response.write(_line(line))
            if "error" in line:
                break
        if response is None:
            return _json({})
        await response.write_eof()
        return response

    async def _snapshot(self, incoming: web.Request, who: str) -> web.StreamResponse:
        _message("SnapshotRequest", await _text(incoming))
        response: web.StreamResponse | None = None
        async for part in snapshot_parts(self._turns, self._member, who):
            if response is None:
                response = _lines()
                await response.prepare(incoming)
            await response.write(_line({"result": to_json("SnapshotResponse", part)}))
        assert response is not None
        await response.write_eof()
        return response

    # -- health, version, figures -----------------------------------------------------------------------

    async def health(self, incoming: web.Request) -> web.Response:
        """Whether the member can serve: alarms, the leader, a read."""
        if incoming.method != "GET":
            return _not_allowed()
        excluded = {text for text in incoming.query.getall("exclude", []) if text}
        serializable = incoming.query.get("serializable") == "true"
        reason = await self._ill(excluded, serializable)
        self._counters.health[not reason] += 1
        body = json.dumps({"health": "false" if reason else "true", "reason": reason}, separators=(",", ":"))
        if reason:
            return _text_answer(503, body + "\n")
        return web.Response(text=body, content_type="text/plain", charset="utf-8")

    async def _ill(self, excluded: set[str], serializable: bool) -> str:
        for alarm in await self._alarms():
            if alarm not in excluded:
                return f"ALARM {alarm}"
        if not serializable and not self._member.has_leader:
            return "RAFT NO LEADER"
        error = await self._read(serializable)
        return f"RANGE ERROR:{error}" if error else ""

    async def checks(self, incoming: web.Request) -> web.Response:
        """/livez and /readyz: a list of checks, each also at a path of its own."""
        if incoming.method != "GET":
            return _not_allowed()
        kind = incoming.path.split("/")[1]
        known = {
            "data_corruption": self._uncorrupted,
            "serializable_read": lambda: self._read(True),
            "linearizable_read": lambda: self._read(False),
            "non_learner": self._non_learner,
        }
        names = ["serializable_read"] if kind == "livez" else list(known)
        one = incoming.match_info.get("check")
        if one is not None:
            if one not in names:
                return _text_answer(404, "404 page not found\n")
            names = [one]
        else:
            names = [name for name in names if name not in incoming.query.getall("exclude", [])]
        found = {name: await known[name]() for name in names}
        lines = "".join(
            f"[-]{name} failed: {why}\n" if why else f"[+]{name} ok\n" for name, why in found.items()
        )
        if any(found.values()):
            return _text_answer(503, lines + "\n")
        return _text_answer(200, (lines if "verbose" in incoming.query else "") + "ok\n")

    async def _alarms(self) -> list[str]:
        try:
            answer = await self._turns.call(self._member, "Maintenance/Alarm", {}, ROOT)
        except EtcdError:
            return []
        return [ENUMS["AlarmType"][alarm.get("alarm", 0)] for alarm in answer.get("alarms", ())]

    async def _uncorrupted(self) -> str:
        return "alarm activated: CORRUPT" if "CORRUPT" in await self._alarms() else ""

    async def _non_learner(self) -> str:
        status = await self._turns.run(self._member.status)
        return "not supported for learner" if status.get("isLearner") else ""

    async def _read(self, serializable: bool) -> str:
        """Why a read fails; "" when it does not."""
        request = {"key": b"\x00", "keys_only": True, "limit": 1, "serializable": serializable}
        try:
            await self._turns.call(self._member, "KV/Range", request, ROOT)
        except EtcdError as error:
            return error.message
        return ""

    async def version(self, incoming: web.Request) -> web.Response:
        """Which version this is, which the cluster runs as, and which the file on the disk is of."""
        if incoming.method != "GET":
            return _not_allowed()
        versions = {
            "etcdserver": etcd_metrics.SERVER_VERSION,
            "etcdcluster": etcd_metrics.CLUSTER_VERSION,
            "storage": etcd_metrics.CLUSTER_VERSION,
        }
        text = json.dumps(versions, separators=(",", ":"))
        return web.Response(text=text, content_type="application/json")

    async def metrics(self, incoming: web.Request) -> web.Response:
        """Figures for Prometheus."""
        text = await self._turns.run(etcd_metrics.text, self._member, self._counters, len(self._pipes))
        response = web.Response(text=text)
        response.headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        return response


async def _forward(first: Message, requests: AsyncIterator[Message], pipe: WatchPipe) -> None:
    await pipe.request(first)
    async for request in requests:
        await pipe.request(request)


async def _text(incoming: web.Request) -> str:
    """The whole body. Raises MessageTooLarge."""
    try:
        data = await incoming.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise MessageTooLarge(BODY_LIMIT + 1, MAX_MESSAGE_BYTES) from error
    return data.decode(errors="surrogateescape")


def _message(type: str, text: str) -> Message:
    """A request. Raises InvalidArgument, MessageTooLarge."""
    request = from_json(type, text)
    size = len(encode(type, request))
    if size > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(size, MAX_MESSAGE_BYTES)
    return request


async def _documents(incoming: web.Request, type: str) -> AsyncIterator[Message]:
    """The requests of a body as they come: JSON values one after the other, up to one that cannot be read,
    which ends the stream without a word."""
    text = ""
    bytes_read = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    decoder = json.JSONDecoder()
    with contextlib.suppress(InvalidArgument, MessageTooLarge, RecursionError):
        async for part in incoming.content.iter_any():
            text += bytes_read.decode(part)
            while text := text.lstrip():
                try:
                    _, end = decoder.raw_decode(text)
                except json.JSONDecodeError:
                    if len(text) > BODY_LIMIT:
                        return
                    break
                yield _message(type, text[:end])
                text = text[end:]
        if text.strip():
            yield _message(type, text)


def _words(error: EtcdError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message}


def _lines() -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    response.content_type = "application/json"
    response.headers["Grpc-Metadata-Content-Type"] = "application/grpc"
    response.enable_chunked_encoding()
    return response


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _json(document: dict[str, Any], status: int = 200) -> web.Response:
    response = web.Response(
        status=status, body=json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    )
    response.content_type = "application/json"
    if status == 200:
        response.headers["Grpc-Metadata-Content-Type"] = "application/grpc"
    return response


def _refusal(code: int, message: str, status: int) -> web.Response:
    return _json({"code": code, "message": message}, status)


def _text_answer(status: int, text: str) -> web.Response:
    response = web.Response(status=status, text=text, content_type="text/plain", charset="utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _not_allowed() -> web.Response:
    response = _text_answer(405, "Method Not Allowed\n")
    response.headers["Allow"] = "GET"
    return response


async def _nothing_here(incoming: web.Request) -> web.Response:
    return _text_answer(404, "404 page not found\n")


async def _plain_headers(incoming: web.Request, response: web.StreamResponse) -> None:
    """The real one does not say what it is made of."""
    response.headers.popall("Server", None)
