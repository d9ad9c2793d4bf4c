"""The splice behind etcd's port: what one end gets, the other sends, also before both are there.

Python 3.11.2 reads once more after `connection_made` has paused its transport, so that bytes can come to an
end that has no other yet.
"""

from __future__ import annotations

import asyncio

from kubekit.serving.etcd_front import _Half


class Wire(asyncio.Transport):
    """A transport that notes what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str | bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.done.append(bytes(data))

    def write_eof(self) -> None:
        self.done.append("eof")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def close(self) -> None:
        self.done.append("close")


def ends() -> tuple[_Half, Wire, _Half, Wire]:
    """Two ends on wires, not yet joined."""
    outer, inner = _Half(), _Half()
    front, back = Wire(), Wire()
    outer.connection_made(front)
    inner.connection_made(back)
    return outer, front, inner, back


def join(outer: _Half, inner: _Half) -> None:
    inner.other, outer.other = outer, inner
    inner.begin()
    outer.begin()


def test_early_bytes_are_sent_first_and_once() -> None:
    outer, front, inner, back = ends()
    outer.data_received(b"PRI * ")
    outer.data_received(b"HTTP/2.0")
    assert back.done == ["pause"]
    join(outer, inner)
    outer.data_received(b"\r\n")
    assert back.done == ["pause", "resume", b"PRI * ", b"HTTP/2.0", b"\r\n"]
    assert front.done == ["pause", "resume"]


def test_an_early_end_is_met_again() -> None:
    outer, front, inner, back = ends()
    outer.data_received(b"last")
    assert outer.eof_received(), "the end must stay open for the answer"
    join(outer, inner)
    assert front.done == ["pause", "resume"], "reading on finds the end once more"
    assert outer.eof_received()
    assert back.done == ["pause", "resume", b"last", "eof"]
    assert inner.eof_received()
    assert front.done[-1] == back.done[-1] == "close"


def test_who_lost_his_other_end_hangs_up() -> None:
    outer, front, inner, _ = ends()
    inner.connection_lost(None)
    join(outer, inner)
    assert front.done == ["pause", "close"]
