"""An etcd that is served, for tests: its cluster, its pages, and waiting for what comes."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Any

import grpc

from kubekit.etcd.cluster import EtcdCluster
from kubekit.serving.etcd_server import EtcdServer
from kubekit.sim import Loop
from tests.serving.wire import Wire


class Served:
    """A little cluster that has nothing but etcd."""

    def __init__(self, members: int = 1) -> None:
        self.name = "served"
        self.loop = Loop()
        self.etcd = EtcdCluster(self.loop, members)
        self.etcd.start()

    @property
    def member(self) -> Any:
        return next(iter(self.etcd.members.values()))


Opened = tuple[Served, EtcdServer]


def get(url: str, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str, dict[str, str]]:
    host = url.partition("://")[2]
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.02)


def answers(wire: Wire, **options: bool) -> bool:
    try:
        return "header" in wire.call("KV/Range", key=b"a", timeout=1, **options)
    except grpc.RpcError:
        return False
