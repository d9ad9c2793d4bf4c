"""SPDY/3.1 framing, as far as kubectl's streams need it: bytes in, events out; no sockets here.

kubectl before 1.30 runs exec, attach and port-forward over it, and newer ones tunnel it through a WebSocket
for port-forward. `Connection.receive` takes what came from the peer and gives events; the other methods
give the bytes to be sent. Streams are half-closed by FIN. Window updates are read and not obeyed: the
peer's library never sends any, so obeying them would stop every stream after 64 KiB; the socket's own
back-pressure takes their place.
Source: the draft "SPDY Protocol - Draft 3.1"; the peer is moby/spdystream.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN = 0x01
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, CANCEL = 1, 2, 3, 5
"""Reasons of a reset."""

CONTROL_LIMIT = 256 * 1024
"""Bytes of a control frame; a longer one ends the connection."""
DATA_LIMIT = 1024 * 1024
"""Bytes of a data frame."""
HEADER_LIMIT = 64 * 1024
"""Bytes of a header block when it is unpacked: a small frame may hold a large one."""
STREAM_LIMIT = 1000
"""Streams open at once; more are refused one by one."""
CHUNK = 32 * 1024
"""Bytes of the data frames that are sent."""

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language "
    "accept-ranges age allow authorization cache-control connection content-base content-encoding "
    "content-language content-length content-location content-md5 content-range content-type date etag "
    "expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since "
    "last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer "
    "retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate "
    "method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    words = (word.replace("_", " ").encode() for word in _WORDS.split())
    return b"".join(struct.pack(">I", len(word)) + word for word in words) + _TAIL.encode()


DICTIONARY = _dictionary()
"""What both sides' compressors know from the start; the protocol fixes it to the byte."""


class SpdyError(Exception):
    """The peer broke the protocol; the connection ends."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The peer opened a stream (SYN_STREAM) or accepted ours (`reply`)."""

    stream: int
    headers: Mapping[str, str]
    fin: bool = False
    reply: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes on a stream; with `fin` nothing more comes on it."""

    stream: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer ended a stream at once."""

    stream: int
    reason: int = CANCEL


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes that must be sent back: the reply to a ping, a refusal."""

    data: bytes


@dataclass(frozen=True, slots=True)
class GoneAway:
    """The peer opens no more streams."""


Event = Opened | Received | Reset | Answer | GoneAway


class Connection:
    """One side of a connection; `client` says which (odd stream numbers are the client's)."""

    def __init__(self, client: bool = False) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._next = 1 if client else 2
        self._client = client
        self._open: set[int] = set()
        self._last = 0

    # -- receiving --------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> Iterator[Event]:
        """Events in what came; raises SpdyError. Frames may come in any pieces."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            flags, length = second >> 24, second & 0xFFFFFF
            control = bool(first >> 31)
            if length > (CONTROL_LIMIT if control else DATA_LIMIT):
                raise SpdyError(f"a frame of {length} bytes is too large")
            if len(self._buffer) < 8 + length:
                return
            body = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            if not control:
                yield from self._data(first, flags, body)
                continue
            if (first >> 16) & 0x7FFF != VERSION:
                raise SpdyError("not SPDY/3")
            yield from self._control(first & 0xFFFF, flags, body)

    def _data(self, stream: int, flags: int, body: bytes) -> Iterator[Event]:
        if stream not in self._open:
            yield Answer(self.reset(stream, INVALID_STREAM))
            return
        yield Received(stream, body, bool(flags & FIN))

    def _control(self, kind: int, flags: int, body: bytes) -> Iterator[Event]:
        if kind == SYN_STREAM:
            yield self._opened(flags, body)
        elif kind in (SYN_REPLY, HEADERS):
            stream, block = _number(body), body[4:]
            headers = self._headers(block)  # even if unused: the compressor's state goes on through it
            if kind == SYN_REPLY and stream in self._open:
                yield Opened(stream, headers, bool(flags & FIN), reply=True)
        elif kind == RST_STREAM:
            stream = _number(body)
            self._open.discard(stream)
            yield Reset(stream, _number(body[4:]))
        elif kind == PING:
            number = _number(body, 0xFFFFFFFF)
            if number % 2 == (0 if self._client else 1):  # the peer's own; else it answers one of ours
                yield Answer(_frame(PING, 0, struct.pack(">I", number)))
        elif kind == GOAWAY:
            yield GoneAway()
        # Settings and window updates change nothing here; unknown control frames are to be ignored.

    def _opened(self, flags: int, body: bytes) -> Event:
        if len(body) < 10:
            raise SpdyError("a frame that opens a stream is cut off")
        stream = _number(body)
        headers = self._headers(body[10:])
        if stream % 2 == (1 if self._client else 0) or stream <= self._last:
            raise SpdyError(f"stream {stream} cannot be opened now")
        self._last = stream
        if len(self._open) >= STREAM_LIMIT:
            return Answer(self.reset(stream, REFUSED_STREAM))
        self._open.add(stream)
        return Opened(stream, headers, bool(flags & FIN))

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflate.decompress(block, HEADER_LIMIT)
        except zlib.error as error:
            raise SpdyError(f"a header block cannot be unpacked: {error}") from None
        if self._inflate.unconsumed_tail:
            raise SpdyError("a header block is too large")
        try:
            (count,) = struct.unpack_from(">I", plain)
            at, found = 4, {}
            for _ in range(min(count, HEADER_LIMIT)):
                name, at = _text(plain, at)
                value, at = _text(plain, at)
                found[name.lower()] = value.split("\0")[0]
        except (struct.error, UnicodeDecodeError):
            raise SpdyError("a header block is cut off") from None
        return found

    # -- sending ----------------------------------------------------------------------------------------

    def open(self, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """A new stream of ours: its number, and what to send."""
        stream, self._next = self._next, self._next + 2
        self._open.add(stream)
        return stream, _frame(SYN_STREAM, 0, struct.pack(">IIH", stream, 0, 0) + self._block(headers))

    def reply(self, stream: int) -> bytes:
        """Accept the peer's stream."""
        return _frame(SYN_REPLY, 0, struct.pack(">I", stream) + self._block({}))

    def data(self, stream: int, data: bytes, fin: bool = False) -> bytes:
        """Bytes on a stream, in as many frames as it takes."""
        pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)] or [b""]
        frames = []
        for piece in pieces:
            flags = FIN if fin and piece is pieces[-1] else 0
            frames.append(struct.pack(">II", stream, flags << 24 | len(piece)) + piece)
        return b"".join(frames)

    def reset(self, stream: int, reason: int = CANCEL) -> bytes:
        """End a stream at once."""
        self._open.discard(stream)
        return _frame(RST_STREAM, 0, struct.pack(">II", stream & 0x7FFFFFFF, reason))

    def close(self, stream: int) -> None:
        """Both sides have said FIN: forget the stream."""
        self._open.discard(stream)

    def ping(self, number: int) -> bytes:
        """Ask whether the peer is there."""
        return _frame(PING, 0, struct.pack(">I", number))

    def goaway(self) -> bytes:
        """No more streams, please."""
        return _frame(GOAWAY, 0, struct.pack(">II", self._last, 0))

    def _block(self, headers: Mapping[str, str]) -> bytes:
        plain = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                plain += struct.pack(">I", len(text)) + text
        return self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _frame(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack(">HHI", 0x8000 | VERSION, kind, flags << 24 | len(body)) + body


def _number(body: bytes, mask: int = 0x7FFFFFFF) -> int:
    if len(body) < 4:
        raise SpdyError("a control frame is cut off")
    number: int = struct.unpack_from(">I", body)[0]
    return number & mask


def _text(plain: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", plain, at)
    text = plain[at + 4 : at + 4 + length]
    if len(text) < length:
        raise struct.error("cut off")
    return text.decode(), at + 4 + length
