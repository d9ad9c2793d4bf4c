"""The one callable shape of the kit: `Handler`, from a `Request` to a `Response` or a `WatchStream`.

The in-process API server is a Handler; so is an HTTPS connection to any other cluster. The client, the views
and the course therefore work unchanged on either. Bodies that travel in process are shared JSON objects,
frozen by convention: who wants to change one copies it first.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

Obj = dict[str, Any]
_encode_any = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


class ConnectionRefused(ConnectionRefusedError):
    """Nobody answers behind this handler: the server is stopped or has crashed."""


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who makes a request, as authentication found out."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """One HTTP request, whether it came over a socket or from a component in this process.

    `query` holds each parameter's values in order; `headers` has lower-case names. `body` is raw bytes from a
    socket or an object from a component. `user`, when given, was authenticated already (by a client
    certificate or because the caller is a component). `source` names the program for the records.
    """

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Obj | list[Any] | None = None
    user: UserInfo | None = None
    source: str = ""

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default


def encode_json(value: Any) -> bytes:
    """JSON as the API server writes it: compact, keys in the object's order, UTF-8, a final newline."""
    try:
        # Not with its option for the newline: adding it makes a copy without slack (see `snug`).
        return orjson.dumps(value) + b"\n"
    except TypeError:
        # Whole numbers beyond 64 bits, keys that are no texts, nesting beyond 250 levels.
        return _encode_any(value).encode() + b"\n"


def snug(text: bytes) -> bytes:
    """A copy of what orjson gave, to be kept: the encoder hands out its whole buffer, 8 KiB and more for a
    short text."""
    return bytes(memoryview(text))


@dataclass(slots=True)
class Response:
    """One HTTP response; `body` is a JSON object, text, or raw bytes."""

    status: int
    body: Obj | bytes | str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Obj:
        """The body as an object; raises ValueError when it is none."""
        if isinstance(self.body, dict):
            return self.body
        value = json.loads(self.body if self.body is not None else b"null")
        if not isinstance(value, dict):
            raise ValueError("the body is not a JSON object")
        return value

    def encoded(self) -> bytes:
        """The body as bytes for the wire."""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return b"" if self.body is None else encode_json(self.body)


class WatchEvent:
    """One event of a watch. The encoded line is made once and shared by all watchers that need it."""

    __slots__ = ("_encoded", "cause", "object", "type")

    def __init__(self, type: str, object: Obj, cause: int | None = None) -> None:
        self.type = type
        self.object = object
        self.cause = cause
        """The id of the record that led to this event."""
        self._encoded: bytes | None = None

    def encode(self) -> bytes:
        """The event as one line of JSON."""
        if self._encoded is None:
            self._encoded = encode_json({"type": self.type, "object": self.object})
        return self._encoded

    def __repr__(self) -> str:
        return f"WatchEvent({self.type}, {self.object.get('metadata', {}).get('name', '')})"


class WatchStream:
    """The answer to a watch request: events come until one of the two sides closes it.

    Events are buffered until somebody registers with `on_event`; that callback runs inside the sender's turn,
    so a receiver only queues what it gets on its own loop turn.
    """

    __slots__ = ("_buffer", "_closers", "_on_event", "closed", "headers", "status")

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = (
            headers if headers is not None else {"Content-Type": "application/json"}
        )
        self.closed = False
        self._buffer: deque[WatchEvent] = deque()
        self._on_event: Callable[[WatchEvent], object] | None = None
        self._closers: list[Callable[[], object]] = []

    def send(self, event: WatchEvent) -> None:
        """Producer's side: deliver an event (dropped when the stream is closed)."""
        if self.closed:
            return
        if self._on_event is not None:
            self._on_event(event)
        else:
            self._buffer.append(event)

    def on_event(self, callback: Callable[[WatchEvent], object]) -> None:
        """Receive what was buffered and everything that follows."""
        self._on_event = callback
        while self._buffer and self._on_event is callback:
            callback(self._buffer.popleft())

    def on_close(self, callback: Callable[[], object]) -> None:
        """Call back when either side closes; at once if that has happened."""
        if self.closed:
            callback()
        else:
            self._closers.append(callback)

    def take(self) -> list[WatchEvent]:
        """Drain what has been buffered so far (for readers that poll)."""
        events = list(self._buffer)
        self._buffer.clear()
        return events

    def close(self) -> None:
        """End the stream, from either side. Buffered events can still be taken."""
        if not self.closed:
            self.closed = True
            closers, self._closers = self._closers, []
            for callback in closers:
                callback()

    finish = close


Handler = Callable[[Request], Response | WatchStream]
"""What answers requests."""
