"""A client of etcd's wire for tests: the public messages over grpcio, nothing between."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import grpc

from kubekit.etcd.calls import REQUESTS
from kubekit.etcd.messages import Message
from kubekit.etcd.protobuf import decode, encode

TIMEOUT = 20.0


class Wire:
    """One connection to an endpoint."""

    def __init__(self, endpoint: str, credentials: Any = None) -> None:
        target = endpoint.partition("://")[2]
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_retries", 0),
        ]
        if endpoint.startswith("https"):
            self.channel = grpc.secure_channel(target, credentials, options=options)
        else:
            self.channel = grpc.insecure_channel(target, options=options)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.channel.close()

    def raw(self, method: str, data: bytes, timeout: float = TIMEOUT, **metadata: str) -> bytes:
        """Bytes to a method by its whole name."""
        call = self.channel.unary_unary(method)
        answer: bytes = call(data, timeout=timeout, metadata=tuple(metadata.items()))
        return answer

    def call(
        self,
        name: str,
        /,
        timeout: float = TIMEOUT,
        metadata: dict[str, str] | None = None,
        **request: Any,
    ) -> Message:
        """One call, e.g. ``call("KV/Put", key=b"a")``. Raises grpc.RpcError."""
        request_type, response_type = REQUESTS[name]
        data = encode(request_type, request)
        return decode(response_type, self.raw(f"/etcdserverpb.{name}", data, timeout, **metadata or {}))

    def refusal(
        self, name: str, metadata: dict[str, str] | None = None, /, **request: Any
    ) -> tuple[str, str]:
        """(code, text) of a call that must be refused."""
        try:
            answer = self.call(name, metadata=metadata, **request)
        except grpc.RpcError as error:
            return error.code().name, error.details()
        raise AssertionError(f"{name} was not refused: {answer}")

    def stream(self, name: str, **metadata: str) -> Stream:
        """A stream of requests and responses."""
        return Stream(self.channel, name, tuple(metadata.items()))


class Stream:
    """A call with any number of requests: send them, take the responses."""

    def __init__(self, channel: Any, name: str, metadata: tuple[tuple[str, str], ...]) -> None:
        self._request_type, self._response_type = REQUESTS[name]
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.responses = channel.stream_stream(f"/etcdserverpb.{name}")(
            iter(self._outgoing.get, None), metadata=metadata
        )
        self._taken: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None

    def send(self, **request: Any) -> None:
        self._outgoing.put(encode(self._request_type, request))

    def send_raw(self, data: bytes) -> None:
        self._outgoing.put(data)

    def take(self, timeout: float = TIMEOUT) -> Message:
        """The next response. Raises what ended the stream, queue.Empty after `timeout` seconds."""
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        got = self._taken.get(timeout=timeout)
        if isinstance(got, BaseException):
            raise got
        return decode(self._response_type, got)

    def ended(self) -> tuple[str, str]:
        """(code, text) with which the stream ends."""
        try:
            while True:
                self.take()
        except grpc.RpcError as error:
            return error.code().name, error.details()
        except StopIteration:
            return "OK", ""

    def done_sending(self) -> None:
        self._outgoing.put(None)

    def close(self) -> None:
        self._outgoing.put(None)
        self.responses.cancel()
        if self._reader is not None:
            self._reader.join(timeout=5)

    def _read(self) -> None:
        try:
            for data in self.responses:
                self._taken.put(data)
            self._taken.put(StopIteration())
        except grpc.RpcError as error:
            self._taken.put(error)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def events(stream: Stream, count: int) -> Iterator[Message]:
    """The next `count` events of a watch, over however many responses."""
    got = 0
    while got < count:
        for event in stream.take().get("events", ()):
            got += 1
            yield event
