"""Channels to a real etcd: one for each endpoint, tried in turn.

A call goes to the next endpoint; one that cannot be reached is passed over. A read is asked again elsewhere
whatever happened to it. A write is asked again only when it certainly never left this process: after any
other failure nobody knows whether it was done, and doing it twice would be worse than saying so. Errors come
out as `EtcdError` with the words that etcd sent.
Source: client/v3 (client.go, retry.go, retry_interceptor.go); kube-apiserver's apiserver/pkg/storage/
storagebackend/factory/etcd3.go for the keep-alive times.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubekit.etcd.calls import REQUESTS
from kubekit.etcd.errors import Compacted, EtcdError, FutureRevision, LeaseNotFound
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import decode, encode
from kubekit.serving.quiet_grpc import grpc

OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
]

TRY = 3.0
"""Seconds that one endpoint gets for a read."""

WRITE = 10.0
"""Seconds that a write may take: more than etcd itself takes to give up."""

PATIENCE = 8.0
"""Seconds for which a read is asked again, and a write that could not be sent."""

DOUBT = 5.0
"""Seconds after a call that no endpoint answered, for which calls get one short try: whoever asks meanwhile
is not kept waiting for an etcd that is known to be gone."""

DOUBTED = 0.5
"""Seconds that one endpoint gets for a read then."""

FIRST_PAUSE, LONGEST_PAUSE = 0.025, 0.5
"""Seconds between two rounds through the endpoints: doubled each time, up to the longest."""

NOT_SENT = "failed to connect to all addresses"
"""How grpcio begins its words when a call never left."""

UNAVAILABLE = 14
DEADLINE = 4

KNOWN: dict[str, type[EtcdError]] = {
    Compacted.message: Compacted,
    FutureRevision.message: FutureRevision,
    LeaseNotFound.message: LeaseNotFound,
}


class Unreachable(EtcdError):
    """No endpoint could be reached: nothing was done."""

    code = UNAVAILABLE


class Interrupted(EtcdError):
    """The call was sent and no answer came: for a write nobody knows whether it was done."""


class BadEndpoint(ValueError):
    """A text that names no endpoint."""


@dataclass(frozen=True)
class ClientTLS:
    """Files of a client: who signs the servers' certificates, and its own certificate and key."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> Any:
        """grpcio's form of it. Raises OSError when a file cannot be read."""
        ca, certificate, key = (
            path.read_bytes() if path is not None else None for path in (self.ca, self.certificate, self.key)
        )
        return grpc.ssl_channel_credentials(ca, key, certificate)


class Channels:
    """Calls to a cluster, over any of its endpoints; any thread may use it."""

    def __init__(self, endpoints: Sequence[str], tls: ClientTLS | None = None) -> None:
        """Endpoints are ``http://host:port``, ``https://host:port`` or ``host:port`` (https with `tls`).

        Raises BadEndpoint, and OSError for a file that cannot be read.
        """
        if not endpoints:
            raise BadEndpoint("no etcd endpoint is given")
        self.endpoints = list(endpoints)
        self._tls = tls
        self._channels: list[Any] = []
        self._calls: list[dict[str, Any]] = []
        self._next = 0
        self._doubted_until = 0.0
        self.open()

    def open(self) -> None:
        """Be ready to connect; also again after `close`."""
        if not self._channels:
            self._channels = [_channel(endpoint, self._tls) for endpoint in self.endpoints]
            self._calls = [{} for _ in self.endpoints]

    def close(self) -> None:
        """Break all connections."""
        channels, self._channels = self._channels, []
        for channel in channels:
            channel.close()

    def read(self, name: str, request: Message) -> Message:
        """A call that changes nothing. Raises EtcdError."""
        return self._ask(name, request, TRY, again=True)

    def write(self, name: str, request: Message) -> Message:
        """A call that changes something: done once, refused, or (Interrupted) unknown. Raises EtcdError."""
        return self._ask(name, request, WRITE, again=False)

    def stream(self, place: int, name: str, requests: Iterator[bytes], seconds: float | None = None) -> Any:
        """A stream of responses (bytes) from one endpoint, that insists on a leader; `seconds` at most."""
        if not self._channels:
            raise ValueError("closed")
        channel = self._channels[place % len(self._channels)]
        method = channel.stream_stream(f"/etcdserverpb.{name}")
        return method(requests, metadata=(("hasleader", "true"),), timeout=seconds)

    def _ask(self, name: str, request: Message, seconds: float, again: bool) -> Message:
        if not self._channels:
            raise Unreachable("grpc: the client connection is closing")
        request_type, response_type = REQUESTS[name]
        data = encode(request_type, request)
        began = time.monotonic()
        doubted = began < self._doubted_until
        give_up = began if doubted else began + PATIENCE
        seconds = min(seconds, DOUBTED) if doubted and again else seconds
        pause = FIRST_PAUSE
        while True:
            for _ in self._channels:
                place = self._next
                try:
                    answer: bytes = self._method(place, name)(data, timeout=seconds)
                except grpc.RpcError as error:
                    failure = refusal(error)
                    self._next = (place + 1) % len(self._channels)
                    lost = isinstance(failure, Interrupted) or failure.code in (UNAVAILABLE, DEADLINE)
                    if not (isinstance(failure, Unreachable) or (again and lost)):
                        raise failure from None
                else:
                    self._doubted_until = 0.0
                    return decode(response_type, answer)
            if time.monotonic() + pause > give_up:
                self._doubted_until = time.monotonic() + DOUBT
                raise failure
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _method(self, place: int, name: str) -> Any:
        calls = self._calls[place]
        found = calls.get(name)
        if found is None:
            found = calls[name] = self._channels[place].unary_unary(f"/etcdserverpb.{name}")
        return found


def refusal(error: Any) -> EtcdError:
    """What a failed call raises: etcd's refusal, or that the connection failed before sending, or after."""
    text: str = error.details() or ""
    code = int(error.code().value[0])
    if text.startswith("etcdserver:"):
        known = KNOWN.get(text)
        failure = known() if known is not None else EtcdError(text)
        failure.code = code
        return failure
    if code == UNAVAILABLE and text.startswith(NOT_SENT):
        return Unreachable(f'connection error: desc = "{text}"')
    if code in (UNAVAILABLE, DEADLINE):
        failure = Interrupted("context deadline exceeded" if code == DEADLINE else text)
    else:
        failure = EtcdError(text)
    failure.code = code
    return failure


def _channel(endpoint: str, tls: ClientTLS | None) -> Any:
    scheme, separator, target = endpoint.partition("://")
    if not separator:
        scheme, target = "https" if tls is not None else "http", endpoint
    host, _, port = target.rstrip("/").rpartition(":")
    if scheme not in ("http", "https") or not host or not port.isdigit():
        raise BadEndpoint(f"{endpoint!r} is no endpoint: write it like http://127.0.0.1:2379")
    target = f"{host}:{port}"
    if scheme == "http":
        return grpc.insecure_channel(target, options=OPTIONS)
    return grpc.secure_channel(target, (tls or ClientTLS()).credentials(), options=OPTIONS)
