"""API servers for the tests of a shared etcd: each alone, on an engine of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from kubekit.api.exchange import Request, UserInfo, WatchStream
from kubekit.apiserver import APIServer
from kubekit.client import Client
from kubekit.serving.remote_etcd import RemoteEtcd
from kubekit.sim import Loop
from tests.clients.real_etcd import RealEtcd

Obj = dict[str, Any]


class Server:
    """An API server alone, on an engine of its own."""

    def __init__(self, real: RealEtcd, name: str, seed: int = 0, **options: Any) -> None:
        self.loop = Loop(seed=seed)
        self.etcd = RemoteEtcd(self.loop, real.endpoints, name=name)
        self.etcd.start()
        self.loop.rng = self.loop.rng.child(f"life/{self.etcd.sign_in(name)}")
        self.api = APIServer(self.loop, self.etcd, **options)
        self.api.start()
        self.client = Client(
            self.api, user=UserInfo("admin", groups=("system:masters", "system:authenticated")), name=name
        )

    def watch(self, path: str, after: int = 0) -> list[tuple[str, str, int]]:
        """(type, name, revision) of every change after a revision (0: now), in the order of their telling."""
        told: list[tuple[str, str, int]] = []
        self.hear()
        query = {"watch": ["true"], "resourceVersion": [str(after or self.etcd.revision)]}
        user = UserInfo("admin", groups=("system:masters",))
        stream = self.api(Request("GET", path, query=query, user=user))
        assert isinstance(stream, WatchStream)

        def note(event: Any) -> None:
            metadata = event.object["metadata"]
            told.append((event.type, metadata["name"], int(metadata["resourceVersion"])))

        stream.on_event(note)
        return told

    def hear(self) -> None:
        """Hear of everything that has been written."""
        self.etcd.refresh()


def config_map(name: str, **data: str) -> Obj:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def key(name: str) -> bytes:
    return f"/registry/configmaps/default/{name}".encode()


def both(first: Callable[[], None], second: Callable[[], None]) -> None:
    """Run two things at the same time; what one of them raises is raised here."""
    failures: list[BaseException] = []

    def guarded(do: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                do()
            except BaseException as error:
                failures.append(error)

        return run

    threads = [threading.Thread(target=guarded(do)) for do in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
