"""etcd over gRPC: bytes in, the member's answers out, with etcd's own codes and words.

Built on grpcio's asyncio server, with generic handlers: what a method is called and what its bytes mean
stands in the tables of `kubekit.etcd`, so there is no generated code. Nothing about etcd is decided here but
what the original's gRPC layer decides: how long a message may be, whether a client that insists on a leader
gets an answer, and which words a refusal has. grpcio's own limit lies above etcd's, so the refusal is etcd's.
Source: server/etcdserver/api/v3rpc (grpc.go, interceptor.go, watch.go, lease.go, maintenance.go).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

from kubekit.etcd.auth import Identity
from kubekit.etcd.calls import REQUEST_STREAMS, REQUESTS
from kubekit.etcd.cluster_errors import ConnectionBroken, ConnectionRefused, NoLeader
from kubekit.etcd.errors import EtcdError, MessageTooLarge
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import DecodeError, decode, encode
from kubekit.etcd.snapshot import SnapshotBlobs
from kubekit.etcd.v3rpc import MAX_MESSAGE_BYTES
from kubekit.serving.etcd_engine import EngineTurns, ServedMember, Who
from kubekit.serving.etcd_metrics import Counters
from kubekit.serving.etcd_watch import WatchPipe
from kubekit.serving.quiet_grpc import aio, grpc

PACKAGE = "etcdserverpb"
SERVICES = sorted({name.partition("/")[0] for name in REQUESTS})

HARD_LIMIT = 64 * 1024 * 1024
"""Bytes of a message that grpcio itself refuses; between etcd's limit and this the refusal is etcd's."""

LEADER_LOOK = 1.0
"""Seconds between two looks at whether there is a leader (an election timeout)."""
LEADER_PATIENCE = 3
"""Looks without a leader after which streams that insist on one end."""

ALONE = "grpc: error unmarshalling request: "
IN_STREAM = "grpc: failed to unmarshal the received message: "
"""What Go's gRPC says before the reason when bytes are no message, of a single request and in a stream."""

CODES = {code.value[0]: code for code in grpc.StatusCode}

Context = Any
"""A aio.ServicerContext of bytes."""


class EtcdServices:
    """Every gRPC method of one member."""

    def __init__(
        self,
        member: ServedMember,
        turns: EngineTurns,
        counters: Counters,
        urls: dict[int, str],
        gone: Callable[[], Awaitable[None]],
        certificates: bool = False,
    ) -> None:
        """`urls`: see `served_urls`. `gone` is called when the member turns out to be dead. `certificates`: a
        client's certificate says who asks, unless a token does."""
        self._member = member
        self._turns = turns
        self._counters = counters
        self._urls = urls
        self._gone = gone
        self._certificates = certificates
        self._methods: dict[str, grpc.RpcMethodHandler] = {}
        self.pipes: set[WatchPipe] = set()
        for name in REQUESTS:
            self._methods[f"/{PACKAGE}.{name}"] = self._handler(name)
        health = grpc.unary_unary_rpc_method_handler(self._health)
        self._methods["/grpc.health.v1.Health/Check"] = health

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """The handler of a method; one that refuses, in Go's words, for a method that is not served."""
        method: str = handler_call_details.method
        found = self._methods.get(method)
        if found is not None:
            return found
        service, _, name = method.lstrip("/").rpartition("/")
        if not service:
            text = f"malformed method name: {method!r}".replace("'", '"')
        elif service.removeprefix(f"{PACKAGE}.") in SERVICES and service.startswith(PACKAGE):
            text = f"unknown method {name} for service {service}"
        else:
            text = f"unknown service {service}"

        async def refuse(requests: Any, context: Context) -> None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _handler(self, name: str) -> grpc.RpcMethodHandler:
        if name == "Watch/Watch":
            return grpc.stream_stream_rpc_method_handler(self._counted(name, self._watch, stream=True))
        if name == "Maintenance/Snapshot":
            return grpc.unary_stream_rpc_method_handler(self._counted(name, self._snapshot, stream=True))
        if name in REQUEST_STREAMS:
            return grpc.stream_stream_rpc_method_handler(self._counted(name, self._keep_alive, stream=True))

        async def answer(data: bytes, context: Context) -> bytes:
            return await self._unary(name, data, context)

        return grpc.unary_unary_rpc_method_handler(self._counted(name, answer, stream=False))

    def _counted(
        self, name: str, answer: Callable[[Any, Context], Awaitable[Any]], stream: bool
    ) -> Callable[[Any, Context], Awaitable[Any]]:
        """Count how calls of a method begin and end, turn refusals into statuses."""

        async def handle(data: Any, context: Context) -> Any:
            metadata = context.invocation_metadata() or ()
            version = next((value for key, value in metadata if key == "client-api-version"), "unknown")
            self._counters.began(name, "stream" if stream else "unary", version)
            code = grpc.StatusCode.OK
            try:
                return await answer(data, context)
            except (ConnectionRefused, ConnectionBroken) as error:
                # The member is dead: its connections break, nobody answers with a status.
                code = grpc.StatusCode.UNAVAILABLE
                await self._gone()
                return await context.abort(code, error.message)
            except EtcdError as error:
                code = CODES.get(error.code, grpc.StatusCode.UNKNOWN)
                return await context.abort(code, error.message)
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            finally:
                self._counters.ended(name, code)

        return handle

    async def _unary(self, name: str, data: bytes, context: Context) -> bytes:
        request_type, response_type = REQUESTS[name]
        request = self._read(request_type, data, ALONE)
        response = await self._turns.call(self._member, name, request, self._who(context), _insists(context))
        if name.startswith("Cluster/"):
            response = served_urls(response, self._urls)
        return self._written(response_type, response)

    def _read(self, type: str, data: bytes, words: str = IN_STREAM) -> Message:
        self._counters.received += len(data)
        if len(data) > MAX_MESSAGE_BYTES:
            raise MessageTooLarge(len(data), MAX_MESSAGE_BYTES)
        try:
            return decode(type, data)
        except DecodeError as error:
            raise _Malformed(words + str(error)) from None

    def _written(self, type: str, response: Message) -> bytes:
        data = encode(type, response)
        self._counters.sent += len(data)
        return data

    def _who(self, context: Context) -> Who:
        """A token, else what the client's certificate says, else nobody."""
        for key, value in context.invocation_metadata() or ():
            if key in ("token", "authorization"):
                return value if isinstance(value, str) else value.decode(errors="replace")
        if self._certificates:
            names = context.auth_context().get("x509_common_name")
            if names:
                return Identity(names[0].decode(errors="replace"), -1)
        return ""

    async def _watch(self, requests: Any, context: Context) -> None:
        pipe = WatchPipe(self._turns, self._member, self._who(context), _insists(context))
        await pipe.open()
        self.pipes.add(pipe)
        try:
            await self._stream(context, self._read_watches(context, pipe), self._write_watches(context, pipe))
        finally:
            self.pipes.discard(pipe)
            await asyncio.shield(pipe.close())

    async def _read_watches(self, context: Context, pipe: WatchPipe) -> None:
        while (data := await context.read()) is not aio.EOF:
            await pipe.request(self._read("WatchRequest", data))

    async def _write_watches(self, context: Context, pipe: WatchPipe) -> None:
        while (response := await pipe.get()) is not None:
            await context.write(self._written("WatchResponse", response))

    async def _keep_alive(self, requests: Any, context: Context) -> None:
        name = "Lease/LeaseKeepAlive"
        request_type, response_type = REQUESTS[name]
        who, insists = self._who(context), _insists(context)

        async def renew() -> None:
            while (data := await context.read()) is not aio.EOF:
                request = self._read(request_type, data)
                response = await self._turns.call(self._member, name, request, who, insists)
                await context.write(self._written(response_type, response))

        await self._stream(context, renew(), self._follow_member(insists))

    async def _stream(self, context: Context, *parts: Any) -> None:
        """Serve a stream until one of its parts ends: the client has said all it wants, or an error."""
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow_member(self, insists: bool) -> NoReturn:
        """Ends with NoLeader when the member has known no leader for long, for a client that insists."""
        without = 0
        while without < LEADER_PATIENCE or not insists:
            await asyncio.sleep(LEADER_LOOK)
            without = 0 if self._member.has_leader else without + 1
        raise NoLeader

    async def _snapshot(self, data: bytes, context: Context) -> None:
        self._read("SnapshotRequest", data)
        who = self._who(context)
        async for part in snapshot_parts(self._turns, self._member, who):
            await context.write(self._written("SnapshotResponse", part))

    async def _health(self, data: bytes, context: Context) -> bytes:
        """grpc.health.v1: SERVING for the server as a whole."""
        if data:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return b"\x08\x01" if self._member.serving else b"\x08\x02"


class _Malformed(EtcdError):
    code = 13


async def snapshot_parts(turns: EngineTurns, member: ServedMember, who: Who) -> AsyncIterator[Message]:
    """The messages of a snapshot of the present state, for a root user. Raises EtcdError."""
    status = await turns.call(member, "Maintenance/Status", {}, who)

    def capture() -> Any:
        member.auth.permit_admin(member.auth.identify(who))
        return member.capture()

    state = await turns.run(capture)
    # The file is laid out, and then read, from a state of its own: the engine goes on meanwhile.
    blobs = await asyncio.get_running_loop().run_in_executor(None, SnapshotBlobs, state)
    version, left = status.get("storageVersion", ""), blobs.size
    for blob in blobs:
        left = max(0, left - len(blob))
        yield {"remaining_bytes": left, "blob": blob, "version": version}


def served_urls(response: Message, urls: dict[int, str]) -> Message:
    """A member list in which served members have the URLs at which clients outside reach them.

    Inside the cluster members name addresses of their simulated hosts; a real client that follows the list
    (``--cluster``, endpoint sync) must come out at the ports on loopback. A member that has not started has
    published no URL, and gets none.
    """
    members = [
        {**member, "clientURLs": [urls[member["ID"]]]}
        if member.get("ID") in urls and member.get("clientURLs")
        else member
        for member in response.get("members", ())
    ]
    return {**response, "members": members} if members else response


def _insists(context: Context) -> bool:
    return ("hasleader", "true") in (context.invocation_metadata() or ())
