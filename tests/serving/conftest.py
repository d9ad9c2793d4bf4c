"""A tiny cluster for the door's own tests: an engine, and a handler that echoes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubekit.api.exchange import ConnectionRefused, Request, Response, WatchEvent, WatchStream
from kubekit.serving import Server, serve
from kubekit.serving.etcd_server import EtcdServer, serve_etcd
from kubekit.sim import Loop
from tests.serving.etcd_served import Opened, Served
from tests.serving.wire import Wire


class Echo:
    """Answers with what it was asked; a watch gets one event a virtual second."""

    def __init__(self) -> None:
        self.name = "echo"
        self.loop = Loop()
        self.streams: list[WatchStream] = []

    @property
    def apiserver(self) -> Any:
        return self

    def __call__(self, request: Request) -> Response | WatchStream:
        if request.path == "/bug":
            raise KeyError("lost")
        if request.path == "/down":
            raise ConnectionRefused("dial tcp: connect: connection refused")
        if request.path == "/large":
            return Response(200, "x" * 200_000, {"Content-Type": "text/plain"})
        if "watch" in request.query:
            stream = WatchStream()
            self.streams.append(stream)
            self._tick(stream, 3)
            return stream
        user = request.user
        return Response(
            200,
            {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "body": len(request.body) if isinstance(request.body, bytes) else 0,
                "user": [user.name, *user.groups] if user else None,
                "source": request.source,
            },
            {"Warning": '299 - "one"\n299 - "two"'},
        )

    def _tick(self, stream: WatchStream, left: int) -> None:
        if left == 0:
            stream.close()
            return
        stream.send(WatchEvent("ADDED", {"left": left}))
        self.loop.call_later(0.05, "echo", self._tick, stream, left - 1)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo, tmp_path: Path) -> Iterator[Server]:
    with serve(echo, port=None, kubeconfig=tmp_path / "config", announce=lambda text: None) as running:
        yield running


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    servers: list[EtcdServer] = []

    def open(members: int = 1, **options: Any) -> Opened:
        served = Served(members)
        options = {
            "port": 0,
            "tls": False,
            "announce": lambda text: None,
            "directory": tmp_path / "pki",
            **options,
        }
        servers.append(serve_etcd(served, **options))
        return served, servers[-1]

    yield open
    for server in servers:
        server.stop()


@pytest.fixture
def plain(opened: Callable[..., Opened]) -> Opened:
    return opened()


@pytest.fixture
def wire(plain: Opened) -> Iterator[Wire]:
    with Wire(plain[1].endpoints[0]) as wire:
        yield wire
