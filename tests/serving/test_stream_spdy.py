"""SPDY/3.1 frames: two sides that understand each other in any pieces, and peers that lie."""

from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubekit.serving import spdy


def pair() -> tuple[spdy.Connection, spdy.Connection]:
    return spdy.Connection(client=True), spdy.Connection()


def events(side: spdy.Connection, data: bytes) -> list[spdy.Event]:
    return list(side.receive(data))


def test_the_dictionary_is_the_protocols() -> None:
    # Every compressed block names its dictionary by this checksum; clients in the field send it.
    assert zlib.adler32(spdy.DICTIONARY) == 0xE3C6A7C2 and len(spdy.DICTIONARY) == 1423


def test_a_stream_from_its_opening_to_its_end() -> None:
    client, server = pair()
    stream, data = client.open({"streamType": "data", "port": "80"})
    assert stream == 1
    assert events(server, data) == [spdy.Opened(1, {"streamtype": "data", "port": "80"})]
    assert events(client, server.reply(1)) == [spdy.Opened(1, {}, reply=True)]
    assert events(server, client.data(1, b"GET", fin=True)) == [spdy.Received(1, b"GET", fin=True)]
    assert events(client, server.reset(1)) == [spdy.Reset(1)]
    assert client.open({})[0] == 3


def test_long_data_goes_in_chunks_and_only_the_last_ends_it() -> None:
    client, server = pair()
    stream, data = client.open({})
    events(server, data)
    got = events(server, client.data(stream, b"x" * 100_000, fin=True))
    assert [len(one.data) for one in got if isinstance(one, spdy.Received)] == [32768, 32768, 32768, 1696]
    assert [one.fin for one in got if isinstance(one, spdy.Received)] == [False, False, False, True]


@given(st.data())
def test_any_pieces_give_the_same_events(data: st.DataObject) -> None:
    client, server = pair()
    wire = b""
    for number in range(3):
        stream, opened = client.open({"n": str(number)})
        wire += opened + client.data(stream, bytes([number]) * number * 50)
    whole = events(spdy.Connection(), wire)
    got: list[spdy.Event] = []
    while wire:
        size = data.draw(st.integers(1, 60))
        got += events(server, wire[:size])
        wire = wire[size:]
    assert got == whole


def test_pings_are_answered_and_answers_are_not() -> None:
    client, server = pair()
    (answer,) = events(server, client.ping(5))
    assert isinstance(answer, spdy.Answer) and events(client, answer.data) == []


def test_window_updates_settings_and_the_unknown_are_passed_over() -> None:
    frame = struct.pack(">HHI", 0x8003, spdy.WINDOW_UPDATE, 8) + struct.pack(">II", 1, 100)
    settings = struct.pack(">HHI", 0x8003, spdy.SETTINGS, 4) + bytes(4)
    unknown = struct.pack(">HHI", 0x8003, 77, 3) + b"abc"
    assert events(spdy.Connection(), frame + settings + unknown) == []


def test_data_for_a_stream_that_is_not_open_is_reset() -> None:
    client, server = pair()
    (answer,) = events(server, client.data(9, b"hello"))
    assert isinstance(answer, spdy.Answer)
    assert events(client, answer.data) == [spdy.Reset(9, spdy.INVALID_STREAM)]


def test_too_many_streams_are_refused_one_by_one() -> None:
    client, server = pair()
    for _ in range(spdy.STREAM_LIMIT):
        assert isinstance(events(server, client.open({})[1])[0], spdy.Opened)
    stream, data = client.open({})
    (answer,) = events(server, data)
    assert isinstance(answer, spdy.Answer)
    assert events(client, answer.data) == [spdy.Reset(stream, spdy.REFUSED_STREAM)]


def control(kind: int, body: bytes) -> bytes:
    return struct.pack(">HHI", 0x8003, kind, len(body)) + body


def bomb() -> bytes:
    packer = zlib.compressobj(9, zdict=spdy.DICTIONARY)
    return packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize(
    "wire",
    [
        control(spdy.SYN_STREAM, b"short"),
        control(spdy.SYN_STREAM, struct.pack(">IIH", 1, 0, 0) + b"not packed"),
        control(spdy.SYN_STREAM, struct.pack(">IIH", 2, 0, 0) + spdy.Connection()._block({})),
        control(spdy.SYN_STREAM, struct.pack(">IIH", 1, 0, 0) + bomb()),
        control(spdy.RST_STREAM, b"\0"),
        struct.pack(">HHI", 0x8002, 1, 0),
        struct.pack(">HHI", 0x8003, 1, 0xFFFFFF),
        struct.pack(">II", 1, 0xFFFFFF),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["short", "garbage", "even", "bomb", "cut off", "version", "control size", "data size", "http"],
)
def test_a_peer_that_lies_loses_the_connection(wire: bytes) -> None:
    with pytest.raises(spdy.SpdyError):
        events(spdy.Connection(), wire)


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(wire: bytes) -> None:
    with contextlib.suppress(spdy.SpdyError):
        events(spdy.Connection(), wire)
