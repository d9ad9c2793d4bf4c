"""The cluster that a module of real clients shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.served import ServedCluster
from tests.programs import need_program


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCluster]:
    """A served cluster with two workers."""
    need_program("kubectl")
    cluster = ServedCluster(tmp_path_factory.mktemp("served") / "home", ["--workers", "2", "--seed", "7"])
    assert cluster.process.poll() is None, cluster.said
    yield cluster
    assert cluster.stop() == 0, cluster.said
    assert "bug" not in cluster.said, cluster.said
