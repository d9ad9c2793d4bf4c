"""A cluster on a data directory: killed at any moment or stopped in order, it comes back as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kubekit.cluster import Cluster, KubekitError, up
from kubekit.cluster.data_directory import member_directories

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx}]}
"""

KILLED = f"""
import os, sys, kubekit
cluster = kubekit.up(workers=1, data_dir=sys.argv[1], etcd_members=int(sys.argv[2]))
cluster.apply({DEPLOYMENT!r})
cluster.settle()
for kind in ("pods", "deployments", "configmaps"):
    for obj in cluster.client.list(kind, "default")["items"]:
        metadata = obj["metadata"]
        print(kind, metadata["name"], metadata["uid"], metadata["resourceVersion"])
print("revision", cluster.etcd.store.revision, flush=True)
os.kill(os.getpid(), 9)
"""


def objects(cluster: Cluster) -> dict[tuple[str, str], tuple[str, int]]:
    """Uid and revision of what a learner made, by kind and name."""
    return {
        (kind, obj["metadata"]["name"]): (obj["metadata"]["uid"], int(obj["metadata"]["resourceVersion"]))
        for kind in ("pods", "deployments", "configmaps")
        for obj in cluster.client.list(kind, "default")["items"]
    }


def stored(cluster: Cluster, prefix: bytes = b"/registry/") -> dict[bytes, tuple[bytes, int]]:
    found = cluster.etcd.store.range(prefix, prefix[:-1] + b"0")
    return {kv.key: (kv.value, kv.mod_revision) for kv in found.kvs}


@pytest.mark.parametrize("members", [1, 3])
def test_kill_nine_and_again(tmp_path: Path, members: int) -> None:
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "data"), str(members)]
    died = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"})
    assert died.returncode == -9, died.stderr
    *rows, last = [line.split() for line in died.stdout.splitlines()]
    revision = int(last[1])
    again = up(workers=1, data_dir=str(tmp_path / "data"), etcd_members=members)
    try:
        for kind, name, uid, at in rows:
            kept = again.etcd.store.get(f"/registry/{kind}/default/{name}".encode(), rev=revision)
            assert kept is not None and kept.mod_revision == int(at), (kind, name)
            assert again.client.get(kind, name, "default")["metadata"]["uid"] == uid
        again.settle()
        pods = again.client.list("pods", "default")["items"]
        assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
    finally:
        again.etcd.stop()


def test_stopped_in_order_and_again(tmp_path: Path) -> None:
    first = up(workers=1, data_dir=str(tmp_path))
    first.apply(DEPLOYMENT)
    first.advance("2m")
    known, before, now = objects(first), stored(first), first.now
    first.etcd.stop()
    second = up(workers=1, data_dir=str(tmp_path))
    try:
        assert {name: uid for name, (uid, _) in objects(second).items()} == {
            name: uid for name, (uid, _) in known.items()
        }
        assert now[:16] <= second.now[:16], "time does not go back"
        for key, (value, revision) in before.items():
            kept = second.etcd.store.get(key, rev=first.etcd.store.revision)
            assert kept is not None and (kept.value, kept.mod_revision) == (value, revision), key
        second.client.create("configmaps", {"kind": "ConfigMap", "apiVersion": "v1",
                                            "metadata": {"name": "new", "namespace": "default"}})  # fmt: skip
        every = [obj["metadata"]["uid"] for kind in ("pods", "configmaps", "secrets", "nodes", "namespaces")
                 for obj in second.client.list(kind)["items"]]  # fmt: skip
        assert len(set(every)) == len(every), "a uid was drawn a second time"
    finally:
        second.etcd.stop()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = up(workers=0, data_dir=str(tmp_path))
    try:
        with pytest.raises(KubekitError, match=r"another process uses .*default\.etcd"):
            up(workers=0, data_dir=str(tmp_path))
    finally:
        first.etcd.stop()
    up(workers=0, data_dir=str(tmp_path)).etcd.stop()


def test_other_members_than_before(tmp_path: Path) -> None:
    up(workers=0, data_dir=str(tmp_path)).etcd.stop()
    with pytest.raises(
        KubekitError, match=r"holds the data of 1 etcd member\(s\), default: it cannot be used"
    ):
        up(workers=0, data_dir=str(tmp_path), etcd_members=3)


def test_a_directory_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KubekitError, match="cannot be a data directory"):
        up(workers=0, data_dir=str(tmp_path / "file"))
    with pytest.raises(KubekitError, match="a real etcd keeps its data itself"):
        up(workers=0, data_dir=str(tmp_path / "d"), etcd=["http://127.0.0.1:1"])


def test_a_damaged_log_is_refused_in_etcds_words(tmp_path: Path) -> None:
    first = up(workers=0, data_dir=str(tmp_path))
    first.etcd.crash()
    [wal] = (tmp_path / "default.etcd" / "member" / "wal").glob("*.wal")
    data = bytearray(wal.read_bytes())
    data[20_000] ^= 0x40
    wal.write_bytes(data)
    with pytest.raises(KubekitError, match=r"etcd does not start: .*(crc mismatch|wal)"):
        up(workers=0, data_dir=str(tmp_path))


def test_a_members_disk_is_lost(tmp_path: Path) -> None:
    disks: dict[str, Any] = dict(member_directories(tmp_path, ["a"]))
    disks["a"].create(1, 2, ())
    assert disks["a"].exists
    disks["a"].wipe()
    assert not disks["a"].exists
    assert (tmp_path / "a.etcd").is_dir()
