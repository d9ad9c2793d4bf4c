"""`kubekit up` as a process: with etcd served, on a data directory, and several on one real etcd."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.real_etcd import RealEtcd
from tests.clients.served import ServedCluster
from tests.programs import need_bundled, need_program

pytestmark = pytest.mark.real


@pytest.fixture
def clusters() -> Iterator[list[ServedCluster]]:
    made: list[ServedCluster] = []
    yield made
    for cluster in made:
        cluster.stop()


def variables(cluster: ServedCluster) -> dict[str, str]:
    """The lines that the process printed for a shell."""
    lines = [line for line in cluster.said.splitlines() if line.startswith("export ETCDCTL_")]
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def etcdctl(cluster: ServedCluster, *arguments: str) -> str:
    flags = {f"ETCDCTL_{word[2:].upper()}" for word in arguments if word.startswith("--")}
    known = {name: value for name, value in variables(cluster).items() if name not in flags}
    environment = {"PATH": os.environ["PATH"], "HOME": str(cluster.home), **known}
    program = need_program("etcdctl")
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_etcd_beside_the_api_server(tmp_path: Path, clusters: list[ServedCluster]) -> None:
    """kubectl writes, etcdctl finds it under /registry, backs it up, and takes it away from under kubectl."""
    need_program("kubectl")
    home = tmp_path / "home"
    home.mkdir()
    before = Path.cwd()
    os.chdir(home)
    try:
        cluster = ServedCluster(home, ["--workers", "1", "--etcd-members", "3", "--etcd-port", "0"])
    finally:
        os.chdir(before)
    clusters.append(cluster)
    assert "etcd of cluster kubekit answers on" in cluster.said, cluster.said
    cluster.ok("create", "configmap", "made", "--from-literal=by=kubectl")
    assert '"by":"kubectl"' in etcdctl(cluster, "get", "/registry/configmaps/default/made")
    assert len(etcdctl(cluster, "endpoint", "status", "--cluster").splitlines()) == 3
    saved = etcdctl(cluster, "snapshot", "save", str(tmp_path / "backup.db"), "--endpoints",
                    variables(cluster)["ETCDCTL_ENDPOINTS"].split(",")[0])  # fmt: skip
    assert "Snapshot saved" in saved
    etcdctl(cluster, "del", "/registry/configmaps/default/made")
    gone = cluster.kubectl("get", "configmap", "made")
    assert gone.exit == 1 and 'configmaps "made" not found' in gone.stderr
    assert cluster.stop() == 0 and "bug" not in cluster.said


def test_a_data_directory_over_a_kill(tmp_path: Path, clusters: list[ServedCluster]) -> None:
    need_program("kubectl")
    arguments = ["--workers", "1", "--data-dir", str(tmp_path / "data")]
    first = ServedCluster(tmp_path / "first", arguments)
    clusters.append(first)
    first.ok("create", "deployment", "web", "--image=nginx", "--replicas=2")
    first.ok("rollout", "status", "deployment/web", "--timeout=60s")
    uids = first.ok("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}").stdout
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = ServedCluster(tmp_path / "second", arguments)
    clusters.append(second)
    second.ok("wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")
    assert second.ok("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}").stdout == uids
    ages = [line[-1] for line in second.ok("get", "pods", "--no-headers").lines]
    assert not any("invalid" in age or age.startswith("-") for age in ages), ages
    third = ServedCluster(tmp_path / "third", arguments)
    assert third.stop() == 1 and "another process uses" in third.said
    assert second.stop() == 0, second.said


def test_two_api_servers_on_three_real_members(tmp_path: Path, clusters: list[ServedCluster]) -> None:
    """One is killed, the other takes over its controllers; then etcd's leader is killed too."""
    need_program("kubectl")
    with RealEtcd(need_bundled("etcd"), tmp_path / "etcd", 3) as real:
        endpoints = ",".join(real.endpoints)
        first = ServedCluster(tmp_path / "first", ["--workers", "1", "--etcd", endpoints, "--seed", "1"])
        second = ServedCluster(tmp_path / "second", ["--etcd", endpoints, "--join", "--seed", "1"])
        clusters += [first, second]
        assert "answers on" in second.said, second.said
        first.ok("create", "deployment", "web", "--image=nginx", "--replicas=2")
        second.ok("rollout", "status", "deployment/web", "--timeout=60s")
        second.ok("create", "configmap", "of-second")
        assert "of-second" in first.ok("get", "configmaps").stdout
        nodes = [
            second.ok("get", "nodes", "-o", "name").stdout,
            first.ok("get", "nodes", "-o", "name").stdout,
        ]
        assert nodes[0] == nodes[1] and "node/node01" in nodes[0]
        real.leader().kill()
        deadline = time.monotonic() + 30
        while second.kubectl("create", "configmap", "after-the-leader").exit != 0:
            if second.kubectl("get", "configmap", "after-the-leader").exit == 0:
                break  # the answer was lost, the write was not
            assert time.monotonic() < deadline
        assert "after-the-leader" in first.ok("get", "configmaps").stdout
        first.stop(signal.SIGKILL)
        second.ok("scale", "deployment", "web", "--replicas=3")
        deadline = time.monotonic() + 60
        while second.ok("get", "pods", "-o", "name").stdout.count("pod/") != 3:
            assert time.monotonic() < deadline, "nobody took over the controllers"
            time.sleep(0.5)
        assert second.stop() == 0, second.said
        assert "bug" not in second.said
