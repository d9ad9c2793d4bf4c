"""The driver: virtual time at the pace of the wall, faster, or not at all; jumps by hand; engine bugs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubekit.serving import Server, serve
from tests.serving.conftest import Echo


@contextmanager
def served(tmp_path: Path, **options: Any) -> Iterator[tuple[Echo, Server]]:
    echo = Echo()
    with serve(echo, kubeconfig=tmp_path / "config", announce=lambda text: None, **options) as server:
        yield echo, server


def due(echo: Echo, seconds: float) -> threading.Event:
    """An event that is set when so many virtual seconds have passed."""
    happened = threading.Event()
    with echo.loop.lock:
        echo.loop.call_later(seconds, "test", happened.set)
    return happened


def test_a_fast_clock(tmp_path: Path) -> None:
    with served(tmp_path, speed=1000.0) as (echo, _):
        assert due(echo, 200.0).wait(10)


def test_time_can_stand_still_and_go_on(tmp_path: Path) -> None:
    with served(tmp_path, speed=0.0) as (echo, server):
        happened = due(echo, 60.0)
        assert not happened.wait(0.2) and echo.loop.clock.elapsed() == 0.0
        server.driver.speed = 1000.0
        assert happened.wait(10)
        server.driver.speed = 0.0
        with echo.loop.lock:
            stands = echo.loop.clock.elapsed()
        assert not threading.Event().wait(0.1) and echo.loop.clock.elapsed() == stands


def test_after_a_jump_by_hand_time_goes_on_from_there(tmp_path: Path) -> None:
    with served(tmp_path) as (echo, _):
        echo.loop.advance(3600.0)
        assert due(echo, 0.05).wait(10)
        assert 3600.0 < echo.loop.clock.elapsed() < 3700.0


def test_real_time_is_never_in_the_future(tmp_path: Path) -> None:
    import time

    with served(tmp_path, follow_real_time=True) as (echo, _):
        assert due(echo, 0.0).wait(10)
        with echo.loop.lock:
            assert echo.loop.clock.now() <= time.time() + 0.001


def test_an_engine_bug_does_not_close_the_door(tmp_path: Path, capsys: Any) -> None:
    with served(tmp_path, speed=1000.0) as (echo, server):

        def fail() -> None:
            raise RuntimeError("oh")

        with echo.loop.lock:
            echo.loop.call_later(1.0, "test", fail)
        assert due(echo, 5.0).wait(10) and server.running
    assert "this is a bug of the engine" in capsys.readouterr().err


def test_two_doors_of_one_engine_share_its_driver(tmp_path: Path) -> None:
    """Time passes once, whichever of them is closed first, and at the pace of the first."""
    from kubekit.serving.driver import driver_of

    echo = Echo()
    first = serve(echo, kubeconfig=tmp_path / "a", announce=lambda text: None, speed=1000.0)
    second = serve(echo, kubeconfig=tmp_path / "b", announce=lambda text: None, speed=1.0)
    try:
        assert second.driver is first.driver and driver_of(echo.loop) is first.driver
        assert due(echo, 200.0).wait(10)
        first.stop()
        assert due(echo, 200.0).wait(10), "the other goes on driving"
    finally:
        first.stop()
        second.stop()
    assert not second.driver.in_use
    third = serve(echo, kubeconfig=tmp_path / "c", announce=lambda text: None, speed=500.0)
    try:
        assert third.driver is not first.driver
        assert due(echo, 200.0).wait(10)
    finally:
        third.stop()
