"""Served clusters as processes: two at once, how they end, and whose files they leave alone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.clients.served import ServedCluster

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("clients-processes")]


def test_two_clusters_at_once(tmp_path: Path) -> None:
    own = tmp_path / "one" / ".kube" / "config"
    own.parent.mkdir(parents=True)
    own.write_text("mine\n")
    one = ServedCluster(tmp_path / "one", ["--workers", "1"])
    two = ServedCluster(tmp_path / "two", ["--workers", "2"])
    try:
        assert one.process.poll() is None and two.process.poll() is None, one.said + two.said
        assert "takes port" in two.said or "takes port" in one.said
        assert len(one.ok("get", "nodes", "-o", "name").stdout.split()) == 2
        assert len(two.ok("get", "nodes", "-o", "name").stdout.split()) == 3
        one.ok("create", "configmap", "only-here")
        assert two.kubectl("get", "configmap", "only-here").exit == 1
        # Neither knows the other's certificates.
        two.kubeconfig.write_text(
            two.kubeconfig.read_text().replace(_server(two.kubeconfig), _server(one.kubeconfig))
        )
        stranger = two.kubectl("get", "nodes")
        assert stranger.exit == 1 and "certificate signed by unknown authority" in stranger.stderr
        assert own.read_text() == "mine\n"
    finally:
        ends = [one.stop(signal.SIGINT), two.stop(signal.SIGTERM)]
    assert ends == [0, 0]
    refused = one.kubectl("get", "nodes")
    assert refused.exit == 1 and "was refused - did you specify the right host or port?" in refused.stderr
    assert not (tmp_path / "two" / ".kube" / "config").exists()


def _server(kubeconfig: Path) -> str:
    return next(line.split()[-1] for line in kubeconfig.read_text().splitlines() if "server:" in line)


def test_a_taken_port_and_the_users_own_file_are_refused(tmp_path: Path) -> None:
    own = ServedCluster(tmp_path / "own", ["--kubeconfig", str(tmp_path / "own" / ".kube" / "config")])
    assert own.stop() == 1 and "it is your own kubeconfig" in own.said
    first = ServedCluster(tmp_path / "first", ["--workers", "0"])
    port = _server(first.kubeconfig).rpartition(":")[2]
    second = ServedCluster(tmp_path / "second", ["--workers", "0", "--port", port])
    try:
        assert second.process.wait(timeout=20) == 1
        assert f"port {port} on 127.0.0.1 is in use" in second.said
    finally:
        second.stop()
        first.stop()
